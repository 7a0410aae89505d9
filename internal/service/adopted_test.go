package service_test

import (
	"os"
	"strings"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// adoptedShop returns a shop on the sample of an earlier backend's database.
func adoptedShop(t *testing.T) *testkit.Shop {
	t.Helper()
	cfg := testkit.EmptyDatabase(t)
	b, err := os.ReadFile("../database/testdata/legacy-hexamart.sql")
	if err != nil {
		t.Fatal(err)
	}
	db := testkit.Open(t, cfg, nil)
	db.SetMaxOpenConns(1) // the sample switches its connection's check of foreign keys
	for s := range strings.SplitSeq(string(b), ";\n") {
		if strings.TrimSpace(s) == "" {
			continue
		}
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	db.SetMaxOpenConns(0)
	if _, err := database.Adopt(t.Context(), db, database.AdoptOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return testkit.NewShopOn(t, db)
}

// TestAdoptedShop uses a shop that was adopted: people log in with their old passwords and find their
// orders, and new orders take stock.
func TestAdoptedShop(t *testing.T) {
	t.Parallel()
	s := adoptedShop(t)
	for email, password := range map[string]string{"asha@example.com": "asha-pass-1", "ben.ortiz@EXAMPLE.com": "short",
		"chen@example.com": "chén-pässwörd-ü", "admin@example.com": "admin123", "none@example.com": "no-orders-1"} {
		login, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Username: email, Password: password}, model.Actor{Address: "test"})
		if err != nil || login.IsAdmin != (email == "admin@example.com") {
			t.Errorf("%s: %+v, %v", email, login, err)
		}
	}
	list, err := s.Services.Orders.List(t.Context(), 1, model.Page{})
	if err != nil || len(list.Items) != 3 || list.Items[0].ID != 5 || len(list.Items[0].Products) != 0 || list.Items[0].CreatedAt != nil ||
		list.Items[0].TotalPrice != 5997 || len(list.Items[2].Products) != 2 {
		t.Errorf("orders are %+v, %v", list.Items, err)
	}
	one, err := s.Services.Orders.Get(t.Context(), 2, 3)
	if err != nil || one.Status != model.Shipped || len(one.History) != 1 || *one.History[0].Note != "In Transit" || one.History[0].By != nil {
		t.Errorf("order 3 is %+v, %v", one, err)
	}
	// Chen's cart was three lamps in two lines, and a gift.
	o, err := s.Services.Orders.PlaceOrder(t.Context(), 3, testkit.OrderInput())
	if err != nil || o.ID != 7 || o.TotalPrice != 5997 || len(o.Products) != 2 || s.Stock(model.Product{ID: 1}) != 37 {
		t.Errorf("the new order is %+v, %v; stock %d", o, err, s.Stock(model.Product{ID: 1}))
	}
	// The earlier backend took no stock for order 4, so nothing comes back; order 7 gives its lamps back.
	for _, c := range []struct{ order, product, stock int64 }{{4, 3, 120}, {7, 1, 40}} {
		if _, err := s.Services.Orders.Cancel(t.Context(), 3, c.order); err != nil || s.Stock(model.Product{ID: c.product}) != c.stock {
			t.Errorf("cancelling %d: %v, stock %d, want %d", c.order, err, s.Stock(model.Product{ID: c.product}), c.stock)
		}
	}
	if _, err := s.Services.Auth.Register(t.Context(), model.RegisterInput{Name: "B", Email: "BEN.ortiz@example.com", Password: "long enough"}, model.Actor{}); code(err) != apperr.EmailTaken {
		t.Errorf("a second account of an adopted e-mail: %v", err)
	}
	d, err := s.Services.Admin.Dashboard(t.Context(), model.DashboardFilter{})
	if err != nil || d.Totals.Orders != 7 || d.OrdersByStatus[model.Cancelled] != 2 || d.Totals.Revenue != 7417+28283+12345678+5997+0 {
		t.Errorf("the dashboard is %+v, %v", d.Totals, err)
	}
}
