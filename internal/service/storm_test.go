package service_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestStorm lets 64 people at once do everything that touches stock, carts and orders, on few products and
// few accounts. Whatever they are told is one of the answers that are meant for people, and the books are right.
func TestStorm(t *testing.T) {
	t.Parallel()
	const people, steps = 64, 25
	s := testkit.NewShop(t)
	admin, users := s.Admin(), make([]*testkit.Person, 16)
	for i := range users {
		users[i] = s.User()
	}
	for i := range 6 {
		s.Product(fmt.Sprint("Product ", i), "1.10", 40)
	}
	ctx := t.Context()
	product := func() int64 { return 1 + rand.Int64N(6) }
	order := func() int64 { return 1 + rand.Int64N(60) }
	number := func(n int) *model.Int { v := model.Int(n); return &v }
	deeds := []func(u *testkit.Person) error{
		func(u *testkit.Person) error {
			_, err := s.Services.Cart.Add(ctx, u.ID, model.CartInput{ProductID: number(int(product())), Quantity: number(1 + rand.N(3))})
			return err
		},
		func(u *testkit.Person) error {
			_, err := s.Services.Orders.PlaceOrder(ctx, u.ID, testkit.OrderInput())
			return err
		},
		func(u *testkit.Person) error {
			in, key := testkit.OrderInput(), fmt.Sprint("key-", rand.N(20))
			in.IdempotencyKey = &key
			_, err := s.Services.Orders.PlaceOrder(ctx, u.ID, in)
			return err
		},
		func(u *testkit.Person) error { _, err := s.Services.Orders.Cancel(ctx, u.ID, order()); return err },
		func(*testkit.Person) error {
			to := model.Statuses[rand.N(len(model.Statuses))]
			_, err := s.Services.Orders.UpdateStatus(ctx, model.Actor{ID: admin.ID}, order(), model.StatusInput{Status: to})
			return err
		},
		func(*testkit.Person) error {
			_, err := s.Services.Products.Patch(ctx, model.Actor{ID: admin.ID}, product(), model.ProductPatch{StockDelta: number(rand.N(9) - 2)}, nil)
			return err
		},
		func(*testkit.Person) error {
			price := model.Money(110)
			_, err := s.Services.Products.Update(ctx, model.Actor{ID: admin.ID}, product(), model.ProductInput{Name: "Product", Price: &price, Category: "Test", Stock: number(rand.N(40))}, nil)
			return err
		},
		func(u *testkit.Person) error { _, err := s.Services.Cart.Decrease(ctx, u.ID, product()); return err },
		func(u *testkit.Person) error { return s.Services.Cart.Remove(ctx, u.ID, product()) },
		func(*testkit.Person) error { // one of six leaves the shop late and seldom
			if rand.N(100) > 0 {
				return nil
			}
			return s.Services.Products.Delete(ctx, model.Actor{}, 6)
		},
	}
	meant := []apperr.Code{"", apperr.EmptyCart, apperr.OutOfStock, apperr.NotFound, apperr.StatusConflict, apperr.KeyInUse}
	turns := make(chan struct{}, people)
	answers := atOnce(people*steps, func(i int) error {
		turns <- struct{}{}
		defer func() { <-turns }()
		return deeds[rand.N(len(deeds))](users[i%len(users)])
	})
	for c, n := range answers {
		if !slices.Contains(meant, c) {
			t.Errorf("%d answers were %s", n, c)
		}
	}
	if s.Count("SELECT COUNT(*) FROM orders") < 20 {
		t.Errorf("too calm: %v", answers)
	}
	mustHold(t, s)
}
