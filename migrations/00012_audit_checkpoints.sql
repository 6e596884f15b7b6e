-- +goose Up

-- Signed statements of what the audit log's hash was at an event. The key is not in the
-- database, so whoever rewrites the log cannot make these anew.
CREATE TABLE audit_checkpoints (
    seq       bigint NOT NULL CHECK (seq > 0),
    key       text NOT NULL,
    hash      text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    at        timestamptz NOT NULL,
    signature text NOT NULL,
    PRIMARY KEY (seq, key)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- For the filter of the audit page by the caller's address.
CREATE INDEX audit_by_addr ON audit_events (addr, seq) WHERE addr <> '';
