-- +goose Up
-- Append-only: rows are added with each change of an order's status and never changed or removed. note
-- is what the status was called in an earlier backend's database, where that was another word.
CREATE TABLE IF NOT EXISTS order_history (
    id         BIGINT      NOT NULL AUTO_INCREMENT,
    order_id   INT         NOT NULL,
    status     VARCHAR(20) NOT NULL,
    changed_by INT         NULL,
    note       VARCHAR(255) NULL,
    created_at DATETIME    NULL,
    PRIMARY KEY (id),
    KEY ix_order_history_order (order_id, id),
    KEY ix_order_history_user (changed_by),
    CONSTRAINT fk_order_history_order FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT fk_order_history_user FOREIGN KEY (changed_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_order_history_status CHECK (status IN ('Pending', 'Shipped', 'Delivered', 'Cancelled'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
