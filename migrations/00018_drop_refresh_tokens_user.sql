-- +goose Up
-- ix_refresh_tokens_open begins with the same column.
SET @change = IF(EXISTS (
    SELECT 1
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'refresh_tokens' AND index_name = 'ix_refresh_tokens_user'
), 'ALTER TABLE refresh_tokens
    DROP KEY ix_refresh_tokens_user', 'DO 0');
PREPARE change_refresh_tokens FROM @change;
EXECUTE change_refresh_tokens;
DEALLOCATE PREPARE change_refresh_tokens;
