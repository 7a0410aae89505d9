package service_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestPlaceOrderOvertaken changes what an order was read from just before its batch is sent: the order is what
// the cart and its products are then, or none.
func TestPlaceOrderOvertaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		code   apperr.Code
		total  model.Money
		stock  int64 // of the lamp, afterwards
		left   int64 // pieces in the cart
	}{
		"Price":       {"UPDATE products SET price = 20 WHERE id = 1", "", 4710, 3, 0},
		"Name":        {"UPDATE products SET name = 'LAMP ' WHERE id = 1", "", 4708, 3, 0},
		"Archived":    {"UPDATE products SET archived_at = '2026-01-01' WHERE id = 1", apperr.OutOfStock, 0, 5, 3},
		"SoldOut":     {"UPDATE products SET stock = 1 WHERE id = 1", apperr.OutOfStock, 0, 1, 3},
		"StockChange": {"UPDATE products SET stock = 4 WHERE id = 1", "", 4708, 2, 0},
		"More":        {"UPDATE carts SET quantity = 3 WHERE product_id = 1", "", 6707, 2, 0},
		"Less":        {"UPDATE carts SET quantity = 1 WHERE product_id = 1", "", 2709, 4, 0},
		"Removed":     {"DELETE FROM carts WHERE product_id = 1", "", 710, 5, 0},
		"Emptied":     {"DELETE FROM carts", apperr.EmptyCart, 0, 5, 0},
		"Another":     {"INSERT INTO carts (user_id, product_id, quantity) VALUES (1, 3, 1)", "", 4708, 3, 1}, // stays for the next order
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.EmptyDatabase(t)
			proxy, proxied := testkit.NewProxy(t, cfg)
			direct, db := testkit.Open(t, cfg, nil), testkit.Open(t, proxied, nil)
			if _, err := database.Migrate(t.Context(), direct); err != nil {
				t.Fatal(err)
			}
			s := testkit.NewShopOn(t, db)
			u, lamp, mug := s.User(), s.Product("Lamp", "19.99", 5), s.Product("Mug", "7.10", 9)
			s.Product("Pen", "1.00", 9)
			s.Fill(u, lamp, 2)
			s.Fill(u, mug, 1)
			var once sync.Once
			proxy.Decide(func(sql string) testkit.Cut {
				if strings.HasPrefix(sql, "START TRANSACTION;") {
					once.Do(func() {
						if _, err := direct.Exec(c.change); err != nil {
							t.Error(err)
						}
					})
				}
				return testkit.NoCut
			})
			o, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, testkit.OrderInput())
			if code(err) != c.code || (err != nil && c.code == "") || o.TotalPrice != c.total {
				t.Errorf("got a total of %v, %v", o.TotalPrice, err)
			}
			for _, line := range o.Products {
				if line.ProductID == lamp.ID && (line.Name != "Lamp") != (name == "Name") {
					t.Errorf("the lamp is called %q", line.Name)
				}
			}
			if left := s.Count("SELECT COALESCE(SUM(quantity), 0) FROM carts"); s.Stock(lamp) != c.stock || left != c.left {
				t.Errorf("the stock is %d, %d pieces are in the cart", s.Stock(lamp), left)
			}
			found, err := s.Services.Admin.Verify(t.Context())
			own := func(v model.Violation) bool { return v.Rule == "stock_matches_ledger" } // the change's, unbooked
			if found = slices.DeleteFunc(found, own); err != nil || len(found) > 0 {
				t.Errorf("the books are wrong: %+v, %v", found, err)
			}
		})
	}
}

// TestOrderLeavesLater puts a product into the cart while an order of it waits, beyond where that one would be: it
// stays for the next order, whichever way this one is placed.
func TestOrderLeavesLater(t *testing.T) {
	t.Parallel()
	key := "key"
	for name, in := range map[string]*string{"AtOnce": nil, "UnderKey": &key} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u, pen := s.User(), s.Product("Pen", "1.00", 9)
			lamp, mug := s.Product("Lamp", "19.99", 50), s.Product("Mug", "7.10", 90)
			s.Fill(u, lamp, 1)
			s.Fill(u, mug, 1)
			release := hold(t, s, mug.ID)
			placed := make(chan error, 1)
			go func() {
				order := testkit.OrderInput()
				order.IdempotencyKey = in
				_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, order)
				placed <- err
			}()
			if !locked(t, s, lamp.ID) {
				t.Error("the order does not begin")
			}
			s.Exec("INSERT INTO carts (user_id, product_id, quantity) VALUES (?, ?, 4)", u.ID, pen.ID)
			release()
			if err := <-placed; err != nil {
				t.Error(err)
			}
			if items, left := s.Count("SELECT COUNT(*) FROM order_items"), s.Count("SELECT COALESCE(SUM(quantity), 0) FROM carts"); items != 2 || left != 4 {
				t.Errorf("%d items, %d pieces are left in the cart", items, left)
			}
		})
	}
}

// hold locks a product until the returned function is called.
func hold(t *testing.T, s *testkit.Shop, product int64) (release func()) {
	t.Helper()
	tx, err := s.DB.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	if _, err := tx.Exec("SELECT 1 FROM products WHERE id = ? FOR UPDATE", product); err != nil {
		t.Fatal(err)
	}
	return func() { _ = tx.Rollback() }
}

// TestLockOrder lets whatever moves the stock of two products wait for the second: it has the first by then,
// whichever was put into the cart first. So no two of them ever wait for each other.
func TestLockOrder(t *testing.T) {
	t.Parallel()
	key := "key"
	for name, move := range map[string]func(s *testkit.Shop, u *testkit.Person, order int64) error{
		"AtOnce": func(s *testkit.Shop, u *testkit.Person, _ int64) error {
			_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, testkit.OrderInput())
			return err
		},
		"UnderKey": func(s *testkit.Shop, u *testkit.Person, _ int64) error {
			in := testkit.OrderInput()
			in.IdempotencyKey = &key
			_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, in)
			return err
		},
		"Cancel": func(s *testkit.Shop, u *testkit.Person, order int64) error {
			_, err := s.Services.Orders.Cancel(t.Context(), u.ID, order)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u, lamp, mug := s.User(), s.Product("Lamp", "19.99", 50), s.Product("Mug", "7.10", 90)
			fill := func() {
				s.Fill(u, mug, 1)
				s.Fill(u, lamp, 1)
			}
			fill()
			o, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, testkit.OrderInput())
			if err != nil {
				t.Fatal(err)
			}
			fill()
			release := hold(t, s, mug.ID)
			moved := make(chan error, 1)
			go func() { moved <- move(s, u, o.ID) }()
			if !locked(t, s, lamp.ID) {
				t.Error("it waits for the second product and does not have the first")
			}
			release()
			if err := <-moved; err != nil {
				t.Error(err)
			}
			mustHold(t, s)
		})
	}
}

// locked waits for somebody to lock a product.
func locked(t *testing.T, s *testkit.Shop, product int64) bool {
	t.Helper()
	for range 300 {
		tx, err := s.DB.BeginTxx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec("SELECT 1 FROM products WHERE id = ? FOR UPDATE NOWAIT", product)
		_ = tx.Rollback()
		if database.IsLocked(err) {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}
