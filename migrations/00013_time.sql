-- +goose Up

-- An emergency entry is let in for a limited time only.
ALTER TABLE entries
    ADD COLUMN emergency boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT emergency_expires CHECK (NOT emergency OR expires IS NOT NULL);
CREATE INDEX entries_expiring ON entries (expires) WHERE removed_in IS NULL AND expires IS NOT NULL;

-- A change in state expiring was composed by the console ahead of expires_at. There is
-- one such change for each moment at which entries expire.
ALTER TABLE changes DROP CONSTRAINT changes_state_check;
ALTER TABLE changes
    ADD CONSTRAINT changes_state_check CHECK (state IN ('draft', 'in_review', 'approved', 'applied', 'rejected', 'withdrawn', 'conflicted', 'expiring')),
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN set_by     jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(set_by) = 'array'),
    ADD CONSTRAINT only_the_console_expires CHECK (state <> 'expiring' OR expires_at IS NOT NULL),
    ADD CONSTRAINT an_expiry_has_no_author CHECK (expires_at IS NULL OR author_id = 0 AND state IN ('expiring', 'applied', 'withdrawn'));
CREATE UNIQUE INDEX changes_expiring ON changes (expires_at) WHERE state = 'expiring';

-- When an approved change is to be applied by the console, for whom, and why it was not.
ALTER TABLE changes
    ADD COLUMN schedule_at      timestamptz,
    ADD COLUMN schedule_until   timestamptz CHECK (schedule_until > schedule_at),
    ADD COLUMN schedule_by      bigint,
    ADD COLUMN schedule_name    text NOT NULL DEFAULT '',
    ADD COLUMN schedule_email   text NOT NULL DEFAULT '',
    ADD COLUMN schedule_digest  text NOT NULL DEFAULT '',
    ADD COLUMN schedule_outcome text NOT NULL DEFAULT '',
    ADD CONSTRAINT schedule_is_complete CHECK (num_nonnulls(schedule_at, schedule_until, schedule_by) IN (0, 3)
        AND (schedule_at IS NULL) = (schedule_digest = '') AND (schedule_at IS NOT NULL OR schedule_outcome = ''));
CREATE INDEX changes_scheduled ON changes (schedule_at) WHERE schedule_at IS NOT NULL AND schedule_outcome = '' AND state <> 'applied';
