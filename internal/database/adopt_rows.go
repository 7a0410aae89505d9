package database

import (
	"context"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// rowStep is a change of values: find says which, apply makes them. One that can be repeated is, when
// the adoption goes on after an interruption in which the earlier backend may have gone on writing.
type rowStep struct {
	name   string
	repeat bool
	find   func(ctx context.Context, db sqlx.QueryerContext) ([]Change, error)
	apply  func(ctx context.Context, tx *sqlx.Tx) error
}

// rowSteps are all changes of values, in their order. They come before the tables change their shape,
// while the values are still as they were.
func (a *adopter) rowSteps() []rowStep {
	return []rowStep{
		{"odd admin flags", true, changesOf("users", "is_admin", "is_admin", "IF(is_admin IS NULL, '0', '1')", "is_admin IS NULL OR is_admin NOT IN (0, 1)"),
			statements("UPDATE users SET is_admin = IF(is_admin IS NULL, 0, 1)" + a.keep("users", "") + " WHERE is_admin IS NULL OR is_admin NOT IN (0, 1)")},
		{"e-mails in spaces", true, changesOf("users", "email", "email", "TRIM(email)", inSpaces),
			statements("UPDATE users SET email = TRIM(email)" + a.keep("users", "") + " WHERE " + inSpaces)},
		{"negative stock", true, changesOf("products", "stock", "stock", "'0'", "stock < 0"),
			statements("UPDATE products SET stock = 0" + a.keep("products", "") + " WHERE stock < 0")},
		{"stock in fractions", true, changesOf("products", "stock", "TRIM(TRAILING '0' FROM CAST(stock AS DECIMAL(40, 6)))", "CAST(FLOOR(stock) AS SIGNED)", inFractions),
			statements("UPDATE products SET stock = FLOOR(stock)" + a.keep("products", "") + " WHERE " + inFractions)},
		{"fractions of seconds", true, a.timeChanges, a.cutTimes},
		{"prices of products", false, a.roundings("products", "price"), statements()},
		{"totals of orders", false, a.roundings("orders", "total_price"), statements()},
		{"prices in orders", false, a.roundings("order_items", "price"), statements()},
		{"cart lines", true, cartChanges, a.mergeCarts()},
		{"statuses", true, statusChanges, a.adoptStatuses},
		{"payment methods", true, methodCount, a.moveMethods},
	}
}

// inSpaces is SQL for: this e-mail begins or ends with spaces, without which a login looks for it.
const inSpaces = "CHAR_LENGTH(email) <> CHAR_LENGTH(TRIM(email))"

// inFractions is SQL for: so many pieces there can't be, of a stock that is not negative. The last one counts when it is whole.
const inFractions = "stock > 0 AND stock <> FLOOR(stock)"

// changesOf finds values by a condition; from and to are SQL for the old and the new one.
func changesOf(table, name, from, to, where string) func(context.Context, sqlx.QueryerContext) ([]Change, error) {
	return func(ctx context.Context, db sqlx.QueryerContext) (list []Change, err error) {
		err = sqlx.SelectContext(ctx, db, &list, `
			SELECT '`+table+`' AS table_name, id AS row_id, '`+name+`' AS column_name,
				`+from+` AS old_value, `+to+` AS new_value
			FROM `+table+`
			WHERE `+where+`
			ORDER BY id`)
		return list, err
	}
}

func statements(list ...string) func(context.Context, *sqlx.Tx) error {
	return func(ctx context.Context, tx *sqlx.Tx) error {
		for _, s := range list {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
}

// cartChanges finds lines without pieces, which are dropped, and then several lines of one user and
// product, which are added up into the first.
func cartChanges(ctx context.Context, db sqlx.QueryerContext) (list []Change, err error) {
	err = sqlx.SelectContext(ctx, db, &list, `
		SELECT 'carts' AS table_name, c.id AS row_id, 'quantity' AS column_name, c.quantity AS old_value,
			IF(c.quantity < 1 OR c.id <> s.id, NULL, s.quantity) AS new_value
		FROM carts c
		LEFT JOIN (
			SELECT MIN(id) AS id, user_id, product_id, SUM(quantity) AS quantity, COUNT(*) AS count
			FROM carts
			WHERE quantity >= 1
			GROUP BY user_id, product_id
		) s ON s.user_id = c.user_id AND s.product_id = c.product_id
		WHERE c.quantity < 1 OR s.count > 1
		ORDER BY c.id`)
	return list, err
}

func (a *adopter) mergeCarts() func(context.Context, *sqlx.Tx) error {
	return statements(`
	DELETE FROM carts
	WHERE quantity < 1`, `
	UPDATE carts c
	JOIN (
		SELECT MIN(id) AS id, SUM(quantity) AS quantity
		FROM carts
		GROUP BY user_id, product_id
		HAVING COUNT(*) > 1
	) s ON s.id = c.id
	SET c.quantity = s.quantity`+a.keep("carts", "c."), `
	DELETE c
	FROM carts c
	JOIN (
		SELECT MIN(id) AS id, user_id, product_id
		FROM carts
		GROUP BY user_id, product_id
	) s ON s.user_id = c.user_id AND s.product_id = c.product_id AND s.id <> c.id`)
}

// exactStatus is a status to the byte, whatever the column's character set and collation.
const exactStatus = "CAST(CONVERT(status USING utf8mb4) AS BINARY)"

// adoptedStatus returns what an earlier backend's word is called here.
func adoptedStatus(word string) model.Status {
	word = strings.ToLower(strings.TrimSpace(word))
	switch word {
	case "shipped", "in transit", "dispatched", "out for delivery":
		return model.Shipped
	case "delivered":
		return model.Delivered
	case "cancelled", "canceled":
		return model.Cancelled
	default:
		return model.Pending
	}
}

// otherWords returns the words that are not called the same here.
func otherWords(ctx context.Context, db sqlx.QueryerContext) (words []string, err error) {
	var all []string
	err = sqlx.SelectContext(ctx, db, &all, `
		SELECT DISTINCT `+exactStatus+`
		FROM orders
		WHERE status IS NOT NULL`)
	for _, w := range all {
		if string(adoptedStatus(w)) != w {
			words = append(words, w)
		}
	}
	return words, err
}

func statusChanges(ctx context.Context, db sqlx.QueryerContext) ([]Change, error) {
	list, err := changesOf("orders", "status", "NULL", "'Pending'", "status IS NULL")(ctx, db)
	if err != nil {
		return nil, err
	}
	words, err := otherWords(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, word := range words {
		var ids []int64
		if err := sqlx.SelectContext(ctx, db, &ids, `
			SELECT id
			FROM orders
			WHERE `+exactStatus+` = CAST(? AS BINARY)`, word); err != nil {
			return nil, err
		}
		now := string(adoptedStatus(word))
		for _, id := range ids {
			list = append(list, Change{Table: "orders", Row: id, Column: "status", Old: &word, New: &now})
		}
	}
	return list, nil
}

// adoptStatuses gives each order its first row of history, with the old word where it was another. One that
// an interrupted adoption gave is taken back where the earlier backend has changed the status since.
func (a *adopter) adoptStatuses(ctx context.Context, tx *sqlx.Tx) error {
	if err := statements(`
		DELETE h
		FROM order_history h
		JOIN orders o ON o.id = h.order_id
		WHERE o.status IS NULL OR CAST(CONVERT(o.status USING utf8mb4) AS BINARY) <> CAST(h.status AS BINARY)`)(ctx, tx); err != nil {
		return err
	}
	words, err := otherWords(ctx, tx)
	if err != nil {
		return err
	}
	if err := statements("UPDATE orders SET status = 'Pending'"+a.keep("orders", "")+" WHERE status IS NULL")(ctx, tx); err != nil {
		return err
	}
	for _, word := range words {
		now := adoptedStatus(word)
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO order_history (order_id, status, note, created_at)
			SELECT id, ?, ?, created_at
			FROM orders
			WHERE `+exactStatus+` = CAST(? AS BINARY)`, now, word, word); err != nil {
			return err
		}
	}
	if err := statements(`
		INSERT INTO order_history (order_id, status, created_at)
		SELECT id, status, created_at
		FROM orders
		WHERE id NOT IN (SELECT order_id FROM order_history)
		ORDER BY id`)(ctx, tx); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE orders o
		JOIN order_history h ON h.order_id = o.id
		SET o.status = h.status`+a.keep("orders", "o."))
	return err
}

// isMethod is SQL for: this payment status holds the payment method ?.
const isMethod = "LOWER(TRIM(CONVERT(payment_status USING utf8mb4))) = LOWER(?)"

// methodCount counts the orders whose payment_status holds a method; it is moved, not changed.
func methodCount(ctx context.Context, db sqlx.QueryerContext) ([]Change, error) {
	var sum int64
	for _, method := range model.PaymentMethods {
		var n int64
		if err := sqlx.GetContext(ctx, db, &n, `
			SELECT COUNT(*)
			FROM orders
			WHERE `+isMethod, method); err != nil {
			return nil, err
		}
		sum += n
	}
	if sum == 0 {
		return nil, nil
	}
	text := strconv.FormatInt(sum, 10)
	return []Change{{Table: "orders", Column: "moved", Old: &text}}, nil
}

func (a *adopter) moveMethods(ctx context.Context, tx *sqlx.Tx) error {
	for _, method := range model.PaymentMethods {
		if _, err := tx.ExecContext(ctx, `
			UPDATE orders
			SET payment_method = ?, payment_status = ?`+a.keep("orders", "")+`
			WHERE `+isMethod, method, model.PaymentPending, method); err != nil {
			return err
		}
	}
	return nil
}

// preview is what the steps would change, or those that are left.
func (a *adopter) preview(ctx context.Context) (*Adoption, error) {
	var notes []Change
	err := InSnapshot(ctx, a.db, func(tx *sqlx.Tx) (err error) {
		if notes, err = countRows(ctx, tx); err != nil {
			return err
		}
		for _, step := range a.rowSteps() {
			if a.started && !step.repeat {
				if done, err := a.isDone(ctx, tx, step.name); err != nil {
					return err
				} else if done {
					continue
				}
			}
			changes, err := step.find(ctx, tx)
			if err != nil {
				return err
			}
			notes = append(notes, changes...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	result := summarize(notes)
	if !a.started {
		return result, nil
	}
	for _, s := range a.steps() {
		pending, err := s.pending(ctx)
		if err != nil {
			return nil, err
		}
		if pending {
			result.Pending = append(result.Pending, s.name)
		}
	}
	return result, nil
}

// countRows returns how many rows the tables have, as changes of the pseudo-column "rows".
func countRows(ctx context.Context, tx *sqlx.Tx) (notes []Change, err error) {
	for _, table := range legacyTables {
		var n string
		if err := tx.GetContext(ctx, &n, "SELECT COUNT(*) FROM "+table); err != nil {
			return nil, err
		}
		notes = append(notes, Change{Table: table, Column: "rows", Old: &n})
	}
	return notes, nil
}
