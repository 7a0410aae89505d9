package service_test

import (
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestAddRace adds to one line many times at once: the pieces add up.
func TestAddRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp, mug := s.User(), s.Product("Lamp", "19.99", 1000), s.Product("Mug", "7.10", 10)
	add := func(p model.Product, quantity model.Int) error {
		id := model.Int(p.ID)
		_, err := s.Services.Cart.Add(t.Context(), u.ID, model.CartInput{ProductID: &id, Quantity: &quantity})
		return err
	}
	quantity := func(p model.Product) int64 {
		return s.Count("SELECT COALESCE(SUM(quantity), 0) FROM carts WHERE product_id = ?", p.ID)
	}
	errs := atOnce(16, func(i int) error { return add(lamp, model.Int(i+1)) })
	if errs[""] != 16 || quantity(lamp) != 136 {
		t.Errorf("answers were %v, %d are in the cart", errs, quantity(lamp))
	}
	errs = atOnce(16, func(i int) error { return add(mug, 3) })
	if errs[""] != 3 || errs[apperr.OutOfStock] != 13 || quantity(mug) != 9 {
		t.Errorf("answers were %v, %d of 10 are in the cart", errs, quantity(mug))
	}
	if n := s.Count("SELECT COUNT(*) FROM carts"); n != 2 {
		t.Errorf("%d lines", n)
	}
}

// TestDecreaseRace takes more pieces out at once than there are: each piece goes once.
func TestDecreaseRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 10)
	s.Fill(u, lamp, 6)
	left := make([]int64, 10)
	errs := atOnce(len(left), func(i int) (err error) {
		left[i], err = s.Services.Cart.Decrease(t.Context(), u.ID, lamp.ID)
		return err
	})
	seen := map[int64]int{}
	for _, n := range left {
		seen[n]++
	}
	if errs[""] != 6 || errs[apperr.NotFound] != 4 || seen[5] != 1 || seen[1] != 1 || s.Count("SELECT COUNT(*) FROM carts") != 0 {
		t.Errorf("answers were %v, left %v", errs, left)
	}
}

// TestCartFull fills a cart to its limit: what is in it can still be changed, more lines can't be added.
func TestCartFull(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, first := s.User(), s.Product("First", "1.00", 10)
	last := s.Product("Last", "1.00", 10)
	s.Fill(u, first, 1)
	for range model.MaxCartLines - 1 {
		s.Exec("INSERT INTO products (name, price, category, stock) VALUES ('Filler', 1, 'Test', 1)")
	}
	s.Exec("INSERT INTO carts (user_id, product_id, quantity) SELECT ?, id, 1 FROM products WHERE name = 'Filler'", u.ID)
	id, one := model.Int(last.ID), model.Int(1)
	if _, err := s.Services.Cart.Add(t.Context(), u.ID, model.CartInput{ProductID: &id, Quantity: &one}); code(err) != apperr.CartFull {
		t.Errorf("got %v", err)
	}
	s.Fill(u, first, 1)
	if lines, pieces := s.Count("SELECT COUNT(*) FROM carts"), s.Count("SELECT SUM(quantity) FROM carts"); lines != 100 || pieces != 101 {
		t.Errorf("%d lines, %d pieces", lines, pieces)
	}
}
