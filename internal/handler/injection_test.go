package handler_test

import (
	"net/url"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

// hostile texts mean something to SQL where they get into it.
var hostile = []string{"'", `"`, "`", `\`, "' OR '1'='1", "1 OR 1=1", "1; DROP TABLE users", "asc; DROP TABLE users", "' UNION SELECT password_hash FROM users -- ",
	"id,(SELECT password_hash FROM users LIMIT 1)", "price DESC, SLEEP(5)", "SLEEP(5)", "/*", "*/", "--", "#", "@@version", "?", ":name", "0x1", "CHAR(39)", "ＯＲ 1=1"}

// TestInjection sends hostile texts as every parameter of every list and as every id: none is taken for
// anything but a text that nothing is called.
func TestInjection(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, lamp := s.Admin(), s.Product("Lamp", "19.99", 100)
	s.Order(admin, lamp, 1)
	s.Fill(admin, lamp, 1)
	lists := map[string][]string{
		"/products":        {"category", "search", "sort_by", "min_price", "max_price", "in_stock", "limit", "cursor", "count"},
		"/admin/products":  {"category", "search", "sort_by", "min_price", "max_price", "in_stock", "archived", "limit", "cursor", "count"},
		"/admin/orders":    {"status", "user_id", "from", "to", "limit", "cursor", "count"},
		"/admin/audit":     {"actor", "action", "from", "to", "limit", "cursor", "count"},
		"/admin/dashboard": {"days"},
		"/orders":          {"limit", "cursor", "count"},
		"/cart":            {"limit", "cursor", "count"},
	}
	for path, params := range lists {
		for _, param := range params {
			for _, text := range hostile {
				call := "GET " + path + "?" + param + "=" + url.QueryEscape(text)
				if param == "category" || param == "search" {
					send(t, s, step{admin, call, "", 200, is{"[]"}})
				} else if got := badFields(send(t, s, step{admin, call, "", 422, nil})); got != param {
					t.Errorf("%s: fields %s", call, got)
				}
				// The name of a parameter is not SQL either.
				send(t, s, step{admin, "GET " + path + "?" + url.QueryEscape(param+text) + "=1", "", 200, nil})
			}
		}
	}
	for _, text := range hostile {
		id := strings.ReplaceAll(url.PathEscape("1"+text), ".", "%2E")
		for _, call := range []string{"GET /products/", "PUT /products/", "PATCH /products/", "DELETE /products/", "PUT /cart/", "DELETE /cart/", "GET /orders/"} {
			method, path, _ := strings.Cut(call, " ")
			if a := s.Do(admin, method, path+id, `{"quantity":0}`); a.Status != 400 && a.Status != 404 && a.Status != 405 {
				t.Errorf("%s%s: status %d: %s", call, id, a.Status, a.Body)
			}
		}
	}
	if s.Count("SELECT COUNT(*) FROM users") != 1 || s.Stock(lamp) != 99 || s.Count("SELECT COUNT(*) FROM carts") != 1 || s.Count("SELECT COUNT(*) FROM products WHERE archived_at IS NULL") != 1 {
		t.Error("something was changed")
	}
}
