package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// The causes of a change of stock, as the ledger names them. 'opening' is a further one: what a product
// had when its ledger began.
const (
	causeCreated   = "created"
	causeEdited    = "edited"
	causeOrdered   = "ordered"
	causeCancelled = "cancelled"
)

// stockChange is a row of the ledger: pieces put in, or taken out if below zero.
type stockChange struct {
	ProductID int64
	Quantity  int64
	Cause     string
	OrderID   *int64 // of causeOrdered and causeCancelled
	ChangedBy *int64 // an admin
	At        *time.Time
}

// bookStock enters changes that are made in the same transaction; those of nothing are left out.
func bookStock(ctx context.Context, tx *sqlx.Tx, changes ...stockChange) error {
	args := make([]any, 0, 6*len(changes))
	for _, c := range changes {
		if c.Quantity != 0 {
			args = append(args, c.ProductID, c.Quantity, c.Cause, c.OrderID, c.ChangedBy, c.At)
		}
	}
	if len(args) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO stock_ledger (product_id, quantity, cause, order_id, changed_by, created_at)
		VALUES `+strings.Repeat("(?, ?, ?, ?, ?, ?), ", len(args)/6-1)+`(?, ?, ?, ?, ?, ?)`, args...)
	return err
}

// takeStock takes the lines' pieces. The guard stands though the rows are locked and judged: it, not
// the judgement, is what keeps the stock from being oversold.
func takeStock(ctx context.Context, tx *sqlx.Tx, userID int64, lineIDs []int64) error {
	query, args, err := sqlx.In(`
		UPDATE `+cartLines+`
		STRAIGHT_JOIN `+productsByID+` ON p.id = c.product_id
		SET p.stock = p.stock - c.quantity, p.changed_at = p.changed_at
		WHERE c.user_id = ? AND c.id IN (?) AND p.stock >= c.quantity AND p.archived_at IS NULL`, userID, lineIDs)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n != int64(len(lineIDs)) {
		err = fmt.Errorf("took stock for %d of %d locked lines", n, len(lineIDs))
	}
	return err
}

// returnStock gives back what the ledger says that an order took: nothing if it was adopted, for the earlier
// backend took none. The products are locked in the order of their ids, as placing an order does.
func returnStock(ctx context.Context, tx *sqlx.Tx, o model.Order) error {
	var taken []struct {
		ProductID int64 `db:"product_id"`
		Quantity  int64 `db:"quantity"`
	}
	if err := tx.SelectContext(ctx, &taken, `
		SELECT l.product_id, l.quantity
		FROM stock_ledger l
		STRAIGHT_JOIN `+productsByID+` ON p.id = l.product_id
		WHERE l.order_id = ? AND l.cause = ?
		ORDER BY l.product_id
		FOR UPDATE`, o.ID, causeOrdered); err != nil || len(taken) == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE stock_ledger l
		STRAIGHT_JOIN `+productsByID+` ON p.id = l.product_id
		SET p.stock = p.stock - l.quantity, p.changed_at = p.changed_at
		WHERE l.order_id = ? AND l.cause = ?`, o.ID, causeOrdered); err != nil {
		return err
	}
	returned := make([]stockChange, len(taken))
	for i, t := range taken {
		returned[i] = stockChange{ProductID: t.ProductID, Quantity: -t.Quantity, Cause: causeCancelled, OrderID: &o.ID, At: o.UpdatedAt}
	}
	return bookStock(ctx, tx, returned...)
}

// person is a user's id for a column that is null where it was nobody: a command, say.
func person(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}
