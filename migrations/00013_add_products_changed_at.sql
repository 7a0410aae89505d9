-- +goose Up
-- When a row was last changed, by whomever, but for the stock that orders take or give back: these leave it as it is. A
-- TIMESTAMP does not depend on the time zone of who changes. What is there already was changed long ago. Column and
-- index come together, and the index tells that they did: no IF NOT EXISTS for columns is known to all servers.
SET @change = IF(EXISTS (
    SELECT 1
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'products' AND index_name = 'ix_products_changed'
), 'DO 0', 'ALTER TABLE products
    ADD COLUMN changed_at TIMESTAMP(6) NOT NULL DEFAULT ''2000-01-01 00:00:00'' ON UPDATE CURRENT_TIMESTAMP(6),
    ADD KEY ix_products_changed (changed_at)');
PREPARE change_products FROM @change;
EXECUTE change_products;
DEALLOCATE PREPARE change_products;
