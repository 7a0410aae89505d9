package service

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

// Admin is what admins see of the whole shop.
type Admin struct {
	db *sqlx.DB
}

// Customers are looked up, not joined: a join of few users makes MariaDB read all orders first.
const adminOrderColumns = orderColumns + `,
	o.user_id AS "user.id",
	(SELECT u.name FROM users u WHERE u.id = o.user_id) AS "user.name",
	(SELECT u.email FROM users u WHERE u.id = o.user_id) AS "user.email"`

func orderOf(o *model.AdminOrder) *model.Order { return &o.Order }

// ListOrders returns a page of everybody's orders, newest first.
func (s *Admin) ListOrders(ctx context.Context, f model.OrderFilter) (model.List[model.AdminOrder], error) {
	list, err := listOrders(ctx, s.db, adminOrderColumns, f, orderOf)
	return list, fail("list all orders", err)
}

// Dashboard sums up the shop; all its figures are of one moment.
func (s *Admin) Dashboard(ctx context.Context, f model.DashboardFilter) (model.Dashboard, error) {
	if err := f.Validate(); err != nil {
		return model.Dashboard{}, err
	}
	var d model.Dashboard
	today := now().Truncate(24 * time.Hour)
	since := today.AddDate(0, 0, 1-f.Days)
	err := database.InSnapshot(ctx, s.db, func(tx *sqlx.Tx) (err error) {
		d = model.Dashboard{TopProducts: []model.ProductSales{}, LowStock: []model.Product{}}
		if err = readTotals(ctx, tx, &d); err != nil {
			return err
		}
		if d.RevenueByDay, err = readDays(ctx, tx, since, f.Days); err != nil {
			return err
		}
		if err = readProductFigures(ctx, tx, since, &d); err != nil {
			return err
		}
		recent := model.OrderFilter{Page: model.Page{Limit: 10}}
		list, err := listOrders(ctx, tx, adminOrderColumns, recent, orderOf)
		d.RecentOrders = list.Items
		return err
	})
	return d, fail("sum up the shop", err)
}

func readTotals(ctx context.Context, tx *sqlx.Tx, d *model.Dashboard) error {
	if err := tx.GetContext(ctx, &d.Totals, `
		SELECT
			(SELECT COUNT(*) FROM users) AS users,
			(SELECT COUNT(*) FROM products WHERE archived_at IS NULL) AS products,
			(SELECT COUNT(*) FROM orders) AS orders,
			(SELECT COALESCE(SUM(total_price), 0.00) FROM orders WHERE status <> 'Cancelled') AS revenue`); err != nil {
		return err
	}
	d.OrdersByStatus = map[model.Status]int64{}
	for _, status := range model.Statuses {
		d.OrdersByStatus[status] = 0
	}
	var counts []struct {
		Status model.Status `db:"status"`
		Orders int64        `db:"orders"`
	}
	err := tx.SelectContext(ctx, &counts, `
		SELECT status, COUNT(*) AS orders
		FROM orders
		GROUP BY status`)
	for _, c := range counts {
		d.OrdersByStatus[c.Status] = c.Orders
	}
	return err
}

// readDays returns one row for each of the days from since on, in order.
func readDays(ctx context.Context, tx *sqlx.Tx, since time.Time, days int) ([]model.DayRevenue, error) {
	var sold []model.DayRevenue
	if err := tx.SelectContext(ctx, &sold, `
		SELECT DATE_FORMAT(created_at, '%Y-%m-%d') AS date, COUNT(*) AS orders, SUM(total_price) AS revenue
		FROM orders
		WHERE created_at >= ? AND status <> 'Cancelled'
		GROUP BY date`, since); err != nil {
		return nil, err
	}
	byDate := map[string]model.DayRevenue{}
	for _, d := range sold {
		byDate[d.Date] = d
	}
	list := make([]model.DayRevenue, days)
	for i := range list {
		list[i] = byDate[since.AddDate(0, 0, i).Format(time.DateOnly)]
		list[i].Date = since.AddDate(0, 0, i).Format(time.DateOnly)
	}
	return list, nil
}

func readProductFigures(ctx context.Context, tx *sqlx.Tx, since time.Time, d *model.Dashboard) error {
	if err := tx.SelectContext(ctx, &d.TopProducts, `
		SELECT p.id AS product_id, p.name, s.quantity, s.revenue
		FROM (
			SELECT i.product_id, SUM(i.quantity) AS quantity, SUM(i.price * i.quantity) AS revenue
			FROM orders o
			JOIN order_items i ON i.order_id = o.id
			WHERE o.created_at >= ? AND o.status <> 'Cancelled'
			GROUP BY i.product_id
			ORDER BY quantity DESC, i.product_id
			LIMIT 10
		) s
		JOIN products p ON p.id = s.product_id
		ORDER BY s.quantity DESC, p.id`, since); err != nil {
		return err
	}
	return tx.SelectContext(ctx, &d.LowStock, `
		SELECT `+productColumns+`
		FROM products
		WHERE archived_at IS NULL AND stock <= ?
		ORDER BY stock, id
		LIMIT 20`, model.LowStock)
}
