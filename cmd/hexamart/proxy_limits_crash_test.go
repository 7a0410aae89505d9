//go:build crash

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestProxyLimits asks faster than anybody may.
func TestProxyLimits(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(shop.Close)
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()})
	for i, limit := range []struct {
		path        string
		least, most int
	}{{"/auth/login", 40, 400}, {"/users/change-password", 40, 400}, {"/products", 400, 3000}} {
		asked, by := 0, from(fmt.Sprintf("127.0.0.%d", 10+i)) // each from an address of its own
		for {
			asked++
			res := p.exchange(by, "POST", limit.path, "")
			if res.StatusCode == http.StatusTooManyRequests {
				if res.Header.Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
				problemFrom(t, res, 429)
				break
			}
			_ = res.Body.Close()
			if asked > limit.most {
				t.Fatalf("%s: nothing limits it", limit.path)
			}
		}
		if asked <= limit.least {
			t.Errorf("%s was limited after %d", limit.path, asked)
		}
	}
}

// TestProxyLogsLittle asks far too often, for long addresses: what is refused hardly ever gets a line, and no line is long.
func TestProxyLogsLittle(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(shop.Close)
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()})
	const wanted = 3000
	// What nginx does not even pass to its limits.
	const unread = 400
	for range unread / 4 {
		for _, r := range [][3]string{{"TRACE", "/", ""}, {"POST", "/cart", strings.Repeat("x", 70<<10)}, {"GET", "/nginx-unreadable", ""}, {"GET", "/nginx-headers", ""}} {
			res := p.exchange(from("127.0.0.31"), r[0], r[1], r[2])
			if _ = res.Body.Close(); res.StatusCode/100 != 4 {
				t.Fatalf("%s %s: %s", r[0], r[1], res.Status)
			}
		}
	}
	_ = p.exchange(from("127.0.0.32"), strings.Repeat("X", 4000), "/", "").Body.Close()
	by, refused := from("127.0.0.30"), 0
	for asked := 0; refused < wanted; asked++ {
		res := p.exchange(by, "GET", "/%0A"+strings.Repeat("%01", 1300), "")
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusTooManyRequests {
			refused++
		}
		if asked > 100*wanted {
			t.Fatal("nothing limits it")
		}
	}
	log, err := os.ReadFile(p.access)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(log, []byte(`"status":429`)); n == 0 || n > wanted/20 {
		t.Errorf("%d of %d refusals are logged", n, refused)
	}
	if n := bytes.Count(log, []byte(`"client":"127.0.0.31"`)); n > unread/8 {
		t.Errorf("%d of %d that no shop saw are logged", n, unread)
	}
	if said := p.said.String(); strings.Contains(said, "too large body") {
		t.Errorf("nginx says %.300s", said)
	}
	for line := range bytes.Lines(log) {
		if len(line) > 2500 {
			t.Fatalf("a line of %d bytes", len(line))
		}
	}
}

// TestProxyLimitsAtOnce leaves requests under way from one address, or from networks of one customer's of IPv6, slower than anybody may ask:
// of too many the rest is refused.
func TestProxyLimitsAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		most  int
		here  func(i int) string
		other string
	}{
		"Address":  {100, func(int) string { return "192.0.2.1" }, "192.0.2.2"},
		"Customer": {1000, func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i%50) }, "2001:db8:2::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leave, came := make(chan struct{}), make(chan struct{}, 2000)
			shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/wait" {
					came <- struct{}{}
					<-leave
				}
			}))
			t.Cleanup(shop.Close)
			p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()}, believing...)
			refused := make(chan int, 2000)
			var asking sync.WaitGroup
			ask := func(first, n int) {
				for i := range n {
					asking.Go(func() {
						res := p.exchange(from("127.0.0.1"), "POST", "/wait", "", "X-Forwarded-For: "+c.here(first+i)) // which is sent once
						if res.StatusCode != http.StatusOK {
							refused <- res.StatusCode
						}
						_ = res.Body.Close()
					})
				}
			}
			ask(0, c.most-30)
			for range c.most - 30 {
				<-came
			}
			time.Sleep(time.Second) // in which 100 more may come
			ask(c.most-30, 50)
			for range 20 {
				if status := <-refused; status != http.StatusTooManyRequests {
					t.Errorf("status %d", status)
				}
			}
			if res := p.exchange(from("127.0.0.1"), "GET", "/else", "", "X-Forwarded-For: "+c.other); res.StatusCode != http.StatusOK {
				t.Errorf("somebody else: %s", res.Status)
			}
			close(leave)
			asking.Wait()
			if n := len(refused); n != 0 {
				t.Errorf("%d too many were refused", n)
			}
		})
	}
}

// believing are edits of nginx.conf that have it believe what this machine says of clients.
var believing = []string{"#set_real_ip_from 10.0.0.0/8", "set_real_ip_from 127.0.0.0/8", "#real_ip_header", "real_ip_header"}

// TestProxyLimitsNetworks asks from many addresses, as another proxy in front tells them: those of one network share what
// is allowed, others do not.
func TestProxyLimitsNetworks(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(shop.Close)
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()}, believing...)
	refused := func(address string) bool {
		res := p.exchange(from("127.0.0.1"), "POST", "/auth/login", "", "X-Forwarded-For: "+address)
		_ = res.Body.Close()
		return res.StatusCode == http.StatusTooManyRequests
	}
	for name, c := range map[string]struct {
		same  func(i int) string
		other string
	}{
		"IPv4":     {func(int) string { return "192.0.2.1" }, "192.0.2.2"},
		"Customer": {func(i int) string { return fmt.Sprintf("2001:db8:c:%x::1", i) }, "2001:db8:d::1"},
		"InIPv6":   {func(int) string { return "::ffff:198.51.100.1" }, "::ffff:198.51.100.2"},
		"Network":  {func(i int) string { return fmt.Sprintf("2001:db8:1:2:%x::%x", i+1, i) }, "2001:db8:1:3::1"},
		"Written":  {func(i int) string { return fmt.Sprintf("2001:db8:5:6:1:2:3:%x", i) }, "2001:db8:5:7:1:2:3:4"},
		"OfZeros":  {func(i int) string { return fmt.Sprintf("2001:db8:8::%x", i+1) }, "2001:db8:9::1"},
		"Together": {func(i int) string { return fmt.Sprintf("2001:db8:a:b::%x", i) }, "2001:db8:a:c::1"},
	} {
		t.Run(name, func(t *testing.T) {
			i := 0
			for ; !refused(c.same(i)); i++ {
				if i > 2000 {
					t.Fatal("nothing limits it")
				}
			}
			if i < 40 || refused(c.other) {
				t.Errorf("limited after %d, and who is elsewhere: %t", i, refused(c.other))
			}
		})
	}
}

// TestProxyUnreadable sends what nginx refuses by itself: the answers have the shop's shape.
func TestProxyUnreadable(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the shop hears %s %s", r.Method, r.URL.Path) }))
	t.Cleanup(shop.Close)
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()})
	for name, c := range map[string]struct {
		raw    string
		status int
	}{
		"TwoLengths":    {"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
		"TwoFramings":   {"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"OtherFraming":  {"POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: magic\r\n\r\n", 400},
		"NoHost":        {"GET / HTTP/1.1\r\n\r\n", 400},
		"LongAddress":   {"GET /" + strings.Repeat("x", 9000) + " HTTP/1.1\r\nHost: shop\r\n\r\n", 400},
		"LargeHeader":   {"GET / HTTP/1.1\r\nHost: shop\r\nCookie: " + strings.Repeat("x", 9000) + "\r\n\r\n", 431},
		"NoRequest":     {"nonsense\r\n\r\n", 400},
		"NoVersion":     {"GET / HTTP/9\r\nHost: shop\r\n\r\n", 400},
		"BadChunk":      {"PUT /cart/1 HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n", 400},
		"BadChunkOnce":  {"PUT /products/1 HTTP/1.1\r\nHost: shop\r\nIf-Match: \"x\"\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n", 400},
		"BadChunkLess":  {"PUT /cart/1/decrease HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n", 400},
		"BadChunkNew":   {"PUT /users/change-password HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n", 400},
		"UnknownMethod": {"TRACE / HTTP/1.1\r\nHost: shop\r\n\r\n", 405},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, c.raw)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			problemFrom(t, res, c.status)
		})
	}
}

// TestProxyKeepsLittle asks for much and takes nothing: the rest waits in the shop, and not on nginx's disk.
func TestProxyKeepsLittle(t *testing.T) {
	t.Parallel()
	const all, most = 64 << 20, 16 << 20
	sent := make(chan int, 1)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * time.Second))
		n, piece := 0, make([]byte, 64<<10)
		for err := error(nil); err == nil && n < all; {
			var wrote int
			wrote, err = w.Write(piece)
			n += wrote
		}
		sent <- n
	}))
	t.Cleanup(shop.Close)
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()})
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
	if n := <-sent; n < 64<<10 || n > most {
		t.Errorf("%d bytes left the shop", n)
	}
}

// TestProxyOldClients asks as some health checks still do, without a host.
func TestProxyOldClients(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(shop.Close)
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()})
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET /readyz HTTP/1.0\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", res, err)
	}
}

// TestProxyPages reads what nginx says by itself as a browser does: pages of the storefront may see it, and others not.
func TestProxyPages(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()})
	shop.Close() // so that nobody is there
	for request, status := range map[string]int{
		"POST / HTTP/1.1\r\nContent-Length: 70000\r\n":                     413,
		"TRACE / HTTP/1.1\r\n":                                             405,
		"GET / HTTP/1.1\r\nCookie: " + strings.Repeat("x", 9000) + "\r\n":  431,
		"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n":    400,
		"GET /products HTTP/1.1\r\n":                                       503,
		"PUT /users/change-password HTTP/1.1\r\nContent-Length: 70000\r\n": 413,
	} {
		for origin, allowed := range map[string]string{"http://localhost:5173": "http://localhost:5173", "http://evil.example": "", "": ""} {
			conn, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			first, rest, _ := strings.Cut(request, "\r\n")
			_, _ = fmt.Fprintf(conn, "%s\r\nHost: shop\r\nOrigin: %s\r\n%s\r\n", first, origin, rest)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			// Of a request that can't be read its origin is not known for sure.
			h := res.Header
			if known := status != 400 && status != 431; res.StatusCode != status || h.Get("X-Content-Type-Options") != "nosniff" ||
				known && (h.Get("Access-Control-Allow-Origin") != allowed || (h.Get("Access-Control-Expose-Headers") != "") != (allowed != "") || h.Get("Vary") != "Origin") {
				t.Errorf("%.20q from %q: status %d, want %d: %v", request, origin, res.StatusCode, status, h)
			}
			_ = conn.Close()
		}
	}
}

// TestProxyLongQueries asks real shops for what makes their answers' heads long, which nginx would take for failures of theirs: nobody
// else is refused meanwhile.
func TestProxyLongQueries(t *testing.T) {
	t.Parallel()
	tw := newTwins(t, unlimited...)
	here := from("127.0.0.1")
	for _, query := range []string{"x=" + strings.Repeat("!", 7900), "x=" + strings.Repeat("!", 3900), "search=" + strings.Repeat("!", 3900), "category=" + strings.Repeat("%20", 1200)} {
		for range 4 {
			res := tw.exchange(here, "GET", "/products?limit=1&"+query, "")
			if _ = res.Body.Close(); res.StatusCode != http.StatusOK && res.StatusCode != http.StatusBadRequest {
				t.Errorf("%.20s...: %s", query, res.Status)
			}
		}
		if res := tw.exchange(here, "GET", "/products/categories", ""); res.StatusCode != http.StatusOK {
			t.Errorf("after %.20s...: %s", query, res.Status)
		}
	}
}
