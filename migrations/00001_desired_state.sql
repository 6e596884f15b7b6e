-- +goose Up

-- Nothing of the desired state is ever updated in place: a row is live from the revision
-- that added it until the one that removed it.

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % can be neither changed nor removed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION only_remove_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.removed_in IS NULL AND to_jsonb(NEW) - 'removed_in' = to_jsonb(OLD) - 'removed_in' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'rows of % can only be given the revision that removed them, once', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

CREATE TABLE revisions (
    number     bigint PRIMARY KEY CHECK (number >= 0),
    change_id  bigint UNIQUE,
    created_at timestamptz NOT NULL,
    CHECK ((number = 0) = (change_id IS NULL))
);
CREATE INDEX revisions_by_time ON revisions (created_at, number);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON revisions FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The head is a row of its own so that it can be locked.
CREATE TABLE head (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL REFERENCES revisions
);
INSERT INTO revisions (number, created_at) VALUES (0, '-infinity');
INSERT INTO head (revision) VALUES (0);

CREATE TABLE allowlists (
    row_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          text COLLATE "C" NOT NULL CHECK (id <> ''),
    name        text COLLATE "C" NOT NULL CHECK (name <> ''),
    description text NOT NULL,
    added_in    bigint NOT NULL REFERENCES revisions CHECK (added_in > 0),
    removed_in  bigint REFERENCES revisions,
    CHECK (removed_in > added_in)
);
CREATE UNIQUE INDEX allowlists_live_id ON allowlists (id) WHERE removed_in IS NULL;
CREATE UNIQUE INDEX allowlists_live_name ON allowlists (name) WHERE removed_in IS NULL;
CREATE INDEX allowlists_history ON allowlists (id, added_in);
CREATE TRIGGER temporal AFTER UPDATE OR DELETE ON allowlists FOR EACH ROW EXECUTE FUNCTION only_remove_once();

CREATE TABLE entries (
    row_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    allowlist_id text COLLATE "C" NOT NULL CHECK (allowlist_id <> ''),
    kind         text NOT NULL CHECK (kind IN ('cidr', 'vpc', 'vpce')),
    prefix       cidr,
    endpoint     text COLLATE "C",
    note         text NOT NULL,
    ticket       text NOT NULL,
    expires      timestamptz,
    added_in     bigint NOT NULL REFERENCES revisions CHECK (added_in > 0),
    removed_in   bigint REFERENCES revisions,
    CHECK (removed_in > added_in),
    CHECK ((kind = 'cidr') = (prefix IS NOT NULL)),
    CHECK ((kind = 'cidr') = (endpoint IS NULL)),
    CHECK (kind = 'cidr' OR endpoint LIKE kind || '-%')
);
CREATE UNIQUE INDEX entries_live_prefix ON entries (allowlist_id, prefix) WHERE removed_in IS NULL AND kind = 'cidr';
CREATE UNIQUE INDEX entries_live_endpoint ON entries (allowlist_id, endpoint) WHERE removed_in IS NULL AND kind <> 'cidr';
CREATE INDEX entries_containing ON entries USING gist (prefix inet_ops) WHERE removed_in IS NULL;
CREATE INDEX entries_added ON entries (allowlist_id, added_in);
CREATE INDEX entries_removed ON entries (allowlist_id, removed_in) WHERE removed_in IS NOT NULL;
CREATE TRIGGER temporal AFTER UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION only_remove_once();

-- A mapping's users and allowlists belong to its row. Allowlists are held by id, so that
-- a new name makes no new row; the name is that of the revision asked about.
CREATE TABLE mappings (
    row_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              text COLLATE "C" NOT NULL CHECK (id <> ''),
    role_path       text COLLATE "C" NOT NULL CHECK (role_path LIKE '/%' AND role_path LIKE '%/'),
    role_name       text COLLATE "C" NOT NULL CHECK (role_name <> ''),
    role            text COLLATE "C" NOT NULL GENERATED ALWAYS AS (substr(role_path, 2) || role_name) STORED,
    selector        jsonb NOT NULL CHECK (jsonb_typeof(selector) = 'object'),
    enforcement     text NOT NULL CHECK (enforcement IN ('mapped', 'everyone')),
    require_mfa     boolean NOT NULL,
    mfa_max_age     bigint NOT NULL CHECK (mfa_max_age >= 0 AND (require_mfa OR mfa_max_age = 0)), -- nanoseconds
    session_name    text NOT NULL CHECK (session_name IN ('any', 'username')),
    source_identity text NOT NULL CHECK (source_identity IN ('any', 'username')),
    added_in        bigint NOT NULL REFERENCES revisions CHECK (added_in > 0),
    removed_in      bigint REFERENCES revisions,
    CHECK (removed_in > added_in)
);
CREATE UNIQUE INDEX mappings_live_id ON mappings (id) WHERE removed_in IS NULL;
CREATE INDEX mappings_live_role ON mappings (role, id) WHERE removed_in IS NULL;
CREATE INDEX mappings_history ON mappings (id, added_in);
CREATE TRIGGER temporal AFTER UPDATE OR DELETE ON mappings FOR EACH ROW EXECUTE FUNCTION only_remove_once();

CREATE TABLE mapping_users (
    mapping_row bigint NOT NULL REFERENCES mappings,
    position    int NOT NULL,
    account     text COLLATE "C" NOT NULL CHECK (account = '' OR account ~ '^[0-9]{12}$'),
    path        text COLLATE "C" NOT NULL CHECK (path LIKE '/%' AND path LIKE '%/'),
    name        text COLLATE "C" NOT NULL CHECK (name <> ''),
    PRIMARY KEY (mapping_row, position)
);
CREATE INDEX mapping_users_by_name ON mapping_users (name, path, account);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON mapping_users FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE mapping_allowlists (
    mapping_row  bigint NOT NULL REFERENCES mappings,
    position     int NOT NULL,
    allowlist_id text COLLATE "C" NOT NULL CHECK (allowlist_id <> ''),
    PRIMARY KEY (mapping_row, position)
);
CREATE INDEX mapping_allowlists_by_id ON mapping_allowlists (allowlist_id);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON mapping_allowlists FOR EACH ROW EXECUTE FUNCTION refuse_change();
