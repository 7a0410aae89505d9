package service_test

import (
	"fmt"
	"strings"
	"testing"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestListOrdersDepth is TestListProductsDepth for orders.
func TestListOrdersDepth(t *testing.T) {
	t.Parallel()
	const orders, limit = 8_000, 50
	s := testkit.NewShop(t)
	s.DB.SetMaxOpenConns(1)
	u := s.User()
	rows := make([]string, orders)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d, 1.00, '%s', 'Pending')", u.ID, model.Statuses[i%2])
	}
	s.Exec("INSERT INTO orders (user_id, total_price, status, payment_status) VALUES " + strings.Join(rows, ", "))
	middle := model.Cursor{ID: orders / 2}.String()
	page := model.Page{Limit: limit, Cursor: middle}
	lists := map[string]func() (int, error){
		"Own": func() (int, error) {
			list, err := s.Services.Orders.List(t.Context(), u.ID, page)
			return len(list.Items), err
		},
	}
	for name, f := range map[string]model.OrderFilter{
		"All":      {Page: page},
		"ByStatus": {Status: model.Shipped, Page: page},
		"ByUser":   {UserID: u.ID, Page: page},
	} {
		lists[name] = func() (int, error) {
			list, err := s.Services.Admin.ListOrders(t.Context(), f)
			return len(list.Items), err
		}
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			s.Exec("FLUSH STATUS")
			n, err := list()
			if err != nil || n != limit {
				t.Fatal(n, err)
			}
			// A page, its users and its items: each has a row or a look for one.
			if n := rowsLookedAt(t, s.DB); n > 6*limit {
				t.Errorf("%d rows were looked at for %d", n, limit)
			}
		})
	}
}

// TestListOrdersWithManyItems lists orders that have thousands of items together: a page ends sooner, between two orders, and
// each order comes once, with all of its items in their order.
func TestListOrdersWithManyItems(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "1.00", 10)
	const orders, items, huge = 70, 100, 6_000 // the last number is the oldest order's, as one of the earlier backend's
	rows := make([]string, orders)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d, 1.00, 'Pending', 'Pending')", u.ID)
	}
	s.Exec("INSERT INTO orders (user_id, total_price, status, payment_status) VALUES " + strings.Join(rows, ", "))
	add := func(n int, where string) {
		one := "(SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 99) + ") a"
		many := "(SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", n/100-1) + ") b"
		s.Exec("INSERT INTO order_items (order_id, product_id, name, price, quantity) SELECT o.id, ?, 'Lamp', 1, 1 FROM orders o JOIN "+one+" JOIN "+many+" WHERE "+where, lamp.ID)
	}
	first := s.Count("SELECT MIN(id) FROM orders")
	add(items, fmt.Sprint("o.id > ", first))
	add(huge, fmt.Sprint("o.id = ", first))
	s.Exec("UPDATE order_items i JOIN (SELECT order_id, MIN(id) AS least FROM order_items GROUP BY order_id) f ON f.order_id = i.order_id SET i.quantity = 1 + i.id - f.least")

	var pages, seen []int64
	page := model.Page{Limit: 1000}
	for {
		list, err := s.Services.Orders.List(t.Context(), u.ID, page)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, int64(len(list.Items)))
		for _, o := range list.Items {
			seen = append(seen, o.ID)
			want := items
			if o.ID == first {
				want = huge
			}
			last := int64(0)
			for _, item := range o.Products {
				if item.Quantity <= last {
					t.Fatalf("item %d of order %d comes after %d", item.Quantity, o.ID, last)
				}
				last = item.Quantity
			}
			if len(o.Products) != want {
				t.Fatalf("order %d has %d items, want %d", o.ID, len(o.Products), want)
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			break
		}
	}
	if fmt.Sprint(pages) != "[50 19 1]" || len(seen) != orders {
		t.Errorf("pages have %v, %d orders", pages, len(seen))
	}
	for i, id := range seen {
		if id != first+orders-1-int64(i) {
			t.Fatalf("order %d is %d", i, id)
		}
	}
}
