package handler_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

var nextLink = regexp.MustCompile(`^<(/[^<>]*)>; rel="next"$`)

// next returns where an answer's Link leads, "" without one.
func next(t *testing.T, a testkit.Answer) string {
	t.Helper()
	link := a.Header.Get("Link")
	if link == "" {
		return ""
	}
	m := nextLink.FindStringSubmatch(link)
	if m == nil {
		t.Fatalf("Link is %q", link)
	}
	return m[1]
}

// collections are all that can be paged, with every order they have.
var collections = []string{"/cart", "/orders", "/admin/orders", "/admin/orders?status=Pending", "/admin/audit", "/admin/audit?action=product.create",
	"/products", "/products?sort_by=asc", "/products?sort_by=desc", "/products?sort_by=newest", "/products?sort_by=name",
	"/products?search=%C3%A9%26+lamp&category=A%26B&sort_by=name", "/products?min_price=2&in_stock=true&sort_by=desc",
	"/admin/products", "/admin/products?sort_by=asc", "/admin/products?sort_by=desc", "/admin/products?sort_by=newest", "/admin/products?sort_by=name"}

// with returns a collection's address with more parameters.
func with(collection, query string) string {
	if strings.Contains(collection, "?") {
		return collection + "&" + query
	}
	return collection + "?" + query
}

// pagedShop is a shop in which every collection has several pages, with ties in what they are sorted by.
func pagedShop(t *testing.T) (*testkit.Shop, *testkit.Person) {
	t.Helper()
	s := testkit.NewShop(t)
	admin, other := s.Admin(), s.User()
	for i, name := range []string{"É& lamp", "é& LAMP", "e& lamp", "É& lamp", "É& Lamp b", "É& lamp %", `É& lamp \`, "É& lamp '", "Zebra", "", "É& lamp", "🎁", "🎈"} {
		p := s.ProductIn("A&B", "x"+name, []string{"5.00", "1.00", "10.00"}[i%3], 100)
		s.Exec("UPDATE products SET name = ? WHERE id = ?", strings.TrimPrefix(p.Name, "x"), p.ID)
		s.Order(admin, p, 1)
		s.Order(other, p, 1)
	}
	var all []int64
	if err := s.DB.Select(&all, "SELECT id FROM products"); err != nil {
		t.Fatal(err)
	}
	for _, id := range all {
		s.Fill(admin, model.Product{ID: id}, 1)
	}
	return s, admin
}

// TestPages follows the links through every collection: each row comes once, in the order of the whole,
// whatever is added meanwhile.
func TestPages(t *testing.T) {
	t.Parallel()
	s, admin := pagedShop(t)
	for _, limit := range []int{1, 4, 13} {
		for _, c := range collections {
			all := send(t, s, step{admin, "GET " + with(c, "limit=1000"), "", 200, nil})
			if all.Header.Get("Link") != "" || all.Header.Get("X-Total-Count") != "" {
				t.Errorf("%s on one page has Link %q and X-Total-Count %q", c, all.Header.Get("Link"), all.Header.Get("X-Total-Count"))
			}
			var got []string
			pages, rows := 0, len(elements(t, all.Body))
			for path := with(c, f("limit=%d", limit)); path != "" && pages < 100; pages++ {
				a := send(t, s, step{admin, "GET " + path, "", 200, nil})
				if n := len(elements(t, a.Body)); n > limit || n == 0 || a.Header.Get("Link") != "" && n != limit {
					t.Errorf("%s: a page of %d rows, limit %d", path, n, limit)
				}
				got = append(got, elements(t, a.Body)...)
				path = next(t, a)
			}
			if strings.Join(got, "\n") != strings.Join(elements(t, all.Body), "\n") {
				t.Errorf("%s by %d: pages have %d rows in another order or number than the whole of %d", c, limit, len(got), rows)
			}
			if want := (rows + limit - 1) / limit; pages != want || rows < 5 {
				t.Errorf("%s by %d: %d pages of %d rows", c, limit, pages, rows)
			}
		}
	}
}

// TestPagesWhileWritten adds and archives rows between pages.
func TestPagesWhileWritten(t *testing.T) {
	t.Parallel()
	s, admin := pagedShop(t)
	for _, c := range collections {
		if strings.HasPrefix(c, "/cart") {
			continue
		}
		want := ids(send(t, s, step{admin, "GET " + c, "", 200, nil}))
		seen := map[string]int{}
		for path := with(c, "limit=3"); path != ""; {
			a := send(t, s, step{admin, "GET " + path, "", 200, nil})
			for _, id := range strings.Fields(ids(a)) {
				seen[id]++
			}
			for _, price := range []string{"1.00", "5.00", "10.00"}[:1+len(seen)%3] {
				if len(seen) < 12 {
					s.Order(admin, s.ProductIn("A&B", "É& lamp", price, 100), 1)
				}
			}
			path = next(t, a)
		}
		for _, id := range strings.Fields(want) {
			if seen[id] != 1 {
				t.Errorf("%s: row %s came %d times", c, id, seen[id])
			}
			delete(seen, id)
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s: the new row %s came %d times", c, id, n)
			}
		}
	}
}

func TestPageLimit(t *testing.T) {
	t.Parallel()
	s, admin := pagedShop(t)
	for _, c := range collections {
		for _, limit := range []string{"0", "-1", "1001", "x", "1.5", "1e2", "99999999999999999999", "9223372036854775807", "%2B5", "0x10"} {
			if got := badFields(send(t, s, step{admin, "GET " + with(c, "limit="+limit), "", 422, nil})); got != "limit" {
				t.Errorf("%s, limit=%s: fields %q", c, limit, got)
			}
		}
	}
	values := strings.TrimSuffix(strings.Repeat("('Bulk', 1, 'Bulk', 1), ", 1001), ", ")
	s.Exec("INSERT INTO products (name, price, category, stock) VALUES " + values)
	for limit, want := range map[string]int{"": 100, "limit=": 100, "limit=100": 100, "limit=101": 101, "limit=1000": 1000} {
		a := send(t, s, step{nil, "GET /products?category=Bulk&" + limit, "", 200, nil})
		if n := len(elements(t, a.Body)); n != want || next(t, a) == "" {
			t.Errorf("%s: %d rows, Link %q", limit, n, a.Header.Get("Link"))
		}
	}
}

func TestTotalCount(t *testing.T) {
	t.Parallel()
	s, admin := pagedShop(t)
	for _, c := range collections {
		want := f("%d", len(elements(t, s.Do(admin, "GET", c, "").Body)))
		for _, count := range []string{"count=true", "count=1"} {
			a := send(t, s, step{admin, "GET " + with(c, "limit=2&"+count), "", 200, nil})
			b := send(t, s, step{admin, "GET " + next(t, a), "", 200, nil})
			if a.Header.Get("X-Total-Count") != want || b.Header.Get("X-Total-Count") != want {
				t.Errorf("%s: counts %q and %q, want %s", c, a.Header.Get("X-Total-Count"), b.Header.Get("X-Total-Count"), want)
			}
		}
		for _, count := range []string{"", "count=", "count=false"} {
			if a := send(t, s, step{admin, "GET " + with(c, count), "", 200, nil}); a.Header.Get("X-Total-Count") != "" {
				t.Errorf("%s, %s: X-Total-Count is %s", c, count, a.Header.Get("X-Total-Count"))
			}
		}
	}
	a := send(t, s, step{nil, "GET /products?category=None&count=true", "", 200, is{"[]"}})
	if a.Header.Get("X-Total-Count") != "0" {
		t.Errorf("nothing is counted as %q", a.Header.Get("X-Total-Count"))
	}
}

// TestForgedCursors sends cursors that no list gave: none is an internal error, and none shows what it should not.
func TestForgedCursors(t *testing.T) {
	t.Parallel()
	s, admin := pagedShop(t)
	made := func(plain string) string { return base64.RawURLEncoding.EncodeToString([]byte(plain)) }
	bad := []string{"x", "!!!", "====", "é", "\x00", "1", "-1", made("[]"), made("null"), made("1"), made("{"), made("{}"), made(`{"i":0}`),
		made(`{"i":-1}`), made(`{"i":"1"}`), made(`{"i":1.5}`), made(`{"i":9223372036854775808}`), made(`{"i":1,"s":"nonsense"}`),
		made(`{"i":1,"s":"asc' OR 1=1 --","k":"1"}`), made("\xff\xfe"), base64.StdEncoding.EncodeToString([]byte(`{"i":1}`)) + "=", strings.Repeat("A", 3500)}
	for _, c := range collections {
		for _, cursor := range bad {
			if got := badFields(send(t, s, step{admin, "GET " + with(c, "cursor="+url.QueryEscape(cursor)), "", 422, nil})); got != "cursor" {
				t.Errorf("%s with cursor %q: fields %q", c, cursor, got)
			}
		}
	}
	for _, order := range []string{"asc", "desc"} {
		for _, key := range []string{"", "abc", "1e3", "-1", "1.999", "NaN", "1 OR 1=1", "99999999999999999999", "0x10"} {
			cursor := made(fmt.Sprintf(`{"s":%q,"k":%q,"i":1}`, order, key))
			for _, list := range []string{"/products", "/admin/products"} {
				if got := badFields(send(t, s, step{admin, f("GET %s?sort_by=%s&cursor=%s", list, order, cursor), "", 422, nil})); got != "cursor" {
					t.Errorf("%s by %s with %q: fields %q", list, order, key, got)
				}
			}
		}
	}
	for _, key := range []string{"", "abc", "0999-12-31T00:00:00Z", "10000-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00.5Z", "0001-01-01T00:00:00Z", "2026-01-01' OR 1=1 --"} {
		cursor := made(fmt.Sprintf(`{"s":"created","k":%q,"i":1}`, key))
		for _, list := range []string{"/admin/orders?from=2026-01-01", "/admin/audit?from=2026-01-01"} {
			if got := badFields(send(t, s, step{admin, f("GET %s&cursor=%s", list, cursor), "", 422, nil})); got != "cursor" {
				t.Errorf("%s with %q: fields %q", list, key, got)
			}
		}
	}
	for _, key := range []string{`"'; DROP TABLE products; -- "`, `"\u0000"`, `"\ud800"`, `"\\"`, `"%"`, quote(strings.Repeat("x", 3000))} {
		send(t, s, step{admin, "GET /products?sort_by=name&cursor=" + made(`{"s":"name","k":`+key+`,"i":1}`), "", 200, nil})
	}
	// A cursor belongs to one order of a list.
	for _, from := range []string{"", "asc", "desc", "newest", "name"} {
		path := next(t, s.Do(nil, "GET", "/products?limit=2&sort_by="+from, ""))
		for _, to := range []string{"asc", "desc", "newest", "name"} {
			status := 422
			if from == to {
				status = 200
			}
			u, _ := url.Parse(path)
			q := u.Query()
			q.Set("sort_by", to)
			send(t, s, step{nil, "GET /products?" + q.Encode(), "", status, nil})
		}
	}
}

// TestUnreadableQuery sends what is not UTF-8, or no query at all.
func TestUnreadableQuery(t *testing.T) {
	t.Parallel()
	s, admin := pagedShop(t)
	for _, c := range collections {
		for _, query := range []string{"cursor=%ff", "limit=%c3%28", "count=%ff", "cursor=%zz", "limit=%"} {
			send(t, s, step{admin, "GET " + with(c, query), "", 400, is{`"code":"malformed"`}})
		}
	}
	for _, call := range []string{"/products?search=%ff", "/products?category=%80", "/products?sort_by=%ff", "/products?min_price=%ff", "/admin/products?search=%ed%a0%80",
		"/admin/orders?status=%ff", "/admin/orders?user_id=%ff", "/admin/orders?from=%ff", "/admin/audit?action=%ff", "/admin/audit?actor=%ff", "/admin/dashboard?days=%ff"} {
		send(t, s, step{admin, "GET " + call, "", 400, is{`"code":"malformed"`}})
	}
}

// TestLinkIsShort asks for lists with much that they don't know: it is not in the address of the next page, whose header
// proxies have little room for.
func TestLinkIsShort(t *testing.T) {
	t.Parallel()
	s, admin := pagedShop(t)
	for _, c := range collections {
		for _, junk := range []string{"x=" + strings.Repeat("!", 3900), strings.Repeat("&y=%22", 600), strings.Repeat("&limit=1", 450)} {
			a := send(t, s, step{admin, "GET " + with(c, "limit=1&"+junk), "", 200, nil})
			link := a.Header.Get("Link")
			if link == "" || len(link) > 1000 || strings.Contains(link, "%21") || strings.Contains(link, "%22") || strings.Count(link, "limit=") != 1 {
				t.Errorf("%s: Link is %.300q, %d bytes", c, link, len(link))
			}
			send(t, s, step{admin, "GET " + next(t, a), "", 200, nil})
		}
		send(t, s, step{admin, "GET " + with(c, "x="+strings.Repeat("!", 4100)), "", 400, is{`"code":"malformed"`, "4 KiB"}})
	}
	spaces := strings.Repeat("%20", 1300)
	a := send(t, s, step{nil, "GET /products?limit=1&sort_by=name&category=" + spaces + "A%26B", "", 200, nil})
	if link := a.Header.Get("Link"); link == "" || len(link) > 1000 {
		t.Errorf("with spaces: Link is %.300q", link)
	}
}
