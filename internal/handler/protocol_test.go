package handler_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

const storefront = "http://localhost:5173"

// TestSlashes asks for each path in every spelling of its slashes: the answer is the same and direct.
func TestSlashes(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 1000)
	s.Order(u, lamp, 1)
	s.Fill(u, lamp, 5)
	calls := []step{
		{nil, "GET /products", "", 200, is{"Lamp"}},
		{nil, "GET /products/1", "", 200, is{"Lamp"}},
		{nil, "GET /products/categories", "", 200, is{"Test"}},
		{nil, "GET /healthz", "", 200, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), 200, nil},
		{nil, "POST /auth/register", `{}`, 422, nil},
		{u, "GET /cart", "", 200, is{"Lamp"}},
		{u, "PUT /cart/1", `{"quantity":5}`, 200, nil},
		{u, "GET /orders/1", "", 200, is{"Lamp"}},
		{u, "GET /users/profile", "", 200, is{u.Email}},
		{admin, "PUT /orders/1/status", `{"status":"Pending"}`, 200, nil},
		{admin, "PUT /admin/orders/1/status", `{"status":"Pending"}`, 200, nil},
		{admin, "PATCH /products/1", `{"stock":999}`, 200, nil},
		{u, "PATCH /products/1", `{"stock":1}`, 403, nil},
		{nil, "GET /orders", "", 401, nil},
		{nil, "PUT /products", "", 405, nil},
		{nil, "GET /products/1/2", "", 404, nil},
		{nil, "GET /products/x", "", 400, nil},
	}
	for _, c := range calls {
		method, path, _ := strings.Cut(c.call, " ")
		doubled := strings.ReplaceAll(path, "/", "//")
		for _, p := range []string{path, path + "/", path + "//", "/" + path, doubled, doubled + "///"} {
			for _, query := range []string{"", "?x=1"} {
				c.call = method + " " + p + query
				send(t, s, c)
			}
		}
	}
	if s.Stock(lamp) != 999 {
		t.Errorf("the stock is %d", s.Stock(lamp))
	}
	run(t, s, []step{{nil, "GET //", "", 200, is{`"docs"`}}})
	a := s.Do(nil, "GET", "//products//?limit=1&count=1", "")
	if s.Product("Mug", "1", 1); a.Header.Get("X-Total-Count") != "1" {
		t.Error("a query after slashes is lost")
	}
	if got := next(t, s.Do(nil, "GET", "//products///?limit=1", "")); !strings.HasPrefix(got, "/products?") {
		t.Errorf("Link leads to %q", got)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	for _, id := range []string{"a", "0189c7e2-1b2c-7def-8a9b-0c1d2e3f4a5b", "Root=1-67891233-abcdef", "A_b.c:d", strings.Repeat("x", 128),
		"", strings.Repeat("x", 129), "two words", "<script>", "a\"b", "né", "a;b", "%0d%0a", "a\tb", "../../x"} {
		kept := id != "" && len(id) <= 128 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == ""
		if strings.Contains(id, "=") { // may be kept or not
			continue
		}
		for _, path := range []string{"/", "/nowhere", "/cart"} {
			a := s.Do(nil, "GET", path, "", "X-Request-Id: "+id)
			got := a.Header.Get("X-Request-Id")
			if (got == id) != kept || got == "" {
				t.Errorf("%q became %q", id, got)
			}
			if a.Status >= 400 && a.Field("request_id") != got {
				t.Errorf("the header has %q, the body %v", got, a.Field("request_id"))
			}
		}
	}
	if a, b := s.Do(nil, "GET", "/", ""), s.Do(nil, "GET", "/", ""); a.Header.Get("X-Request-Id") == b.Header.Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}

// TestCompression reads answers in every encoding.
func TestCompression(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.Product("Lamp", "19.99", 5)
	for _, path := range []string{"/products", "/products/1", "/nowhere"} {
		plain := s.Do(nil, "GET", path, "", "X-Request-Id: me").Body
		for accept, want := range map[string]string{
			"gzip": "gzip", "gzip, deflate, br, zstd": "gzip", "deflate, gzip;q=1.0, *;q=0.5": "gzip", "": "", "identity": "", "br": "", "deflate": "deflate", "gzip;q=0": "", "identity, gzip;q=0": "",
		} {
			a := s.Do(nil, "GET", path, "", "X-Request-Id: me", "Accept-Encoding: "+accept)
			got := a.Header.Get("Content-Encoding")
			body, err := decoded(got, a.Body)
			if err != nil || body != plain || got != want && got != "" {
				t.Errorf("%s for %q: Content-Encoding %q, %v: %.60q", path, accept, got, err, body)
			}
			if want == "gzip" && got != "gzip" {
				t.Errorf("%s for %q is not compressed", path, accept)
			}
			if n := a.Header.Get("Content-Length"); n != "" && n != f("%d", len(a.Body)) {
				t.Errorf("%s for %q: Content-Length %s of %d", path, accept, n, len(a.Body))
			}
			// Caches must know of the choice, whichever answer they see first.
			if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s for %q: Vary is %q", path, accept, a.Header.Values("Vary"))
			}
		}
	}
}

func decoded(encoding, body string) (string, error) {
	var r io.Reader = strings.NewReader(body)
	var err error
	switch encoding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r) // what HTTP calls deflate is zlib's format
	}
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), err
}

// TestHead sends HEAD and GET over a real connection: the same headers, no body.
func TestHead(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	s.Product("Lamp", "19.99", 5)
	s.Product("Mug", "7.10", 5)
	server := httptest.NewServer(s.Handler)
	t.Cleanup(server.Close)
	ask := func(method, path, encoding string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+u.Token)
		r.Header.Set("Accept-Encoding", encoding)
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	for path, status := range map[string]int{"/": 200, "/healthz/": 200, "/readyz": 200, "/products?limit=1&count=true": 200, "//products//1": 200, "/products/9": 404,
		"/products/x": 400, "/nowhere": 404, "/cart": 200, "/orders/7": 404, "/admin/orders": 403, "/auth/login": 405, "/products?limit=0": 422} {
		for _, encoding := range []string{"identity", "gzip"} {
			get, head := ask("GET", path, encoding), ask("HEAD", path, encoding)
			body, err := io.ReadAll(head.Body)
			if err != nil || len(body) > 0 || head.StatusCode != status || get.StatusCode != status {
				t.Errorf("%s: GET %d, HEAD %d with %d bytes, %v", path, get.StatusCode, head.StatusCode, len(body), err)
			}
			for _, name := range []string{"Content-Type", "Link", "X-Total-Count", "Allow", "Cache-Control", "Vary"} {
				if g, h := strings.Join(get.Header.Values(name), ","), strings.Join(head.Header.Values(name), ","); g != h {
					t.Errorf("%s: %s is %q for GET and %q for HEAD", path, name, g, h)
				}
			}
			if encoding == "identity" && get.ContentLength != head.ContentLength && path != "/products/9" && status < 400 {
				t.Errorf("%s: Content-Length is %d for GET and %d for HEAD", path, get.ContentLength, head.ContentLength)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	for call, want := range map[string]string{
		"POST /":                       "GET, HEAD",
		"DELETE /products":             "GET, HEAD, POST",
		"POST /products/1":             "GET, HEAD, PUT, PATCH, DELETE",
		"GET /auth/login":              "POST",
		"HEAD /auth/register":          "POST",
		"PATCH /cart":                  "GET, HEAD, POST, DELETE",
		"GET /cart/1":                  "PUT, DELETE",
		"POST /cart/1/decrease":        "PUT",
		"DELETE /orders":               "GET, HEAD, POST",
		"PATCH /orders/1":              "GET, HEAD",
		"GET /orders/1/status/":        "PUT",
		"GET //orders//1//cancel":      "POST",
		"POST /admin/dashboard":        "GET, HEAD",
		"OPTIONS /users/profile":       "GET, HEAD, PUT",
		"TRACE /healthz":               "GET, HEAD",
		"PROPFIND /products":           "GET, HEAD, POST",
		"get /products":                "GET, HEAD, POST",
		"BREW /users/change-password/": "PUT",
	} {
		a := send(t, s, step{nil, call, "", 405, is{`"code":"method_not_allowed"`}})
		if got := a.Header.Get("Allow"); got != want {
			t.Errorf("%s: Allow is %q, want %q", call, got, want)
		}
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"} {
		for _, path := range []string{"/nowhere", "/products/1/reviews", "/admin", "/cart/1/2/3", "/.env", "/../etc/passwd", "/products/..%2fadmin", "/%ff"} {
			if path == "/products/..%2fadmin" && method != "POST" {
				continue // is an id, if not a good one
			}
			status := 404
			if path == "/products/..%2fadmin" {
				status = 405
			}
			send(t, s, step{nil, method + " " + path, "", status, nil})
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	large := strings.Repeat("x", 64<<10)
	just := f(`{"name":%q,"email":"a@example.com","password":"thimble-1"}`, large[:64<<10-100])
	run(t, s, []step{
		{nil, "POST /auth/register", just, 422, nil},
		{nil, "POST /auth/register", just + large, 413, is{`"code":"body_too_large"`, "!xxx"}},
		{u, "POST /cart", `{"x":"` + large + `"}`, 413, nil},
		{u, "PUT /users/profile", large + "x", 413, nil},
		{nil, "POST /cart", large, 401, nil},
	})
	send(t, s, step{nil, "POST /auth/login", "username=" + large, 413, nil}, form)
	send(t, s, step{nil, "POST /auth/login", "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\n" + large + "\r\n--x--\r\n", 413, nil}, "Content-Type: multipart/form-data; boundary=x")
	// The same over a connection, in chunks: nobody said how long it would be.
	server := httptest.NewServer(s.Handler)
	t.Cleanup(server.Close)
	res, err := http.Post(server.URL+"/auth/register", "application/json", io.MultiReader(strings.NewReader(`{"name":"`), strings.NewReader(large)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, err := io.ReadAll(res.Body); res.StatusCode != 413 || !bytes.Contains(body, []byte("body_too_large")) {
		t.Errorf("status %d, %s, %v", res.StatusCode, body, err)
	}
	// Who asks first whether it may send so much is not told to go on.
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprintf(conn, "POST /auth/register HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", 2*len(large))
	if first, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(first, "HTTP/1.1 413 ") {
		t.Errorf("got %q, %v", first, err)
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Admin()
	s.Product("Lamp", "19.99", 5)
	for contentType, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON;charset=UTF-8": 200, "application/merge-patch+json": 200, "": 200,
		"text/plain": 415, "text/html": 415, "application/xml": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415,
		"application/octet-stream": 415, "json": 415, "application/json/x": 415, "garbage;;;=": 415, "application/jsonp": 415,
	} {
		for _, call := range []string{"PATCH /products/1", "PATCH /products/1/"} {
			send(t, s, step{admin, call, `{"price":5}`, status, nil}, "Content-Type: "+contentType)
		}
	}
	send(t, s, step{nil, "POST /auth/login", "<x/>", 415, is{`"code":"unsupported_media"`}}, "Content-Type: text/xml")
	send(t, s, step{nil, "POST /auth/register", "name=x", 415, nil}, form)
}

// TestUnreadable sends bodies that are no JSON object, and ids that are none.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Admin()
	calls := []string{"POST /auth/register", "POST /auth/login", "POST /products", "PUT /products/1", "PATCH /products/1", "POST /cart", "PUT /cart/1",
		"POST /orders", "PUT /orders/1/status", "PUT /admin/orders/1/status", "PUT /users/profile", "PUT /users/address", "PUT /users/change-password"}
	for _, call := range calls {
		for _, body := range []string{"", " ", "{", "}", "[]", "[{}]", "null", "true", "1", `"x"`, `{"a":}`, `{"a":1,}`, `{'a':1}`, `{} {}`, `{}x`, "{a:1}", "<x/>", "a=b",
			"{\"name\":\"\xff\"}", "{\"\xc3\x28\":1}", "\x00", `{"name":"` + "\x01" + `"}`, `{"name":"\x"}`, `{"a":NaN}`, `{"a":01}`, `{"name":"\ud800"}`, `{"x":"\\\udc00\ud83d"}`, `{"\uD83Dx":1}`, strings.Repeat("[", 20000), strings.Repeat(`{"a":`, 12000)} {
			if body == "" && strings.HasSuffix(call, "/status") {
				continue // no body is a missing status there, for it may stand in the query
			}
			send(t, s, step{admin, call, body, 400, is{`"code":"malformed"`}})
		}
	}
	for _, body := range []string{"username=%zz&password=x", "username=a;b&password=%", "username=%ff&password=x", "username=a&password=%c3%28"} {
		send(t, s, step{nil, "POST /auth/login", body, 400, is{`"code":"malformed"`}}, form)
	}
	send(t, s, step{nil, "POST /auth/login", "nonsense", 400, nil}, "Content-Type: multipart/form-data; boundary=x")
	send(t, s, step{nil, "POST /auth/login", "nonsense", 400, nil}, "Content-Type: multipart/form-data")
	for _, id := range []string{"0", "-1", "x", "1x", "1.5", "1e3", "+1", "0x1", "%20", "1%20", "9223372036854775808", "99999999999999999999999", "%ff", "%00", "NaN", "null", "undefined", "1,2", "%27%20OR%201=1", "１"} {
		for _, call := range []string{"GET /products/%s", "PUT /products/%s", "PATCH /products/%s", "DELETE /products/%s", "PUT /cart/%s", "PUT /cart/%s/decrease", "DELETE /cart/%s",
			"GET /orders/%s", "POST /orders/%s/cancel", "PUT /orders/%s/status?status=Shipped", "PUT /admin/orders/%s/status?status=Shipped"} {
			send(t, s, step{admin, f(call, id), `{}`, 400, is{`"code":"malformed"`}})
		}
	}
	send(t, s, step{admin, "GET /products/9223372036854775807", "", 404, nil})
	send(t, s, step{admin, "POST /products", `{"name":"\ud83d"}`, 400, is{"half of a character"}})
	whole := send(t, s, step{admin, "POST /products", `{"name":"\ud83d\ude00 \\ud800","price":1,"category":"Toys","stock":1}`, 201, nil})
	if got := text(members(string(members(whole.Body)["product"]))["name"]); got != `😀 \ud800` {
		t.Errorf("a whole pair became %q", got)
	}
}
