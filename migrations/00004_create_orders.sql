-- +goose Up
-- adopted marks an order that came with an earlier backend's database: it is kept as it was, held to
-- less than one that was placed here.
CREATE TABLE IF NOT EXISTS orders (
    id               INT            NOT NULL AUTO_INCREMENT,
    user_id          INT            NOT NULL,
    total_price      DECIMAL(12, 2) NOT NULL,
    status           VARCHAR(20)    NOT NULL,
    payment_method   VARCHAR(50)    NULL,
    payment_status   VARCHAR(50)    NOT NULL,
    shipping_address VARCHAR(255)   NULL,
    created_at       DATETIME       NULL,
    updated_at       DATETIME       NULL,
    adopted          BOOLEAN        NOT NULL DEFAULT FALSE,
    PRIMARY KEY (id),
    KEY ix_orders_user (user_id, id),
    KEY ix_orders_status (status, id),
    KEY ix_orders_created (created_at, id),
    CONSTRAINT fk_orders_user FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT ck_orders_total CHECK (adopted OR total_price >= 0),
    CONSTRAINT ck_orders_status CHECK (status IN ('Pending', 'Shipped', 'Delivered', 'Cancelled')),
    CONSTRAINT ck_orders_payment_method
        CHECK (payment_method IN ('Credit Card', 'UPI', 'Net Banking', 'Cash on Delivery'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
