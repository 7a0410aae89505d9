package service_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

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

// TestCartPieces adds to a line up to its limit, and not beyond, though the shop has more.
func TestCartPieces(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "1.00", 5000)
	s.Fill(u, lamp, model.MaxQuantity-1)
	s.Fill(u, lamp, 1)
	id, one := model.Int(lamp.ID), model.Int(1)
	if _, err := s.Services.Cart.Add(t.Context(), u.ID, model.CartInput{ProductID: &id, Quantity: &one}); code(err) != apperr.CartFull {
		t.Errorf("got %v", err)
	}
	if pieces := s.Count("SELECT quantity FROM carts"); pieces != model.MaxQuantity {
		t.Errorf("%d pieces", pieces)
	}
	s.Exec("UPDATE carts SET quantity = ?", math.MaxInt32) // as an adopted one may have
	if _, err := s.Services.Cart.Add(t.Context(), u.ID, model.CartInput{ProductID: &id, Quantity: &one}); code(err) != apperr.OutOfStock {
		t.Errorf("beyond the column: %v", err)
	}
}

// TestCartOtherTab adds what another tab adds meanwhile: the answer has the line that is there, with the pieces of both.
func TestCartOtherTab(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "1.00", 50)
	s.Fill(s.User(), lamp, 1) // of another cart, so that ids of lines are not those of products
	tab, err := s.DB.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tab.Rollback() }()
	tab.MustExec("UPDATE products SET stock = stock - 1 WHERE id = ?", lamp.ID) // others wait for it
	var item model.CartItem
	added := make(chan error, 1)
	go func() {
		id, two := model.Int(lamp.ID), model.Int(2)
		var failed error
		item, failed = s.Services.Cart.Add(t.Context(), u.ID, model.CartInput{ProductID: &id, Quantity: &two})
		added <- failed
	}()
	time.Sleep(300 * time.Millisecond) // for it to look at the cart, which is empty
	line, err := tab.MustExec("INSERT INTO carts (user_id, product_id, quantity) VALUES (?, ?, 3)", u.ID, lamp.ID).LastInsertId()
	if err = errors.Join(err, tab.Commit()); err != nil {
		t.Fatal(err)
	}
	if err := <-added; err != nil || item.ID != line || item.Quantity != 5 || item.TotalPrice != 500 || item.UserID != u.ID {
		t.Errorf("line %d: got %+v, %v", line, item, err)
	}
	if pieces := s.Count("SELECT quantity FROM carts WHERE user_id = ?", u.ID); pieces != 5 {
		t.Errorf("%d pieces", pieces)
	}
}

// TestCartTabs lets shoppers with two tabs each add, set, remove, clear and order the same few products
// at once: whatever the answers are, none is that the database gave up.
func TestCartTabs(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	var products []model.Product
	for i := range 6 {
		products = append(products, s.Product(string(rune('A'+i)), "1.00", 100_000))
	}
	people := make([]*testkit.Person, 8)
	for i := range people {
		people[i] = s.User()
	}
	errs := atOnce(2*len(people), func(tab int) error {
		u := people[tab/2].ID
		for i := range 25 {
			id, one := model.Int(products[(i*7+tab)%6].ID), model.Int(1)
			_, err := s.Services.Cart.Add(t.Context(), u, model.CartInput{ProductID: &id, Quantity: &one})
			switch i % 5 {
			case 0:
				err = errors.Join(err, s.Services.Cart.Remove(t.Context(), u, int64(id)))
			case 1:
				zero := model.Int(0)
				_, e := s.Services.Cart.Update(t.Context(), u, int64(id), model.QuantityInput{Quantity: &zero})
				err = errors.Join(err, e)
			case 2:
				_, e := s.Services.Orders.PlaceOrder(t.Context(), u, testkit.OrderInput())
				err = errors.Join(err, e)
			case 3:
				_, e := s.Services.Cart.Decrease(t.Context(), u, int64(id))
				err = errors.Join(err, e)
			}
			if c := code(err); err != nil && c != apperr.NotFound && c != apperr.EmptyCart {
				return err
			}
		}
		return s.Services.Cart.Clear(t.Context(), u)
	})
	if errs[""] != 2*len(people) {
		t.Errorf("answers were %v", errs)
	}
	var taken int64
	for _, p := range products {
		taken += 100_000 - s.Stock(p)
	}
	if sold := s.Count("SELECT SUM(quantity) FROM order_items"); sold != taken {
		t.Errorf("%d sold, %d taken", sold, taken)
	}
}

// TestAddBesideLock adds a product while another is locked by a slow transaction.
func TestAddBesideLock(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, slow, lamp, mug := s.User(), s.User(), s.Product("Lamp", "19.99", 5), s.Product("Mug", "7.10", 5)
	tx := s.DB.MustBegin()
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("UPDATE products SET stock = 4 WHERE id = ?", lamp.ID); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() {
		id, one := model.Int(lamp.ID), model.Int(1)
		_, err := s.Services.Cart.Add(t.Context(), slow.ID, model.CartInput{ProductID: &id, Quantity: &one})
		waiting <- err
	}()
	// Until the slow one waits; the server renews this view no oftener than every tenth of a second.
	for s.Count("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'") == 0 {
		time.Sleep(200 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // less than a wait for a lock lasts
	defer cancel()
	id, one := model.Int(mug.ID), model.Int(1)
	if _, err := s.Services.Cart.Add(ctx, u.ID, model.CartInput{ProductID: &id, Quantity: &one}); err != nil {
		t.Error(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}

// TestRemoveBesideLock removes a line while the same product's line of another is locked.
func TestRemoveBesideLock(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other, lamp := s.User(), s.User(), s.Product("Lamp", "19.99", 5)
	s.Fill(u, lamp, 1)
	s.Fill(other, lamp, 1)
	tx := s.DB.MustBegin()
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("UPDATE carts SET quantity = 2 WHERE user_id = ?", other.ID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than a wait for a lock lasts
	defer cancel()
	if err := s.Services.Cart.Remove(ctx, u.ID, lamp.ID); err != nil {
		t.Error(err)
	}
	if err := s.Services.Cart.Remove(ctx, u.ID, lamp.ID); code(err) != apperr.NotFound { // the line that is left is the other's
		t.Errorf("removed again: %v", err)
	}
	if err := s.Services.Cart.Clear(ctx, u.ID); err != nil {
		t.Error(err)
	}
}
