package handler

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/security"
	"hexamart/internal/service"
)

// isAnswer reports whether an error is one for the client to mend.
func isAnswer(err error) bool {
	var known *apperr.Error
	return errors.As(err, &known) && slices.Contains([]apperr.Code{apperr.Malformed, apperr.InvalidInput, apperr.TooLarge, apperr.UnsupportedMedia}, known.Code)
}

// FuzzBody reads bodies into all inputs there are: each gets an answer, and what gets through is valid text.
func FuzzBody(f *testing.F) {
	for _, s := range []string{"", "null", "{}", "[]", `{"name":"Ann","email":"ann@example.com","password":"thimble-1","address":null}`, `{"price":1e999,"stock":-9223372036854775809}`,
		`{"price":"19.99","stock":"5","name":"\ud800","category":"\u0000","image_url":"javascript:alert(1)"}`, `{"quantity":9223372036854775807,"product_id":1.0}`, `{"stock_delta":-1,"stock":1}`,
		`{"expected_total":10000000000.00,"payment_method":"UPI","shipping_address":"\u202e"}`, `{"name":{"name":{"name":[]}}}`, `{"name":"a","name":"b","NAME":"c"}`, strings.Repeat("[", 12000),
		strings.Repeat(`{"name":`, 12000), "{\"name\":\"\xff\"}", "\ufeff{}", `{"status":"Shipped","everywhere":"true","refresh_token":7}`, "{\"a\":1}\x00", `{"":0,"-":1}`} {
		f.Add([]byte(s), "application/json")
	}
	f.Add([]byte("{}"), "application/json; charset=\xff")
	f.Add([]byte("{}"), "text/plain")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		for _, in := range []validator{&model.RegisterInput{}, &model.LoginInput{}, &model.ProductInput{}, &model.ProductPatch{}, &model.CartInput{}, &model.QuantityInput{}, &model.OrderInput{},
			&model.StatusInput{}, &model.ProfileInput{}, &model.AddressInput{}, &model.PasswordInput{}, &model.RefreshInput{}, &model.LogoutInput{}} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
			r.Header.Set("Content-Type", contentType)
			err := decodeBody(r, in)
			if err != nil && !isAnswer(err) {
				t.Errorf("%T of %q: %v", in, body, err)
			}
			if err == nil {
				if !utf8.Valid(body) {
					t.Errorf("%T is read from %q", in, body)
				}
				validTexts(t, reflect.ValueOf(in).Elem())
				_ = in.Validate() // must not panic
			}
		}
	})
}

func validTexts(t *testing.T, v reflect.Value) {
	for i := range v.NumField() {
		field := v.Field(i)
		if field.Kind() == reflect.Pointer && !field.IsNil() {
			field = field.Elem()
		}
		if field.Kind() == reflect.String && !utf8.ValidString(field.String()) {
			t.Errorf("%s is %q", v.Type().Field(i).Name, field)
		}
	}
}

// FuzzForm reads logins, as forms of both kinds and as JSON.
func FuzzForm(f *testing.F) {
	const multi = "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; name=\"password\"; filename=\"p\"\r\n\r\nb\r\n--x--\r\n"
	for _, s := range []string{"", "username=a&password=b", "username=%ff", "username=%zz", "a;b", "password=%00&username=%ed%a0%80", strings.Repeat("a=b&", 3000), multi, multi[:50],
		"--x\r\nContent-Disposition: form-data; name=\"\xff\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n--x--"} {
		for _, contentType := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "application/json"} {
			f.Add(s, contentType)
		}
	}
	f.Fuzz(func(t *testing.T, body, contentType string) {
		r := httptest.NewRequest(http.MethodPost, "/auth/login?username=query&password=query", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		in, err := decodeLogin(r)
		if err != nil && !isAnswer(err) {
			t.Errorf("%.80q: %v", body, err)
		}
		if err == nil && (!utf8.ValidString(in.Username+in.Email+in.Password) || in.Password == "query" && !strings.Contains(body, "query")) {
			t.Errorf("%.80q became %q", body, in)
		}
	})
}

// FuzzQuery reads everything that stands in queries.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "limit=0", "limit=9223372036854775808", "x=%ff", "x=%zz", "x=a;b", "x=2026-11-22", "x=9999-12-31T23:59:60Z", "x=0000-01-01", "x=-1", "x=1e3", "x=19.999", "x=%00", "x=%E2%80%AE",
		"x=%ed%a0%80", "x=2026-11-22T12:06:45%2B99:99", "cursor=e30&limit=5&count=yes", "cursor=%00", "x=", strings.Repeat("x=1&", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/products", RawQuery: raw}}
		q, err := readQuery(r)
		if err != nil {
			if !isAnswer(err) {
				t.Errorf("%.80q: %v", raw, err)
			}
			return
		}
		if m := q.money("x"); m != nil && (*m < 0 || *m > model.MaxMoney) {
			t.Errorf("%.80q became %v", raw, m)
		}
		if was := len(q.bad); q.number("x", 1) < 0 && len(q.bad) == was {
			t.Errorf("%.80q is less than the least, and passes", raw)
		}
		for _, end := range []bool{false, true} {
			if at := q.moment("x", end); at != nil && (at.Year() < 1000 || at.Year() > 9999 || at.Location() != time.UTC) {
				t.Errorf("%.80q became %v", raw, at)
			}
		}
		if !utf8.ValidString(q.text("x")) {
			t.Errorf("%.80q became %q", raw, q.text("x"))
		}
		_ = q.flag("x")
		page, err := pageOf(r)
		if err != nil && !isAnswer(err) {
			t.Errorf("%.80q: %v", raw, err)
		} else if err == nil && page.Validate() == nil && (page.Limit < 1 || page.Limit > model.MaxLimit) {
			t.Errorf("%.80q became %+v", raw, page)
		}
	})
}

// FuzzHeaders sends headers and paths to the router, as far as no database is needed: there is an answer,
// it is not an error of the shop's, and no header of it was the client's to write.
func FuzzHeaders(f *testing.F) {
	tokens, err := security.NewTokens(strings.Repeat("k", 32), "HS256", time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	api := &API{Services: service.New(nil, security.NewPasswords(4), tokens, security.NewLimiter(1, time.Hour), time.Hour), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		CORSOrigins: []string{"http://shop.example"}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Ready: func(context.Context) error { return nil }}
	router := api.Routes()
	p, err := newPage(httptest.NewRequest("GET", "/", nil), content{v: "x"})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "*", `W/"x", "` + p.tag + `"`, `"` + p.tag + gzipTag, "gzip;q=0", "gzip;q=1e9, *;q=\x00", "Bearer ", "Bearer a.b.c", "bearer \xff", "1.2.3.4, ::1", "1.2.3.4:80,,[::1]:80", "fe80::1%\u202e",
		"http://shop.example", "null", "https", strings.Repeat(",", 5000), strings.Repeat("gzip,", 900), "a\r\nSet-Cookie: x=y", "multipart/form-data; boundary=\"\"", "a;b=c;b=d"} {
		f.Add("/cart//", s)
		f.Add("/"+s, "gzip")
	}
	f.Fuzz(func(t *testing.T, path, value string) {
		header := http.Header{}
		for _, name := range []string{"Authorization", "Accept-Encoding", "If-None-Match", "If-Match", "Content-Type", "Content-Encoding", "Idempotency-Key", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Proto", "Origin",
			"Access-Control-Request-Method", "Access-Control-Request-Headers"} {
			header.Set(name, value)
		}
		w := httptest.NewRecorder()
		p.write(w, &http.Request{Method: http.MethodGet, Header: header, URL: &url.URL{Path: "/"}})
		if w.Code != http.StatusOK && w.Code != http.StatusNotModified {
			t.Errorf("%.80q: a page is answered with %d", value, w.Code)
		}
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Path == "" {
			u = &url.URL{Path: "/" + path}
		}
		if route := routePath(&http.Request{URL: u}); !strings.HasPrefix(route, "/") || strings.Contains(route, "//") || route != "/" && strings.HasSuffix(route, "/") {
			t.Errorf("%.80q is routed to %q", path, route)
		}
		for _, method := range []string{http.MethodOptions, http.MethodDelete, http.MethodPut} { // those behind a guard, or nowhere
			w := httptest.NewRecorder()
			router.ServeHTTP(w, &http.Request{Method: method, Header: header.Clone(), URL: u, RemoteAddr: "192.0.2.1:1", Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1})
			if w.Code >= 500 || w.Code/100 == 3 || w.Header().Get("Set-Cookie") != "" || !wellFormedID(w.Header().Get("X-Request-Id")) {
				t.Errorf("%s %q with %q: %d %v", method, path, value, w.Code, w.Header())
			}
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" && got != "http://shop.example" {
				t.Errorf("%.80q is allowed", got)
			}
		}
	})
}
