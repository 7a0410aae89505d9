-- +goose Up
-- An answer that was given under a client's key, written with what it tells of. request is the SHA-256 of what was
-- asked; answer and order_id are null only while the transaction that took the key is under way.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    user_id    INT                                      NOT NULL,
    name       VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    request    BINARY(32)                               NOT NULL,
    order_id   INT                                      NULL,
    answer     MEDIUMBLOB                               NULL,
    created_at DATETIME                                 NOT NULL,
    PRIMARY KEY (user_id, name),
    KEY ix_idempotency_keys_created (created_at),
    KEY ix_idempotency_keys_order (order_id),
    CONSTRAINT fk_idempotency_keys_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_idempotency_keys_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
