-- +goose Up
-- Finds the sessions that a user has, however many of their spent tokens are kept. It is in the place of
-- ix_refresh_tokens_user, which goes next.
SET @change = IF(EXISTS (
    SELECT 1
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'refresh_tokens' AND index_name = 'ix_refresh_tokens_open'
), 'DO 0', 'ALTER TABLE refresh_tokens
    ADD KEY ix_refresh_tokens_open (user_id, spent_at, created_at)');
PREPARE change_refresh_tokens FROM @change;
EXECUTE change_refresh_tokens;
DEALLOCATE PREPARE change_refresh_tokens;
