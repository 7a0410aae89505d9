package service_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestPatchStockRace takes more from a stock at once than there is: it ends at nothing, not below.
func TestPatchStockRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 20)
	delta := model.Int(-3)
	errs := atOnce(16, func(int) error {
		_, err := s.Services.Products.Patch(t.Context(), model.Actor{}, lamp.ID, model.ProductPatch{StockDelta: &delta}, nil)
		return err
	})
	if errs[""] != 6 || errs[apperr.OutOfStock] != 10 || s.Stock(lamp) != 2 {
		t.Errorf("answers were %v, the stock is %d", errs, s.Stock(lamp))
	}
}

// TestPatchStockWhileSold restocks, corrects and sells at once: every piece is accounted for.
func TestPatchStockWhileSold(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 10)
	people := make([]*testkit.Person, 8)
	for i := range people {
		people[i] = s.User()
		s.Fill(people[i], lamp, 1)
	}
	plus, minus := model.Int(5), model.Int(-1)
	errs := atOnce(24, func(i int) (err error) {
		switch i % 3 {
		case 0:
			_, err = s.Services.Products.Patch(t.Context(), model.Actor{}, lamp.ID, model.ProductPatch{StockDelta: &plus}, nil)
		case 1:
			_, err = s.Services.Products.Patch(t.Context(), model.Actor{}, lamp.ID, model.ProductPatch{StockDelta: &minus}, nil)
		default:
			_, err = s.Services.Orders.PlaceOrder(t.Context(), people[i/3].ID, testkit.OrderInput())
		}
		return err
	})
	sold := s.Count("SELECT COALESCE(SUM(quantity), 0) FROM order_items")
	taken := int64(24 - 8 - errs[apperr.OutOfStock]) // there is always room for more
	if errs[""]+errs[apperr.OutOfStock] != 24 || s.Stock(lamp) != 10+8*5-taken || sold > 8 {
		t.Errorf("answers were %v, %d sold, the stock is %d", errs, sold, s.Stock(lamp))
	}
}

// TestWriteWhileSold changes and archives the one product of a shop while its stock changes: what is
// there is found, however the database looks for it.
func TestWriteWhileSold(t *testing.T) {
	t.Parallel()
	price, stock, minus := model.Money(100), model.Int(1000), model.Int(-1)
	writes := map[string]func(s *testkit.Shop, id int64) error{
		"Delete": func(s *testkit.Shop, id int64) error {
			return s.Services.Products.Delete(t.Context(), model.Actor{}, id)
		},
		"Update": func(s *testkit.Shop, id int64) error {
			_, err := s.Services.Products.Update(t.Context(), model.Actor{}, id, model.ProductInput{Name: "Torch", Price: &price, Category: "Test", Stock: &stock}, nil)
			return err
		},
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			for range 6 {
				s.Exec("DELETE FROM products")
				lamp := s.Product("Lamp", "19.99", 1000)
				errs := atOnce(16, func(i int) error {
					if i == 8 {
						return write(s, lamp.ID)
					}
					_, err := s.Services.Products.Patch(t.Context(), model.Actor{}, lamp.ID, model.ProductPatch{StockDelta: &minus}, nil)
					if name == "Delete" && code(err) == apperr.NotFound {
						return nil
					}
					return err
				})
				if errs[""] != 16 {
					t.Errorf("answers were %v", errs)
				}
			}
		})
	}
}

// TestDeleteRace archives one product many times at once: once.
func TestDeleteRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 20)
	errs := atOnce(8, func(int) error { return s.Services.Products.Delete(t.Context(), model.Actor{}, lamp.ID) })
	if errs[""] != 1 || errs[apperr.NotFound] != 7 {
		t.Errorf("answers were %v", errs)
	}
}

// TestSeed fills a shop many times, at once too: each product is added once, and none that left comes back.
func TestSeed(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	added := make([]int64, 6)
	errs := atOnce(len(added), func(i int) (err error) {
		added[i], err = s.Services.Products.Seed(t.Context())
		return err
	})
	var sum int64
	for _, n := range added {
		sum += n
	}
	products := s.Count("SELECT COUNT(*) FROM products")
	if errs[""] != len(added) || sum != products || products < 10 {
		t.Errorf("answers were %v, added %v, there are %d products", errs, added, products)
	}
	if n := s.Count("SELECT COUNT(DISTINCT name) FROM products"); n != products {
		t.Errorf("%d names of %d products", n, products)
	}
	again := func(want int64) {
		t.Helper()
		if n, err := s.Services.Products.Seed(t.Context()); n != want || err != nil {
			t.Errorf("once more added %d, %v, want %d", n, err, want)
		}
	}
	again(0)
	if err := s.Services.Products.Delete(t.Context(), model.Actor{}, 1); err != nil {
		t.Fatal(err)
	}
	s.Exec("UPDATE products SET price = 0.01, stock = 0 WHERE id > 1")
	again(0)
	if n := s.Count("SELECT COUNT(*) FROM products WHERE price = 0.01 AND stock = 0"); n != products-1 {
		t.Errorf("seeding changed %d products", products-1-n)
	}
	s.Exec("DELETE FROM products WHERE id IN (2, 3)")
	again(2)
}

// TestVersion looks at the number of the products' version when a write is about to be committed: it must become
// another one after that, or a page that was read just before would be taken for the present.
func TestVersion(t *testing.T) {
	t.Parallel()
	proxy, cfg := testkit.NewProxy(t, testkit.EmptyDatabase(t))
	db := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	s := testkit.NewShopOn(t, db)
	u, admin, lamp, mug := s.User(), s.Admin(), s.Product("Lamp", "19.99", 50), s.Product("Mug", "7.10", 9)
	s.Order(u, mug, 1)
	s.Fill(u, lamp, 1)
	key, stock, price := "key", model.Int(7), model.Money(100)
	underKey := testkit.OrderInput()
	underKey.IdempotencyKey = &key
	whole := model.ProductInput{Name: "Mug", Price: &price, Category: "Test", Stock: &stock}
	for _, c := range []struct {
		name, end string
		write     func() error
	}{
		{"Order", "START TRANSACTION;", func() error {
			_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, testkit.OrderInput())
			s.Fill(u, lamp, 1)
			return err
		}},
		{"OrderUnderKey", "COMMIT", func() error {
			_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, underKey)
			return err
		}},
		{"Cancel", "COMMIT", func() error {
			_, err := s.Services.Orders.Cancel(t.Context(), u.ID, 1)
			return err
		}},
		{"Create", "COMMIT", func() error {
			_, err := s.Services.Products.Create(t.Context(), model.Actor{ID: admin.ID}, whole)
			return err
		}},
		{"Update", "COMMIT", func() error {
			_, err := s.Services.Products.Update(t.Context(), model.Actor{ID: admin.ID}, mug.ID, whole, nil)
			return err
		}},
		{"Patch", "COMMIT", func() error {
			_, err := s.Services.Products.Patch(t.Context(), model.Actor{ID: admin.ID}, mug.ID, model.ProductPatch{StockDelta: &stock}, nil)
			return err
		}},
		{"Delete", "COMMIT", func() error { return s.Services.Products.Delete(t.Context(), model.Actor{}, mug.ID) }},
	} {
		var seen atomic.Int64
		seen.Store(-1)
		proxy.Decide(func(sql string) testkit.Cut {
			if strings.HasPrefix(strings.TrimSpace(sql), c.end) {
				seen.CompareAndSwap(-1, int64(s.Services.Products.Version()))
			}
			return testkit.NoCut
		})
		err := c.write()
		proxy.Decide(nil)
		if before := seen.Load(); err != nil || before < 0 || before == int64(s.Services.Products.Version()) {
			t.Errorf("%s: the version was %d and is %d, %v", c.name, before, s.Services.Products.Version(), err)
		}
	}
}

// TestVersionStays tries writes that are refused or change nothing: who does not buy makes no kept page void.
func TestVersionStays(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, poor, admin, lamp := s.User(), s.User(), s.Admin(), s.Product("Lamp", "19.99", 5)
	key, total := "key", model.Money(1)
	underKey, wrong, wrongUnderKey := testkit.OrderInput(), testkit.OrderInput(), testkit.OrderInput()
	underKey.IdempotencyKey, wrong.ExpectedTotal, wrongUnderKey.ExpectedTotal = &key, &total, &total
	other := "other"
	wrongUnderKey.IdempotencyKey = &other
	s.Order(u, lamp, 1) // the first
	s.Fill(u, lamp, 1)
	if _, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, underKey); err != nil { // the second
		t.Fatal(err)
	}
	if _, err := s.Services.Orders.Cancel(t.Context(), u.ID, 1); err != nil {
		t.Fatal(err)
	}
	s.Fill(u, lamp, 1)
	place := func(in model.OrderInput, as *testkit.Person) func() error {
		return func() error { _, err := s.Services.Orders.PlaceOrder(t.Context(), as.ID, in); return err }
	}
	for name, c := range map[string]struct {
		write func() error
		code  apperr.Code
	}{
		"EmptyCart":         {place(testkit.OrderInput(), poor), apperr.EmptyCart},
		"EmptyCartUnderKey": {place(underKey, poor), apperr.EmptyCart},
		"OtherTotal":        {place(wrong, u), apperr.TotalChanged},
		"OtherTotalKey":     {place(wrongUnderKey, u), apperr.TotalChanged},
		"Replayed":          {place(underKey, u), ""},
		"CancelledBefore":   {func() error { _, err := s.Services.Orders.Cancel(t.Context(), u.ID, 1); return err }, ""},
		"SomeoneElses":      {func() error { _, err := s.Services.Orders.Cancel(t.Context(), poor.ID, 2); return err }, apperr.NotFound},
		"Shipped": {func() error {
			_, err := s.Services.Orders.UpdateStatus(t.Context(), model.Actor{ID: admin.ID}, 2, model.StatusInput{Status: model.Shipped})
			return err
		}, ""},
	} {
		before := s.Services.Products.Version()
		if err := c.write(); code(err) != c.code || err != nil && c.code == "" {
			t.Errorf("%s: %v", name, err)
		}
		if after := s.Services.Products.Version(); after != before {
			t.Errorf("%s: the version was %d and is %d", name, before, after)
		}
	}
}
