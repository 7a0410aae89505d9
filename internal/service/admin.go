package service

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

// Admin is what admins see of the whole shop.
type Admin struct {
	db      *sqlx.DB
	figures *figures
	counts  *counts
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

// Dashboard sums up the shop; all its figures are of one moment, except that a user or a product that was removed by
// other means than this instance may be counted for a second more.
func (s *Admin) Dashboard(ctx context.Context, f model.DashboardFilter) (model.Dashboard, error) {
	if err := f.Validate(); err != nil {
		return model.Dashboard{}, err
	}
	d, err := s.dashboard(ctx, now().Truncate(24*time.Hour), f.Days)
	return d, fail("sum up the shop", err)
}

func (s *Admin) dashboard(ctx context.Context, today time.Time, days int) (model.Dashboard, error) {
	since := today.AddDate(0, 0, 1-days)
	d, err := s.readDashboard(ctx, since, days)
	if errors.Is(err, errBehind) {
		s.figures.forget()
		d, err = s.readDashboard(ctx, since, days)
	}
	return d, err
}

func (s *Admin) readDashboard(ctx context.Context, since time.Time, days int) (d model.Dashboard, err error) {
	counted, err := s.counts.get(ctx)
	if err != nil {
		return d, err
	}
	known, sales, err := s.figures.since(ctx, since.Format(time.DateOnly))
	if err != nil {
		return d, err
	}
	var fresh news
	err = database.InSnapshot(ctx, s.db, func(tx *sqlx.Tx) (err error) {
		if fresh, err = readNews(ctx, tx, known.history); err != nil {
			return err
		}
		d = known.sums.plus(fresh.changes).dashboard(since, days)
		if err = counted.read(ctx, tx, &d.Totals); err != nil {
			return err
		}
		if d.TopProducts, err = nameProducts(ctx, tx, sales.best(10, fresh.changes)); err != nil {
			return err
		}
		if d.LowStock, err = lowStock(ctx, tx); err != nil {
			return err
		}
		recent := model.OrderFilter{Page: model.Page{Limit: 10}}
		list, err := listOrders(ctx, tx, adminOrderColumns, recent, orderOf)
		d.RecentOrders = list.Items
		return err
	})
	if err == nil {
		s.figures.follow(known, fresh)
	}
	return d, err
}

// RefreshFigures reads again what dashboards are made from, where they are asked for and it is time, so that they need
// not wait for it. Call it twice a second.
func (s *Admin) RefreshFigures(ctx context.Context) error {
	return fail("refresh the figures", errors.Join(s.counts.renew(ctx), s.figures.renew(ctx)))
}

func lowStock(ctx context.Context, tx *sqlx.Tx) ([]model.Product, error) {
	list := []model.Product{}
	err := tx.SelectContext(ctx, &list, `
		SELECT `+productColumns+`
		FROM products FORCE INDEX (ix_products_stock)
		WHERE archived_at IS NULL AND stock <= ?
		ORDER BY stock, id
		LIMIT 20`, model.LowStock)
	return list, err
}
