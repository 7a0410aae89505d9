package service

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
)

// Cart is what a user is about to order. It reserves nothing: stock is taken by the order.
type Cart struct {
	db     *sqlx.DB
	adding coalescer[newLine, model.CartItem]
}

const cartColumns = `c.id, c.user_id, c.product_id, p.name, p.price, c.quantity,
	p.price * c.quantity AS total_price, p.image_url, p.stock,
	p.archived_at IS NULL AND p.stock >= c.quantity AS available`

// cartLines is the table for writes, read by user and product whatever the optimizer thinks: by another
// index, or none, a write locks or awaits lines of other carts.
const cartLines = "carts c FORCE INDEX (uq_carts_line)"

const removeLine = `
	DELETE c
	FROM ` + cartLines + `
	WHERE c.user_id = ? AND c.product_id = ?`

var errNoLine = apperr.New(apperr.NotFound, "This product is not in your cart.")

// List returns a page of the cart, in the order in which products were added.
func (s *Cart) List(ctx context.Context, userID int64, page model.Page) (model.List[model.CartItem], error) {
	if err := page.Validate(); err != nil {
		return model.List[model.CartItem]{}, err
	}
	var after int64
	if cur := page.After(); cur != nil {
		after = cur.ID
	}
	rows, err := selectPage[model.CartItem](ctx, s.db, page.Limit+1, `
		SELECT `+cartColumns+`
		FROM carts c
		JOIN products p ON p.id = c.product_id
		WHERE c.user_id = ? AND c.id > ?
		ORDER BY c.id
		LIMIT ?`, userID, after, page.Limit+1)
	if err != nil {
		return model.List[model.CartItem]{}, fail("list cart", err)
	}
	list := model.NewList(rows, page.Limit, func(c model.CartItem) model.Cursor { return model.Cursor{ID: c.ID} })
	if page.Count {
		list.Total = new(int64)
		err = s.db.GetContext(ctx, list.Total, `
			SELECT COUNT(*)
			FROM carts
			WHERE user_id = ?`, userID)
	}
	return list, fail("count cart", err)
}

// Add puts pieces of a product into the cart, on top of those that are there. OutOfStock if that is
// more than the shop has, CartFull beyond model.MaxQuantity of it or model.MaxCartLines products.
func (s *Cart) Add(ctx context.Context, userID int64, in model.CartInput) (model.CartItem, error) {
	if err := in.Validate(); err != nil {
		return model.CartItem{}, err
	}
	if *in.ProductID > math.MaxInt32 { // beyond the column
		return model.CartItem{}, errNoProduct
	}
	item, err := s.adding.do(ctx, newLine{userID, int64(*in.ProductID), int64(*in.Quantity)})
	if !errors.Is(err, database.ErrUnexpected) {
		return item, fail("add to cart", err)
	}
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		// One addition to a cart at a time, so that it is not filled beyond its room by many at once.
		var id int64
		err := tx.GetContext(ctx, &id, `
			SELECT id
			FROM users
			WHERE id = ?
			FOR UPDATE`, userID)
		if errors.Is(err, sql.ErrNoRows) { // deleted meanwhile
			return errStaleToken
		}
		if err != nil {
			return err
		}
		// Written first and judged after: the row lock makes two additions at once add up.
		_, err = tx.ExecContext(ctx, `
			INSERT INTO carts (user_id, product_id, quantity)
			VALUES (?, ?, ?)
			ON DUPLICATE KEY UPDATE quantity = LEAST(quantity + VALUES(quantity), ?)`, userID, *in.ProductID, *in.Quantity, math.MaxInt32)
		if database.IsMissingReference(err) {
			return errNoProduct
		}
		if err != nil {
			return err
		}
		if item, err = getLine(ctx, tx, userID, int64(*in.ProductID)); err != nil {
			return err
		}
		if item.Quantity > model.MaxQuantity {
			return apperr.Newf(apperr.CartFull, "A cart holds at most %d pieces of one product.", model.MaxQuantity)
		}
		return checkRoom(ctx, tx, userID)
	})
	return item, fail("add to cart", err)
}

// checkRoom refuses a cart with too many lines.
func checkRoom(ctx context.Context, tx *sqlx.Tx, userID int64) error {
	var lines int
	err := tx.GetContext(ctx, &lines, `
		SELECT COUNT(*)
		FROM carts
		WHERE user_id = ?`, userID)
	if err == nil && lines > model.MaxCartLines {
		return apperr.Newf(apperr.CartFull, "A cart holds at most %d different products.", model.MaxCartLines)
	}
	return err
}

// getLine returns a line that could be ordered as it stands, errNoProduct if its product is not sold
// any more, and OutOfStock if there is not enough of it.
func getLine(ctx context.Context, tx *sqlx.Tx, userID, productID int64) (model.CartItem, error) {
	var row struct {
		model.CartItem
		Archived bool `db:"archived"`
	}
	err := tx.GetContext(ctx, &row, `
		SELECT `+cartColumns+`, p.archived_at IS NOT NULL AS archived
		FROM carts c
		JOIN products p ON p.id = c.product_id
		WHERE c.user_id = ? AND c.product_id = ?`, userID, productID)
	item := row.CartItem
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return item, errNoLine
	case err != nil:
		return item, err
	case row.Archived:
		return item, errNoProduct
	case !item.Available:
		return item, outOfStock([]model.Shortage{{
			ProductID: productID, Name: item.Name, Requested: item.Quantity, Available: item.Stock}})
	}
	return item, nil
}

// outOfStock names what can't be had, in the sentence and in its details.
func outOfStock(items []model.Shortage) error {
	message := "There is not enough in stock:"
	for i, it := range items {
		if i > 0 {
			message += ","
		}
		switch {
		case it.Archived:
			message += fmt.Sprintf(" %s is no longer sold", it.Name)
		case it.Available == 0:
			message += fmt.Sprintf(" %s is sold out", it.Name)
		default:
			message += fmt.Sprintf(" %d of %s left, not %d", it.Available, it.Name, it.Requested)
		}
	}
	return apperr.With(apperr.OutOfStock, message+".", map[string]any{"items": items})
}

// Update sets the quantity of a line and returns it; 0 removes the line and returns nil. NotFound if
// the product is not in the cart.
func (s *Cart) Update(ctx context.Context, userID, productID int64, in model.QuantityInput) (*model.CartItem, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if *in.Quantity == 0 {
		return nil, s.Remove(ctx, userID, productID)
	}
	var item model.CartItem
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		res, err := tx.ExecContext(ctx, `
			UPDATE `+cartLines+`
			SET quantity = ?
			WHERE user_id = ? AND product_id = ?`, *in.Quantity, userID, productID)
		if err := mustMatch(res, err, errNoLine); err != nil {
			return err
		}
		item, err = getLine(ctx, tx, userID, productID)
		return err
	})
	if err != nil {
		return nil, fail("update cart", err)
	}
	return &item, nil
}

// Decrease takes one piece from a line and returns how many are left; the last one removes it.
func (s *Cart) Decrease(ctx context.Context, userID, productID int64) (left int64, err error) {
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		var quantity int64
		err := tx.GetContext(ctx, &quantity, `
			SELECT quantity
			FROM `+cartLines+`
			WHERE user_id = ? AND product_id = ?
			FOR UPDATE`, userID, productID)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoLine
		}
		if err != nil {
			return err
		}
		left = quantity - 1
		if left == 0 {
			_, err = tx.ExecContext(ctx, removeLine, userID, productID)
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE `+cartLines+`
			SET quantity = ?
			WHERE user_id = ? AND product_id = ?`, left, userID, productID)
		return err
	})
	return left, fail("decrease in cart", err)
}

// Remove takes a product out of the cart.
func (s *Cart) Remove(ctx context.Context, userID, productID int64) error {
	res, err := database.Exec(ctx, s.db, removeLine, userID, productID)
	return fail("remove from cart", mustMatch(res, err, errNoLine))
}

// Clear empties the cart.
func (s *Cart) Clear(ctx context.Context, userID int64) error {
	_, err := database.Exec(ctx, s.db, `
		DELETE c
		FROM `+cartLines+`
		WHERE c.user_id = ?`, userID)
	return fail("empty cart", err)
}
