package handler_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/netip"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

// TestPictures fills a shop with the demo catalogue and looks at it: each product has a picture of its own, by an absolute
// address, wherever products are shown.
func TestPictures(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	if _, err := s.Services.Products.Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	u, admin := s.User(), s.Admin()
	var products []struct {
		ID    int64
		Stock int64
		Image string `json:"image_url"`
	}
	s.Do(nil, "GET", "/products", "").JSON(&products)
	seen := map[string]bool{}
	for _, p := range products {
		path, ok := strings.CutPrefix(p.Image, "http://example.com/") // the host that the test's requests name
		if !ok || seen[path] {
			t.Errorf("product %d has the picture %q", p.ID, p.Image)
			continue
		}
		seen[path] = true
		a := s.Do(nil, "GET", "/"+path, "")
		if a.Status != 200 || a.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") ||
			a.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %d %v", path, a.Status, a.Header)
		}
		checkDrawing(t, path, a.Body)
	}
	if len(seen) < 72 {
		t.Errorf("%d pictures", len(seen))
	}
	lamp := `{"name":"Lamp","price":1,"category":"Home","stock":3,"image_url":"http://example.com/pictures/floor-lamp-sand.svg"}`
	const shown, other = `"image_url":"http://example.com/pictures/`, `!"image_url":"/pictures/`
	run(t, s, []step{
		{admin, "POST /products", lamp, 201, is{shown, other}},
		{nil, "GET /products/73", "", 200, is{shown, other}},
		{admin, "PUT /products/73", lamp, 200, is{shown, other}},
		{admin, "PATCH /products/73", `{"image_url":"/pictures/bulb-yellow.svg"}`, 200, is{shown + "bulb-yellow.svg", other}},
		{u, "POST /cart", `{"product_id":73,"quantity":1}`, 200, is{shown, other}},
		{u, "PUT /cart/73", `{"quantity":2}`, 200, is{shown, other}},
		{u, "GET /cart", "", 200, is{shown, other}},
		{admin, "GET /admin/products", "", 200, is{shown, other}},
		{admin, "GET /admin/dashboard", "", 200, is{shown, other}},
		{admin, "PATCH /products/73", `{"name":"\"image_url\":\"/pictures/x"}`, 200, is{`"name":"\"image_url\":\"/pictures/x"`}},
		{nil, "GET /pictures/nonsense.svg", "", 404, nil},
		{nil, "GET /pictures/floor-lamp-mauve.svg", "", 404, nil},
	})
	if n := s.Count("SELECT COUNT(*) FROM products WHERE image_url LIKE '/pictures/%'"); n != 73 {
		t.Errorf("%d products have a picture that moves with the shop", n)
	}
	send(t, s, step{admin, "PUT /products/73", lamp, 412, nil}, `If-Match: "old"`)
	tag := s.Do(nil, "GET", "/products/73", "").Header.Get("ETag")
	send(t, s, step{admin, "PUT /products/73", lamp, 200, nil}, "If-Match: "+tag)
}

// checkDrawing checks that a picture is well-formed and brings nothing but shapes.
func checkDrawing(t *testing.T, path, body string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(body))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		if e, ok := token.(xml.StartElement); ok && !strings.Contains(" svg g rect circle ellipse path ", " "+e.Name.Local+" ") {
			t.Errorf("%s has a %s", path, e.Name.Local)
		}
	}
	if strings.ContainsAny(strings.TrimPrefix(body, `<svg xmlns="http://www.w3.org/2000/svg"`), "&@") || strings.Contains(body, `"A"`) {
		t.Errorf("%s is not plain: %s", path, body)
	}
}

// TestPictureOrigin checks whose word is taken for the address of the shop: the request's own, and that of proxies that are
// trusted.
func TestPictureOrigin(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	p := s.Product("Lamp", "1", 1)
	s.Exec("UPDATE products SET image_url = '/pictures/floor-lamp-sand.svg' WHERE id = ?", p.ID)
	origin := func(headers ...string) string {
		t.Helper()
		var shown struct {
			Image string `json:"image_url"`
		}
		a := s.Do(nil, "GET", f("/products/%d", p.ID), "", headers...)
		if err := json.Unmarshal([]byte(a.Body), &shown); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(shown.Image, "/pictures/floor-lamp-sand.svg")
	}
	said := []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example, shop.example"}
	if got := origin(said...); got != "http://example.com" {
		t.Errorf("anybody is believed: %s", got)
	}
	s.API.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	s.Handler = s.API.Routes()
	if got := origin(said...); got != "http://example.com" {
		t.Errorf("a stranger is believed: %s", got)
	}
	s.API.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // where the test's requests come from
	s.Handler = s.API.Routes()
	if got := origin(said...); got != "https://shop.example" {
		t.Errorf("a trusted proxy is not believed: %s", got)
	}
	for range 3 { // the more often, the sooner it is kept
		if theirs, plain := origin(said...), origin(); theirs != "https://shop.example" || plain != "http://example.com" {
			t.Errorf("one is shown the address by which another came: %s and %s", theirs, plain)
		}
	}
	if got := origin(`X-Forwarded-Host: a"b`, "X-Forwarded-Proto: javascript"); got != "" {
		t.Errorf("nonsense is believed: %s", got)
	}
	longest := strings.Repeat("a", 253) + ":65535"
	if got := origin("X-Forwarded-Host: " + longest); got != "http://"+longest {
		t.Errorf("the longest name became %s", got)
	}
	if got := origin("X-Forwarded-Host: a" + longest); got != "" {
		t.Errorf("a list has with each picture %d bytes", len(got))
	}
}
