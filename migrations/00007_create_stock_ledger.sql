-- +goose Up
-- Append-only: why each product has the stock that it has. The rows of a product add up to its stock,
-- quantity being the pieces put in or, below zero, taken out. The unique key keeps an order from taking, or
-- giving back, a product's stock twice. changed_by is a user's id that no key looks after: every order would
-- pay for one.
CREATE TABLE IF NOT EXISTS stock_ledger (
    id         BIGINT      NOT NULL AUTO_INCREMENT,
    product_id INT         NOT NULL,
    quantity   BIGINT      NOT NULL,
    cause      VARCHAR(20) NOT NULL,
    order_id   INT         NULL,
    changed_by INT         NULL,
    created_at DATETIME    NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_stock_ledger_order (order_id, product_id, cause),
    KEY ix_stock_ledger_product (product_id, id),
    CONSTRAINT fk_stock_ledger_product FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE,
    CONSTRAINT fk_stock_ledger_order FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT ck_stock_ledger_cause CHECK (
        (cause IN ('opening', 'created', 'edited') AND order_id IS NULL)
        OR (cause = 'ordered' AND order_id IS NOT NULL AND quantity < 0)
        OR (cause = 'cancelled' AND order_id IS NOT NULL AND quantity > 0))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
