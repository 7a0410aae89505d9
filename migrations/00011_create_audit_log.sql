-- +goose Up
-- Append-only: who did what as admin, written with what was done and never changed or removed. actor_id is null for a
-- command, which is named instead, and for a failed login, whose object is the account. Neither id refers to a
-- row: what was done stays when that goes. before_state and after_state are JSON, without secrets.
CREATE TABLE IF NOT EXISTS audit_log (
    id           BIGINT       NOT NULL AUTO_INCREMENT,
    actor_id     INT          NULL,
    command      VARCHAR(64)  NULL,
    action       VARCHAR(40)  NOT NULL,
    object_type  VARCHAR(20)  NOT NULL,
    object_id    BIGINT       NOT NULL,
    before_state TEXT         NULL,
    after_state  TEXT         NULL,
    address      VARCHAR(64)  NULL,
    request_id   VARCHAR(128) NULL,
    created_at   DATETIME     NOT NULL,
    PRIMARY KEY (id),
    KEY ix_audit_log_actor (actor_id, id),
    KEY ix_audit_log_action (action, id),
    KEY ix_audit_log_created (created_at, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
