package handler_test

import (
	"fmt"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

func TestProducts(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u := s.Admin(), s.User()
	a := send(t, s, step{admin, "POST /products",
		`{"name":" Desk Lamp ","price":"19.9","category":" Home ","stock":"5","image_url":" https://example.com/lamp.png?a=1&b=2 "}`, 201, nil})
	lamp := `{"id":1,"name":"Desk Lamp","price":19.90,"category":"Home","stock":5,"image_url":"https://example.com/lamp.png?a=1&b=2"}`
	if m := members(a.Body); names(a.Body) != "message product product_id" || string(m["product"]) != lamp || string(m["product_id"]) != "1" {
		t.Errorf("the answer is %s", a.Body)
	}
	if got := s.Do(nil, "GET", a.Header.Get("Location"), ""); got.Body != lamp+"\n" {
		t.Errorf("at its location there is %s", got.Body)
	}
	for _, none := range []string{`,"image_url":null`, `,"image_url":""`, ""} {
		run(t, s, []step{{admin, "POST /products", `{"name":"Mug","price":0,"category":"Home","stock":0` + none + `}`, 201, is{`"price":0.00`, `"stock":0`, `"image_url":null`}}})
	}
	run(t, s, []step{
		{nil, "GET /products/1", "", 200, is{lamp}},
		{nil, "GET /products/99", "", 404, is{`"code":"not_found"`}},
		{admin, "PUT /products/1", `{"name":"Torch","price":7.1,"category":"Tools","stock":3}`, 200,
			is{`"product":{"id":1,"name":"Torch","price":7.10,"category":"Tools","stock":3,"image_url":null}`}},
		{admin, "PUT /products/1", `{"name":"Torch","price":7.1,"category":"Tools","stock":3}`, 200, nil}, // the same again is no 404
		{admin, "PUT /products/1", `{"name":"Half"}`, 422, nil},
		{admin, "PUT /products/99", `{"name":"Torch","price":7.1,"category":"Tools","stock":3}`, 404, nil},
		{nil, "GET /products/1", "", 200, is{`{"id":1,"name":"Torch","price":7.10,"category":"Tools","stock":3,"image_url":null}`}},
		{u, "GET /admin/products", "", 403, nil},
	})
	longest := f(`{"name":%q,"price":1,"category":%q,"stock":1000000000,"image_url":"http://e.com/%s"}`,
		strings.Repeat("é", 100), strings.Repeat("é", 50), strings.Repeat("x", 242))
	a = send(t, s, step{admin, "POST /products", longest, 201, nil})
	run(t, s, []step{{nil, "GET " + a.Header.Get("Location"), "", 200, is{strings.Repeat("é", 100), strings.Repeat("x", 242), "1000000000"}}})
}

func TestPatchProduct(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Admin()
	s.Product("Lamp", "19.99", 5)
	run(t, s, []step{
		{admin, "PATCH /products/1", `{"price":"18.50"}`, 200, is{`"product":{"id":1,"name":"Lamp","price":18.50,"category":"Test","stock":5,"image_url":null}`}},
		{admin, "PATCH /products/1", `{"name":"Torch","category":"Tools","stock":4,"image_url":"http://example.com/x"}`, 200, nil},
		{nil, "GET /products/1", "", 200, is{`{"id":1,"name":"Torch","price":18.50,"category":"Tools","stock":4,"image_url":"http://example.com/x"}`}},
		{admin, "PATCH /products/1", `{"stock_delta":-3}`, 200, is{`"stock":1,`}},
		{admin, "PATCH /products/1", `{"stock_delta":"10","price":1}`, 200, is{`"stock":11,`, `"price":1.00`}},
		{admin, "PATCH /products/1", `{"stock_delta":-12,"price":2}`, 409, is{`"code":"out_of_stock"`, `"available":11`}},
		{admin, "PATCH /products/1", `{"stock_delta":1000000000}`, 409, nil},
		{admin, "PATCH /products/1", `{"stock_delta":1,"stock":1}`, 422, nil},
		{admin, "PATCH /products/1", `{"stock":-1}`, 422, nil},
		{nil, "GET /products/1", "", 200, is{`"stock":11,`, `"price":1.00`, `"image_url":"http://example.com/x"`}},
		{admin, "PATCH /products/1", `{"image_url":null}`, 200, is{`"image_url":null`}},
		{admin, "PATCH /products/1", `{"stock_delta":-11}`, 200, is{`"stock":0,`}},
		{admin, "PATCH /products/1", `{}`, 200, is{`"stock":0,`, `"name":"Torch"`}},
		{admin, "PATCH /products/99", `{}`, 404, nil},
		{admin, "PATCH /products/99", `{"stock_delta":1}`, 404, nil},
	})
}

// TestArchive deletes a product: it leaves the shop, and everything but the shelves remembers it.
func TestArchive(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u := s.Admin(), s.User()
	lamp, mug := s.ProductIn("Light", "Lamp", "19.99", 5), s.ProductIn("Home", "Mug", "7.10", 5)
	o := s.Order(u, lamp, 1)
	s.Fill(u, lamp, 2)
	s.Fill(u, mug, 1)
	run(t, s, []step{
		{admin, f("DELETE /products/%d", lamp.ID), "", 200, nil},
		{admin, f("DELETE /products/%d", lamp.ID), "", 404, nil},
		{nil, f("GET /products/%d", lamp.ID), "", 404, nil},
		{admin, f("GET /products/%d", lamp.ID), "", 404, nil},
		{admin, f("PUT /products/%d", lamp.ID), `{"name":"Lamp","price":1,"category":"Light","stock":1}`, 404, nil},
		{admin, f("PATCH /products/%d", lamp.ID), `{"stock_delta":1}`, 404, nil},
		{nil, "GET /products", "", 200, is{"Mug", "!Lamp"}},
		{nil, "GET /products?archived=true", "", 200, is{"Mug", "!Lamp"}},
		{nil, "GET /products?search=lamp", "", 200, is{"[]"}},
		{nil, "GET /products/categories", "", 200, is{`["Home"]`}},
		{u, "GET /cart", "", 200, is{`"name":"Lamp","price":19.99,"quantity":2,"total_price":39.98,"image_url":null,"stock":4,"available":false`, `"available":true`}},
		{u, "POST /cart", f(`{"product_id":%d,"quantity":1}`, lamp.ID), 404, nil},
		{u, "POST /orders", `{"payment_method":"UPI","shipping_address":"Here"}`, 409, is{`"code":"out_of_stock"`,
			f(`"items":[{"product_id":%d,"name":"Lamp","requested":2,"available":0}]`, lamp.ID)}},
		{u, f("GET /orders/%d", o.ID), "", 200, is{`"name":"Lamp","quantity":1,"price":19.99,"total_price":19.99`}},
		{admin, "GET /admin/orders", "", 200, is{`"name":"Lamp"`}},
		{u, f("PUT /cart/%d/decrease", lamp.ID), "", 200, nil},
		{u, f("DELETE /cart/%d", lamp.ID), "", 200, nil},
		{u, "POST /orders", `{"payment_method":"UPI","shipping_address":"Here"}`, 201, is{`"total_price":7.10`}},
		{u, f("POST /orders/%d/cancel", o.ID), "", 200, is{"Cancelled"}}, // the stock goes back to what isn't sold
	})
	if s.Stock(lamp) != 5 {
		t.Errorf("the stock is %d", s.Stock(lamp))
	}
}

// TestFindProducts asks for products in every way; the numbers are ids.
func TestFindProducts(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Admin()
	run(t, s, []step{
		{nil, "GET /products", "", 200, is{"[]"}},
		{nil, "GET /products/categories", "", 200, is{"[]"}},
		{admin, "GET /admin/products", "", 200, is{"[]"}},
	})
	for _, p := range []struct {
		category, name, price string
		stock                 int
	}{
		{"Home", "Café Lamp", "10.00", 5},           // 1
		{"Clothes", "100% Wool_Sock", "5.00", 0},    // 2
		{"Home", "Mug!", "7.10", 3},                 // 3
		{"Books", `O'Reilly's \ Guide`, "30.00", 9}, // 4
		{"Home", "mug!! large", "7.10", 0},          // 5
		{"Home", "Lamp shade", "10.00", 1},          // 6
		{"Attic", "Old Lamp", "1.00", 4},            // 7, archived
	} {
		s.ProductIn(p.category, p.name, p.price, p.stock)
	}
	run(t, s, []step{
		{admin, "DELETE /products/7", "", 200, nil},
		{nil, "GET /products/categories", "", 200, is{`["Books","Clothes","Home"]`}},
	})
	lists := map[string]string{
		"":                                "1 2 3 4 5 6",
		"category=Home":                   "1 3 5 6",
		"category=Attic":                  "",
		"category=Nope":                   "",
		"category=Ho%25":                  "",
		"category=":                       "1 2 3 4 5 6",
		"search=lamp":                     "1 6",
		"search=LAMP":                     "1 6",
		"search=%20lamp%20":               "1 6",
		"search=CAF%C3%89":                "1",
		"search=caf%C3%A9+l":              "1",
		"search=amp+s":                    "6",
		"search=%25":                      "2",
		"search=100%25":                   "2",
		"search=_":                        "2",
		"search=l_S":                      "2",
		"search=m_g":                      "",
		"search=l%25p":                    "",
		"search=!":                        "3 5",
		"search=!!":                       "5",
		"search=!%25":                     "",
		"search=%5C":                      "4",
		"search=%5C%25":                   "",
		"search=%27":                      "4",
		"search=o%27reilly%27s+%5C+guide": "4",
		"search=%27+OR+1%3D1+--+":         "",
		"search=%00":                      "",
		"search=lamp&category=Home&in_stock=true&sort_by=desc&max_price=10": "6 1",
		"search=":                   "1 2 3 4 5 6",
		"sort_by=asc":               "2 3 5 1 6 4",
		"sort_by=desc":              "4 6 1 5 3 2",
		"sort_by=newest":            "6 5 4 3 2 1",
		"sort_by=name":              "2 1 6 3 5 4",
		"sort_by=":                  "1 2 3 4 5 6",
		"min_price=7.10":            "1 3 4 5 6",
		"min_price=7.11":            "1 4 6",
		"max_price=7.1":             "2 3 5",
		"max_price=7.09":            "2",
		"min_price=10&max_price=10": "1 6",
		"min_price=&max_price=":     "1 2 3 4 5 6",
		"in_stock=true":             "1 3 4 6",
		"in_stock=1":                "1 3 4 6",
		"in_stock=false":            "2 5",
		"colour=red&limit=":         "1 2 3 4 5 6",
		"archived=true":             "1 2 3 4 5 6",
	}
	adminLists := map[string]string{
		"":                        "1 2 3 4 5 6 7",
		"archived=true":           "7",
		"archived=false":          "1 2 3 4 5 6",
		"search=lamp&sort_by=asc": "7 1 6",
		"category=Attic":          "7",
		"in_stock=false":          "2 5",
		"sort_by=newest":          "7 6 5 4 3 2 1",
	}
	for _, index := range []bool{false, true} { // of names, for searches
		if index {
			if _, err := s.Services.Products.BuildNames(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for query, want := range lists {
			if got := ids(send(t, s, step{nil, "GET /products?" + query, "", 200, is{"!archived_at"}})); got != want {
				t.Errorf("%s: products %q, want %q", query, got, want)
			}
		}
		for query, want := range adminLists {
			if got := ids(send(t, s, step{admin, "GET /admin/products?" + query, "", 200, is{`"archived_at":`}})); got != want {
				t.Errorf("admin, %s: products %q, want %q", query, got, want)
			}
		}
	}
	run(t, s, []step{{nil, "GET /products?archived=what", "", 200, nil}}) // no parameter of this list
	a := send(t, s, step{nil, "GET /products", "", 200, nil})
	for _, p := range elements(t, a.Body) {
		if got := names(p); got != "category id image_url name price stock" {
			t.Errorf("a product has %s", got)
		}
	}
	a = send(t, s, step{admin, "GET /admin/products", "", 200, nil})
	for i, p := range elements(t, a.Body) {
		archived := !strings.Contains(p, `"archived_at":null`)
		if got := names(p); got != "archived_at category id image_url name price stock" || archived != (i == 6) {
			t.Errorf("product %d is %s", i+1, p)
		}
	}
}

// TestFindProductsBadly checks that every parameter that can't be read is named, and no other.
func TestFindProductsBadly(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Admin()
	for query, want := range map[string]string{
		"sort_by=price":           "sort_by",
		"sort_by=ASC;DROP":        "",
		"sort_by=price%20DESC":    "sort_by",
		"min_price=cheap":         "min_price",
		"min_price=-1":            "min_price",
		"max_price=1e3":           "max_price",
		"max_price=1.999":         "max_price",
		"max_price=NaN":           "max_price",
		"max_price=99999999999":   "max_price",
		"min_price=5&max_price=4": "min_price",
		"min_price=5&max_price=x": "max_price",
		"in_stock=maybe":          "in_stock",
		"count=maybe":             "count",
		"limit=many":              "limit",
		"cursor=there":            "cursor",
		"sort_by=up&min_price=x&max_price=y&in_stock=z&count=w&limit=v&cursor=u": "count cursor in_stock limit max_price min_price sort_by",
	} {
		for _, list := range []string{"/products", "/admin/products"} {
			if want == "" {
				send(t, s, step{admin, fmt.Sprintf("GET %s?%s", list, query), "", 400, nil})
				continue
			}
			if got := badFields(send(t, s, step{admin, fmt.Sprintf("GET %s?%s", list, query), "", 422, nil})); got != want {
				t.Errorf("%s?%s: fields %q, want %q", list, query, got, want)
			}
		}
	}
	if got := badFields(send(t, s, step{admin, "GET /admin/products?archived=what&limit=0", "", 422, nil})); got != "archived limit" {
		t.Errorf("fields %q", got)
	}
}
