-- +goose Up
-- One row is one line of a cart: a user's pieces of one product. Every addition to a line that is there
-- uses up an id, so these need more room than others.
CREATE TABLE IF NOT EXISTS carts (
    id         BIGINT NOT NULL AUTO_INCREMENT,
    user_id    INT    NOT NULL,
    product_id INT    NOT NULL,
    quantity   INT    NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_carts_line (user_id, product_id),
    KEY ix_carts_product (product_id),
    CONSTRAINT fk_carts_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_carts_product FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT ck_carts_quantity CHECK (quantity >= 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
