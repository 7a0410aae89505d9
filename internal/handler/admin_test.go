package handler_test

import (
	"strings"
	"testing"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestDashboard compares every figure with orders that are known.
func TestDashboard(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u, v := s.Admin(), s.User(), s.User()
	empty := send(t, s, step{admin, "GET /admin/dashboard?days=2", "", 200, is{`"totals":{"users":3,"products":0,"orders":0,"revenue":0.00}`,
		`"orders_by_status":{"Cancelled":0,"Delivered":0,"Pending":0,"Shipped":0}`, `"top_products":[]`, `"low_stock":[]`, `"recent_orders":[]`}})
	if got := names(empty.Body); got != "low_stock message orders_by_status recent_orders revenue_by_day top_products totals" {
		t.Errorf("the dashboard has %s", got)
	}
	lamp, mug, book := s.Product("Lamp", "10.00", 105), s.Product("Mug", "0.10", 9), s.Product("Book", "5.25", 9)
	s.Product("Plenty", "1.00", 6)
	s.Product("None", "1.00", 0)
	gone := s.Product("Gone", "3.00", 3)
	// The day is read until it was the same before and after, so that midnight does no harm.
	var today time.Time
	day := func() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }
	place := func(who *testkit.Person, product model.Product, quantity int, daysAgo int, at time.Duration, status model.Status) {
		o := s.Order(who, product, quantity)
		s.Exec("UPDATE orders SET status = ?, created_at = ? WHERE id = ?", status, today.AddDate(0, 0, -daysAgo).Add(at), o.ID)
	}
	today = day()
	place(u, lamp, 2, 0, 0, model.Pending)                      // 20.00, the day's first second
	place(u, mug, 3, 0, 0, model.Shipped)                       // 0.30
	place(v, book, 4, 1, 24*time.Hour-time.Second, "Delivered") // 21.00, yesterday's last second
	place(v, lamp, 50, 0, 0, model.Cancelled)                   // counts as an order, not as revenue
	place(u, gone, 3, 29, 0, model.Delivered)                   // 9.00, the first second of 30 days
	place(v, mug, 1, 30, 24*time.Hour-time.Second, "Pending")   // 0.10, the last second before them
	run(t, s, []step{{admin, f("DELETE /products/%d", gone.ID), "", 200, nil}})
	s.Exec("UPDATE orders SET created_at = DATE_ADD(created_at, INTERVAL ? DAY)", int(day().Sub(today)/(24*time.Hour)))
	ask := func(query string) (a testkit.Answer) {
		for {
			today = day()
			if a = send(t, s, step{admin, "GET /admin/dashboard" + query, "", 200, nil}); day().Equal(today) {
				return a
			}
		}
	}
	figure := func(a testkit.Answer, name, want string) {
		t.Helper()
		if got := string(members(a.Body)[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	row := func(daysAgo, orders int, revenue string) string {
		return f(`{"date":%q,"orders":%d,"revenue":%s}`, today.AddDate(0, 0, -daysAgo).Format(time.DateOnly), orders, revenue)
	}
	top := func(p model.Product, quantity int, revenue string) string {
		return f(`{"product_id":%d,"name":%q,"quantity":%d,"revenue":%s}`, p.ID, p.Name, quantity, revenue)
	}
	for _, query := range []string{"", "?days=30", "?days="} {
		a := ask(query)
		figure(a, "totals", `{"users":3,"products":5,"orders":6,"revenue":50.40}`)
		figure(a, "orders_by_status", `{"Cancelled":1,"Delivered":2,"Pending":2,"Shipped":1}`)
		figure(a, "top_products", "["+strings.Join([]string{top(book, 4, "21.00"), top(mug, 3, "0.30"), top(gone, 3, "9.00"), top(lamp, 2, "20.00")}, ",")+"]")
		var days []string
		for i := 29; i >= 0; i-- {
			switch i {
			case 0:
				days = append(days, row(i, 2, "20.30"))
			case 1:
				days = append(days, row(i, 1, "21.00"))
			case 29:
				days = append(days, row(i, 1, "9.00"))
			default:
				days = append(days, row(i, 0, "0.00"))
			}
		}
		figure(a, "revenue_by_day", "["+strings.Join(days, ",")+"]")
		if got := idsIn(string(members(a.Body)["low_stock"])); got != f("5 %d %d", mug.ID, book.ID) {
			t.Errorf("low in stock are %s", got)
		}
		if got := idsIn(string(members(a.Body)["recent_orders"])); got != "6 5 4 3 2 1" {
			t.Errorf("recent orders are %s", got)
		}
		first := elements(t, string(members(a.Body)["recent_orders"]))[0]
		if !strings.Contains(first, f(`"user":{"id":%d,"name":%q,"email":%q}`, v.ID, v.Name, v.Email)) {
			t.Errorf("a recent order is %s", first)
		}
	}
	a := ask("?days=1")
	figure(a, "totals", `{"users":3,"products":5,"orders":6,"revenue":50.40}`)
	figure(a, "revenue_by_day", "["+row(0, 2, "20.30")+"]")
	figure(a, "top_products", "["+top(mug, 3, "0.30")+","+top(lamp, 2, "20.00")+"]")
	a = ask("?days=366")
	if days := elements(t, string(members(a.Body)["revenue_by_day"])); len(days) != 366 || days[335] != row(30, 1, "0.10") {
		t.Errorf("of 366 days %d are there", len(days))
	}
	for _, days := range []string{"0", "-1", "367", "x", "1.5", "1e1", "99999999999999999999"} {
		if got := badFields(send(t, s, step{admin, "GET /admin/dashboard?days=" + days, "", 422, nil})); got != "days" {
			t.Errorf("days=%s: fields %q", days, got)
		}
	}
}

// TestDashboardRecent checks that the recent orders are ten.
func TestDashboardRecent(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, lamp := s.Admin(), s.Product("Lamp", "10.00", 100)
	for range 12 {
		s.Order(admin, lamp, 1)
	}
	a := send(t, s, step{admin, "GET /admin/dashboard", "", 200, nil})
	var d struct {
		Recent []struct{ ID int64 } `json:"recent_orders"`
	}
	if a.JSON(&d); len(d.Recent) != 10 || d.Recent[0].ID != 12 || d.Recent[9].ID != 3 {
		t.Errorf("recent are %v", d.Recent)
	}
}

// TestAdminOrders narrows the list of everybody's orders; the numbers are ids. Those of a time come by their times.
func TestAdminOrders(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u, v, lamp := s.Admin(), s.User(), s.User(), s.Product("Lamp", "19.99", 100)
	run(t, s, []step{{admin, "GET /admin/orders", "", 200, is{"[]"}}})
	for i, o := range []struct {
		who    *testkit.Person
		status model.Status
		at     string
	}{
		{u, model.Pending, "2026-03-01 00:00:00"},
		{v, model.Shipped, "2026-03-01 23:59:59"},
		{u, model.Cancelled, "2026-03-02 00:00:00"},
		{v, model.Pending, "2026-03-05 12:00:00"},
		{u, model.Delivered, "2026-03-02 18:30:00"},
	} {
		s.Order(o.who, lamp, i+1)
		s.Exec("UPDATE orders SET status = ?, created_at = ? WHERE id = ?", o.status, o.at, i+1)
	}
	for query, want := range map[string]string{
		"":                                             "5 4 3 2 1",
		"status=&user_id=&from=&to=":                   "5 4 3 2 1",
		"status=Pending":                               "4 1",
		"status=Delivered":                             "5",
		f("user_id=%d", u.ID):                          "5 3 1",
		f("user_id=%d&status=Shipped", v.ID):           "2",
		f("user_id=%d", admin.ID):                      "",
		"user_id=424242":                               "",
		"from=2026-03-02":                              "4 5 3",
		"to=2026-03-01":                                "2 1", // the whole day
		"from=2026-03-01&to=2026-03-01":                "2 1",
		"from=2026-03-02&to=2026-03-02":                "5 3",
		"from=2026-03-01T23:59:59Z":                    "4 5 3 2",
		"to=2026-03-01T23:59:59Z":                      "1",
		"to=2026-03-02T00:00:00Z":                      "2 1",
		"from=2026-03-03T00:00:00%2B05:30":             "4 5", // 18:30 the day before, in UTC
		"from=2026-03-03T00:00:01%2B05:30":             "4",
		"from=2026-03-01&status=Pending&to=2026-03-04": "1",
		"from=1970-01-01&to=2100-01-01":                "4 5 3 2 1",
		"from=2100-01-01":                              "",
		"from=0001-01-02":                              "4 5 3 2 1",
		"to=9999-12-30":                                "4 5 3 2 1",
	} {
		if got := ids(send(t, s, step{admin, "GET /admin/orders?" + query, "", 200, nil})); got != want {
			t.Errorf("%s: orders %q, want %q", query, got, want)
		}
	}
	a := send(t, s, step{admin, "GET /admin/orders?status=Shipped", "", 200, is{
		f(`"user":{"id":%d,"name":%q,"email":%q}`, v.ID, v.Name, v.Email), `"products":[{"product_id":1,"name":"Lamp","quantity":2,"price":19.99,"total_price":39.98}]`,
		`"created_at":"2026-03-01T23:59:59Z"`, f(`"user_id":%d`, v.ID)}})
	if got := names(elements(t, a.Body)[0]); got != "created_at id order_id payment_method payment_status products shipping_address status total_price updated_at user user_id" {
		t.Errorf("an order has %s", got)
	}
	for query, want := range map[string]string{
		"status=Lost":             "status",
		"status=pending":          "status",
		"user_id=0":               "user_id",
		"user_id=-1":              "user_id",
		"user_id=me":              "user_id",
		"user_id=1e3":             "user_id",
		"from=yesterday":          "from",
		"from=2026-02-30":         "from",
		"to=2026-03-01T25:00:00Z": "to",
		"from=2026-03-01&to=soon": "to",
		"from=2026-03-01T00:00:00Z&to=2026-02-30":            "to",
		"from=2026-03-02&to=2026-03-01":                      "from",
		"status=Lost&user_id=x&from=y&to=z&limit=w&cursor=v": "cursor from limit status to user_id",
	} {
		if got := badFields(send(t, s, step{admin, "GET /admin/orders?" + query, "", 422, nil})); got != want {
			t.Errorf("%s: fields %q, want %q", query, got, want)
		}
	}
}

// TestAdminOrdersFarTimes asks for times at the edges of what can be written; none is an internal error.
func TestAdminOrdersFarTimes(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Admin()
	for _, query := range []string{
		"from=0000-01-01", "from=0001-01-01", "to=0001-01-01", "to=9999-12-31", "from=9999-12-31", "from=0000-12-31T23:59:59Z",
		"from=0001-01-01T00:00:00%2B05:30", "to=9999-12-31T23:59:59-05:30", "from=0001-01-01T00:00:00Z", "to=2026-03-01T00:00:00.999999999Z",
		"from=1000-01-01", "from=10000-01-01",
	} {
		if a := s.Do(admin, "GET", "/admin/orders?"+query, ""); a.Status != 200 && a.Status != 422 {
			t.Errorf("%s: status %d: %s", query, a.Status, a.Body)
		}
	}
}
