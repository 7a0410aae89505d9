//go:build crash

package main

import (
	"bufio"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// problemFrom reads an answer that must be a problem of a status, under the id that it has.
func problemFrom(t *testing.T, res *http.Response, status int) {
	t.Helper()
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	id := res.Header.Values("X-Request-Id")
	if res.StatusCode != status || res.Header.Get("Content-Type") != "application/problem+json" || len(id) != 1 ||
		!strings.Contains(string(body), fmt.Sprintf(`"status":%d`, status)) || !strings.Contains(string(body), id[0]) {
		t.Errorf("%s %v %s, want %d", res.Status, res.Header, body, status)
	}
}

// exchange sends a request by a client and returns the answer, whose body is still to be read.
func (p *proxy) exchange(by *http.Client, method, path, body string, headers ...string) *http.Response {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url(path), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := by.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// from is an HTTP client on an address of this machine.
func from(ip string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true}}
}

// TestProxyHeaders looks at what nginx passes on, in both directions, before two real shops.
func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	tw := newTwins(t, unlimited...)
	here := from("127.0.0.1")
	t.Run("RequestID", func(t *testing.T) {
		for sent, kept := range map[string]bool{"": false, "mine-1:a_b.c": true, "not well-formed": false, strings.Repeat("x", 129): false} {
			res := tw.exchange(here, "GET", "/no/such", "", "X-Request-Id: "+sent)
			id := res.Header.Get("X-Request-Id")
			if (id == sent) != kept || id == "" {
				t.Errorf("%q became %q", sent, id)
			}
			problemFrom(t, res, 404) // by the shop, under the same id
			tw.await("the id is in nginx's log", func() bool {
				log, _ := os.ReadFile(tw.access)
				return strings.Contains(string(log), id)
			})
		}
	})
	t.Run("CompressedOnce", func(t *testing.T) {
		res := tw.exchange(here, "GET", "//products/", "", "Accept-Encoding: gzip")
		z, err := gzip.NewReader(res.Body)
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("ETag") == "" {
			t.Fatalf("%v %v", res.Header, err)
		}
		if b, err := io.ReadAll(z); err != nil || b[0] != '[' {
			t.Errorf("%.20q, %v", b, err)
		}
		again := tw.exchange(here, "GET", "/products", "", "Accept-Encoding: gzip", "If-None-Match: "+res.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Error(again.Status)
		}
	})
	t.Run("BodyLimit", func(t *testing.T) {
		problemFrom(t, tw.exchange(here, "POST", "/auth/register", strings.Repeat("x", 64<<10+1), "Content-Type: application/json"), 413)
	})
	t.Run("ClientAddress", func(t *testing.T) {
		// The shop limits failed logins by the client's address, whatever that claims to be.
		guess := func(by *http.Client, n int) int {
			return tw.exchange(by, "POST", "/auth/login", "username=nobody@example.com&password=wrong", "Content-Type: application/x-www-form-urlencoded",
				fmt.Sprintf("X-Forwarded-For: 10.9.8.%d", n)).StatusCode
		}
		n := 1
		for guess(here, n) != http.StatusTooManyRequests {
			if n++; n > 60 {
				t.Fatal("guesses from one address are not limited")
			}
		}
		if n < 10 {
			t.Errorf("limited after %d guesses", n)
		}
		if status := guess(from("127.0.0.2"), n); status != http.StatusUnauthorized {
			t.Errorf("from another address: %d", status)
		}
	})
	t.Run("Away", func(t *testing.T) {
		for i, shop := range tw.shops {
			shop.stop(tw.procs[i], os.Kill)
		}
		for range 3 {
			res := tw.exchange(here, "GET", "/products", "")
			if res.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			problemFrom(t, res, 503)
		}
	})
}

// breaking is a shop that reads a request and breaks the connection; it counts them.
func breaking(t *testing.T, n *atomic.Int64) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		n.Add(1)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

var retried = []struct {
	method, path string
	again        bool // may be sent a second time
}{
	{"GET", "/products", true},
	{"HEAD", "/products", true},
	{"PUT", "/cart/1", false},
	{"DELETE", "/cart/1", false},
	{"DELETE", "/auth/sessions/x", false},
	{"PUT", "/cart/1/decrease", false},
	{"PUT", "/cart//1/decrease/", false},
	{"PUT", "/users/change-password", false},
	{"PUT", "/products/1", false},
	{"POST", "/orders", false},
	{"POST", "/cart", false},
	{"PATCH", "/products/1", false},
	{"POST", "/orders/1/cancel", false},
	{"POST", "/auth/login", false},
}

// TestProxySentTwice breaks connections with requests on them, and counts how often each was sent.
func TestProxySentTwice(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	p := newProxy(t, [2]string{breaking(t, &n), breaking(t, &n)}, "max_fails=1", "max_fails=0")
	for _, r := range retried {
		n.Store(0)
		res := p.exchange(from("127.0.0.1"), r.method, r.path, "")
		if res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %s", r.method, r.path, res.Status)
		}
		want := int64(1)
		if r.again {
			want = 2
		}
		if n.Load() != want {
			t.Errorf("%s %s was sent %d times, want %d", r.method, r.path, n.Load(), want)
		}
	}
}

// TestProxyNotSent has one shop that nobody listens for: whatever is asked goes to the other.
func TestProxyNotSent(t *testing.T) {
	t.Parallel()
	well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.URL.Path, " ", string(body))
	}))
	t.Cleanup(well.Close)
	for _, r := range retried {
		p := newProxy(t, [2]string{newPlace(t).addr, well.Listener.Addr().String()})
		for range 2 {
			res := p.exchange(from("127.0.0.1"), r.method, r.path, "the body")
			got, _ := io.ReadAll(res.Body)
			if want := r.path + " the body"; res.StatusCode != http.StatusOK || r.method != "HEAD" && string(got) != want {
				t.Errorf("%s %s: %s %q", r.method, r.path, res.Status, got)
			}
		}
	}
}

// TestProxyForged sends what only a proxy may say of a client: the shops, who believe nginx, must not hear it.
func TestProxyForged(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"} {
			fmt.Fprintln(w, name, r.Header[name])
		}
	}))
	t.Cleanup(shop.Close)
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()})
	for _, path := range []string{"/", "/auth/login", "/cart/1/decrease", "/users/change-password", "/x/events"} {
		res := p.exchange(from("127.0.0.3"), "PUT", path, "", "X-Forwarded-For: 10.9.8.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example")
		got, _ := io.ReadAll(res.Body)
		if want := "X-Forwarded-For [127.0.0.3]\nX-Forwarded-Proto [http]\nX-Forwarded-Host [" + p.addr + "]\n"; string(got) != want {
			t.Errorf("%s: the shop hears %q", path, got)
		}
	}
}

// TestProxyStreams reads an event before the next one is sent, with chunks, which nginx never holds back for long, and
// without, where it does unless told otherwise.
func TestProxyStreams(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if r.URL.RawQuery == "plain" {
			w.Header().Set("Transfer-Encoding", "identity") // which ends with the connection
		}
		if strings.HasPrefix(r.URL.Path, "/other") {
			w.Header().Set("X-Accel-Buffering", "no")
		}
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(shop.Close)
	p := newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()})
	patient := from("127.0.0.1")
	patient.Timeout = 30 * time.Second // an event that never comes
	for _, path := range []string{"/orders/7/events", "/orders/events/", "/other", "/orders/7/events?plain", "/other?plain"} {
		lines := bufio.NewReader(p.exchange(patient, "GET", path, "").Body)
		for i := range 3 {
			if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("data: %d\n", i) {
				t.Fatalf("%s: %q, %v", path, line, err)
			}
			_, _ = lines.ReadString('\n')
			next <- struct{}{}
		}
	}
}

// TestProxyTLS uncomments what nginx.conf has prepared.
func TestProxyTLS(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000") // as the shop does
		fmt.Fprint(w, r.Header.Get("X-Forwarded-Proto"))
	}))
	t.Cleanup(shop.Close)
	text, err := os.ReadFile("../../nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := t.TempDir(), newPlace(t).addr
	writeCertificate(t, dir)
	edits := []string{"listen 8443", "listen " + addr, "/etc/nginx/tls/", dir + "/"}
	for _, line := range regexp.MustCompile(`(?m)^ +#(listen|ssl_).*$`).FindAllString(string(text), -1) {
		edits = append([]string{line, strings.Replace(line, "#", "", 1)}, edits...)
	}
	newProxy(t, [2]string{shop.Listener.Addr().String(), shop.Listener.Addr().String()}, edits...)
	by := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	res, err := by.Get("https://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(body) != "https" || res.ProtoMajor != 2 || len(res.Header.Values("Strict-Transport-Security")) != 1 || res.Header.Get("X-Request-Id") == "" {
		t.Errorf("%s %v %q", res.Proto, res.Header, body)
	}
	res, err = by.Post("https://"+addr+"/auth/login", "text/plain", strings.NewReader(strings.Repeat("x", 70_000)))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge || len(res.Header.Values("Strict-Transport-Security")) != 1 {
		t.Errorf("what nginx says by itself: status %d, %v", res.StatusCode, res.Header)
	}
}

func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"fullchain.pem": {Type: "CERTIFICATE", Bytes: cert}, "privkey.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
