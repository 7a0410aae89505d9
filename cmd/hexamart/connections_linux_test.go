package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"
)

// TestConnectionsAreShared fills the room for connections with requests under way: who comes from elsewhere takes the
// oldest of the address that has most of them, unless that is a trusted proxy's.
func TestConnectionsAreShared(t *testing.T) {
	t.Parallel()
	t.Run("ByAddress", func(t *testing.T) {
		t.Parallel()
		s := newGathering(t, nil)
		oldest, second, third := s.busy("127.0.0.2"), s.busy("127.0.0.2"), s.busy("127.0.0.2")
		other := s.busy("127.0.0.3")
		late := s.busy("127.0.0.4")
		if !isGone(oldest) {
			t.Error("the oldest of the address that has most is there")
		}
		if !isGone(s.dial("127.0.0.2", "/wait")) {
			t.Error("the address that has most gets more")
		}
		close(s.leave)
		for name, conn := range map[string]net.Conn{"second": second, "third": third, "other": other, "late": late} {
			if !isServed(conn) {
				t.Errorf("the %s one is lost", name)
			}
		}
	})
	t.Run("OneEach", func(t *testing.T) { // as who has a network of addresses can do
		t.Parallel()
		s := newGathering(t, nil)
		var all []net.Conn
		for i := range 4 {
			all = append(all, s.busy(fmt.Sprintf("127.0.0.%d", 2+i)))
		}
		if !isGone(s.dial("127.0.0.9", "/wait")) {
			t.Error("who has just begun gives way")
		}
		s.begunAgo(2 * s.conns.answerTime)
		late, too := s.busy("127.0.0.10"), s.busy("127.0.0.10")
		if !isGone(all[0]) || !isGone(all[1]) {
			t.Error("the oldest are there")
		}
		close(s.leave)
		for i, conn := range append(all[2:], late, too) {
			if !isServed(conn) {
				t.Errorf("connection %d is lost", i)
			}
		}
	})
	t.Run("Owed", func(t *testing.T) { // who waits for the shop, unlike who takes their time
		t.Parallel()
		s := newGathering(t, nil)
		waits, slow := s.busy("127.0.0.2"), s.busy("127.0.0.3")
		again := s.busy("127.0.0.4")
		s.owe("127.0.0.2", "127.0.0.4")
		s.begunAgo(2 * s.conns.answerTime)
		s.busy("127.0.0.5")
		late := s.busy("127.0.0.6")
		if !isGone(slow) {
			t.Error("the slow one is there")
		}
		close(s.leave)
		if !isServed(waits) || !isServed(again) || !isServed(late) {
			t.Error("who waits had to go")
		}
		ask(again, "/wait") // with a body to come
		<-s.entered
		s.begunAgo(2 * s.conns.answerTime)
		s.conns.mu.Lock()
		defer s.conns.mu.Unlock()
		for _, p := range s.conns.all {
			if p.from.Addr().String() == "127.0.0.4" && p.conn.(*wholeConn).owed.Load() {
				t.Error("the next request counts as read")
			}
		}
	})
	t.Run("Greedy", func(t *testing.T) { // whose own go first, however slow others are
		t.Parallel()
		s := newGathering(t, nil)
		slow := s.busy("127.0.0.3")
		oldest, second, third := s.busy("127.0.0.2"), s.busy("127.0.0.2"), s.busy("127.0.0.2")
		s.begunAgo(2 * s.conns.answerTime)
		for _, conn := range []net.Conn{s.busy("127.0.0.2"), s.busy("127.0.0.9")} {
			defer func() {
				if !isServed(conn) {
					t.Error("a new one is lost")
				}
			}()
		}
		if !isGone(oldest) || !isGone(second) {
			t.Error("the oldest of the greedy address are there")
		}
		close(s.leave)
		if !isServed(slow) || !isServed(third) {
			t.Error("others had to go")
		}
	})
	t.Run("BeforeTheyAsk", func(t *testing.T) { // as over a network, where that takes a moment
		t.Parallel()
		s := newGathering(t, nil)
		for range 3 {
			s.busy("127.0.0.2")
		}
		slow := s.dial("127.0.0.3", "")
		s.connectedAgo(-time.Minute) // however slow this machine is
		if !isGone(s.dial("127.0.0.2", "")) || !isGone(s.dial("127.0.0.2", "/wait")) {
			t.Error("the address that has most gets more")
		}
		ask(slow, "/wait")
		select {
		case <-s.entered:
		case <-time.After(patience):
			t.Error("who has not asked yet is lost")
		}
		close(s.leave)
		if !isServed(slow) {
			t.Error("no answer")
		}
	})
	t.Run("SilentFirst", func(t *testing.T) {
		t.Parallel()
		s := newGathering(t, nil)
		silent := s.dial("127.0.0.4", "")
		s.connectedAgo(2 * sayTime)
		conns := []net.Conn{s.busy("127.0.0.2"), s.busy("127.0.0.2"), s.busy("127.0.0.2"), s.busy("127.0.0.3")}
		if !isGone(silent) {
			t.Error("the silent one is there")
		}
		close(s.leave)
		for i, conn := range conns {
			if !isServed(conn) {
				t.Errorf("busy one %d is lost", i)
			}
		}
	})
	t.Run("Proxy", func(t *testing.T) {
		t.Parallel()
		s := newGathering(t, []netip.Prefix{netip.MustParsePrefix("127.0.0.2/31")})
		var conns []net.Conn
		for range 4 {
			conns = append(conns, s.busy("127.0.0.2"))
		}
		if !isGone(s.dial("127.0.0.4", "/wait")) {
			t.Error("a proxy's connections give way")
		}
		close(s.leave)
		for i, conn := range conns {
			if !isServed(conn) {
				t.Errorf("the proxy's connection %d is lost", i)
			}
		}
	})
}

// TestMetricsConnections holds more connections than anybody needs: the ones before give way, and none is kept for ever.
func TestMetricsConnections(t *testing.T) {
	t.Parallel()
	server := newMetricsServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if server.IdleTimeout == 0 || server.ReadTimeout == 0 || server.WriteTimeout == 0 {
		t.Error("a connection has no end")
	}
	stand := httptest.NewUnstartedServer(nil)
	stand.Config = server
	stand.Start()
	defer stand.Close()
	var conns []net.Conn
	for range 2 * metricsConnections {
		conn, err := net.Dial("tcp", stand.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		conns = append(conns, conn)
	}
	for i, conn := range conns[:metricsConnections/2] {
		if !isGone(conn) {
			t.Errorf("connection %d is kept", i)
		}
	}
}

// TestSubscriber tells whose a connection is.
func TestSubscriber(t *testing.T) {
	t.Parallel()
	c := newConnections(1, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48")})
	for from, want := range map[string]string{
		"198.51.100.7:1234":           "198.51.100.7/32",
		"[::ffff:198.51.100.7]:1234":  "198.51.100.7/32",
		"[2001:db8:0:1:2:3:4:5]:1234": "2001:db8::/48",
		"[2001:db8:0:1:ffff::1]:1234": "2001:db8::/48",
		"[fe80::1%eth0]:1234":         "fe80::/48",
		"10.1.2.3:1234":               "invalid Prefix",
		"[::ffff:10.1.2.3]:1234":      "invalid Prefix",
		"[2001:db8:f:1::1]:1234":      "invalid Prefix",
		"@":                           "invalid Prefix", // of a socket
	} {
		if got := c.subscriber(peer{from: address(from)}).String(); got != want {
			t.Errorf("%s is of %s, want %s", from, got, want)
		}
	}
}

// peer is a connection that knows where it is from, and no more.
type peer struct {
	net.Conn
	from address
}

func (p peer) RemoteAddr() net.Addr { return p.from }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// gathering is a server with room for four, and those who come from addresses of their own.
type gathering struct {
	t              *testing.T
	addr           string
	conns          *connections
	entered, leave chan struct{}
}

func newGathering(t *testing.T, proxies []netip.Prefix) *gathering {
	t.Helper()
	c := &gathering{t: t, conns: newConnections(4, proxies), entered: make(chan struct{}), leave: make(chan struct{})}
	c.conns.answerTime = time.Hour // however slow this machine is
	server, _ := newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		c.entered <- struct{}{}
		select {
		case <-c.leave:
		case <-t.Context().Done(): // the test has failed
		}
	}), slog.New(slog.DiscardHandler), nil)
	server.ConnState = c.conns.note
	stand := httptest.NewUnstartedServer(nil)
	stand.Config = server
	stand.Listener = newWholeListener(stand.Listener, nil, nil)
	stand.Start()
	t.Cleanup(stand.Close)
	c.addr = stand.Listener.Addr().String()
	return c
}

func (c *gathering) dial(from, path string) net.Conn {
	c.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(c.t.Context(), "tcp", c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if path != "" {
		ask(conn, path)
	}
	return conn
}

// ask fails if the connection had to go.
func ask(conn net.Conn, path string) {
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: shop\r\n\r\n", path)
}

// busy is a connection with a request that is under way.
func (c *gathering) busy(from string) net.Conn {
	c.t.Helper()
	conn := c.dial(from, "/wait")
	select {
	case <-c.entered:
	case <-time.After(patience):
		c.t.Fatalf("a request from %s never begins", from)
	}
	return conn
}

// connectedAgo waits until the server knows of one connection that has not said anything, and lets it be so old.
func (c *gathering) connectedAgo(age time.Duration) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		c.conns.mu.Lock()
		fresh := c.conns.fresh.Len() == 1
		if fresh {
			c.conns.fresh.Front().Value.(*standing).since = time.Now().Add(-age)
		}
		c.conns.mu.Unlock()
		if fresh {
			return
		}
	}
	c.t.Fatal("nobody has connected")
}

// begunAgo lets all requests be so old, in the order in which they came.
func (c *gathering) begunAgo(age time.Duration) {
	c.conns.mu.Lock()
	defer c.conns.mu.Unlock()
	for _, p := range c.conns.all {
		p.since = p.since.Add(-age)
	}
}

// owe lets the requests of these addresses be read.
func (c *gathering) owe(addresses ...string) {
	c.conns.mu.Lock()
	defer c.conns.mu.Unlock()
	for _, p := range c.conns.all {
		if slices.Contains(addresses, p.from.Addr().String()) {
			p.conn.(*wholeConn).Heard()
		}
	}
}

func isGone(conn net.Conn) bool {
	_, err := conn.Read(make([]byte, 1))
	return err != nil && !os.IsTimeout(err)
}

func isServed(conn net.Conn) bool {
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	return err == nil && res.StatusCode == http.StatusOK
}
