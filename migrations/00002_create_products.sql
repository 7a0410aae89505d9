-- +goose Up
-- archived_at leads every index because all but the admins' lists want the rows where it is null;
-- the primary key at each index's end is what cursors go on from.
CREATE TABLE IF NOT EXISTS products (
    id          INT            NOT NULL AUTO_INCREMENT,
    name        VARCHAR(100)   NOT NULL,
    price       DECIMAL(12, 2) NOT NULL,
    category    VARCHAR(50)    NOT NULL,
    stock       BIGINT         NOT NULL,
    image_url   VARCHAR(255)   NULL,
    created_at  DATETIME       NULL,
    archived_at DATETIME       NULL,
    PRIMARY KEY (id),
    KEY ix_products_category (archived_at, category, id),
    KEY ix_products_category_price (archived_at, category, price, id),
    KEY ix_products_category_name (archived_at, category, name, id),
    KEY ix_products_price (archived_at, price, id),
    KEY ix_products_name (archived_at, name, id),
    KEY ix_products_stock (archived_at, stock, id),
    CONSTRAINT ck_products_price CHECK (price >= 0),
    CONSTRAINT ck_products_stock CHECK (stock >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
