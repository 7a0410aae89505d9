-- +goose Up
-- How far a limit on guessing is used up, so that a restart or another instance does not forget it. name is the SHA-256
-- of what is limited: an account as seen from an address, or an address. Failed logins fill it up, full_until is the
-- moment, in microseconds since 1970, when it will be empty again.
CREATE TABLE IF NOT EXISTS login_failures (
    name       BINARY(32) NOT NULL,
    full_until BIGINT     NOT NULL,
    PRIMARY KEY (name),
    KEY ix_login_failures_full_until (full_until)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
