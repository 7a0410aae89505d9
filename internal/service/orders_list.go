package service

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// maxItems is how many items the orders of one page have together, at most: a page beyond ends sooner. Each order that can be
// placed has fewer.
const maxItems = 5_000

// listOrders reads a page of orders of either shape, newest first; order returns the order in a row. It
// needs no snapshot: items are written with their order and never change.
func listOrders[T any](ctx context.Context, db sqlx.QueryerContext, columns string, f model.OrderFilter,
	order func(*T) *model.Order) (list model.List[T], err error) {
	if err := f.Validate(); err != nil {
		return list, err
	}
	where, args := orderFilter(f)
	by, after, afterArgs := sortOrders(f)
	page := append(where[:len(where):len(where)], after...)
	pageArgs := append(args[:len(args):len(args)], afterArgs...)
	rows, err := selectPage[T](ctx, db, f.Page.Limit+1, `
		SELECT `+columns+`
		FROM orders o`+orderIndex(f)+`
		WHERE `+strings.Join(page, " AND ")+`
		ORDER BY `+by+`
		LIMIT ?`, append(pageArgs, f.Page.Limit+1)...)
	if err != nil {
		return list, err
	}
	orders := make([]*model.Order, min(len(rows), f.Page.Limit))
	for i := range orders {
		orders[i] = order(&rows[i])
	}
	most := maxItems
	if f.Sort() != "" { // the newest orders need not be the first ones
		most = noEnd
	}
	whole, err := attachItems(ctx, db, orders, most)
	if err != nil {
		return list, err
	}
	if whole < len(orders) {
		f.Page.Limit = max(whole, 1)
	}
	if whole == 0 && len(orders) > 0 { // one of the earlier backend's may have any number
		if _, err := attachItems(ctx, db, orders[:1], noEnd); err != nil {
			return list, err
		}
	}
	list = model.NewList(rows, f.Page.Limit, func(row T) model.Cursor { return orderCursor(f, order(&row)) })
	if f.Page.Count {
		list.Total = new(int64)
		err = sqlx.GetContext(ctx, db, list.Total, `
			SELECT COUNT(*)
			FROM orders o
			WHERE `+strings.Join(where, " AND "), args...)
	}
	return list, err
}

// sortOrders returns the ORDER BY of a list and what starts a page after its cursor. An order of some time has one.
func sortOrders(f model.OrderFilter) (by string, after []string, args []any) {
	cur := f.Page.After()
	if f.Sort() == "" {
		if cur != nil {
			after, args = []string{"o.id < ?"}, []any{cur.ID}
		}
		return "o.id DESC", after, args
	}
	if cur != nil {
		at := cur.Time()
		after, args = []string{"(o.created_at < ? OR (o.created_at = ? AND o.id < ?))"}, []any{at, at, cur.ID}
	}
	return "o.created_at DESC, o.id DESC", after, args
}

func orderCursor(f model.OrderFilter, o *model.Order) model.Cursor {
	c := model.Cursor{Sort: f.Sort(), ID: o.ID}
	if c.Sort != "" && o.CreatedAt != nil {
		c.Key = o.CreatedAt.Format(time.RFC3339)
	}
	return c
}

// orderIndex names the index that has the list's order, for the reason that productIndex tells. A user's, and those of
// a time, are looked through for what the rest of the filter leaves.
func orderIndex(f model.OrderFilter) string {
	switch {
	case f.UserID != 0:
		return " FORCE INDEX (ix_orders_user)"
	case f.From != nil || f.To != nil:
		return " FORCE INDEX (ix_orders_created)"
	case f.Status != "":
		return " FORCE INDEX (ix_orders_status)"
	default:
		return " FORCE INDEX (PRIMARY)"
	}
}

func orderFilter(f model.OrderFilter) (where []string, args []any) {
	where = []string{"TRUE"}
	add := func(clause string, value any) {
		where, args = append(where, clause), append(args, value)
	}
	if f.UserID != 0 {
		add("o.user_id = ?", f.UserID)
	}
	if f.Status != "" {
		add("o.status = ?", f.Status)
	}
	if f.From != nil {
		add("o.created_at >= ?", *f.From)
	}
	if f.To != nil {
		add("o.created_at < ?", *f.To)
	}
	return where, args
}
