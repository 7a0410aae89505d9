-- +goose Up
-- Orders of a status are listed by when they were placed, within a time or not. What had them by their ids goes in
-- exchange: an order pays for as many indexes as before.
SET @change = IF(EXISTS (
    SELECT 1
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'orders' AND index_name = 'ix_orders_status_created'
), 'DO 0', 'ALTER TABLE orders
    ADD KEY ix_orders_status_created (status, created_at, id),
    DROP KEY ix_orders_status');
PREPARE index_orders FROM @change;
EXECUTE index_orders;
DEALLOCATE PREPARE index_orders;
