-- +goose Up
-- When a session was begun, and from where and with what its tokens were made: for its user, who wants to know it again. NULL
-- in what is from before.
SET @change = IF(EXISTS (
    SELECT 1
    FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'refresh_tokens' AND column_name = 'begun_at'
), 'DO 0', 'ALTER TABLE refresh_tokens
    ADD COLUMN begun_at DATETIME NULL,
    ADD COLUMN address VARCHAR(64) NULL,
    ADD COLUMN agent VARCHAR(255) NULL');
PREPARE change_refresh_tokens FROM @change;
EXECUTE change_refresh_tokens;
DEALLOCATE PREPARE change_refresh_tokens;
