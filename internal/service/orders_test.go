package service_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

func code(err error) apperr.Code {
	var e *apperr.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestPlaceOrder(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		s := testkit.NewShop(t)
		u, lamp, mug := s.User(), s.Product("Lamp", "19.99", 5), s.Product("Mug", "7.10", 9)
		s.Fill(u, mug, 3)
		s.Fill(u, lamp, 2)
		o, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, testkit.OrderInput())
		if err != nil {
			t.Fatal(err)
		}
		if o.TotalPrice != 6128 || o.Status != model.Pending || len(o.Products) != 2 || o.OrderID != o.ID {
			t.Errorf("order is %+v", o)
		}
		if s.Stock(lamp) != 3 || s.Stock(mug) != 6 {
			t.Errorf("stocks are %d and %d, want 3 and 6", s.Stock(lamp), s.Stock(mug))
		}
		got, err := s.Services.Orders.Get(t.Context(), u.ID, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.TotalPrice != o.TotalPrice || len(got.Products) != 2 || got.Products[0] != withOrder(o.Products[0], o.ID) ||
			!got.CreatedAt.Equal(*o.CreatedAt) || *got.ShippingAddress != "12 MG Road, Bengaluru" {
			t.Errorf("stored %+v, answered %+v", got.Order, o)
		}
		if len(got.History) != 1 || got.History[0].Status != model.Pending || *got.History[0].By != u.ID {
			t.Errorf("history is %+v", got.History)
		}
		if n := s.Count("SELECT COUNT(*) FROM carts"); n != 0 {
			t.Errorf("%d lines are left in the cart", n)
		}
	})
	t.Run("KeepsNameAndPrice", func(t *testing.T) {
		t.Parallel()
		s := testkit.NewShop(t)
		u, lamp := s.User(), s.Product("Lamp", "19.99", 5)
		o := s.Order(u, lamp, 1)
		s.Exec("UPDATE products SET name = 'Torch', price = 1 WHERE id = ?", lamp.ID)
		got, err := s.Services.Orders.Get(t.Context(), u.ID, o.ID)
		if err != nil || got.Products[0].Name != "Lamp" || got.Products[0].Price != 1999 {
			t.Errorf("got %+v, %v", got.Products, err)
		}
	})
	t.Run("LeavesOthersCarts", func(t *testing.T) {
		t.Parallel()
		s := testkit.NewShop(t)
		u, other, lamp := s.User(), s.User(), s.Product("Lamp", "19.99", 5)
		s.Fill(other, lamp, 2)
		s.Order(u, lamp, 1)
		if n := s.Count("SELECT quantity FROM carts WHERE user_id = ?", other.ID); n != 2 {
			t.Errorf("the other's cart holds %d", n)
		}
	})
}

func withOrder(it model.OrderItem, id int64) model.OrderItem {
	it.OrderID = id
	return it
}

// TestRefusedOrderLocksNothing has another order at work on a product, and one under a key that is refused: it neither waits
// for the product nor, so, keeps others waiting.
func TestRefusedOrderLocksNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quantity int
		total    model.Money
		code     apperr.Code
	}{
		"TotalChanged": {1, 1, apperr.TotalChanged},
		"OutOfStock":   {5, 9995, apperr.OutOfStock},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u, lamp := s.User(), s.Product("Lamp", "19.99", 5)
			s.Fill(u, lamp, c.quantity)
			s.Exec("UPDATE products SET stock = 4 WHERE id = ?", lamp.ID)
			tx := s.DB.MustBegin()
			defer func() { _ = tx.Rollback() }()
			tx.MustExec("SELECT id FROM products WHERE id = ? FOR UPDATE", lamp.ID)
			in, key := testkit.OrderInput(), "key"
			in.IdempotencyKey, in.ExpectedTotal = &key, &c.total
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			if _, err := s.Services.Orders.PlaceOrder(ctx, u.ID, in); code(err) != c.code {
				t.Errorf("while the product is locked: %v", err)
			}
		})
	}
}

// TestPlaceOrderRefused checks that each refusal has its code and changes nothing.
func TestPlaceOrderRefused(t *testing.T) {
	t.Parallel()
	expect := model.Money(1)
	cases := map[string]struct {
		prepare func(s *testkit.Shop, u *testkit.Person, lamp, mug model.Product)
		in      func(in *model.OrderInput)
		code    apperr.Code
		detail  func(d map[string]any) bool
	}{
		"EmptyCart": {
			prepare: func(s *testkit.Shop, u *testkit.Person, _, _ model.Product) { s.Exec("DELETE FROM carts") },
			code:    apperr.EmptyCart,
		},
		"OutOfStock": {
			prepare: func(s *testkit.Shop, _ *testkit.Person, lamp, _ model.Product) {
				s.Exec("UPDATE products SET stock = 1 WHERE id = ?", lamp.ID)
			},
			code: apperr.OutOfStock,
			detail: func(d map[string]any) bool {
				items := d["items"].([]model.Shortage)
				return len(items) == 1 && items[0].Name == "Lamp" && items[0].Requested == 2 && items[0].Available == 1
			},
		},
		"Archived": {
			prepare: func(s *testkit.Shop, _ *testkit.Person, _, mug model.Product) {
				if err := s.Services.Products.Delete(t.Context(), model.Actor{}, mug.ID); err != nil {
					t.Error(err)
				}
			},
			code: apperr.OutOfStock,
			detail: func(d map[string]any) bool {
				items := d["items"].([]model.Shortage)
				return len(items) == 1 && items[0].Name == "Mug" && items[0].Available == 0
			},
		},
		"TotalChanged": {
			in:     func(in *model.OrderInput) { in.ExpectedTotal = &expect },
			code:   apperr.TotalChanged,
			detail: func(d map[string]any) bool { return d["total_price"] == model.Money(4708) },
		},
		"TotalTooLarge": {
			prepare: func(s *testkit.Shop, _ *testkit.Person, lamp, _ model.Product) {
				s.Exec("UPDATE products SET price = 9999999999.99 WHERE id = ?", lamp.ID)
			},
			code: apperr.TotalTooLarge,
		},
		"BadInput": {
			in:   func(in *model.OrderInput) { in.PaymentMethod, in.ShippingAddress = "Cheque", " " },
			code: apperr.InvalidInput,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u, lamp, mug := s.User(), s.Product("Lamp", "19.99", 5), s.Product("Mug", "7.10", 9)
			s.Fill(u, lamp, 2)
			s.Fill(u, mug, 1)
			if c.prepare != nil {
				c.prepare(s, u, lamp, mug)
			}
			state := func() [5]int64 {
				return [5]int64{s.Stock(lamp), s.Stock(mug), s.Count("SELECT COALESCE(SUM(quantity), 0) FROM carts"),
					s.Count("SELECT COUNT(*) FROM orders"), s.Count("SELECT COUNT(*) FROM order_items")}
			}
			before, in := state(), testkit.OrderInput()
			if c.in != nil {
				c.in(&in)
			}
			_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, in)
			if code(err) != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			var e *apperr.Error
			if errors.As(err, &e); c.detail != nil && !c.detail(e.Details) {
				t.Errorf("details are %v", e.Details)
			}
			if after := state(); after != before {
				t.Errorf("was %v, is %v", before, after)
			}
		})
	}
}

// TestTakeStockGuard takes stock that is not there, or not for sale, as if nobody had looked before.
func TestTakeStockGuard(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{"TooLittle": "stock = 1", "Archived": "archived_at = '2026-01-01'"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u, lamp := s.User(), s.Product("Lamp", "19.99", 5)
			s.Fill(u, lamp, 2)
			s.Exec("UPDATE products SET "+change+" WHERE id = ?", lamp.ID)
			before, line := s.Stock(lamp), s.Count("SELECT id FROM carts WHERE user_id = ?", u.ID)
			err := database.InTx(t.Context(), s.DB, func(tx *sqlx.Tx) error {
				return service.TakeStock(t.Context(), tx, u.ID, []int64{line})
			})
			if err == nil || !strings.Contains(err.Error(), "took stock for 0 of 1") || s.Stock(lamp) != before {
				t.Errorf("got %v, the stock was %d and is %d", err, before, s.Stock(lamp))
			}
		})
	}
}

// TestPlaceOrderRace lets more buyers than units in at once: exactly the units are sold.
func TestPlaceOrderRace(t *testing.T) {
	t.Parallel()
	const buyers, units = 64, 17
	s := testkit.NewShop(t)
	lamp, mug := s.Product("Lamp", "19.99", units), s.Product("Mug", "7.10", 1000)
	people := make([]*testkit.Person, buyers)
	for i := range people {
		people[i] = s.User()
		// In both orders, so that locks taken in the order of the cart would deadlock.
		if i%2 == 0 {
			s.Fill(people[i], mug, 1)
			s.Fill(people[i], lamp, 1)
		} else {
			s.Fill(people[i], lamp, 1)
			s.Fill(people[i], mug, 1)
		}
	}
	errs := atOnce(buyers, func(i int) error {
		_, err := s.Services.Orders.PlaceOrder(t.Context(), people[i].ID, testkit.OrderInput())
		return err
	})
	if errs[""] != units || errs[apperr.OutOfStock] != buyers-units {
		t.Errorf("answers were %v, want %d orders and the rest out of stock", errs, units)
	}
	if s.Stock(lamp) != 0 || s.Stock(mug) != 1000-units {
		t.Errorf("stocks are %d and %d", s.Stock(lamp), s.Stock(mug))
	}
	if n := s.Count("SELECT COUNT(*) FROM orders"); n != units {
		t.Errorf("%d orders", n)
	}
}

// TestPlaceOrderTwice lets one user order one cart many times at once: one order.
func TestPlaceOrderTwice(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 50)
	s.Fill(u, lamp, 2)
	errs := atOnce(8, func(int) error {
		_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, testkit.OrderInput())
		return err
	})
	if errs[""] != 1 || errs[apperr.EmptyCart] != 7 || s.Stock(lamp) != 48 {
		t.Errorf("answers were %v, stock is %d", errs, s.Stock(lamp))
	}
}

// atOnce runs fn n times at once and counts the codes of its errors, "" for none. An error without a
// code counts as its text.
func atOnce(n int, fn func(i int) error) map[apperr.Code]int {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	counts := map[apperr.Code]int{}
	for _, err := range errs {
		c := code(err)
		if err != nil && c == "" {
			c = apperr.Code(err.Error())
		}
		counts[c]++
	}
	return counts
}

func TestStatus(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 100)
	set := func(o model.Order, to model.Status) error {
		_, err := s.Services.Orders.UpdateStatus(t.Context(), model.Actor{ID: admin.ID}, o.ID, model.StatusInput{Status: to})
		return err
	}
	for _, from := range model.Statuses {
		for _, to := range model.Statuses {
			o := s.Order(u, lamp, 1)
			s.Exec("UPDATE orders SET status = ? WHERE id = ?", from, o.ID)
			want := apperr.StatusConflict
			if from == to || from.CanBecome(to) {
				want = ""
			}
			if err := set(o, to); code(err) != want || (want == "" && err != nil) {
				t.Errorf("%s to %s: %v, want %q", from, to, err, want)
			}
			rows := s.Count("SELECT COUNT(*) FROM order_history WHERE order_id = ?", o.ID)
			if wantRows := int64(1); from.CanBecome(to) {
				if wantRows = 2; rows != wantRows {
					t.Errorf("%s to %s: %d rows of history, want %d", from, to, rows, wantRows)
				}
				by := s.Count("SELECT changed_by FROM order_history WHERE order_id = ? AND status = ?", o.ID, to)
				if by != admin.ID {
					t.Errorf("%s to %s: made by %d", from, to, by)
				}
			} else if rows != wantRows {
				t.Errorf("%s to %s: %d rows of history, want %d", from, to, rows, wantRows)
			}
		}
	}
	if err := set(model.Order{ID: 999}, model.Shipped); code(err) != apperr.NotFound {
		t.Errorf("an order that is not there: %v", err)
	}
	if err := set(model.Order{ID: 1}, "Lost"); code(err) != apperr.InvalidInput {
		t.Errorf("an unknown status: %v", err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other, admin := s.User(), s.User(), s.Admin()
	lamp := s.Product("Lamp", "19.99", 10)
	cancel := func(p *testkit.Person, o model.Order) apperr.Code {
		_, err := s.Services.Orders.Cancel(t.Context(), p.ID, o.ID)
		if err != nil && code(err) == "" {
			t.Error(err)
		}
		return code(err)
	}
	o := s.Order(u, lamp, 3)
	if got := cancel(other, o); got != apperr.NotFound || s.Stock(lamp) != 7 {
		t.Errorf("somebody else's: %s, stock %d", got, s.Stock(lamp))
	}
	if got := cancel(u, o); got != "" || s.Stock(lamp) != 10 {
		t.Errorf("own: %s, stock %d", got, s.Stock(lamp))
	}
	if got := cancel(u, o); got != "" || s.Stock(lamp) != 10 {
		t.Errorf("again: %s, stock %d", got, s.Stock(lamp))
	}
	shipped := s.Order(u, lamp, 1)
	if _, err := s.Services.Orders.UpdateStatus(t.Context(), model.Actor{ID: admin.ID}, shipped.ID, model.StatusInput{Status: model.Shipped}); err != nil {
		t.Fatal(err)
	}
	if got := cancel(u, shipped); got != apperr.StatusConflict || s.Stock(lamp) != 9 {
		t.Errorf("shipped: %s, stock %d", got, s.Stock(lamp))
	}
	// Ten at once return the stock once.
	again := s.Order(u, lamp, 4)
	errs := atOnce(10, func(int) error {
		_, err := s.Services.Orders.Cancel(t.Context(), u.ID, again.ID)
		return err
	})
	if errs[""] != 10 || s.Stock(lamp) != 9 {
		t.Errorf("answers were %v, stock %d", errs, s.Stock(lamp))
	}
}
