-- +goose Up

-- Up to this wave a rollout works outside of the hours of its strategy, as somebody has
-- decided; 0 for none.
ALTER TABLE rollouts
    ADD COLUMN off_hours_wave   int NOT NULL DEFAULT 0 CHECK (off_hours_wave >= 0),
    ADD COLUMN off_hours_by     text NOT NULL DEFAULT '',
    ADD COLUMN off_hours_reason text NOT NULL DEFAULT '';

-- The health of a wave may be looked at more than once. What a round has found stays.
ALTER TABLE rollout_checks ADD COLUMN round int NOT NULL DEFAULT 1 CHECK (round > 0);
