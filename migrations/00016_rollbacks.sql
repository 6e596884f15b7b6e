-- +goose Up

-- Who asked for a rollout to be rolled back; null where it was its strategy.
ALTER TABLE rollouts
    ADD COLUMN undoer_id    bigint,
    ADD COLUMN undoer_name  text NOT NULL DEFAULT '',
    ADD COLUMN undoer_email text NOT NULL DEFAULT '';
