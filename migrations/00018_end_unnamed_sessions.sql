-- +goose Up
-- Tokens of before they named their session can't be recognized any more: whose they are logs in again.
DELETE FROM refresh_tokens;
