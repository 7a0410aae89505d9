package service_test

import (
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

func TestHasData(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	check := func(wantUsers, wantProducts bool) {
		t.Helper()
		if users, products, err := s.Services.Admin.HasData(t.Context()); users != wantUsers || products != wantProducts || err != nil {
			t.Errorf("users %t, products %t, %v", users, products, err)
		}
	}
	check(false, false)
	s.User()
	check(true, false)
	lamp := s.Product("Lamp", "19.99", 1)
	check(true, true)
	if err := s.Services.Products.Delete(t.Context(), model.Actor{}, lamp.ID); err != nil {
		t.Fatal(err)
	}
	check(true, true) // was on sale
}

// TestDashboardOneMoment reads the dashboard while orders are placed: its figures agree with each other.
func TestDashboardOneMoment(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "10.00", 1000)
	people := make([]*testkit.Person, 4)
	for i := range people {
		people[i] = s.User()
	}
	errs := atOnce(8, func(i int) error {
		for range 10 {
			if i < len(people) {
				id, one := model.Int(lamp.ID), model.Int(1)
				if _, err := s.Services.Cart.Add(t.Context(), people[i].ID, model.CartInput{ProductID: &id, Quantity: &one}); err != nil {
					return err
				}
				if _, err := s.Services.Orders.PlaceOrder(t.Context(), people[i].ID, testkit.OrderInput()); err != nil {
					return err
				}
				continue
			}
			d, err := s.Services.Admin.Dashboard(t.Context(), model.DashboardFilter{Days: 2})
			if err != nil {
				return err
			}
			days := d.RevenueByDay[0].Revenue + d.RevenueByDay[1].Revenue
			var top int64
			if len(d.TopProducts) > 0 {
				top = d.TopProducts[0].Quantity
			}
			if int64(d.Totals.Revenue) != 1000*d.Totals.Orders || days != d.Totals.Revenue || top != d.Totals.Orders ||
				d.OrdersByStatus[model.Pending] != d.Totals.Orders || len(d.RecentOrders) != int(min(10, d.Totals.Orders)) {
				t.Errorf("the figures are of several moments: %+v", d)
			}
		}
		return nil
	})
	if errs[""] != 8 {
		t.Errorf("answers were %v", errs)
	}
}

// TestFilters checks that the services themselves refuse what breaks a rule, whoever calls them.
func TestFilters(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	_, days := s.Services.Admin.Dashboard(t.Context(), model.DashboardFilter{Days: model.MaxDays + 1})
	_, status := s.Services.Admin.ListOrders(t.Context(), model.OrderFilter{Status: "Lost"})
	_, limit := s.Services.Orders.List(t.Context(), 1, model.Page{Limit: model.MaxLimit + 1})
	_, cursor := s.Services.Cart.List(t.Context(), 1, model.Page{Cursor: "x"})
	_, order := s.Services.Products.List(t.Context(), model.ProductFilter{SortBy: "price; DROP TABLE products"})
	for name, err := range map[string]error{"days": days, "status": status, "limit": limit, "cursor": cursor, "sort_by": order} {
		if code(err) != apperr.InvalidInput {
			t.Errorf("%s: %v", name, err)
		}
	}
}
