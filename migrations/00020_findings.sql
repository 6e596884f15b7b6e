-- +goose Up

-- What a scan found that is not as desired. A finding that a later scan no longer sees
-- is resolved and stays as a record; should it come back, that is another row. digest
-- says what was found, so that an acknowledgement does not outlive it.
CREATE TABLE findings (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    text COLLATE "C" NOT NULL REFERENCES accounts,
    kind          text NOT NULL CHECK (kind IN ('drift', 'bypass', 'dead_principal', 'unreachable')),
    reason        text NOT NULL CHECK (reason IN ('missing', 'edited', 'left_over', 'unfit', 'allow', 'unique_id', 'no_user', 'unreadable')),
    resource_kind text NOT NULL CHECK (resource_kind IN ('', 'role', 'user', 'policy', 'attachments')),
    resource_path text NOT NULL,
    resource_name text NOT NULL,
    subject       text NOT NULL,
    sentence      text NOT NULL CHECK (sentence <> ''),
    advice        text NOT NULL,
    live          text NOT NULL,
    desired       text NOT NULL,
    digest        text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    first_seen    timestamptz NOT NULL,
    last_seen     timestamptz NOT NULL CHECK (last_seen >= first_seen),
    resolved_at   timestamptz,
    ack_id        bigint,
    ack_name      text,
    ack_email     text,
    ack_at        timestamptz,
    ack_reason    text CHECK (ack_reason <> ''),
    version       bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    CONSTRAINT acknowledged_by_somebody CHECK (num_nulls(ack_id, ack_name, ack_email, ack_at, ack_reason) IN (0, 5)),
    CONSTRAINT a_resource_has_a_name CHECK ((resource_kind = '') = (resource_name = ''))
);
-- One row for what is seen again and again.
CREATE UNIQUE INDEX findings_live ON findings (account_id, kind, resource_kind, resource_path, resource_name, subject) WHERE resolved_at IS NULL;
CREATE INDEX findings_open ON findings (kind, id DESC) WHERE resolved_at IS NULL AND ack_at IS NULL;
CREATE INDEX findings_by_account ON findings (account_id, id DESC);

-- Which reading of an account was held against which revision.
CREATE TABLE account_scans (
    account_id text COLLATE "C" PRIMARY KEY REFERENCES accounts,
    read_at    timestamptz NOT NULL,
    revision   bigint NOT NULL REFERENCES revisions,
    scanned_at timestamptz NOT NULL
);

-- The rollouts after whose end the accounts were read again.
CREATE TABLE rollout_scans (
    rollout_id bigint PRIMARY KEY REFERENCES rollouts
);
INSERT INTO rollout_scans SELECT id FROM rollouts WHERE ended_at IS NOT NULL;
