-- +goose Up

CREATE TABLE rollouts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id     bigint REFERENCES changes,
    title         text NOT NULL,
    revision      bigint NOT NULL REFERENCES revisions,
    state         text NOT NULL CHECK (state IN ('scheduled', 'running', 'paused', 'halted', 'aborted', 'completed', 'rolling_back', 'rolled_back')),
    max_in_flight int NOT NULL CHECK (max_in_flight > 0),
    max_failures  int NOT NULL CHECK (max_failures >= 0),
    waiting       int NOT NULL CHECK (waiting >= 0),
    running       int NOT NULL CHECK (running >= 0),
    succeeded     int NOT NULL CHECK (succeeded >= 0),
    unchanged     int NOT NULL CHECK (unchanged >= 0),
    failed        int NOT NULL CHECK (failed >= 0),
    conflict      int NOT NULL CHECK (conflict >= 0),
    skipped       int NOT NULL CHECK (skipped >= 0),
    starter_id    bigint NOT NULL,
    starter_name  text NOT NULL,
    starter_email text NOT NULL,
    note          text NOT NULL,
    created_at    timestamptz NOT NULL,
    started_at    timestamptz,
    ended_at      timestamptz,
    CONSTRAINT window_is_kept CHECK (running <= max_in_flight),
    CONSTRAINT ended_has_time CHECK ((state IN ('aborted', 'completed', 'rolled_back')) = (ended_at IS NOT NULL)),
    CONSTRAINT completed_has_no_rest CHECK (state <> 'completed' OR waiting + running = 0),
    CONSTRAINT aborted_starts_nothing CHECK (state <> 'aborted' OR waiting = 0)
);
CREATE INDEX rollouts_by_state ON rollouts (state, id);
CREATE INDEX rollouts_by_change ON rollouts (change_id, id);
ALTER TABLE changes ADD CONSTRAINT changes_rollout FOREIGN KEY (rollout_id) REFERENCES rollouts;

-- A target that is running is in flight, and in one of three holds: queued (its job
-- waits, no worker has taken it up), held (a worker holds the claim until lease_until),
-- revived (the claim ran out, another job waits). Whoever finds work undone looks for
-- running targets whose lease_until has passed.
CREATE TABLE targets (
    rollout_id   bigint NOT NULL REFERENCES rollouts,
    account_id   text COLLATE "C" NOT NULL,
    account_name text NOT NULL,
    ou           text NOT NULL,
    position     int NOT NULL CHECK (position >= 0),
    state        text NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'unchanged', 'failed', 'conflict', 'skipped')),
    hold         text CHECK (hold IN ('queued', 'held', 'revived')),
    claim        bigint NOT NULL DEFAULT 0 CHECK (claim >= 0),
    lease_until  timestamptz,
    message      text NOT NULL DEFAULT '',
    class        text NOT NULL DEFAULT '',
    advice       text NOT NULL DEFAULT '',
    calls        bigint NOT NULL DEFAULT 0 CHECK (calls >= 0),
    attempts     bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    throttles    bigint NOT NULL DEFAULT 0 CHECK (throttles >= 0),
    writes       bigint NOT NULL DEFAULT 0 CHECK (writes >= 0),
    started_at   timestamptz,
    ended_at     timestamptz,
    PRIMARY KEY (rollout_id, account_id),
    UNIQUE (rollout_id, position),
    CONSTRAINT running_is_leased CHECK ((state = 'running') = (hold IS NOT NULL) AND (state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT held_was_claimed CHECK (hold <> 'held' OR (claim > 0 AND started_at IS NOT NULL)),
    CONSTRAINT ended_has_time CHECK ((state IN ('waiting', 'running')) = (ended_at IS NULL))
);
CREATE INDEX targets_by_state ON targets (rollout_id, state, position);
CREATE INDEX targets_in_flight ON targets (lease_until) WHERE state = 'running';
CREATE INDEX targets_by_account ON targets (account_id, rollout_id);

-- intended_at says when a write of the document written was about to be sent; it stays
-- when a retry makes the operation planned again, since the effect of the attempt
-- before may have come.
CREATE TABLE operations (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rollout_id    bigint NOT NULL,
    account_id    text COLLATE "C" NOT NULL,
    seq           int NOT NULL CHECK (seq >= 0),
    kind          text NOT NULL CHECK (kind IN ('trust_policy', 'user_policy', 'delete_user_policy')),
    resource_kind text NOT NULL CHECK (resource_kind IN ('role', 'user')),
    resource_path text NOT NULL,
    resource_name text NOT NULL CHECK (resource_name <> ''),
    before_doc    bytea CHECK (octet_length(before_doc) = 32),
    before_known  boolean NOT NULL CHECK (before_known OR before_doc IS NULL),
    after_doc     bytea CHECK (octet_length(after_doc) = 32),
    ours_before   bytea CHECK (octet_length(ours_before) = 32),
    ours_after    bytea CHECK (octet_length(ours_after) = 32),
    size          int NOT NULL CHECK (size >= 0),
    size_limit    int NOT NULL CHECK (size_limit >= 0),
    note          text NOT NULL,
    state         text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'intended', 'written', 'unchanged', 'conflict', 'failed', 'skipped')),
    live_before   bytea CHECK (octet_length(live_before) = 32),
    written       bytea CHECK (octet_length(written) = 32),
    message       text NOT NULL DEFAULT '',
    intended_at   timestamptz,
    ended_at      timestamptz,
    UNIQUE (rollout_id, account_id, seq),
    FOREIGN KEY (rollout_id, account_id) REFERENCES targets,
    CHECK ((kind = 'trust_policy') = (resource_kind = 'role')),
    CHECK (kind <> 'delete_user_policy' OR (after_doc IS NULL AND written IS NULL)),
    CONSTRAINT ended_has_time CHECK ((state IN ('planned', 'intended')) = (ended_at IS NULL)),
    CONSTRAINT intent_comes_first CHECK (state NOT IN ('intended', 'written') OR intended_at IS NOT NULL),
    CONSTRAINT written_is_kept CHECK (state NOT IN ('intended', 'written') OR kind <> 'trust_policy' OR written IS NOT NULL)
);
