-- +goose Up

-- What is wrong, in words that name no account: refusals are grouped by them. The index
-- holds only what is not as desired, so it costs nothing while all goes well.
ALTER TABLE targets
    ADD COLUMN code  text NOT NULL DEFAULT '',
    ADD COLUMN cause text NOT NULL DEFAULT '' CONSTRAINT cause_is_short CHECK (length(cause) <= 300);
CREATE INDEX targets_troubled ON targets (rollout_id, state, class, code, cause, ou) WHERE state IN ('failed', 'conflict');

-- found_doc is the live document at which a conflict was seen, null where there was none.
-- A decision on a conflict is bound to the document that it was taken on.
ALTER TABLE operations
    ADD COLUMN found_doc     bytea CHECK (octet_length(found_doc) = 32),
    ADD COLUMN resolution    text CHECK (resolution IN ('overwrite', 'adopt', 'skip')),
    ADD COLUMN resolved_doc  bytea CHECK (octet_length(resolved_doc) = 32),
    ADD COLUMN resolver_id   bigint,
    ADD COLUMN resolver_name text,
    ADD COLUMN resolved_at   timestamptz,
    ADD CONSTRAINT resolution_has_a_resolver CHECK ((resolution IS NULL) = (resolved_at IS NULL) AND (resolution IS NULL) = (resolver_name IS NULL));

-- How far a rollout was at a time, and what AWS said until then; for a chart. As many
-- rows as the age of the rollout has doublings, not as it has seconds.
CREATE TABLE rollout_samples (
    rollout_id bigint NOT NULL REFERENCES rollouts,
    at         timestamptz NOT NULL,
    running    int NOT NULL CHECK (running >= 0),
    ended      int NOT NULL CHECK (ended >= 0),
    failed     int NOT NULL CHECK (failed >= 0),
    calls      bigint NOT NULL CHECK (calls >= 0),
    attempts   bigint NOT NULL CHECK (attempts >= 0),
    throttles  bigint NOT NULL CHECK (throttles >= 0),
    PRIMARY KEY (rollout_id, at)
);
