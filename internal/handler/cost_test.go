package handler_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"hexamart/internal/database"
)

// TestStatements counts what each endpoint sends to the database: the least that its work needs, and no
// more where there is more data. One is the check of the token, where there is one.
func TestStatements(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sent []string
	s := shopOn(t, nil, func(_ context.Context, s database.Statement) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, s.SQL)
	})
	u, admin := s.User(), s.Admin()
	lamp, mug := s.Product("Lamp", "19.99", 1000), s.Product("Mug", "7.10", 1000)
	for range 5 {
		s.Fill(u, lamp, 1)
		s.Order(u, mug, 2)
	}
	s.Fill(u, lamp, 5)
	const order = `{"payment_method":"UPI","shipping_address":"12 MG Road"}`
	for _, c := range []struct {
		as         string
		call, body string
		statements int
	}{
		{"nobody", "GET /", "", 0},
		{"nobody", "GET /healthz", "", 0},
		{"nobody", "GET /products", "", 1},
		{"nobody", "GET /products?category=Test&sort_by=asc&search=l&min_price=1", "", 1},
		{"nobody", "GET /products?count=true", "", 2},
		{"nobody", "GET /products?in_stock=true&sort_by=name", "", 1},
		{"nobody", "GET /products?min_price=1&sort_by=name", "", 2}, // one of them whether these are few
		{"nobody", "GET /products/1", "", 1},
		{"nobody", "GET /products/categories", "", 1},
		{"nobody", "POST /auth/register", `{"name":"Zoe","email":"zoe@example.com","password":"a fine passphrase"}`, 1},
		{"user", "GET /cart", "", 2},
		{"user", "POST /cart", `{"product_id":1,"quantity":1}`, 3},
		{"user", "PUT /cart/1", `{"quantity":4}`, 5},
		{"user", "PUT /cart/1/decrease", "", 5},
		{"user", "POST /orders", order, 3},
		{"user", "DELETE /cart/1", "", 2},
		{"user", "DELETE /cart", "", 2},
		{"user", "GET /orders", "", 3},
		{"user", "GET /orders?limit=2", "", 3},
		{"user", "GET /orders/1", "", 6},
		{"user", "POST /orders/1/cancel", "", 10},
		{"user", "GET /users/profile", "", 2},
		{"user", "GET /users/address", "", 2},
		{"admin", "GET /admin/products", "", 2},
		{"admin", "GET /admin/orders", "", 3},
		{"admin", "PUT /orders/2/status?status=Shipped", "{}", 9},
		{"admin", "POST /products", `{"name":"Pen","price":"1.00","category":"Test","stock":5}`, 7},
		{"admin", "PUT /products/2", `{"name":"Pen","price":"1.00","category":"Test","stock":5}`, 8},
		{"admin", "PATCH /products/2", `{"stock_delta": 3}`, 8},
		{"admin", "DELETE /products/2", "", 7},
		{"admin", "GET /admin/dashboard", "", 15}, // the first one: all orders are added up
		{"admin", "GET /admin/audit", "", 2},
		{"nobody", "POST /auth/login", `{"email":"zoe@example.com","password":"a fine passphrase"}`, 6},
		{"nobody", "POST /auth/refresh", refreshBody(u), 7},
		{"user", "GET /auth/sessions", "", 2},
		{"user", "POST /auth/logout", "", 5},
	} {
		as := u
		switch c.as {
		case "nobody":
			as = nil
		case "admin":
			as = admin
		}
		if strings.HasPrefix(c.call, "POST /orders") || strings.HasPrefix(c.call, "DELETE /cart") {
			s.Exec("REPLACE INTO carts (id, user_id, product_id, quantity) VALUES (1, ?, 1, 2)", u.ID)
		}
		mu.Lock()
		sent = nil
		mu.Unlock()
		method, path, _ := strings.Cut(c.call, " ")
		got := s.Do(as, method, path, c.body)
		mu.Lock()
		n := len(sent)
		if got.Status >= 300 || n != c.statements {
			t.Errorf("%s: %d, %d statements instead of %d\n%s", c.call, got.Status, n, c.statements, strings.Join(sent, "\n"))
		}
		mu.Unlock()
	}
	least := 100
	for range 5 { // where more than a second passed, users and products are counted again
		mu.Lock()
		sent = nil
		mu.Unlock()
		s.Do(admin, "GET", "/admin/dashboard", "")
		mu.Lock()
		least = min(least, len(sent))
		mu.Unlock()
	}
	if least != 9 {
		t.Errorf("a further dashboard: %d statements instead of 9", least)
	}
}
