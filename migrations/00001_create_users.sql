-- +goose Up
-- email_key makes e-mails unique and found without regard to case, in an order of bytes: the
-- table's own collation would also take é for e. token_version is in every token; raising it ends
-- all that were given out before.
CREATE TABLE IF NOT EXISTS users (
    id            INT          NOT NULL AUTO_INCREMENT,
    name          VARCHAR(255) NOT NULL,
    email         VARCHAR(255) NOT NULL,
    email_key     VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
                  GENERATED ALWAYS AS (LOWER(email)) STORED,
    password_hash VARCHAR(255) NOT NULL,
    token_version INT          NOT NULL DEFAULT 0,
    is_admin      BOOLEAN      NOT NULL DEFAULT FALSE,
    address       VARCHAR(255) NULL,
    created_at    DATETIME     NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_users_email (email_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
