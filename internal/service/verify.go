package service

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

// invariant is a rule of the shop's books and the query that finds each row that breaks it. Rows that
// came with an earlier backend's database are marked as adopted and held to what could be known of them.
type invariant struct{ name, query string }

var invariants = []invariant{
	{"stock_not_negative", `
		SELECT CONCAT('product ', id) AS row_id, CONCAT('its stock is ', stock) AS problem
		FROM products
		WHERE stock < 0`},
	{"amounts_not_negative", `
		SELECT CONCAT('product ', id) AS row_id, CONCAT('its price is ', price) AS problem
		FROM products
		WHERE price < 0
		UNION ALL
		SELECT CONCAT('order item ', id), CONCAT('its price is ', price)
		FROM order_items
		WHERE price < 0
		UNION ALL
		SELECT CONCAT('order ', id), CONCAT('its total is ', total_price)
		FROM orders
		WHERE total_price < 0`},
	{"items_have_pieces", `
		SELECT CONCAT('order item ', id) AS row_id, CONCAT('it is ', quantity, ' pieces') AS problem
		FROM order_items
		WHERE quantity < 1`},
	{"stock_matches_ledger", `
		SELECT CONCAT('product ', p.id) AS row_id,
			CONCAT('its stock is ', p.stock, ', its ledger adds up to ', COALESCE(l.quantity, 0)) AS problem
		FROM products p
		LEFT JOIN (
			SELECT product_id, SUM(quantity) AS quantity
			FROM stock_ledger
			GROUP BY product_id
		) l ON l.product_id = p.id
		WHERE p.stock <> COALESCE(l.quantity, 0)`},
	{"orders_took_their_stock", `
		SELECT CONCAT('order ', order_id) AS row_id,
			CONCAT('it holds ', SUM(held), ' pieces of product ', product_id, ', the ledger says ', SUM(taken)) AS problem
		FROM (
			SELECT i.order_id, i.product_id, IF(o.status = 'Cancelled', 0, i.quantity) AS held, 0 AS taken
			FROM order_items i
			JOIN orders o ON o.id = i.order_id
			WHERE NOT o.adopted
			UNION ALL
			SELECT order_id, product_id, 0, -quantity
			FROM stock_ledger
			WHERE order_id IS NOT NULL
		) moved
		GROUP BY order_id, product_id
		HAVING SUM(held) <> SUM(taken)`},
	{"total_is_sum_of_items", `
		SELECT CONCAT('order ', o.id) AS row_id,
			CONCAT('its total is ', o.total_price, ', its items cost ', i.cost) AS problem
		FROM orders o
		JOIN (
			SELECT order_id, SUM(price * quantity) AS cost
			FROM order_items
			GROUP BY order_id
		) i ON i.order_id = o.id
		WHERE NOT o.adopted AND o.total_price <> i.cost`},
	{"order_has_items", `
		SELECT CONCAT('order ', o.id) AS row_id, 'it has no items' AS problem
		FROM orders o
		WHERE NOT o.adopted AND NOT EXISTS (SELECT 1 FROM order_items i WHERE i.order_id = o.id)`},
	{"adopted_as_a_whole", `
		SELECT CONCAT('order item ', i.id) AS row_id, CONCAT('it and order ', o.id, ' are not of the same origin') AS problem
		FROM order_items i
		JOIN orders o ON o.id = i.order_id
		WHERE i.adopted <> o.adopted`},
	{"status_is_last_of_history", `
		SELECT CONCAT('order ', o.id) AS row_id,
			CONCAT('it is ', o.status, ', its history says ', COALESCE(h.status, 'nothing')) AS problem
		FROM orders o
		LEFT JOIN (
			SELECT order_id, MAX(id) AS id
			FROM order_history
			GROUP BY order_id
		) last ON last.order_id = o.id
		LEFT JOIN order_history h ON h.id = last.id
		WHERE COALESCE(h.status, IF(o.adopted, o.status, '')) <> o.status`},
	{"history_follows_the_rules", `
		SELECT CONCAT('order ', order_id) AS row_id,
			CONCAT('its history goes from ', IF(before_it = '', 'nothing', before_it), ' to ', status) AS problem
		FROM (
			SELECT h.order_id, h.status, COALESCE(LAG(h.status) OVER (PARTITION BY h.order_id ORDER BY h.id), '') AS before_it, o.adopted
			FROM order_history h
			JOIN orders o ON o.id = h.order_id
		) steps
		WHERE NOT ((before_it = '' AND (status = 'Pending' OR adopted))
			OR (before_it = 'Pending' AND status IN ('Shipped', 'Cancelled'))
			OR (before_it = 'Shipped' AND status = 'Delivered'))`},
	{"no_cart_line_twice", `
		SELECT CONCAT('cart of user ', user_id) AS row_id, CONCAT('product ', product_id, ' is in it ', COUNT(*), ' times') AS problem
		FROM carts
		GROUP BY user_id, product_id
		HAVING COUNT(*) > 1`},
	{"cart_line_has_pieces", `
		SELECT CONCAT('cart of user ', user_id) AS row_id, CONCAT('it holds ', quantity, ' of product ', product_id) AS problem
		FROM carts
		WHERE quantity < 1`},
	{"answers_are_whole", `
		SELECT CONCAT('idempotency key ', k.name, ' of user ', k.user_id) AS row_id,
			CONCAT('its answer tells of order ', COALESCE(k.order_id, 'none'), ', which is ',
				CASE WHEN o.id IS NULL THEN 'not there' WHEN k.answer IS NULL THEN 'not in it' ELSE 'somebody else''s' END) AS problem
		FROM idempotency_keys k
		LEFT JOIN orders o ON o.id = k.order_id
		WHERE o.id IS NULL OR k.answer IS NULL OR o.user_id <> k.user_id`},
	{"nothing_refers_to_nothing", `
		SELECT CONCAT('order item ', i.id) AS row_id, 'its order or its product is not there' AS problem
		FROM order_items i
		WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = i.order_id)
			OR NOT EXISTS (SELECT 1 FROM products p WHERE p.id = i.product_id)
		UNION ALL
		SELECT CONCAT('order ', o.id), CONCAT('its user ', o.user_id, ' is not there')
		FROM orders o
		WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = o.user_id)
		UNION ALL
		SELECT CONCAT('cart line ', c.id), 'its user or its product is not there'
		FROM carts c
		WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = c.user_id)
			OR NOT EXISTS (SELECT 1 FROM products p WHERE p.id = c.product_id)
		UNION ALL
		SELECT CONCAT('history row ', h.id), CONCAT('its order ', h.order_id, ' is not there')
		FROM order_history h
		WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = h.order_id)
		UNION ALL
		SELECT CONCAT('a refresh token of user ', r.user_id), 'the user is not there'
		FROM refresh_tokens r
		WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = r.user_id)
		UNION ALL
		SELECT CONCAT('idempotency key ', k.name, ' of user ', k.user_id), 'the user is not there'
		FROM idempotency_keys k
		WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = k.user_id)
		UNION ALL
		SELECT CONCAT('ledger entry ', l.id), 'its order or its product is not there'
		FROM stock_ledger l
		WHERE NOT EXISTS (SELECT 1 FROM products p WHERE p.id = l.product_id)
			OR (l.order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = l.order_id))`},
}

// Verify checks the shop's books as they are at one moment, while it may be selling, and returns every
// row that breaks a rule.
func (s *Admin) Verify(ctx context.Context) ([]model.Violation, error) {
	var all []model.Violation
	err := database.InSnapshot(ctx, s.db, func(tx *sqlx.Tx) error {
		all = nil
		for _, rule := range invariants {
			var found []model.Violation
			if err := tx.SelectContext(ctx, &found, rule.query); err != nil {
				return fmt.Errorf("%s: %w", rule.name, err)
			}
			for _, v := range found {
				v.Rule = rule.name
				all = append(all, v)
			}
		}
		return nil
	})
	return all, fail("verify the books", err)
}
