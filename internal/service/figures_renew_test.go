package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestFiguresRenewed changes what history does not tell of: a later reading of all orders finds it. What nobody asks for
// any more is let go.
func TestFiguresRenewed(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Services.Admin
	u, lamp := s.User(), s.Product("Lamp", "19.99", 100)
	o, today := s.Order(u, lamp, 2), time.Now().UTC().Truncate(24*time.Hour)
	s.Exec("UPDATE orders SET created_at = ? WHERE id = ?", today, o.ID)
	orders := func() int64 {
		t.Helper()
		d, err := service.DashboardOn(t.Context(), admin, today, 30)
		if err != nil {
			t.Fatal(err)
		}
		if d.TopProducts[0].Quantity != 2*d.Totals.Orders || d.RevenueByDay[29].Orders != d.Totals.Orders {
			t.Errorf("the figures do not agree: %+v", d)
		}
		return d.Totals.Orders
	}
	byHand := func() {
		s.Exec("INSERT INTO orders (user_id, total_price, status, payment_status, created_at) VALUES (?, 1.00, 'Pending', 'Pending', ?)", u.ID, today)
		s.Exec("INSERT INTO order_items (order_id, product_id, name, price, quantity) SELECT MAX(id), ?, 'Lamp', 0.50, 2 FROM orders", lamp.ID)
	}
	refresh := func() {
		t.Helper()
		if err := admin.RefreshFigures(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, want int64) {
		t.Helper()
		if n := orders(); n != want {
			t.Errorf("%s there are %d orders, want %d", what, n, want)
		}
	}
	check("at first", 1)
	byHand()
	refresh()
	check("before it is time", 1)
	service.TuneFigures(admin, 1, time.Minute, 0)
	check("without a worker", 2)
	service.TuneFigures(admin, 1, time.Minute, time.Hour)
	byHand()
	check("kept", 2)
	service.TuneFigures(admin, 1, time.Minute, time.Nanosecond)
	refresh()
	service.TuneFigures(admin, 1, time.Minute, time.Hour)
	check("after a worker's reading", 3)
	if n := service.FiguresWindows(admin); n != 1 {
		t.Errorf("%d windows are kept", n)
	}
	for days := range 6 {
		if _, err := service.DashboardOn(t.Context(), admin, today, days+1); err != nil {
			t.Fatal(err)
		}
	}
	if n := service.FiguresWindows(admin); n != 4 {
		t.Errorf("%d windows are kept of 7", n)
	}

	service.TuneFigures(admin, 1, time.Minute, time.Nanosecond)
	service.SetFiguresAsked(admin, time.Now().Add(-time.Hour))
	if refresh(); service.KeepsFigures(admin) {
		t.Error("figures are kept that nobody asks for")
	}
	check("after nobody asked", 3)
}

// TestFiguresOwed gives up before all orders are read: a worker reads them for the next one who asks.
func TestFiguresOwed(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Services.Admin
	s.Order(s.User(), s.Product("Lamp", "19.99", 5), 1)
	other, err := s.DB.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	lock := func(statement string) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	refresh := func() {
		t.Helper()
		if err := admin.RefreshFigures(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if refresh(); service.KeepsFigures(admin) {
		t.Error("figures were read that nobody asked for")
	}
	lock("LOCK TABLES orders WRITE")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := admin.Dashboard(ctx, model.DashboardFilter{}); code(err) != apperr.Unavailable {
		t.Errorf("no time: %v", err)
	}
	lock("UNLOCK TABLES")
	if refresh(); !service.KeepsFigures(admin) {
		t.Error("what was owed is not there")
	}
}

// TestFiguresLate commits after transactions are taken to be over, as a process that was stopped meanwhile may: its
// order is missing until all orders are read again.
func TestFiguresLate(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Services.Admin
	service.TuneFigures(admin, 1, time.Nanosecond, time.Hour)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 100)
	f := &figuresTest{t: t, r: rand.New(rand.NewPCG(1, 2)), shops: []*testkit.Shop{s}, slow: []model.Product{s.Product("Mug", "7.10", 100)}}
	tx := f.begin(u)
	defer func() { _ = tx.Rollback() }()
	check := func(want int64) {
		t.Helper()
		d, err := admin.Dashboard(t.Context(), model.DashboardFilter{})
		if err != nil || d.Totals.Orders != want {
			t.Errorf("%d orders, %v, want %d", d.Totals.Orders, err, want)
		}
	}
	for i := range 3 {
		s.Order(u, lamp, 1)
		check(int64(i + 1))
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	check(3)
	service.TuneFigures(admin, 1, time.Nanosecond, time.Nanosecond)
	if err := admin.RefreshFigures(t.Context()); err != nil {
		t.Fatal(err)
	}
	service.TuneFigures(admin, 1, time.Nanosecond, time.Hour)
	check(4)
	s.Order(u, lamp, 1)
	check(5)
}

// TestFiguresBehind lets more happen than is read one by one.
func TestFiguresBehind(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 100)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for i := range 3 {
		if i > 0 {
			placeMany(s, u, lamp, 12_000)
		}
		d, err := service.DashboardOn(t.Context(), s.Services.Admin, today, 7)
		if err != nil {
			t.Fatal(err)
		}
		compareFigures(t, fmt.Sprint(i), d, counted(t, s.DB, today, 7))
	}
}

// TestFiguresGaps has ids of history that are never used, as clusters leave them out, and as orders that are given up do, before
// many rows of orders of several lines: they are not news, and what is comes on top.
func TestFiguresGaps(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp, mug := s.User(), s.Product("Lamp", "19.99", 100), s.Product("Mug", "7.10", 100)
	placeMany(s, u, lamp, 10_500)
	s.Exec("INSERT INTO order_items (order_id, product_id, name, price, quantity) SELECT id, ?, 'Mug', 7.10, 1 FROM orders", mug.ID)
	s.Exec("UPDATE order_history SET id = 2 * id ORDER BY id DESC")
	s.Exec("ALTER TABLE order_history AUTO_INCREMENT = 1000000")
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for i := range 3 {
		if i > 0 {
			s.Order(u, lamp, 1)
		}
		d, err := service.DashboardOn(t.Context(), s.Services.Admin, today, 7)
		if err != nil {
			t.Fatal(err)
		}
		compareFigures(t, fmt.Sprint(i), d, counted(t, s.DB, today, 7))
	}
}
