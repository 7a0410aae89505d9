package handler_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"hexamart/internal/testkit"
)

// TestLargeHeadsAtOnce is the same for heads: of many headers, of one, or of a long address.
func TestLargeHeadsAtOnce(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	const room = 10
	begun, over := make(chan struct{}), make(chan struct{})
	var asking sync.WaitGroup
	large := strings.Repeat("v", 9<<10)
	for range room {
		asking.Go(func() {
			r := httptest.NewRequest("GET", "/cart", nil)
			for i := range 60 {
				r.Header.Set(f("X-%d", i), large[:150])
			}
			r.RemoteAddr = "198.51.100.1:1234"
			r.Header.Set("Authorization", "Bearer "+u.Token)
			s.Handler.ServeHTTP(stuckWriter{httptest.NewRecorder(), begun, over}, r)
		})
	}
	for range room {
		<-begun
	}
	run(t, s, []step{
		{u, "GET /cart", "", 200, nil},
	})
	send(t, s, step{nil, "GET /products", "", 200, nil}, "Cookie: "+large) // from elsewhere
	for _, path := range []string{"/products?x=" + large[:100], "/healthz"} {
		ask := func(want int) {
			r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
			r.Header.Set("Cookie", large)
			r.Header.Set("Origin", "http://localhost:5173")
			r.RemoteAddr = "198.51.100.1:4321"
			if s.Handler.ServeHTTP(w, r); w.Code != want || w.Header().Get("Access-Control-Allow-Origin") == "" || want == 503 && w.Header().Get("Retry-After") == "" {
				t.Errorf("%.10s: status %d, want %d, Retry-After %q", path, w.Code, want, w.Header().Get("Retry-After"))
			}
		}
		ask(503)
		defer ask(200)
	}
	r, w := httptest.NewRequest("GET", "/healthz", nil), httptest.NewRecorder()
	r.Host, r.RemoteAddr = large, "198.51.100.1:4321"
	if s.Handler.ServeHTTP(w, r); w.Code != 503 {
		t.Errorf("a long Host: status %d", w.Code)
	}
	r, w = httptest.NewRequest("GET", "/healthz", nil), httptest.NewRecorder()
	for i := range 140 {
		r.Header.Set(f("X-%d", i), "v")
	}
	r.RemoteAddr = "198.51.100.1:4321"
	if s.Handler.ServeHTTP(w, r); w.Code != 503 {
		t.Errorf("many short headers: status %d", w.Code)
	}
	close(over)
	asking.Wait()
}

// TestLargeHeadsInAll is the same for those of many addresses together.
func TestLargeHeadsInAll(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	const all, each = 1024, 10
	large := strings.Repeat("v", 9<<10)
	ask := func(address, cookie string, w http.ResponseWriter) {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.RemoteAddr = address + ":1234"
		r.Header.Set("Cookie", cookie)
		s.Handler.ServeHTTP(w, r)
	}
	begun, over := make(chan struct{}), make(chan struct{})
	var asking sync.WaitGroup
	for i := range all {
		asking.Go(func() {
			ask(f("198.51.%d.%d", i/each/100, i/each%100), large, stuckWriter{httptest.NewRecorder(), begun, over})
		})
	}
	for range all {
		<-begun
	}
	for cookie, want := range map[string]int{large: 503, "a=1": 200} {
		w := httptest.NewRecorder()
		if ask("203.0.113.9", cookie, w); w.Code != want {
			t.Errorf("%d bytes: status %d, want %d", len(cookie), w.Code, want)
		}
	}
	close(over)
	asking.Wait()
}

// TestLargeHeadsOfCustomer sends them from networks of one customer's of IPv6: those are one address's.
func TestLargeHeadsOfCustomer(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	ask := func(address string, w http.ResponseWriter) {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.RemoteAddr = address
		r.Header.Set("Cookie", strings.Repeat("v", 9<<10))
		s.Handler.ServeHTTP(w, r)
	}
	const each = 10
	begun, over := make(chan struct{}), make(chan struct{})
	var asking sync.WaitGroup
	for i := range each {
		asking.Go(func() { ask(f("[2001:db8:7:%x::1]:1234", i), stuckWriter{httptest.NewRecorder(), begun, over}) })
	}
	for range each {
		<-begun
	}
	for address, want := range map[string]int{"[2001:db8:7:ff::1]:1234": 503, "[2001:db8:8:1::1]:1234": 200} {
		w := httptest.NewRecorder()
		if ask(address, w); w.Code != want {
			t.Errorf("%s: status %d, want %d", address, w.Code, want)
		}
	}
	close(over)
	asking.Wait()
}
