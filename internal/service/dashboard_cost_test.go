package service_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// placeMany writes orders of one or two lines about the products up to one, without its stock.
func placeMany(s *testkit.Shop, u *testkit.Person, upTo model.Product, orders int) {
	first := s.Count("SELECT COALESCE(MAX(id), 0) + 1 FROM orders")
	var rows, items, history []string
	for i := range orders {
		id := first + int64(i)
		rows = append(rows, fmt.Sprintf("(%d, %d, 20.00, '%s', 'Pending', UTC_TIMESTAMP() - INTERVAL %d HOUR)", id, u.ID, model.Statuses[i%4], i%2_000))
		history = append(history, fmt.Sprintf("(%d, 'Pending', UTC_TIMESTAMP())", id))
		if status := model.Statuses[i%4]; status != model.Pending {
			history = append(history, fmt.Sprintf("(%d, '%s', UTC_TIMESTAMP())", id, status))
		}
		for line := range 1 + i%2 {
			items = append(items, fmt.Sprintf("(%d, %d, 'A product', 10.00, 1)", id, 1+int64(i*7+line)%upTo.ID))
		}
	}
	s.Exec("INSERT INTO orders (id, user_id, total_price, status, payment_status, created_at) VALUES " + strings.Join(rows, ", "))
	s.Exec("INSERT INTO order_items (order_id, product_id, name, price, quantity) VALUES " + strings.Join(items, ", "))
	s.Exec("INSERT INTO order_history (order_id, status, created_at) VALUES " + strings.Join(history, ", "))
}

// TestDashboardCost counts the rows that the server looks at: they are as many in a shop that is ten times as large.
func TestDashboardCost(t *testing.T) {
	t.Parallel()
	cost := func(orders, products int) int {
		s := testkit.NewShop(t)
		s.DB.SetMaxOpenConns(1) // the counters are the connection's
		u := s.User()
		fillCatalogue(s, products)
		s.Exec("UPDATE products SET stock = id % 9")
		s.Exec("INSERT INTO users (name, email, password_hash) SELECT name, CONCAT('p', id, '@example.com'), '' FROM products")
		placeMany(s, u, model.Product{ID: int64(products)}, orders)
		for _, days := range []int{30, 7} {
			if _, err := s.Services.Admin.Dashboard(t.Context(), model.DashboardFilter{Days: days}); err != nil {
				t.Fatal(err)
			}
		}
		least := 1 << 30
		for range 5 { // the machine may sleep until users and products have to be counted again
			s.Exec("FLUSH STATUS")
			if _, err := s.Services.Admin.Dashboard(t.Context(), model.DashboardFilter{Days: 30}); err != nil {
				t.Fatal(err)
			}
			least = min(least, rowsLookedAt(t, s.DB))
		}
		return least
	}
	small, large := cost(600, 600), cost(6_000, 6_000)
	// The last users and products, ten orders with theirs, ten names and twenty products that are low.
	if t.Logf("%d and %d rows", small, large); large > small+10 || large > 500 {
		t.Errorf("%d rows were looked at, in a smaller shop %d", large, small)
	}
}

// TestDashboardCounts removes users and products, old ones too, and adds some.
func TestDashboardCounts(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	other := testkit.NewShopOn(t, s.DB)
	s.User()
	fillCatalogue(s, 2_000) // of which a hundred are archived
	s.Exec("INSERT INTO users (name, email, password_hash) SELECT name, CONCAT('p', id, '@example.com'), '' FROM products")
	check := func(s *testkit.Shop, what string, within time.Duration, users, products int64) {
		t.Helper()
		var totals model.Totals
		for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			d, err := s.Services.Admin.Dashboard(t.Context(), model.DashboardFilter{Days: 1})
			if totals = d.Totals; err != nil {
				t.Fatal(err)
			}
			if totals.Users == users && totals.Products == products {
				return
			}
			if time.Since(begun) >= within {
				break
			}
		}
		t.Errorf("%s: %d users and %d products, want %d and %d", what, totals.Users, totals.Products, users, products)
	}
	for _, s := range []*testkit.Shop{s, other} {
		check(s, "at first", 0, 2_001, 1_900)
	}
	s.User()
	check(other, "a user more", 0, 2_002, 1_900)
	s.Product("Lamp", "19.99", 1)
	check(other, "a product more", 0, 2_002, 1_901)
	for i, id := range []int64{2, 3, 2_001} { // old ones and the newest
		if err := s.Services.Products.Delete(t.Context(), model.Actor{}, id); err != nil {
			t.Fatal(err)
		}
		check(s, "a product less", 0, 2_002, 1_900-int64(i))
	}
	const soon = 1500 * time.Millisecond
	check(other, "products less, elsewhere", soon, 2_002, 1_898)
	s.Exec("DELETE FROM users WHERE id BETWEEN 10 AND 19")
	check(s, "users less, by hand", soon, 1_992, 1_898)
	s.Exec("UPDATE products SET archived_at = NULL WHERE id = 1")
	check(s, "a product back, by hand", soon, 1_992, 1_899)
	s.Exec("DELETE FROM users ORDER BY id DESC LIMIT 1")
	s.Exec("INSERT INTO products (name, price, category, stock) VALUES ('Pen', 1, 'Test', 1)")
	check(s, "the newest, by hand", 0, 1_991, 1_900)
}
