package service_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestCartTogether puts things into carts as one group, good ones and others.
func TestCartTogether(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other, full := s.User(), s.User(), s.User()
	lamp, mug, old := s.Product("Lamp", "19.99", 10), s.Product("Mug", "7.10", 5000), s.Product("Old", "1.00", 5)
	s.Exec("UPDATE products SET archived_at = NOW() WHERE id = ?", old.ID)
	s.Fill(other, lamp, 3)
	s.Fill(full, mug, 999)
	asks := []struct {
		as       *testkit.Person
		product  int64
		quantity int
		code     apperr.Code
	}{
		{u, mug.ID, 2, ""},
		{u, lamp.ID, 4, ""},
		{u, mug.ID, 3, ""}, // the same line again
		{other, lamp.ID, 7, ""},
		{other, lamp.ID, 8, apperr.OutOfStock}, // with what is there: found out when it is written
		{full, mug.ID, 1, ""},
		{full, lamp.ID, 11, apperr.OutOfStock},
		{u, 999, 1, apperr.NotFound},
		{u, old.ID, 1, apperr.NotFound},
	}
	_, adding, _ := service.Coalescers(s.Services)
	together(t, adding, len(asks), func(i int) {
		product, quantity := model.Int(asks[i].product), model.Int(asks[i].quantity)
		item, err := s.Services.Cart.Add(t.Context(), asks[i].as.ID, model.CartInput{ProductID: &product, Quantity: &quantity})
		if code(err) != asks[i].code {
			t.Errorf("%d: %v", i, err)
		}
		if err == nil && (item.UserID != asks[i].as.ID || item.ProductID != asks[i].product || item.Quantity < int64(quantity) ||
			item.TotalPrice != item.Price.Times(item.Quantity) || item.ID != s.Count("SELECT id FROM carts WHERE user_id = ? AND product_id = ?", item.UserID, item.ProductID)) {
			t.Errorf("%d: %+v", i, item)
		}
	})
	var carts []string
	if err := s.DB.SelectContext(t.Context(), &carts, "SELECT CONCAT(user_id, ': ', quantity, ' of ', product_id) FROM carts ORDER BY user_id, product_id"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		fmt.Sprintf("%d: 4 of %d", u.ID, lamp.ID), fmt.Sprintf("%d: 5 of %d", u.ID, mug.ID),
		fmt.Sprintf("%d: 10 of %d", other.ID, lamp.ID), fmt.Sprintf("%d: 1000 of %d", full.ID, mug.ID),
	}
	if !slices.Equal(carts, want) {
		t.Errorf("the carts are %v, want %v", carts, want)
	}
}

// TestCartTogetherRoom has one person put many more products than a cart takes into one that has a few, as one group.
func TestCartTogetherRoom(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	fillCatalogue(s, 200)
	s.Exec("UPDATE products SET archived_at = NULL")
	const few = model.MaxCartLines / 20
	s.Exec("INSERT INTO carts (user_id, product_id, quantity) SELECT ?, id, 1 FROM products WHERE id <= ?", u.ID, few)
	_, adding, _ := service.Coalescers(s.Services)
	var full atomic.Int64
	together(t, adding, model.MaxCartLines, func(i int) {
		product, quantity := model.Int(few+1+i), model.Int(1)
		_, err := s.Services.Cart.Add(t.Context(), u.ID, model.CartInput{ProductID: &product, Quantity: &quantity})
		if code(err) == apperr.CartFull {
			full.Add(1)
		} else if err != nil {
			t.Error(err)
		}
	})
	if n := s.Count("SELECT COUNT(*) FROM carts"); n > model.MaxCartLines || n+full.Load() != few+model.MaxCartLines {
		t.Errorf("%d lines, %d were refused", n, full.Load())
	}
}

// TestCartFilledMeanwhile fills a cart after it was read, and before a line is added: there is no room for that.
func TestCartFilledMeanwhile(t *testing.T) {
	t.Parallel()
	s, proxy, direct := behind(t, nil)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 5)
	fillCatalogue(direct, 200)
	proxy.Decide(func(sql string) testkit.Cut {
		if strings.HasPrefix(sql, "START TRANSACTION;") && strings.Contains(sql, "INSERT INTO carts") {
			direct.Exec("INSERT IGNORE INTO carts (user_id, product_id, quantity) SELECT ?, id, 1 FROM products WHERE id > ? LIMIT ?", u.ID, lamp.ID, model.MaxCartLines)
		}
		return testkit.NoCut
	})
	id, one := model.Int(lamp.ID), model.Int(1)
	_, err := s.Services.Cart.Add(t.Context(), u.ID, model.CartInput{ProductID: &id, Quantity: &one})
	if lines := direct.Count("SELECT COUNT(*) FROM carts"); code(err) != apperr.CartFull || lines != model.MaxCartLines {
		t.Errorf("%d lines, %v", lines, err)
	}
}

// TestCartRoomIsShared adds far more products at once than there is room for, at two instances.
func TestCartRoomIsShared(t *testing.T) {
	t.Parallel()
	shops := twoShops(t)
	s := shops[0]
	u := s.User()
	fillCatalogue(s, 200)
	s.Exec("UPDATE products SET archived_at = NULL")
	errs := atOnce(200, func(i int) error {
		id, one := model.Int(i+1), model.Int(1)
		_, err := shops[i%2].Services.Cart.Add(t.Context(), u.ID, model.CartInput{ProductID: &id, Quantity: &one})
		return err
	})
	if lines := s.Count("SELECT COUNT(*) FROM carts"); lines != model.MaxCartLines || errs[""] != model.MaxCartLines || errs[apperr.CartFull] != 200-model.MaxCartLines {
		t.Errorf("%d lines, answers were %v", lines, errs)
	}
}
