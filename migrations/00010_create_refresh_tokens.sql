-- +goose Up
-- The refresh tokens that were given out. Those of one login are a family, numbered from 0; the last of them is good,
-- the one before it was spent last, and those before that are gone (but of sessions that are older than that). hash is the token's SHA-256. salt, with the spent token
-- itself, makes its successor again. token_version is the user's when the session began.
CREATE TABLE IF NOT EXISTS refresh_tokens (
    family        BINARY(16) NOT NULL,
    generation    INT        NOT NULL,
    hash          BINARY(32) NOT NULL,
    user_id       INT        NOT NULL,
    token_version INT        NOT NULL,
    salt          BINARY(32) NULL,
    spent_at      DATETIME   NULL,
    created_at    DATETIME   NOT NULL,
    expires_at    DATETIME   NOT NULL,
    PRIMARY KEY (family, generation),
    UNIQUE KEY uq_refresh_tokens_hash (hash),
    KEY ix_refresh_tokens_user (user_id),
    KEY ix_refresh_tokens_expires (expires_at),
    CONSTRAINT fk_refresh_tokens_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
