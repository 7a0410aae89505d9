package service

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
)

// Orders are what was bought.
type Orders struct {
	db       *sqlx.DB
	products *Products
	placing  coalescer[newOrder, model.PlacedOrder]
}

const orderColumns = `o.id, o.id AS order_id, o.user_id, o.status, o.payment_method, o.payment_status,
	o.shipping_address, o.total_price, o.created_at, o.updated_at`

var errNoOrder = apperr.New(apperr.NotFound, "There is no such order.")

// List returns a page of a user's own orders, newest first.
func (s *Orders) List(ctx context.Context, userID int64, page model.Page) (model.List[model.Order], error) {
	list, err := listOrders(ctx, s.db, orderColumns, model.OrderFilter{UserID: userID, Page: page},
		func(o *model.Order) *model.Order { return o })
	return list, fail("list orders", err)
}

// Get returns one of a user's own orders with its history; NotFound if it is somebody else's.
func (s *Orders) Get(ctx context.Context, userID, id int64) (model.OrderWithHistory, error) {
	var o model.OrderWithHistory
	err := database.InSnapshot(ctx, s.db, func(tx *sqlx.Tx) (err error) {
		if o.Order, err = getOrder(ctx, tx, "o.id = ? AND o.user_id = ?", id, userID); err != nil {
			return err
		}
		o.History = []model.StatusChange{}
		return tx.SelectContext(ctx, &o.History, `
			SELECT status, created_at, changed_by, note
			FROM order_history
			WHERE order_id = ?
			ORDER BY id`, id)
	})
	return o, fail("get order", err)
}

// UpdateStatus lets an admin move an order to its next status; setting the present one again changes
// nothing. StatusConflict if that status can't follow.
func (s *Orders) UpdateStatus(ctx context.Context, by model.Actor, id int64, in model.StatusInput) (model.Order, error) {
	if err := in.Validate(); err != nil {
		return model.Order{}, err
	}
	may := func(tx *sqlx.Tx) error { return mustBeAdmin(ctx, tx, by) }
	enter := func(tx *sqlx.Tx, from, to model.Status) error {
		return audit(ctx, tx, by, model.AuditOrderStatus, auditOrder, id, statusOf{from}, statusOf{to})
	}
	o, err := s.changeStatus(ctx, by.ID, in.Status, may, enter, "o.id = ?", id)
	return o, fail("update order status", err)
}

// Cancel ends a user's own pending order and returns its stock.
func (s *Orders) Cancel(ctx context.Context, userID, id int64) (model.Order, error) {
	o, err := s.changeStatus(ctx, userID, model.Cancelled, nil, nil, "o.id = ? AND o.user_id = ?", id, userID)
	return o, fail("cancel order", err)
}

// statusOf is what the audit log has of an order.
type statusOf struct {
	Status model.Status `json:"status"`
}

// changeStatus moves the one order that the condition names. Unless they are nil, may is asked once that is locked, and enter is
// called with what changed.
func (s *Orders) changeStatus(ctx context.Context, by int64, to model.Status, may func(tx *sqlx.Tx) error,
	enter func(tx *sqlx.Tx, from, to model.Status) error, where string, args ...any) (model.Order, error) {
	var o model.Order
	returning := false
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) (err error) {
		o, err = getOrder(ctx, tx, where+" FOR UPDATE", args...)
		if err == nil && may != nil {
			err = may(tx)
		}
		if err != nil || o.Status == to {
			return err
		}
		if !o.Status.CanBecome(to) {
			return statusConflict(o.Status, to)
		}
		at, from := now(), o.Status
		o.Status, o.UpdatedAt = to, &at
		if _, err := tx.ExecContext(ctx, `
			UPDATE orders
			SET status = ?, updated_at = ?
			WHERE id = ?`, to, at, o.ID); err != nil {
			return err
		}
		if enter != nil {
			if err := enter(tx, from, to); err != nil {
				return err
			}
		}
		if err := addHistory(ctx, tx, o, by); err != nil || to != model.Cancelled {
			return err
		}
		returning = true
		return returnStock(ctx, tx, o) // last: others wait for the rows of the products
	})
	if returning {
		s.products.changed()
	}
	return o, err
}

func statusConflict(from, to model.Status) error {
	next := from.Next()
	if len(next) == 0 {
		return apperr.With(apperr.StatusConflict, "This order is "+string(from)+", which is final.",
			map[string]any{"status_now": from, "allowed": next})
	}
	return apperr.With(apperr.StatusConflict,
		"An order that is "+string(from)+" can't become "+string(to)+", only "+model.JoinStatuses(next)+".",
		map[string]any{"status_now": from, "allowed": next})
}

// addHistory appends the order's present status, at the time of its update, made by a user.
func addHistory(ctx context.Context, tx *sqlx.Tx, o model.Order, by int64) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_history (order_id, status, changed_by, created_at)
		VALUES (?, ?, ?, ?)`, o.ID, o.Status, by, o.UpdatedAt)
	return err
}

// getOrder returns the one order, with its items, that the condition on o names.
func getOrder(ctx context.Context, tx *sqlx.Tx, where string, args ...any) (model.Order, error) {
	var o model.Order
	err := tx.GetContext(ctx, &o, `
		SELECT `+orderColumns+`
		FROM orders o
		WHERE `+where, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return o, errNoOrder
	}
	if err != nil {
		return o, err
	}
	_, err = attachItems(ctx, tx, []*model.Order{&o}, noEnd)
	return o, err
}

// noEnd is for as many items as there are.
const noEnd = 0

// attachItems reads the items of all these orders at once, of the newest orders first, and returns of how many orders it
// has all: where they have more than so many items together, the oldest ones have none.
func attachItems(ctx context.Context, db sqlx.QueryerContext, orders []*model.Order, most int) (whole int, err error) {
	if len(orders) == 0 {
		return 0, nil
	}
	byID := make(map[int64]*model.Order, len(orders))
	ids := make([]int64, len(orders))
	for i, o := range orders {
		o.Products = []model.OrderItem{}
		byID[o.ID], ids[i] = o, o.ID
	}
	query, args, err := sqlx.In(`
		SELECT order_id, product_id, name, quantity, price, price * quantity AS total_price
		FROM order_items
		WHERE order_id IN (?)
		ORDER BY order_id DESC, id DESC`, ids)
	if err != nil {
		return 0, err
	}
	if most != noEnd {
		query, args = query+`
		LIMIT ?`, append(args, most+1)
	}
	var items []model.OrderItem
	if err := sqlx.SelectContext(ctx, db, &items, query, args...); err != nil {
		return 0, err
	}
	for _, it := range slices.Backward(items) {
		byID[it.OrderID].Products = append(byID[it.OrderID].Products, it)
	}
	whole = len(orders)
	if most != noEnd && len(items) > most { // of the last of these orders there may be more
		whole = slices.Index(ids, items[most].OrderID)
	}
	return whole, nil
}
