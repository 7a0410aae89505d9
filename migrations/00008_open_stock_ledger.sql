-- +goose Up
-- What was sold before there was a ledger is entered as if there had been one; the rest of a product's
-- stock is what it opened with. Adopted orders took no stock. All of it is one transaction.
INSERT INTO stock_ledger (product_id, quantity, cause, created_at)
SELECT p.id, p.stock + COALESCE(s.quantity, 0), 'opening', UTC_TIMESTAMP()
FROM products p
LEFT JOIN (
    SELECT i.product_id, SUM(i.quantity) AS quantity
    FROM order_items i
    JOIN orders o ON o.id = i.order_id
    WHERE NOT o.adopted AND o.status <> 'Cancelled'
    GROUP BY i.product_id
) s ON s.product_id = p.id
WHERE NOT EXISTS (SELECT 1 FROM stock_ledger l WHERE l.product_id = p.id)
ORDER BY p.id;

INSERT INTO stock_ledger (product_id, quantity, cause, order_id, created_at)
SELECT i.product_id, -SUM(i.quantity), 'ordered', o.id, MAX(o.created_at)
FROM order_items i
JOIN orders o ON o.id = i.order_id
WHERE NOT o.adopted AND NOT EXISTS (SELECT 1 FROM stock_ledger l WHERE l.order_id = o.id)
GROUP BY o.id, i.product_id;

INSERT INTO stock_ledger (product_id, quantity, cause, order_id, created_at)
SELECT l.product_id, -l.quantity, 'cancelled', l.order_id, o.updated_at
FROM stock_ledger l
JOIN orders o ON o.id = l.order_id
WHERE o.status = 'Cancelled' AND l.cause = 'ordered' AND NOT EXISTS (
    SELECT 1
    FROM stock_ledger c
    WHERE c.order_id = l.order_id AND c.product_id = l.product_id AND c.cause = 'cancelled');
