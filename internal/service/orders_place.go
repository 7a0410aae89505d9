package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
)

// cartLine is a line of a cart and its product.
type cartLine struct {
	ID        int64       `db:"id"`
	UserID    int64       `db:"user_id"`
	ProductID int64       `db:"product_id"`
	Quantity  int64       `db:"quantity"`
	Name      string      `db:"name"`
	Price     model.Money `db:"price"`
	Stock     int64       `db:"stock"`
	Archived  bool        `db:"archived"`
}

// PlaceOrder turns the user's cart, as it is at this moment, into an order: stock is taken, the
// order, its items and its first history row are written, and the cart is emptied, all or nothing.
// EmptyCart, OutOfStock and TotalChanged say what else it is, TotalTooLarge beyond model.MaxMoney.
// With a key that was used before the first answer comes again; KeyInUse and KeyReused say why not.
func (s *Orders) PlaceOrder(ctx context.Context, userID int64, in model.OrderInput) (model.PlacedOrder, error) {
	if err := in.Validate(); err != nil {
		return model.PlacedOrder{}, err
	}
	if in.IdempotencyKey == nil {
		placed, err := s.placing.do(ctx, newOrder{userID, in})
		if !errors.Is(err, database.ErrUnexpected) {
			return placed, fail("place order", err)
		}
	}
	var placed model.PlacedOrder
	taking := false
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) (err error) {
		if _, err = tx.ExecContext(ctx, openOrderTables); err != nil {
			return err
		}
		if placed, err = takeKey(ctx, tx, userID, in); err != nil || placed.Replayed {
			return err
		}
		// Judged as it is, first: what is refused has kept nobody waiting.
		lines, err := readCart(ctx, tx, userID, "")
		if err != nil {
			return err
		}
		if _, err = makeOrder(userID, in, lines); err != nil {
			return err
		}
		if lines, err = readCart(ctx, tx, userID, "FOR UPDATE"); err != nil {
			return err
		}
		if placed.Order, err = makeOrder(userID, in, lines); err != nil {
			return err
		}
		taking = true
		if err := takeOrder(ctx, tx, &placed.Order, lines); err != nil {
			return err
		}
		if placed, err = answer(placed.Order); err != nil {
			return err
		}
		return keepAnswer(ctx, tx, userID, in, placed)
	})
	if taking {
		s.products.changed()
	}
	return placed, fail("place order", err)
}

// openOrderTables opens all tables that placing an order uses before the first row is locked: those that it writes for
// writing. So a migration of one of them waits for orders that have all they need to come to their end, and not for those
// that queue for the rows of one that itself waits behind the migration.
const openOrderTables = `
	SELECT 1 INTO @opened
	FROM orders, order_items, order_history, stock_ledger, products, carts, idempotency_keys
	WHERE FALSE AND EXISTS (SELECT 1 FROM users)
	FOR UPDATE`

// takeOrder writes an order that is made of these lines of its user's cart, which end there.
func takeOrder(ctx context.Context, tx *sqlx.Tx, o *model.Order, lines []cartLine) error {
	lineIDs := make([]int64, len(lines))
	for i, l := range lines {
		lineIDs[i] = l.ID
	}
	if err := takeStock(ctx, tx, o.UserID, lineIDs); err != nil {
		return err
	}
	if err := insertOrder(ctx, tx, o); err != nil {
		return err
	}
	return deleteLines(ctx, tx, o.UserID, lineIDs)
}

// readCart reads the cart with its products, and with FOR UPDATE locks both until the transaction ends. The index and
// the join order are fixed so that products are locked in the order of their ids, whatever the
// optimizer thinks of the tables: two orders of the same products then wait instead of deadlocking.
func readCart(ctx context.Context, tx *sqlx.Tx, userID int64, locking string) (lines []cartLine, err error) {
	err = tx.SelectContext(ctx, &lines, selectCarts+`
		WHERE c.user_id = ?
		ORDER BY c.product_id
		`+locking, userID)
	return lines, err
}

const selectCarts = `
	SELECT c.id, c.user_id, c.product_id, c.quantity, p.name, p.price, p.stock, p.archived_at IS NOT NULL AS archived
	FROM ` + cartLines + `
	STRAIGHT_JOIN ` + productsByID + ` ON p.id = c.product_id`

// makeOrder judges the cart and returns the order that it makes, yet without ids.
func makeOrder(userID int64, in model.OrderInput, lines []cartLine) (model.Order, error) {
	if len(lines) == 0 {
		return model.Order{}, apperr.New(apperr.EmptyCart, "Your cart is empty.")
	}
	at := now()
	o := model.Order{UserID: userID, Status: model.Pending, PaymentMethod: &in.PaymentMethod,
		PaymentStatus: model.PaymentPending, ShippingAddress: &in.ShippingAddress, CreatedAt: &at, UpdatedAt: &at}
	var short []model.Shortage
	for _, l := range lines {
		if l.Archived {
			l.Stock = 0 // the shop has none to sell
		}
		if l.Stock < l.Quantity {
			short = append(short, model.Shortage{ProductID: l.ProductID, Name: l.Name, Requested: l.Quantity, Available: l.Stock, Archived: l.Archived})
		}
		cost := l.Price.Times(l.Quantity)
		o.TotalPrice = min(o.TotalPrice+cost, model.MaxMoney+1)
		o.Products = append(o.Products, model.OrderItem{ProductID: l.ProductID, Name: l.Name,
			Quantity: l.Quantity, Price: l.Price, TotalPrice: cost})
	}
	switch {
	case short != nil:
		return model.Order{}, outOfStock(short)
	case o.TotalPrice > model.MaxMoney:
		return model.Order{}, apperr.Newf(apperr.TotalTooLarge, "One order can cost at most %s. Please split it.", model.MaxMoney)
	case in.ExpectedTotal != nil && *in.ExpectedTotal != o.TotalPrice:
		return model.Order{}, apperr.With(apperr.TotalChanged,
			fmt.Sprintf("Your cart costs %s now, not %s. Please look at it again.", o.TotalPrice, *in.ExpectedTotal),
			map[string]any{"total_price": o.TotalPrice})
	}
	return o, nil
}

// insertOrder writes the order, its items, what they take from the stock and the first row of its
// history, and sets the ids.
func insertOrder(ctx context.Context, tx *sqlx.Tx, o *model.Order) error {
	res, err := tx.ExecContext(ctx, `
		INSERT INTO orders (user_id, total_price, status, payment_method, payment_status, shipping_address, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		o.UserID, o.TotalPrice, o.Status, o.PaymentMethod, o.PaymentStatus, o.ShippingAddress, o.CreatedAt, o.UpdatedAt)
	if err != nil {
		return err
	}
	if o.ID, err = res.LastInsertId(); err != nil {
		return err
	}
	o.OrderID = o.ID
	args := make([]any, 0, 5*len(o.Products))
	for _, it := range o.Products {
		args = append(args, o.ID, it.ProductID, it.Name, it.Price, it.Quantity)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO order_items (order_id, product_id, name, price, quantity)
		VALUES `+strings.Repeat("(?, ?, ?, ?, ?), ", len(o.Products)-1)+`(?, ?, ?, ?, ?)`, args...); err != nil {
		return err
	}
	taken := make([]stockChange, len(o.Products))
	for i, it := range o.Products {
		taken[i] = stockChange{ProductID: it.ProductID, Quantity: -it.Quantity, Cause: causeOrdered, OrderID: &o.ID, At: o.CreatedAt}
	}
	if err := bookStock(ctx, tx, taken...); err != nil {
		return err
	}
	return addHistory(ctx, tx, *o, o.UserID)
}

// deleteLines empties the cart of what was ordered: a line added meanwhile stays for the next order.
func deleteLines(ctx context.Context, tx *sqlx.Tx, userID int64, lineIDs []int64) error {
	query, args, err := sqlx.In(`
		DELETE c
		FROM `+cartLines+`
		WHERE c.user_id = ? AND c.id IN (?)`, userID, lineIDs)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, query, args...)
	return err
}
