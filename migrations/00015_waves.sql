-- +goose Up

-- Saved ways of carrying changes out. A rollout keeps a copy of its own.
CREATE TABLE strategies (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CHECK (name <> ''),
    body       jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object'),
    is_default boolean NOT NULL DEFAULT false,
    version    bigint NOT NULL DEFAULT 1 CHECK (version > 0)
);
CREATE UNIQUE INDEX strategies_name ON strategies (lower(name));
CREATE UNIQUE INDEX strategies_one_default ON strategies (is_default) WHERE is_default;

-- Every new column has a default with which a rollout of the release before is what it
-- was: one wave, begun, with nothing to wait for. max_in_flight goes on being what the
-- database itself holds the rollout to; pace is what was asked for, and lower only while
-- more are in flight. wake_at is when any replica has to look at the rollout again.
ALTER TABLE rollouts DROP CONSTRAINT rollouts_max_failures_check;
ALTER TABLE rollouts
    ADD CONSTRAINT max_failures_is_a_limit CHECK (max_failures >= -1),
    ADD COLUMN kind            text NOT NULL DEFAULT 'push' CHECK (kind IN ('push', 'rollback')),
    ADD COLUMN strategy        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(strategy) = 'object'),
    ADD COLUMN strategy_name   text NOT NULL DEFAULT '',
    ADD COLUMN pace            int NOT NULL DEFAULT 0 CHECK (pace >= 0),
    ADD COLUMN wave            int NOT NULL DEFAULT 1 CHECK (wave >= 0),
    ADD COLUMN waves           int NOT NULL DEFAULT 1 CHECK (waves >= 0),
    ADD COLUMN phase           text NOT NULL DEFAULT '' CHECK (phase IN ('', 'hours', 'baking', 'checking', 'gate', 'confirm')),
    ADD COLUMN until           timestamptz,
    ADD COLUMN wake_at         timestamptz,
    ADD COLUMN later           int NOT NULL DEFAULT 0 CHECK (later >= 0),
    ADD COLUMN wave_window     int NOT NULL DEFAULT 0 CHECK (wave_window >= 0),
    ADD COLUMN wave_bad        int NOT NULL DEFAULT 0 CHECK (wave_bad >= 0),
    ADD COLUMN forgiven        int NOT NULL DEFAULT 0 CHECK (forgiven >= 0),
    ADD COLUMN wave_forgiven   int NOT NULL DEFAULT 0 CHECK (wave_forgiven >= 0),
    ADD COLUMN checks_left     int NOT NULL DEFAULT 0 CHECK (checks_left >= 0),
    ADD COLUMN checks_bad      int NOT NULL DEFAULT 0 CHECK (checks_bad >= 0),
    ADD COLUMN behind_rollout  bigint REFERENCES rollouts,
    ADD COLUMN behind_targets  int NOT NULL DEFAULT 0 CHECK (behind_targets >= 0),
    ADD COLUMN overtakes       boolean NOT NULL DEFAULT false,
    ADD COLUMN stands_since    timestamptz,
    ADD COLUMN confirmer_id    bigint,
    ADD COLUMN confirmer_name  text NOT NULL DEFAULT '',
    ADD COLUMN confirmer_email text NOT NULL DEFAULT '',
    ADD COLUMN confirmed_at    timestamptz,
    ADD COLUMN rolls_back      bigint REFERENCES rollouts,
    ADD COLUMN rolled_back_by  bigint UNIQUE REFERENCES rollouts,
    ADD CONSTRAINT a_rollback_rolls_back CHECK ((kind = 'rollback') = (rolls_back IS NOT NULL)),
    ADD CONSTRAINT confirmed_by_somebody CHECK ((confirmed_at IS NULL) = (confirmer_id IS NULL)),
    ADD CONSTRAINT only_what_runs_has_a_phase CHECK (phase = '' OR state IN ('running', 'paused', 'halted'));
CREATE INDEX rollouts_awake ON rollouts (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX rollouts_open ON rollouts (id) WHERE ended_at IS NULL;

ALTER TABLE targets ADD COLUMN wave int NOT NULL DEFAULT 1 CHECK (wave > 0);
CREATE INDEX targets_by_wave ON targets (rollout_id, wave, state);

-- left_over counts the targets that wait while the wave has not begun.
CREATE TABLE rollout_waves (
    rollout_id   bigint NOT NULL REFERENCES rollouts,
    number       int NOT NULL CHECK (number > 0),
    name         text NOT NULL,
    targets      int NOT NULL CHECK (targets >= 0),
    left_over    int NOT NULL CHECK (left_over >= 0),
    max_in_wave  int NOT NULL CHECK (max_in_wave >= 0),
    max_failures int NOT NULL CHECK (max_failures >= -1),
    bake         interval NOT NULL,
    gate         boolean NOT NULL,
    state        text NOT NULL CHECK (state IN ('waiting', 'pushing', 'baking', 'checking', 'gate', 'done')),
    begun_at     timestamptz,
    pushed_at    timestamptz,
    ended_at     timestamptz,
    gate_by_id    bigint,
    gate_by_name  text NOT NULL DEFAULT '',
    gate_by_email text NOT NULL DEFAULT '',
    PRIMARY KEY (rollout_id, number),
    CONSTRAINT begun_has_time CHECK ((state = 'waiting') = (begun_at IS NULL)),
    CONSTRAINT done_has_time CHECK (state <> 'done' OR ended_at IS NOT NULL)
);

-- Looks at the health of a wave, one for each account and probe. Like a target, one that
-- runs is leased, and whoever holds an older claim on it records nothing.
CREATE TABLE rollout_checks (
    rollout_id  bigint NOT NULL,
    wave        int NOT NULL,
    seq         int NOT NULL CHECK (seq >= 0),
    kind        text NOT NULL CHECK (kind IN ('read_back', 'probe')),
    account_id  text COLLATE "C" NOT NULL,
    role_path   text NOT NULL DEFAULT '',
    role_name   text NOT NULL DEFAULT '',
    allowed     boolean NOT NULL DEFAULT false,
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'good', 'bad')),
    claim       bigint NOT NULL DEFAULT 0 CHECK (claim >= 0),
    lease_until timestamptz,
    message     text NOT NULL DEFAULT '',
    ended_at    timestamptz,
    PRIMARY KEY (rollout_id, wave, seq),
    FOREIGN KEY (rollout_id, wave) REFERENCES rollout_waves,
    CONSTRAINT running_is_leased CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT ended_has_time CHECK ((state IN ('good', 'bad')) = (ended_at IS NOT NULL)),
    CONSTRAINT a_probe_has_a_role CHECK ((kind = 'probe') = (role_name <> ''))
);
CREATE INDEX rollout_checks_running ON rollout_checks (lease_until) WHERE state = 'running';

-- The strategy that an approved change is to be applied with at its time.
ALTER TABLE changes ADD COLUMN schedule_strategy bigint NOT NULL DEFAULT 0;
