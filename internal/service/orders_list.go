package service

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// listOrders reads a page of orders of either shape, newest first; order returns the order in a row. It
// needs no snapshot: items are written with their order and never change.
func listOrders[T any](ctx context.Context, db sqlx.QueryerContext, columns string, f model.OrderFilter,
	order func(*T) *model.Order) (list model.List[T], err error) {
	if err := f.Validate(); err != nil {
		return list, err
	}
	where, args := orderFilter(f)
	page, pageArgs := where, args
	if cur := f.Page.After(); cur != nil {
		page = append(where[:len(where):len(where)], "o.id < ?")
		pageArgs = append(args[:len(args):len(args)], cur.ID)
	}
	var rows []T
	if err := sqlx.SelectContext(ctx, db, &rows, `
		SELECT `+columns+`
		FROM orders o`+orderIndex(f)+`
		WHERE `+strings.Join(page, " AND ")+`
		ORDER BY o.id DESC
		LIMIT ?`, append(pageArgs[:len(pageArgs):len(pageArgs)], f.Page.Limit+1)...); err != nil {
		return list, err
	}
	list = model.NewList(rows, f.Page.Limit, func(row T) model.Cursor { return model.Cursor{ID: order(&row).ID} })
	orders := make([]*model.Order, len(list.Items))
	for i := range list.Items {
		orders[i] = order(&list.Items[i])
	}
	if err := attachItems(ctx, db, orders); err != nil {
		return list, err
	}
	if f.Page.Count {
		list.Total = new(int64)
		err = sqlx.GetContext(ctx, db, list.Total, `
			SELECT COUNT(*)
			FROM orders o
			WHERE `+strings.Join(where, " AND "), args...)
	}
	return list, err
}

// orderIndex names the index that has the list's order, for the reason that productIndex tells.
func orderIndex(f model.OrderFilter) string {
	switch {
	case f.From != nil || f.To != nil:
		return "" // the time may narrow more
	case f.UserID != 0:
		return " FORCE INDEX (ix_orders_user)"
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
