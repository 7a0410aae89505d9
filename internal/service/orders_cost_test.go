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
