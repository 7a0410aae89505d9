package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hostilePeak is the memory in KiB beyond which a shop that is attacked has no bounds. A calm one has 30 MiB.
const hostilePeak = 256 << 10

// hostileGoroutines is the same for goroutines: two a connection, which has another while a request is worked on, and some
// that are the shop's own.
const hostileGoroutines = 2*maxConnections + 500

// TestHostileClients attacks one shop in many ways at once: it gets rid of all of them, serves others
// meanwhile, and its memory stays within bounds.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	private := newPlace(t)
	p := newPlace(t, "METRICS_ADDR="+private.addr)
	proc := p.serve("--demo")
	others := &client{t: t, base: p.url(""), from: "127.0.0.9"}
	var attacks sync.WaitGroup
	for name, attack := range map[string]func(p *place) error{"SlowHeaders": slowHeaders, "SlowBodies": slowBodies, "Bodies": hostileBodies, "Headers": hostileHeaders, "Connections": manyConnections} {
		attacks.Go(func() {
			if err := attack(p); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	over := make(chan struct{})
	go func() {
		attacks.Wait()
		close(over)
	}()
	served, goroutines := 0, 0
	for attacked := true; attacked; served++ {
		others.want(200, "GET", "/products?limit=5", "", nil)
		goroutines = max(goroutines, countGoroutines(t, private))
		select {
		case <-over:
			attacked = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if peak := peakMemory(t, proc); peak > hostilePeak {
		t.Errorf("the shop took %d KiB", peak)
	} else {
		t.Logf("the shop took %d KiB at most and served others %d times", peak, served)
	}
	if goroutines > hostileGoroutines || goroutines < 500 { // the connections, at least
		t.Errorf("the shop had %d goroutines", goroutines)
	}
	p.shopper("ann").order()
	if strings.Contains(proc.out.String(), "panic") || strings.Contains(proc.out.String(), "level=ERROR") {
		t.Errorf("the shop writes %s", proc.out)
	}
	p.await("the connections are gone", func() bool { return openFiles(t, proc) < 200 })
}

func peakMemory(t *testing.T, proc *process) (kib int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", proc.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

func countGoroutines(t *testing.T, private *place) (n int) {
	t.Helper()
	res, err := http.Get(private.url("/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, value, _ := strings.Cut(string(text), "\ngo_goroutines ")
	if _, err := fmt.Sscan(value, &n); err != nil {
		t.Fatalf("no goroutines in %.500s: %v", text, err)
	}
	return n
}

func openFiles(t *testing.T, proc *process) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", proc.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// patience is how long a client that is to be thrown out waits for it at most.
const patience = 90 * time.Second

// drip sends a beginning and then a byte at a time, until the server has enough.
func drip(p *place, beginning string) error {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, beginning); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn)
		ended <- err
	}()
	for {
		select {
		case err := <-ended:
			if os.IsTimeout(err) {
				return fmt.Errorf("is still connected after %v", patience)
			}
			return nil
		case <-time.After(200 * time.Millisecond):
			_, _ = io.WriteString(conn, "x") // fails when it is over
		}
	}
}

// together does the same many times at once and returns the first error.
func together(n int, do func(i int) error) error {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- do(i) }()
	}
	var first error
	for range n {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

func slowHeaders(p *place) error {
	return together(300, func(i int) error {
		return drip(p, []string{"", "G", "GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: "}[i%3])
	})
}

func slowBodies(p *place) error {
	return together(200, func(i int) error {
		return drip(p, fmt.Sprintf("POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n%s", strings.Repeat(" ", i*100)))
	})
}

// answer sends raw bytes on a connection of their own and returns the status.
func answer(p *place, raw string) (int, error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	go func() { _, _ = io.WriteString(conn, raw) }() // may be cut off
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

func hostileBodies(p *place) error {
	const most = 64 << 10 // bytes of a body
	bodies := []struct {
		contentType, body string
		status            int
	}{
		{"application/json", strings.Repeat("[", most), 400},
		{"application/json", strings.Repeat(`{"email":`, most/9), 400},
		{"application/json", `{"email":"` + strings.Repeat("x", 2*most) + `"}`, 413},
		{"application/json", "{" + strings.Repeat(`"a":1,`, most/7) + `"b":1}`, 422},
		{"application/x-www-form-urlencoded", strings.Repeat("a=b&", most/4), 422},
		{"application/x-www-form-urlencoded", strings.Repeat("a&", most), 413},
		{"multipart/form-data; boundary=x", strings.Repeat("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n", most/55) + "--x--", 422},
	}
	return together(200, func(i int) error {
		b := bodies[i%len(bodies)]
		status, err := answer(p, fmt.Sprintf("POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", b.contentType, len(b.body), b.body))
		if err == nil && status != b.status && status != http.StatusServiceUnavailable { // for want of room
			err = fmt.Errorf("%.40s: status %d instead of %d", b.body, status, b.status)
		}
		return err
	})
}

func hostileHeaders(p *place) error {
	return together(200, func(i int) error {
		header, want := strings.Repeat("a: b\r\n", 10_000), http.StatusRequestHeaderFieldsTooLarge
		switch i % 3 {
		case 0:
			header = "Cookie: " + strings.Repeat("x", 64<<10) + "\r\n"
		case 1:
			header, want = strings.Repeat("a: "+strings.Repeat("b", 100)+"\r\n", maxHeadLines-10), http.StatusOK
		}
		status, err := answer(p, "GET /healthz HTTP/1.1\r\nHost: shop\r\n"+header+"\r\n")
		if err == nil && status != want {
			err = fmt.Errorf("%d bytes of headers: status %d instead of %d", len(header), status, want)
		}
		return err
	})
}

// manyConnections opens ten thousand, or half as many as this machine lets it, and leaves them open,
// every other one after a request.
func manyConnections(p *place) error {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	n := int(min(10_000, files.Cur/2))
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	for i := range n {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		conns = append(conns, conn)
		if i%2 == 0 {
			_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n") // fails if it had to give way
		}
	}
	open := n
	for deadline := time.Now().Add(10 * time.Second); open > maxConnections && time.Now().Before(deadline); { // the last ones wait for the shop to take them
		open = 0
		for _, conn := range conns {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
				open++
			}
		}
	}
	if open > maxConnections {
		return fmt.Errorf("%d of %d connections are open", open, n)
	}
	return nil
}

// TestConnectionsGiveWay fills the room for connections: the one that was idle for longest goes, then one that has said
// nothing for too long, none with a request under way does.
func TestConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	server, _ := newServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			entered <- struct{}{}
			<-leave
		}
	}), slog.New(slog.DiscardHandler), nil)
	for what, c := range map[string]struct{ got, most time.Duration }{"headers": {server.ReadHeaderTimeout, 10 * time.Second}, "a request": {server.ReadTimeout, 30 * time.Second},
		"an answer": {server.WriteTimeout, time.Minute}, "silence": {server.IdleTimeout, 2 * time.Minute}} {
		if c.got <= 0 || c.got > c.most {
			t.Errorf("%s may take %v", what, c.got)
		}
	}
	conns := newConnections(4, nil)
	server.ConnState = conns.note
	stand := httptest.NewUnstartedServer(nil)
	stand.Config = server // adds to ConnState, and keeps it
	stand.Start()
	defer stand.Close()
	dial := func(request string) net.Conn {
		conn, err := net.Dial("tcp", stand.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if request != "" {
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: shop\r\n\r\n", request)
		}
		return conn
	}
	gone := func(conn net.Conn) bool {
		_, err := conn.Read(make([]byte, 1))
		return err != nil && !os.IsTimeout(err)
	}
	served := func(conn net.Conn) bool {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return err == nil && res.StatusCode == 200
	}
	busy := dial("/wait")
	<-entered
	idle := dial("/")
	if !served(idle) {
		t.Fatal("no answer")
	}
	awaitOpen(t.Context(), t, conns, 2, 1)
	silent := dial("")
	awaitOpen(t.Context(), t, conns, 3, 1)
	waits := dial("/wait")
	<-entered
	last := dial("/")
	if !served(last) || !gone(idle) {
		t.Error("the new one is not served in place of the idle one")
	}
	awaitOpen(t.Context(), t, conns, 4, 1)
	again := dial("/wait")
	<-entered // in the place of the last, which is idle by now
	time.Sleep(sayTime)
	if another := dial("/"); !served(another) || !gone(silent) {
		t.Error("the new one is not served in place of the silent one")
	}
	close(leave)
	if !served(busy) || !served(waits) || !served(again) {
		t.Error("a request that was under way is lost")
	}
}

// awaitOpen waits until so many connections are open, and so many of them idle.
func awaitOpen(ctx context.Context, t *testing.T, c *connections, n, idle int) {
	t.Helper()
	for ctx.Err() == nil {
		c.mu.Lock()
		there := len(c.all) == n && c.idle.Len() == idle
		c.mu.Unlock()
		if there {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestIdleConnectionsEnd waits for the end of a connection that is idle, with the server's own settings but a
// shorter wait.
func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	server, _ := newServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler), nil)
	server.IdleTimeout /= 1000
	stand := httptest.NewUnstartedServer(nil)
	stand.Config = server
	stand.Start()
	defer stand.Close()
	conn, err := net.Dial("tcp", stand.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 404") {
		t.Errorf("got %q, %v", answer, err)
	}
}

// TestOptionsOfAll asks what the whole server can do: it answers by the router, as everything else.
func TestOptionsOfAll(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.serve("--demo")
	if status, err := answer(p, "OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n"); status != http.StatusNotFound || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}
