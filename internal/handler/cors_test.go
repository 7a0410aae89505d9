package handler_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

// TestPreflight asks as browsers do before they send what is not simple.
func TestPreflight(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	ask := func(origin, method, path, headers string) testkit.Answer {
		return s.Do(nil, "OPTIONS", path, "", "Origin: "+origin, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: "+headers)
	}
	for _, path := range []string{"/products", "/products/1/", "/orders//7/status", "/cart/1/decrease", "/auth/login", "/users/profile", "/admin/dashboard"} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			for _, headers := range []string{"", "authorization", "content-type", "authorization,content-type",
				"authorization,content-type,idempotency-key", "authorization,if-match,if-none-match", "cache-control,x-request-id", "x-requested-with"} {
				a := ask(storefront, method, path, headers)
				h := a.Header
				if a.Status/100 != 2 || h.Get("Access-Control-Allow-Origin") != storefront || h.Get("Access-Control-Allow-Credentials") != "true" ||
					!strings.Contains(h.Get("Access-Control-Allow-Methods"), method) || h.Get("X-Request-Id") == "" {
					t.Errorf("%s %s: status %d, %v", method, path, a.Status, h)
				}
				for _, want := range strings.Split(headers, ",") {
					if !strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), want) {
						t.Errorf("%s %s: %s is not allowed", method, path, want)
					}
				}
			}
			for _, origin := range []string{"http://evil.example", "null", "https://localhost:5173", "http://localhost", storefront + ".evil.example", "http://localhost:51730"} {
				if h := ask(origin, method, path, "authorization").Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s may send %s %s: %v", origin, method, path, h)
				}
			}
		}
	}
	if h := ask(storefront, "GET", "/products", "x-evil").Header; h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("an unknown header is allowed: %v", h)
	}
	if h := ask(storefront, "TRACE", "/products", "").Header; h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("TRACE is allowed: %v", h)
	}
}

// TestCORS checks what a page may read of answers, of errors too.
func TestCORS(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.API.CORSOrigins = []string{storefront, "https://shop.example"}
	s.API.Ready = func(context.Context) error { panic("x") }
	s.Handler = s.API.Routes()
	for path, status := range map[string]int{"/products": 200, "/nowhere": 404, "/cart": 401, "/products/x": 400, "/products?limit=0": 422, "/auth/login": 405, "/readyz": 500} {
		for _, origin := range s.API.CORSOrigins {
			a := s.Do(nil, "GET", path, "", "Origin: "+origin)
			if a.Status != status || a.Header.Get("Access-Control-Allow-Origin") != origin || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
				t.Errorf("%s: status %d, %v", path, a.Status, a.Header)
			}
			for _, name := range []string{"Link", "ETag", "Location", "X-Total-Count", "X-Request-Id", "Retry-After"} {
				if !strings.Contains(strings.ToLower(a.Header.Get("Access-Control-Expose-Headers")), strings.ToLower(name)) {
					t.Errorf("%s does not expose %s", path, name)
				}
			}
		}
		for _, origin := range []string{"http://evil.example", "https://shop.example.evil.example", "null", ""} {
			a := s.Do(nil, "GET", path, "", "Origin: "+origin)
			if a.Header.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s from %q: %v", path, origin, a.Header)
			}
		}
	}
}

// TestForeignPages sends what a browser does without asking first, for pages of its own site, of the storefront and of others:
// those neither guess passwords nor make accounts in their visitors' names.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.API.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")} // httptest's client
	s.API.CORSOrigins = []string{storefront, "https://shop.example"}
	s.Handler = s.API.Routes()
	u := s.User()
	wrong := "username=" + u.Email + "&password=wrong"
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"Program":      {nil, 401},
		"Storefront":   {[]string{"Origin: " + storefront, "Sec-Fetch-Site: cross-site"}, 401},
		"SameSite":     {[]string{"Origin: http://localhost:9999", "Sec-Fetch-Site: same-site"}, 403},
		"Own":          {[]string{"Origin: http://127.0.0.1:8000", "X-Forwarded-Host: 127.0.0.1:8000"}, 401},
		"OwnHere":      {[]string{"Origin: http://localhost:8000", "X-Forwarded-Host: localhost:8000", "Sec-Fetch-Site: same-origin"}, 401},
		"LentName":     {[]string{"Origin: http://evil.example:8000", "X-Forwarded-Host: evil.example:8000", "Sec-Fetch-Site: same-origin"}, 403},
		"LentNameOld":  {[]string{"Origin: http://evil.example:8000", "X-Forwarded-Host: evil.example:8000"}, 403},
		"LentNameHost": {[]string{"Origin: http://example.com", "Sec-Fetch-Site: same-origin"}, 403}, // httptest's Host
		"ListedName":   {[]string{"Origin: http://shop.example", "X-Forwarded-Host: shop.example"}, 401},
		"StorefrontOf": {[]string{"Origin: " + storefront, "Sec-Fetch-Site: cross-site", "X-Forwarded-Host: any.example"}, 401},
		"OwnByProxy":   {[]string{"Origin: https://shop.example", "X-Forwarded-Host: shop.example", "X-Forwarded-Proto: https"}, 401},
		"OwnByBrowser": {[]string{"Origin: https://own.example", "X-Forwarded-Host: own.example", "X-Forwarded-Proto: https", "Sec-Fetch-Site: same-origin"}, 401},
		"Foreign":      {[]string{"Origin: http://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		"OldBrowser":   {[]string{"Origin: http://evil.example"}, 403},
		"Null":         {[]string{"Origin: null"}, 403},
		"NoOrigin":     {[]string{"Sec-Fetch-Site: cross-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := append([]string{"Content-Type: application/x-www-form-urlencoded"}, c.headers...)
			if a := s.Do(nil, "POST", "/auth/login", wrong, form...); a.Status != c.status {
				t.Errorf("status %d, want %d: %s", a.Status, c.status, a.Body)
			}
			account := f(`{"name": "Eve", "email": "%s@example.com", "password": "thimble-1"}`, name)
			if a := s.Do(nil, "POST", "/auth/register", account, append([]string{"Content-Type: "}, c.headers...)...); (a.Status == 403) != (c.status == 403) {
				t.Errorf("registered: status %d: %s", a.Status, a.Body)
			}
			if a := s.Do(nil, "GET", "/products", "", c.headers...); a.Status != 200 {
				t.Errorf("reading: status %d", a.Status)
			}
		})
	}
}
