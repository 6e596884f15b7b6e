-- +goose Up

-- Append only. The trigger holds against everybody who is not the owner of the table
-- with intent; the chain of hashes shows what the owner did.
CREATE TABLE audit_events (
    seq        bigint PRIMARY KEY CHECK (seq > 0),
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    person_id  bigint NOT NULL,
    name       text NOT NULL,
    addr       text NOT NULL,
    user_agent text NOT NULL,
    request_id text NOT NULL,
    action     text COLLATE "C" NOT NULL CHECK (action <> ''),
    object     text COLLATE "C" NOT NULL,
    detail     json NOT NULL, -- not jsonb: the hash covers the very characters
    prev       text NOT NULL,
    hash       text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    CHECK ((seq = 1) = (prev = ''))
);
CREATE INDEX audit_by_object ON audit_events (object, seq);
CREATE INDEX audit_by_action ON audit_events (action, seq);
CREATE INDEX audit_by_name ON audit_events (name, seq);
CREATE INDEX audit_by_time ON audit_events (at, seq);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The end of the chain: locked to append, and what shows that the newest events are gone.
CREATE TABLE audit_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq  bigint NOT NULL CHECK (seq >= 0),
    hash text NOT NULL,
    CHECK ((seq = 0) = (hash = ''))
);
INSERT INTO audit_head (seq, hash) VALUES (0, '');
