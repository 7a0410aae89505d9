-- +goose Up
-- name and price are copies of the moment the order was placed: the product may change, the order
-- may not. adopted is as in orders.
CREATE TABLE IF NOT EXISTS order_items (
    id         INT            NOT NULL AUTO_INCREMENT,
    order_id   INT            NOT NULL,
    product_id INT            NOT NULL,
    name       VARCHAR(100)   NOT NULL,
    price      DECIMAL(12, 2) NOT NULL,
    quantity   INT            NOT NULL,
    adopted    BOOLEAN        NOT NULL DEFAULT FALSE,
    PRIMARY KEY (id),
    KEY ix_order_items_order (order_id, id),
    KEY ix_order_items_product (product_id),
    CONSTRAINT fk_order_items_order FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT fk_order_items_product FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT ck_order_items_price CHECK (adopted OR price >= 0),
    CONSTRAINT ck_order_items_quantity CHECK (adopted OR quantity >= 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
