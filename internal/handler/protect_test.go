package handler_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// protection is what every answer tells a browser.
var protection = map[string]string{
	"X-Content-Type-Options":  "nosniff",
	"X-Frame-Options":         "DENY",
	"Referrer-Policy":         "no-referrer",
	"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

// TestSecurityHeaders asks every route, and some that are none: all answers are protected, and those that are
// for one pair of eyes are not stored.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 100)
	s.Order(admin, lamp, 1)
	s.API.Ready = func(context.Context) error { panic("x") }
	s.Handler = s.API.Routes()
	check := func(call string, a testkit.Answer, private bool) {
		t.Helper()
		pages := regexp.MustCompile(`^default-src 'none'; (script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; )?frame-ancestors 'none'$`)
		for name, want := range protection {
			got := a.Header.Values(name)
			if len(got) == 1 && name == "Content-Security-Policy" && pages.MatchString(got[0]) {
				continue
			}
			if len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q", call, name, got)
			}
		}
		if got := a.Header.Get("Cache-Control"); (private || a.Status >= 400) && got != "no-store" {
			t.Errorf("%s: Cache-Control is %q at status %d", call, got, a.Status)
		}
		if a.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS without TLS", call)
		}
	}
	private := 0
	if err := chi.Walk(s.Handler.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		path := strings.ReplaceAll(route, "{id}", "1")
		call := method + " " + path
		if guards[method+" "+route] != "everybody" && path != "/auth/logout" { // which would end the session
			a := s.Do(admin, method, path, `{"name":"Lamp","price":1,"category":"Test","stock":9,"quantity":1,"product_id":1,"address":"There","email":"me@example.com"}`)
			check(call, a, true)
			private++
		}
		check(call, s.Do(nil, method, path, ""), false)
		check(call, s.Do(u, method, path, "{"), false)
		return nil
	}); err != nil || private < 25 {
		t.Errorf("%d private routes, %v", private, err)
	}
	for _, path := range []string{"/", "/docs", "/redoc", "/docs/docs.js", "/docs/docs.css", "/docs/hexamart.http", "/errors", "/errors/out_of_stock"} {
		check(path+" for a browser", s.Do(nil, "GET", path, "", "Accept: text/html"), false)
	}
	check("login", send(t, s, step{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), 200, nil}), true)
	check("refresh", send(t, s, step{nil, "POST /auth/refresh", refreshBody(u), 200, nil}), true)
	for _, call := range []string{"GET /nowhere", "PUT /products", "GET /readyz", "OPTIONS /products", "GET /products/x"} {
		method, path, _ := strings.Cut(call, " ")
		check(call, s.Do(nil, method, path, ""), false)
	}
}

// TestHSTS checks whose word is taken for TLS: the connection's, or that of a trusted proxy.
func TestHSTS(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.API.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	s.Handler = s.API.Routes()
	has := func(s *testkit.Shop, headers ...string) bool {
		return s.Do(nil, "GET", "/", "", headers...).Header.Get("Strict-Transport-Security") == "max-age=31536000"
	}
	proxy, mapped, stranger := from(s, "10.0.0.1"), from(s, "[::ffff:10.0.0.1]"), from(s, "198.51.100.1")
	if !has(proxy, "X-Forwarded-Proto: https") || !has(mapped, "X-Forwarded-Proto: HTTPS") {
		t.Error("the proxy's TLS is unknown")
	}
	if has(proxy) || has(proxy, "X-Forwarded-Proto: http") || has(stranger, "X-Forwarded-Proto: https") || has(stranger, "X-Forwarded-Proto: https", "X-Forwarded-For: 10.0.0.1") {
		t.Error("TLS is taken for granted")
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{}
	if s.Handler.ServeHTTP(w, r); w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("TLS of one's own is unknown")
	}
}

// TestRequestsEnd looks how long what a request asks of the database may last.
func TestRequestsEnd(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked, endless, patience := 0, "", time.Duration(0)
	s := shopOn(t, nil, func(ctx context.Context, st database.Statement) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		if at, ok := ctx.Deadline(); !ok {
			endless = st.SQL
		} else {
			patience = max(patience, time.Until(at))
		}
	})
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 100)
	s.Fill(u, lamp, 1)
	for _, c := range []step{
		{nil, "GET /products?search=lamp", "", 200, nil},
		{nil, "GET /products/1", "", 200, nil},
		{nil, "GET /products/categories", "", 200, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), 200, nil},
		{nil, "POST /auth/refresh", refreshBody(again(s, u)), 200, nil},
		{u, "GET /cart", "", 200, nil},
		{u, "PUT /cart/1", `{"quantity":2}`, 200, nil},
		{u, "POST /cart", `{"product_id":1,"quantity":1}`, 200, nil},
		{u, "POST /orders", order, 201, nil},
		{u, "GET /orders/1", "", 200, nil},
		{u, "PUT /users/address", `{"address":"There"}`, 200, nil},
		{admin, "PATCH /products/1", `{"price":5}`, 200, nil},
		{admin, "GET /admin/orders?count=true", "", 200, nil},
	} {
		mu.Lock()
		asked, endless, patience = 0, "", 0
		mu.Unlock()
		send(t, s, c)
		mu.Lock()
		if asked == 0 || endless != "" || patience > 20*time.Second {
			t.Errorf("%s: %d statements, one may last for %v, this one for ever: %s", c.call, asked, patience, endless)
		}
		mu.Unlock()
	}
}

// TestGzipBomb sends what would unpack to a gigabyte: nothing is unpacked.
func TestGzipBomb(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	for range 64 {
		if _, err := zip.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for _, coding := range []string{"gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "x-gzip"} {
		for _, call := range []string{"POST /auth/login", "POST /auth/register", "POST /cart", "PUT /users/profile"} {
			send(t, s, step{u, call, bomb.String(), 415, is{`"code":"unsupported_media"`}}, "Content-Encoding: "+coding)
		}
	}
	send(t, s, step{u, "POST /auth/register", bomb.String(), 400, nil})
	send(t, s, step{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), 200, nil}, "Content-Encoding: identity")
}

// slowly is a body that gives its first part, says so, and waits for the rest.
type slowly struct {
	first io.Reader
	given func()
	rest  <-chan struct{}
	once  sync.Once
}

func (b *slowly) Read(p []byte) (int, error) {
	if n, err := b.first.Read(p); n > 0 || err != io.EOF {
		return n, err
	}
	b.once.Do(b.given)
	<-b.rest
	return 0, io.EOF
}

// TestLargeBodiesAtOnce holds as many large bodies as there is room for: one more is told to wait, small ones
// are served, and afterwards large ones are, too.
func TestLargeBodiesAtOnce(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	const room = 5
	var given, done sync.WaitGroup
	given.Add(room)
	rest := make(chan struct{})
	for range room {
		done.Go(func() {
			r := httptest.NewRequest("POST", "/auth/register", &slowly{first: strings.NewReader(strings.Repeat("x", 20<<10)), given: given.Done, rest: rest})
			w := httptest.NewRecorder()
			if s.Handler.ServeHTTP(w, r); w.Code != 400 {
				t.Errorf("one of those that had room: %d %s", w.Code, w.Body)
			}
		})
	}
	given.Wait()
	large := f(`{"quantity":1,"product_id":1,"x":%q}`, strings.Repeat("x", 20<<10))
	if a := send(t, s, step{u, "POST /cart", large, 503, nil}); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for _, long := range []string{"/products" + strings.Repeat("/", 2000), "/products/" + strings.Repeat("1", 2000)} {
		w := httptest.NewRecorder()
		if s.Handler.ServeHTTP(w, httptest.NewRequest("GET", long, nil)); w.Code != 404 {
			t.Errorf("%.20s...: status %d", long, w.Code)
		}
	}
	send(t, s, step{nil, "POST /auth/login", "username=" + strings.Repeat("x", 20<<10), 503, nil}, form)
	send(t, s, step{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), 200, nil})
	r, w := httptest.NewRequest("POST", "/auth/login", strings.NewReader("username="+strings.Repeat("x", 20<<10))), httptest.NewRecorder()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "198.51.100.7:1234"
	if s.Handler.ServeHTTP(w, r); w.Code != 422 {
		t.Errorf("from elsewhere: status %d %s", w.Code, w.Body)
	}
	escaped := strings.Repeat(`\ud83d\ude00`, 255) // the longest that there is
	send(t, s, step{u, "PUT /users/profile", f(`{"name":"%s","email":%q,"address":"%s"}`, escaped, u.Email, escaped), 200, nil})
	close(rest)
	done.Wait()
	send(t, s, step{u, "POST /cart", large, 404, nil})
}

// TestLargeBodiesInAll is the same for those of many addresses together.
func TestLargeBodiesInAll(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	const all, each = 512, 5
	var given, done sync.WaitGroup
	given.Add(all)
	rest := make(chan struct{})
	send := func(address string, body io.Reader) int {
		r, w := httptest.NewRequest("POST", "/auth/refresh", body), httptest.NewRecorder()
		r.RemoteAddr = address + ":1234"
		s.Handler.ServeHTTP(w, r)
		return w.Code
	}
	for i := range all {
		done.Go(func() {
			body := &slowly{first: strings.NewReader(strings.Repeat("x", 9<<10)), given: given.Done, rest: rest}
			if status := send(f("198.51.%d.%d", i/each/100, i/each%100), body); status != 400 {
				t.Errorf("one of those that had room: %d", status)
			}
		})
	}
	given.Wait()
	for size, want := range map[int]int{9 << 10: 503, 7 << 10: 400} {
		if status := send("203.0.113.9", strings.NewReader(strings.Repeat("x", size))); status != want {
			t.Errorf("%d bytes: status %d, want %d", size, status, want)
		}
	}
	close(rest)
	done.Wait()
}

// TestPagesApart asks for a page whose path, once it is read, is another's path and query.
func TestPagesApart(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 5)
	for range 2 {
		run(t, s, []step{
			{nil, f("GET /products/%d?x=a?", lamp.ID), "", 200, nil},
			{nil, f("GET /products/%d%%3Fx=a?", lamp.ID), "", 400, nil},
		})
	}
}

// TestOddlyLong sends what is longer than it ever is, and takes long to take apart: it is not.
func TestOddlyLong(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 5)
	tag := s.Do(nil, "GET", f("/products/%d", lamp.ID), "").Header.Get("ETag")
	run(t, s, []step{
		{nil, "GET /products" + strings.Repeat("/", 1000), "", 200, nil},
		{nil, "GET /" + strings.Repeat("/%41", 2000), "", 404, nil},
		{nil, "PUT /nowhere/" + strings.Repeat("1", 2000), "", 404, nil},
		{nil, "POST /auth/register", f(`{"name": %q, "email": "a@example.com", "password": "thimble8"}`, strings.Repeat("w1 ", 4000)), 422, is{"Name must have at most 255 characters."}},
	})
	send(t, s, step{nil, "POST /auth/login", "username=a&password=b", 415, nil}, "Content-Type: application/x-www-form-urlencoded; a="+strings.Repeat("b", 600))
	for header, status := range map[string]int{
		strings.Repeat(",", 5000) + tag: 304, strings.Repeat(",", 5000): 200, "W/" + tag: 304, `"x", ` + tag + `, "y"`: 304, "*": 304, strings.Trim(tag, `"`): 200,
		strings.TrimSuffix(tag, `"`) + `-gzip"`: 304, strings.TrimSuffix(tag, `"`) + `-br"`: 200,
	} {
		if a := s.Do(nil, "GET", f("/products/%d", lamp.ID), "", "If-None-Match: "+header); a.Status != status {
			t.Errorf("%.20s...: status %d", header, a.Status)
		}
	}
}

// TestListsWaitByAddress has one address ask for many lists while the database does not answer: who asks last, from another one,
// does not wait for all of them.
func TestListsWaitByAddress(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.Product("Lamp", "19.99", 5)
	s.DB.SetMaxOpenConns(5) // this one and the turns': nobody waits for a new one
	s.DB.SetMaxIdleConns(5)
	conn, err := s.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(t.Context(), "LOCK TABLES products WRITE"); err != nil {
		t.Fatal(err)
	}
	const many = 40
	answered := make(chan int, many+1)
	for i := range many + 1 {
		peer := from(s, "198.51.100.1")
		if i == many {
			peer = from(s, "198.51.100.2")
		}
		go func() {
			if a := peer.Do(nil, "GET", f("/products?in_stock=true&x=%d", i), ""); a.Status != 200 {
				t.Errorf("status %d: %s", a.Status, a.Body)
			}
			answered <- i
		}()
		time.Sleep(10 * time.Millisecond) // it waits by then
	}
	if _, err := conn.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	for before := range many + 1 {
		if i := <-answered; i == many && before > 3*many/4 {
			t.Errorf("%d from one address were answered before", before)
		}
	}
}
