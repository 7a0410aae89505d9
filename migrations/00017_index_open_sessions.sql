-- +goose Up
-- Finds the sessions that a user has, whatever is kept of their spent tokens. ix_refresh_tokens_user stays, before it:
-- MySQL 9.7 checks a foreign key by the first index that begins with its column, and lets a row of nobody's pass where
-- another column of that index is NULL, as spent_at is here.
SET @change = IF(EXISTS (
    SELECT 1
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'refresh_tokens' AND index_name = 'ix_refresh_tokens_open'
), 'DO 0', 'ALTER TABLE refresh_tokens
    ADD KEY ix_refresh_tokens_open (user_id, spent_at, created_at)');
PREPARE change_refresh_tokens FROM @change;
EXECUTE change_refresh_tokens;
DEALLOCATE PREPARE change_refresh_tokens;
