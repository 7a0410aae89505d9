package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// counted is a dashboard's figures as plain SQL has them.
func counted(t *testing.T, db sqlx.QueryerContext, today time.Time, days int) (d model.Dashboard) {
	t.Helper()
	read := func(dest any, query string, args ...any) {
		t.Helper()
		if err := sqlx.SelectContext(t.Context(), db, dest, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	var totals []model.Totals
	read(&totals, `
		SELECT (SELECT COUNT(*) FROM users) AS users, (SELECT COUNT(*) FROM products WHERE archived_at IS NULL) AS products,
			(SELECT COUNT(*) FROM orders) AS orders,
			(SELECT COALESCE(SUM(total_price), 0.00) FROM orders WHERE status <> 'Cancelled') AS revenue`)
	d.Totals = totals[0]
	d.OrdersByStatus = map[model.Status]int64{}
	for _, status := range model.Statuses {
		var n []int64
		read(&n, "SELECT COUNT(*) FROM orders WHERE status = ?", status)
		d.OrdersByStatus[status] = n[0]
	}
	since := today.AddDate(0, 0, 1-days)
	var sold []model.DayRevenue
	read(&sold, `
		SELECT DATE_FORMAT(created_at, '%Y-%m-%d') AS date, COUNT(*) AS orders, SUM(total_price) AS revenue
		FROM orders
		WHERE created_at >= ? AND status <> 'Cancelled'
		GROUP BY date`, since)
	for i := range days {
		day := model.DayRevenue{Date: since.AddDate(0, 0, i).Format(time.DateOnly)}
		if i := slices.IndexFunc(sold, func(d model.DayRevenue) bool { return d.Date == day.Date }); i >= 0 {
			day = sold[i]
		}
		d.RevenueByDay = append(d.RevenueByDay, day)
	}
	d.TopProducts = []model.ProductSales{}
	read(&d.TopProducts, `
		SELECT i.product_id, p.name, SUM(i.quantity) AS quantity, SUM(i.price * i.quantity) AS revenue
		FROM orders o
		JOIN order_items i ON i.order_id = o.id
		JOIN products p ON p.id = i.product_id
		WHERE o.created_at >= ? AND o.status <> 'Cancelled'
		GROUP BY i.product_id, p.name
		ORDER BY quantity DESC, i.product_id
		LIMIT 10`, since)
	return d
}

// compareFigures holds a dashboard against plain SQL.
func compareFigures(t *testing.T, what string, got, want model.Dashboard) {
	t.Helper()
	got.LowStock, got.RecentOrders = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n%+v, by SQL\n%+v", what, got, want)
	}
}

// figuresTest is a shop of two instances in which anything happens.
type figuresTest struct {
	t        *testing.T
	r        *rand.Rand
	shops    []*testkit.Shop
	users    []*testkit.Person
	products []model.Product
	orders   []int64
	slow     []model.Product // of orders whose transactions last: they lock them
	open     []*sqlx.Tx
}

// step lets several things happen at once, each through one of the instances, and an order that takes long begin or end.
func (f *figuresTest) step() {
	var work []func() error
	for _, u := range f.users { // each has one cart
		for _, s := range f.shops[:1+f.r.IntN(2)] {
			work = append(work, func() error { _, err := s.Services.Admin.Dashboard(f.t.Context(), model.DashboardFilter{}); return err })
		}
		s := f.shops[f.r.IntN(len(f.shops))]
		if f.r.IntN(2) == 0 {
			for range 1 + f.r.IntN(4) {
				s.Fill(u, f.products[f.r.IntN(len(f.products))], 1+f.r.IntN(9))
			}
			work = append(work, func() error {
				_, err := s.Services.Orders.PlaceOrder(f.t.Context(), u.ID, testkit.OrderInput())
				return err
			})
		} else if len(f.orders) > 0 {
			order, status := f.orders[f.r.IntN(len(f.orders))], model.Statuses[f.r.IntN(4)]
			work = append(work, func() error {
				_, err := s.Services.Orders.UpdateStatus(f.t.Context(), model.Actor{ID: u.ID}, order, model.StatusInput{Status: status})
				if code(err) == apperr.StatusConflict {
					return nil
				}
				return err
			})
		}
	}
	if errs := atOnce(len(work), func(i int) error { return work[i]() }); errs[""] != len(work) {
		f.t.Fatalf("answers were %v", errs)
	}
	switch n := f.r.IntN(8); {
	case n < 3 && len(f.open) < 4:
		f.open = append(f.open, f.begin(f.users[0]))
	case n < 6 && len(f.open) > 0:
		i := f.r.IntN(len(f.open))
		end := f.open[i].Commit
		if f.r.IntN(4) == 0 {
			end = f.open[i].Rollback
		}
		if err := end(); err != nil {
			f.t.Fatal(err)
		}
		f.open = slices.Delete(f.open, i, i+1)
	}
	f.orders = nil
	if err := f.shops[0].DB.Select(&f.orders, "SELECT id FROM orders"); err != nil {
		f.t.Fatal(err)
	}
}

// begin writes an order of two products, and leaves its transaction open.
func (f *figuresTest) begin(u *testkit.Person) *sqlx.Tx {
	tx, err := f.shops[0].DB.BeginTxx(context.WithoutCancel(f.t.Context()), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	exec := func(query string, args ...any) int64 {
		res, err := tx.Exec(query, args...)
		if err != nil {
			f.t.Fatal(err)
		}
		id, _ := res.LastInsertId()
		return id
	}
	at := time.Now().UTC().AddDate(0, 0, -f.r.IntN(9))
	id := exec("INSERT INTO orders (user_id, total_price, status, payment_status, created_at) VALUES (?, 12.34, 'Pending', 'Pending', ?)", u.ID, at)
	for range 2 {
		exec("INSERT INTO order_items (order_id, product_id, name, price, quantity) VALUES (?, ?, 'By hand', 6.17, ?)",
			id, f.slow[f.r.IntN(len(f.slow))].ID, 1+f.r.IntN(20))
	}
	exec("INSERT INTO order_history (order_id, status, created_at) VALUES (?, 'Pending', ?)", id, at)
	return tx
}

// TestFiguresFollow lets orders be placed and changed through two instances, and by transactions that last and commit
// in another order than they began, and compares both instances' dashboards with plain SQL after each step. One of them
// keeps whatever it reads at once, the other one nothing.
func TestFiguresFollow(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	a := testkit.NewShop(t)
	f := &figuresTest{t: t, r: rand.New(rand.NewPCG(seed, 1)), shops: []*testkit.Shop{a, testkit.NewShopOn(t, a.DB)}}
	service.TuneFigures(a.Services.Admin, 1, time.Minute, time.Hour)
	for range 4 {
		f.users = append(f.users, a.Admin())
	}
	for i := range 70 { // more than a window has at hand
		p := a.Product(fmt.Sprintf("Product %d", i+1), fmt.Sprintf("%d.%02d", i, i), 1_000)
		if i%5 == 0 {
			f.slow = append(f.slow, p)
		} else {
			f.products = append(f.products, p)
		}
	}
	defer func() {
		for _, tx := range f.open {
			_ = tx.Rollback()
		}
	}()
	for i := range 80 {
		f.step()
		today := time.Now().UTC().Truncate(24 * time.Hour)
		days := []int{1, 2, 7, 30, 366}[f.r.IntN(5)]
		want := counted(t, a.DB, today, days)
		for j, s := range f.shops {
			d, err := service.DashboardOn(t.Context(), s.Services.Admin, today, days)
			if err != nil {
				t.Fatal(err)
			}
			compareFigures(t, fmt.Sprintf("step %d, instance %d, %d days", i, j, days), d, want)
		}
		if t.Failed() {
			return
		}
	}
}

// TestFiguresAdopted follows a shop that was adopted.
func TestFiguresAdopted(t *testing.T) {
	t.Parallel()
	s := adoptedShop(t)
	s.Exec("UPDATE orders SET created_at = UTC_TIMESTAMP() WHERE id IN (1, 2, 4)")
	today := time.Now().UTC().Truncate(24 * time.Hour)
	compare := func(what string) {
		t.Helper()
		d, err := service.DashboardOn(t.Context(), s.Services.Admin, today, 30)
		if err != nil {
			t.Fatal(err)
		}
		compareFigures(t, what, d, counted(t, s.DB, today, 30))
	}
	compare("as adopted")
	var ids []int64
	if err := s.DB.Select(&ids, "SELECT id FROM orders"); err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, to := range []model.Status{model.Delivered, model.Cancelled, model.Shipped, model.Delivered} {
		for _, id := range ids {
			if _, err := s.Services.Orders.UpdateStatus(t.Context(), model.Actor{ID: 4}, id, model.StatusInput{Status: to}); err == nil {
				changed++
			}
			compare(fmt.Sprintf("order %d becomes %s", id, to))
		}
	}
	if changed == 0 {
		t.Error("no order changed")
	}
}

// TestFiguresDay goes on to the next days: what was sold before them leaves the window, and days without a sale come.
func TestFiguresDay(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp, mug := s.User(), s.Product("Lamp", "19.99", 100), s.Product("Mug", "7.10", 100)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for i := range 4 {
		o := s.Order(u, []model.Product{lamp, mug}[i%2], i+1)
		s.Exec("UPDATE orders SET created_at = ? WHERE id = ?", today.AddDate(0, 0, -i).Add(24*time.Hour-time.Second), o.ID)
	}
	for ahead := range 5 {
		for _, days := range []int{1, 2, 3, 30} {
			day := today.AddDate(0, 0, ahead)
			d, err := service.DashboardOn(t.Context(), s.Services.Admin, day, days)
			if err != nil {
				t.Fatal(err)
			}
			compareFigures(t, fmt.Sprintf("%d days, %d days ahead", days, ahead), d, counted(t, s.DB, day, days))
		}
	}
}
