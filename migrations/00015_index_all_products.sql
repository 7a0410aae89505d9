-- +goose Up
-- What admins list has archived products among the others; these are the orders of such lists. The indexes come
-- together, and one of them tells that they did.
SET @change = IF(EXISTS (
    SELECT 1
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'products' AND index_name = 'ix_products_all_price'
), 'DO 0', 'ALTER TABLE products
    ADD KEY ix_products_all_price (price, id),
    ADD KEY ix_products_all_name (name, id),
    ADD KEY ix_products_all_category (category, id),
    ADD KEY ix_products_all_category_price (category, price, id),
    ADD KEY ix_products_all_category_name (category, name, id)');
PREPARE index_products FROM @change;
EXECUTE index_products;
DEALLOCATE PREPARE index_products;
