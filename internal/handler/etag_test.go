package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

func TestETag(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 5)
	s.Product("Mug", "7.10", 5)
	for _, path := range []string{"/products", "/products?limit=1", "/products/1", "/products/categories"} {
		plain, zipped := s.Do(nil, "GET", path, ""), s.Do(nil, "GET", path, "", "Accept-Encoding: gzip")
		tag, zippedTag := plain.Header.Get("ETag"), zipped.Header.Get("ETag")
		if len(tag) < 10 || zippedTag != strings.TrimSuffix(tag, `"`)+`-gzip"` || plain.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: tags %s and %s, %v", path, tag, zippedTag, plain.Header)
		}
		for _, sent := range []string{tag, zippedTag, "W/" + tag, `"other", ` + tag, "*"} {
			got := s.Do(nil, "GET", path, "", "If-None-Match: "+sent)
			want := strings.TrimPrefix(strings.TrimPrefix(sent, `"other", `), "W/")
			if want == "*" {
				want = tag
			}
			if got.Status != http.StatusNotModified || got.Body != "" || got.Header.Get("ETag") != want || got.Header.Get("Content-Type") != "" ||
				got.Header.Get("Link") != plain.Header.Get("Link") || !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s, If-None-Match %s: %+v", path, sent, got)
			}
		}
		for _, sent := range []string{`"other"`, "", strings.Trim(tag, `"`)} {
			if got := s.Do(nil, "GET", path, "", "If-None-Match: "+sent); got.Status != http.StatusOK || got.Body != plain.Body {
				t.Errorf("%s, If-None-Match %q: %+v", path, sent, got)
			}
		}
		if head := s.Do(nil, "HEAD", path, ""); head.Header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %+v", path, head)
		}
	}
	before := s.Do(nil, "GET", "/products/1", "").Header.Get("ETag")
	s.Order(u, lamp, 1)
	if after := s.Do(nil, "GET", "/products/1", "").Header.Get("ETag"); after == before {
		t.Error("the tag outlives the stock")
	}
	if got := s.Do(admin, "GET", "/admin/products", ""); got.Header.Get("ETag") != "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("what admins see: %v", got.Header)
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 5)
	const body, patch = `{"name": "Torch", "price": "9.99", "category": "Home", "stock": 7}`, `{"price": "9.99"}`
	tags := func() (plain, zipped string) {
		return s.Do(nil, "GET", "/products/1", "").Header.Get("ETag"), s.Do(nil, "GET", "/products/1", "", "Accept-Encoding: gzip").Header.Get("ETag")
	}
	old, _ := tags()
	s.Order(u, lamp, 1)
	for _, c := range [][2]string{{"PUT", body}, {"PATCH", patch}} {
		got := s.Do(admin, c[0], "/products/1", c[1], "If-Match: "+old)
		if got.Status != http.StatusPreconditionFailed || got.Field("code") != "precondition_failed" || s.Stock(lamp) != 4 ||
			s.Count("SELECT COUNT(*) FROM products WHERE price = 19.99") != 1 {
			t.Errorf("%s with an old tag: %+v", c[0], got)
		}
	}
	plain, zipped := tags()
	for _, sent := range []string{plain, zipped, `"other", ` + plain, "*"} {
		got := s.Do(admin, "PUT", "/products/1", body, "If-Match: "+sent)
		if got.Status != http.StatusOK || s.Stock(lamp) != 7 {
			t.Errorf("with %s: %+v", sent, got)
		}
		s.Do(admin, "PUT", "/products/1", `{"name": "Lamp", "price": "19.99", "category": "Test", "stock": 4}`)
	}
	if got := s.Do(admin, "PUT", "/products/99", body, "If-Match: *"); got.Status != http.StatusNotFound {
		t.Errorf("what is not there: %+v", got)
	}
	mustHold(t, s)
}
