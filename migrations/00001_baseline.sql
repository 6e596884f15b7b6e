-- +goose Up

-- The whole schema, by noun: installation, organization, desired state, people and sessions, changes and reviews, rollouts,
-- findings, audit. A table has a foreign key to a later section only where two tables refer to each other; such a key
-- is added after the second table.

-- Rows that an auditor may ask for are never updated in place. Two triggers enforce it.

-- refuse_change keeps every row as it was inserted.
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % can be neither changed nor removed', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- only_remove_once allows one change to a row of the desired state: setting removed_in, once.
-- +goose StatementBegin
CREATE FUNCTION only_remove_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.removed_in IS NULL AND to_jsonb(NEW) - 'removed_in' = to_jsonb(OLD) - 'removed_in' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'rows of % can only be given the revision that removed them, once', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd


-- ----------------------------------------------------------------------------------------------------
-- Installation
-- ----------------------------------------------------------------------------------------------------

-- demo is true if the demo laid the database out. The passwords of its people are public, so serve refuses it for good.
CREATE TABLE installation (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    demo boolean NOT NULL DEFAULT false
);
INSERT INTO installation DEFAULT VALUES;
CREATE TRIGGER a_demo_stays_one BEFORE DELETE OR UPDATE ON installation
    FOR EACH ROW WHEN (OLD.demo) EXECUTE FUNCTION refuse_change();


-- ----------------------------------------------------------------------------------------------------
-- Organization
-- ----------------------------------------------------------------------------------------------------

-- The organization that the console serves, and how its last syncs went. The id is recorded at the first sync; a sync
-- of another organization changes nothing.
CREATE TABLE organization (
    one           boolean PRIMARY KEY DEFAULT true CHECK (one),
    id            text NOT NULL DEFAULT '',
    recorded_at   timestamptz,
    synced_at     timestamptz,              -- the last sync that succeeded
    error         text NOT NULL DEFAULT '', -- why the last sync failed
    error_at      timestamptz,
    error_replica text NOT NULL DEFAULT '', -- the replica on which it failed
    scan_error    text NOT NULL DEFAULT '', -- why no account could be scanned, for a reason that is not of an account
    scan_error_at timestamptz,
    scan_replica  text NOT NULL DEFAULT '',
    CONSTRAINT recorded_has_time CHECK ((id = '') = (recorded_at IS NULL)),
    CONSTRAINT error_has_time CHECK ((error = '') = (error_at IS NULL)),
    CONSTRAINT error_has_replica CHECK (error <> '' OR error_replica = ''),
    CONSTRAINT scan_error_has_time CHECK ((scan_error = '') = (scan_error_at IS NULL))
);
INSERT INTO organization DEFAULT VALUES;

-- Replicas of the console whose own AWS credentials are refused. Each reports itself every few seconds until AWS
-- accepts them. A row whose replica has stopped to report counts for nothing.
CREATE TABLE refused_replicas (
    replica text PRIMARY KEY CHECK (replica <> ''),
    since   timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    error   text NOT NULL CHECK (error <> ''),
    CONSTRAINT seen_after_since CHECK (seen_at >= since)
);

-- Answers of AWS that change nothing until admins confirm them. At most one is open. digest binds the acceptances to
-- the organization ids and to the exact accounts.
CREATE TABLE sync_confirmations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('other_organization', 'vanished_accounts')),
    recorded    text NOT NULL CHECK (recorded <> ''),
    seen        text NOT NULL CHECK (seen <> ''),
    vanished    jsonb NOT NULL CHECK (jsonb_typeof(vanished) = 'array'),
    lost        int NOT NULL CHECK (lost >= 0),   -- active accounts that vanished
    active      int NOT NULL CHECK (active >= 0), -- all active accounts before
    digest      text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    asked_at    timestamptz NOT NULL,
    accepted_at timestamptz,
    basis       text CHECK (basis IN ('two_admins', 'single_administrator', 'operator')),
    closed_at   timestamptz,
    outcome     text CHECK (outcome IN ('applied', 'lapsed')),
    CONSTRAINT another_organization CHECK ((kind = 'other_organization') = (recorded <> seen)),
    CONSTRAINT acceptance_has_a_basis CHECK ((accepted_at IS NULL) = (basis IS NULL)),
    CONSTRAINT end_has_an_outcome CHECK ((closed_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT applied_was_accepted CHECK (outcome <> 'applied' OR accepted_at IS NOT NULL)
);
CREATE UNIQUE INDEX sync_confirmations_open ON sync_confirmations ((true)) WHERE closed_at IS NULL;
CREATE TRIGGER immutable
    BEFORE DELETE OR UPDATE OF id, kind, recorded, seen, vanished, lost, active, digest, asked_at ON sync_confirmations
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The word of one admin; person_id is 0 for the operator of the server. counted_with lists the accounts that counted
-- together with the admin at that time.
CREATE TABLE sync_acceptances (
    confirmation_id bigint NOT NULL REFERENCES sync_confirmations,
    person_id       bigint NOT NULL,
    name            text NOT NULL,
    email           text NOT NULL,
    at              timestamptz NOT NULL,
    counted_with    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(counted_with) = 'array'),
    PRIMARY KEY (confirmation_id, person_id)
);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON sync_acceptances
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- An OU is identified by its id. A path is only for display: it changes when an OU is renamed, and two OUs may have the
-- same one for a moment. A row stays when the OU is deleted in AWS, so that selectors can still be read.
CREATE TABLE ous (
    id        text PRIMARY KEY CHECK (id <> ''),
    parent_id text NOT NULL, -- empty for the root
    name      text NOT NULL,
    path      text COLLATE "C" NOT NULL CHECK (path <> ''),
    gone_at   timestamptz    -- when a reading of the organization first missed it
);

-- version rises with each change to what the console knows about the account or its inventory. The version of the
-- whole inventory is the sum over all accounts, so writers of different accounts do not wait for one row. A quota of
-- 0 means the default of AWS.
CREATE TABLE accounts (
    id                text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9]{12}$'),
    name              text COLLATE "C" NOT NULL,
    email             text NOT NULL,
    state             text NOT NULL
        CHECK (state IN ('PENDING_ACTIVATION', 'ACTIVE', 'SUSPENDED', 'PENDING_CLOSURE', 'CLOSED', 'LEFT')),
    ou                text COLLATE "C" NOT NULL,                             -- the path of its OU, for display
    ou_ids            text[] NOT NULL DEFAULT '{}',                          -- of its OUs, from the root down
    tags              jsonb NOT NULL CHECK (jsonb_typeof(tags) = 'object'),
    partition         text NOT NULL CHECK (partition LIKE 'aws%'),
    management        boolean NOT NULL,
    trust_quota       int NOT NULL DEFAULT 0 CHECK (trust_quota >= 0),       -- characters of a trust policy
    user_quota        int NOT NULL DEFAULT 0 CHECK (user_quota >= 0),        -- characters of a user's inline policies
    managed_quota     int NOT NULL DEFAULT 0 CHECK (managed_quota >= 0),     -- characters of a managed policy
    attachments_quota int NOT NULL DEFAULT 0 CHECK (attachments_quota >= 0), -- managed policies attached to a user
    synced_at         timestamptz,                                           -- last read from Organizations
    inventory_at      timestamptz,                                           -- last read of roles and users
    inventory_error   text NOT NULL DEFAULT '',                              -- why the last read failed
    inventory_error_at timestamptz,
    pushed_revision   bigint NOT NULL DEFAULT 0,                             -- references revisions, below
    keeps_documents   boolean NOT NULL DEFAULT false,                        -- of ours, while it is not active
    version           bigint NOT NULL DEFAULT 1,
    CONSTRAINT inventory_error_has_time CHECK ((inventory_error = '') = (inventory_error_at IS NULL)),
    CONSTRAINT an_active_account_is_written CHECK (NOT (keeps_documents AND state = 'ACTIVE'))
);
CREATE INDEX accounts_left_behind ON accounts (id) WHERE keeps_documents;
CREATE INDEX accounts_by_name ON accounts (name, id);
CREATE INDEX accounts_by_tag ON accounts USING gin (tags);
CREATE INDEX accounts_version ON accounts (version);
CREATE INDEX accounts_unreadable ON accounts (inventory_error_at) WHERE inventory_error <> '';
CREATE INDEX accounts_by_reading ON accounts (inventory_at);

-- The roles, users and our managed policies of an account, as last read. Each column is an object keyed by path and
-- name, so that a push can replace single documents without reading the rest.
CREATE TABLE inventories (
    account_id text COLLATE "C" PRIMARY KEY REFERENCES accounts,
    roles      jsonb NOT NULL CHECK (jsonb_typeof(roles) = 'object'),
    users      jsonb NOT NULL CHECK (jsonb_typeof(users) = 'object'),
    policies   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(policies) = 'object'),
    read_at    timestamptz NOT NULL
);

-- The version of the organization: it rises when accounts, their names, OUs or tags, or the OUs change. Inventories
-- and pushes do not raise it, so caches that depend on names only stay valid while rollouts run.
CREATE TABLE organization_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    n   bigint NOT NULL
);
INSERT INTO organization_version (n) VALUES (1);

-- This function and the two below run as the owner of the tables. No other role needs the right to write the versions.
-- +goose StatementBegin
CREATE FUNCTION organization_moved() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE organization_version SET n = n + 1;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER organization_moved AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF name, email, ou, ou_ids, tags ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION organization_moved();
CREATE TRIGGER organization_moved AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ous
    FOR EACH STATEMENT EXECUTE FUNCTION organization_moved();

-- The version of the inventory is inventory_version.n plus the sum of inventory_moves.n. Each change to an account's
-- version inserts one move, so concurrent writers do not wait for each other. inventory_gather folds the moves into
-- inventory_version now and then.
CREATE TABLE inventory_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    n   bigint NOT NULL
);
CREATE TABLE inventory_moves (
    n bigint NOT NULL
);
INSERT INTO inventory_version (n) VALUES (0);

-- +goose StatementBegin
CREATE FUNCTION inventory_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO inventory_moves VALUES (coalesce(NEW.version, 0) - coalesce(OLD.version, 0));
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- inventory_gather does nothing while another transaction gathers.
-- +goose StatementBegin
CREATE FUNCTION inventory_gather() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moved bigint;
BEGIN
    PERFORM FROM inventory_version FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        WITH gathered AS (DELETE FROM inventory_moves RETURNING n) SELECT sum(n) INTO moved FROM gathered;
        UPDATE inventory_version SET n = n + coalesce(moved, 0);
    END IF;
END $$;
-- +goose StatementEnd

CREATE TRIGGER inventory_moved AFTER INSERT OR DELETE ON accounts
    FOR EACH ROW EXECUTE FUNCTION inventory_moved();
CREATE TRIGGER inventory_moved_on AFTER UPDATE OF version ON accounts
    FOR EACH ROW WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION inventory_moved();


-- ----------------------------------------------------------------------------------------------------
-- Desired state
--
-- A row is part of the desired state from the revision added_in until before the revision removed_in. "Live" in the
-- name of an index means not removed.
-- ----------------------------------------------------------------------------------------------------

-- Revision 0 is the empty state. Every other revision was made by one change; change_id references changes, below.
CREATE TABLE revisions (
    number     bigint PRIMARY KEY CHECK (number >= 0),
    change_id  bigint UNIQUE,
    created_at timestamptz NOT NULL,
    CHECK ((number = 0) = (change_id IS NULL))
);
CREATE INDEX revisions_by_time ON revisions (created_at, number);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON revisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE accounts ADD CONSTRAINT accounts_pushed_revision_fkey FOREIGN KEY (pushed_revision) REFERENCES revisions;

-- The current revision, in a table with one row, so that a transaction can lock it.
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

-- prefix holds a CIDR, endpoint the id of a VPC or of a VPC endpoint. An emergency entry must expire.
CREATE TABLE entries (
    row_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    allowlist_id text COLLATE "C" NOT NULL CHECK (allowlist_id <> ''),
    kind         text NOT NULL CHECK (kind IN ('cidr', 'vpc', 'vpce')),
    prefix       cidr,
    endpoint     text COLLATE "C",
    note         text NOT NULL,
    ticket       text NOT NULL,
    expires      timestamptz,
    emergency    boolean NOT NULL DEFAULT false,
    added_in     bigint NOT NULL REFERENCES revisions CHECK (added_in > 0),
    removed_in   bigint REFERENCES revisions,
    CHECK (removed_in > added_in),
    CHECK ((kind = 'cidr') = (prefix IS NOT NULL)),
    CHECK ((kind = 'cidr') = (endpoint IS NULL)),
    CHECK (kind = 'cidr' OR endpoint LIKE kind || '-%'),
    CONSTRAINT emergency_expires CHECK (NOT emergency OR expires IS NOT NULL)
);
CREATE UNIQUE INDEX entries_live_prefix ON entries (allowlist_id, prefix) WHERE removed_in IS NULL AND kind = 'cidr';
CREATE UNIQUE INDEX entries_live_endpoint ON entries (allowlist_id, endpoint)
    WHERE removed_in IS NULL AND kind <> 'cidr';
CREATE INDEX entries_containing ON entries USING gist (prefix inet_ops) WHERE removed_in IS NULL;
CREATE INDEX entries_added ON entries (allowlist_id, added_in);
CREATE INDEX entries_removed ON entries (allowlist_id, removed_in) WHERE removed_in IS NOT NULL;
CREATE INDEX entries_expiring ON entries (expires) WHERE removed_in IS NULL AND expires IS NOT NULL;
CREATE TRIGGER temporal AFTER UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION only_remove_once();

-- A mapping refers to allowlists by id, so renaming an allowlist adds no row here.
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

-- account is empty for a user of the account in which the role is.
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

-- The body of a review rule, and that of the settings, is read as a whole.
CREATE TABLE review_rules (
    row_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text COLLATE "C" NOT NULL CHECK (id <> ''),
    body       jsonb NOT NULL
        CHECK (jsonb_typeof(body) = 'object' AND body ->> 'name' <> '' AND jsonb_typeof(body -> 'need') = 'array'),
    added_in   bigint NOT NULL REFERENCES revisions CHECK (added_in > 0),
    removed_in bigint REFERENCES revisions,
    CHECK (removed_in > added_in)
);
CREATE UNIQUE INDEX review_rules_live_id ON review_rules (id) WHERE removed_in IS NULL;
CREATE INDEX review_rules_history ON review_rules (id, added_in);
CREATE TRIGGER temporal AFTER UPDATE OR DELETE ON review_rules FOR EACH ROW EXECUTE FUNCTION only_remove_once();

CREATE TABLE settings (
    row_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body       jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object'),
    added_in   bigint NOT NULL REFERENCES revisions CHECK (added_in > 0),
    removed_in bigint REFERENCES revisions,
    CHECK (removed_in > added_in)
);
CREATE UNIQUE INDEX settings_live ON settings ((true)) WHERE removed_in IS NULL;
CREATE TRIGGER temporal AFTER UPDATE OR DELETE ON settings FOR EACH ROW EXECUTE FUNCTION only_remove_once();

-- Strategies by which rollouts carry changes out.
CREATE TABLE strategies (
    row_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text COLLATE "C" NOT NULL CHECK (id NOT IN ('', 'at-once')),
    body       jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object' AND body ->> 'name' <> ''),
    added_in   bigint NOT NULL REFERENCES revisions CHECK (added_in > 0),
    removed_in bigint REFERENCES revisions,
    CHECK (removed_in > added_in)
);
CREATE UNIQUE INDEX strategies_live_id ON strategies (id) WHERE removed_in IS NULL;
CREATE UNIQUE INDEX strategies_live_name ON strategies (lower(body ->> 'name')) WHERE removed_in IS NULL;
CREATE INDEX strategies_history ON strategies (id, added_in);
CREATE TRIGGER temporal AFTER UPDATE OR DELETE ON strategies FOR EACH ROW EXECUTE FUNCTION only_remove_once();

-- The strategy of rollouts for which none is chosen. Without a row it is all accounts at once.
CREATE TABLE default_strategy (
    row_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    strategy_id text COLLATE "C" NOT NULL CHECK (strategy_id NOT IN ('', 'at-once')),
    added_in    bigint NOT NULL REFERENCES revisions CHECK (added_in > 0),
    removed_in  bigint REFERENCES revisions,
    CHECK (removed_in > added_in)
);
CREATE UNIQUE INDEX default_strategy_live ON default_strategy ((true)) WHERE removed_in IS NULL;
CREATE TRIGGER temporal AFTER UPDATE OR DELETE ON default_strategy
    FOR EACH ROW EXECUTE FUNCTION only_remove_once();


-- ----------------------------------------------------------------------------------------------------
-- People and sessions
-- ----------------------------------------------------------------------------------------------------

-- generation numbers a person's sessions: it rises when their password is replaced or they are disabled, and sessions
-- of an earlier generation are over. link_hash is the SHA-256 of the secret of a link with which the person chooses a
-- password, once, until link_until. The secret is not stored.
CREATE TABLE people (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text COLLATE "C" NOT NULL UNIQUE CHECK (email <> '' AND email = lower(btrim(email))),
    name          text NOT NULL CHECK (name <> ''),
    password_hash text NOT NULL,
    link_hash     bytea UNIQUE CHECK (octet_length(link_hash) = 32),
    link_until    timestamptz,
    disabled      boolean NOT NULL DEFAULT false,
    generation    bigint NOT NULL DEFAULT 0 CHECK (generation >= 0),
    created_at    timestamptz NOT NULL,
    CONSTRAINT link_has_end CHECK ((link_hash IS NULL) = (link_until IS NULL)),
    CONSTRAINT a_disabled_person_has_no_link CHECK (NOT (disabled AND link_hash IS NOT NULL))
);

-- Who did what to whose account. The order of the ids is the order in which acts count: each is inserted under the lock
-- of the people. by_id is 0 for the system; counted_with lists the accounts that counted together with by_id at that
-- time. basis says who vouched.
CREATE TABLE person_acts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id    bigint NOT NULL REFERENCES people,
    act          text NOT NULL
        CHECK (act IN ('add', 'reset', 'roles', 'teams', 'email', 'link', 'enable', 'vouch', 'retire')),
    basis        text CHECK (basis IN ('identity_provider', 'second_admin', 'command_line')),
    by_id        bigint NOT NULL,
    by_name      text NOT NULL,
    counted_with jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(counted_with) = 'array'),
    at           timestamptz NOT NULL,
    CONSTRAINT a_vouching_has_a_basis CHECK ((act = 'vouch') = (basis IS NOT NULL)),
    CONSTRAINT an_admin_vouches_for_others CHECK (act <> 'vouch' OR by_id <> person_id),
    CONSTRAINT a_second_admin_is_a_person CHECK ((basis = 'second_admin') = (act = 'vouch' AND by_id <> 0))
);
CREATE INDEX person_acts_by_person ON person_acts (person_id, id);
CREATE INDEX person_acts_vouch ON person_acts (person_id, id) WHERE act = 'vouch' AND basis <> 'identity_provider';
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON person_acts FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE person_roles (
    person_id bigint NOT NULL REFERENCES people,
    role      text NOT NULL
        CHECK (role IN ('viewer', 'editor', 'approver', 'operator', 'auditor', 'admin', 'break-glass')),
    PRIMARY KEY (person_id, role)
);

CREATE TABLE person_teams (
    person_id bigint NOT NULL REFERENCES people,
    team      text COLLATE "C" NOT NULL CHECK (team ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
    PRIMARY KEY (person_id, team)
);

-- A person at an identity provider. The subject stays the same when the e-mail address changes, and an address that is
-- given to another person does not carry the subject over.
CREATE TABLE person_identities (
    issuer     text NOT NULL CHECK (issuer <> ''),
    subject    text NOT NULL CHECK (subject <> ''),
    person_id  bigint NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, person_id)
);

-- Attempts to sign in with a password, for the limits on failed attempts.
CREATE TABLE sign_ins (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    addr  text NOT NULL,
    ok    boolean NOT NULL,
    at    timestamptz NOT NULL
);
CREATE INDEX sign_ins_failed_by_email ON sign_ins (email, at) WHERE NOT ok;
CREATE INDEX sign_ins_failed_by_addr ON sign_ins (addr, at) WHERE NOT ok;

-- hash is the hash of the session's secret; the secret is not stored. id, addr and agent are shown to the person. A
-- session that was ended keeps its row for a while, so that a request that loaded it earlier cannot save it again.
CREATE TABLE sessions (
    hash       bytea PRIMARY KEY CHECK (octet_length(hash) >= 32),
    id         bigint GENERATED BY DEFAULT AS IDENTITY UNIQUE,
    data       bytea NOT NULL,
    expiry     timestamptz NOT NULL,
    person_id  bigint,
    generation bigint NOT NULL DEFAULT 0,
    addr       text NOT NULL DEFAULT '',
    agent      text NOT NULL DEFAULT '',
    opened_at  timestamptz,
    used_at    timestamptz,
    ended_at   timestamptz
);
CREATE INDEX sessions_by_expiry ON sessions (expiry);
CREATE INDEX sessions_by_person ON sessions (person_id) WHERE person_id IS NOT NULL;

-- API tokens. Only a hash of the secret is stored.
CREATE TABLE tokens (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id    bigint NOT NULL REFERENCES people,
    name         text NOT NULL CHECK (name <> ''),
    hash         bytea NOT NULL UNIQUE CHECK (octet_length(hash) >= 32),
    scopes       text[] NOT NULL DEFAULT '{read}'
        CONSTRAINT tokens_scopes_check CHECK (cardinality(scopes) > 0
            AND scopes <@ '{read,propose,review,apply,rollout,admin,people}'),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    expires_at   timestamptz,
    CONSTRAINT tokens_check CHECK (revoked_at >= created_at),
    CONSTRAINT tokens_check1 CHECK (expires_at > created_at)
);
CREATE INDEX tokens_by_person ON tokens (person_id, id);

-- Answers to requests with an idempotency key. status is null until the request has ended; it stays null if the
-- request was interrupted.
CREATE TABLE idempotency_replies (
    token_id     bigint NOT NULL REFERENCES tokens,
    key          text COLLATE "C" NOT NULL CHECK (key <> '' AND length(key) <= 255),
    fingerprint  bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    status       int CHECK (status BETWEEN 200 AND 299),
    content_type text NOT NULL DEFAULT '',
    etag         text NOT NULL DEFAULT '',
    location     text NOT NULL DEFAULT '',
    body         bytea NOT NULL DEFAULT '',
    at           timestamptz NOT NULL,
    PRIMARY KEY (token_id, key)
);
CREATE INDEX idempotency_replies_by_time ON idempotency_replies (at);


-- ----------------------------------------------------------------------------------------------------
-- Changes and reviews
--
-- Authors, reviewers and other people are stored by value, as they were at that time.
-- ----------------------------------------------------------------------------------------------------

-- Policy documents, each stored once under its SHA-256. Columns that name a document have no foreign key: Postgres
-- would check it many times for each operation of a large plan. No document can be changed or removed, so a reference
-- stays valid.
CREATE TABLE documents (
    sha256 bytea PRIMARY KEY CHECK (sha256 = sha256(convert_to(body, 'UTF8'))),
    body   text NOT NULL CHECK (body <> '')
);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON documents FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- base is the revision on which the edits build, revision the one that the applied change made. digest is the digest
-- that reviews are bound to, of the edits and of documents; documents is the digest of the plan. needs lists the review
-- requirements, guard_overrides the lock-out guards that a person has overridden.
--
-- writers lists the accounts that counted together with author or editors when they wrote.
--
-- break_glass_*: the person who applied the change alone, in the mode single administrator if break_glass_single.
-- schedule_*: when, for whom and with which strategy the console applies an approved change, and why it did not. A
-- change in state expiring was composed by the console and removes the entries that expire at expires_at; set_by lists
-- the changes that set that time.
CREATE TABLE changes (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title                text NOT NULL,
    reason               text NOT NULL,
    state                text NOT NULL
        CHECK (state IN ('draft', 'in_review', 'approved', 'applied', 'rejected', 'withdrawn', 'conflicted',
            'expiring')),
    author_id            bigint NOT NULL,
    author_name          text NOT NULL,
    author_email         text NOT NULL,
    editors              jsonb NOT NULL CHECK (jsonb_typeof(editors) = 'array'),
    writers              jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(writers) = 'array'),
    base                 bigint NOT NULL REFERENCES revisions,
    edits                jsonb NOT NULL CHECK (jsonb_typeof(edits) = 'array'),
    version              bigint NOT NULL CHECK (version >= 0),
    digest               text NOT NULL,
    documents            text NOT NULL,
    needs                jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(needs) = 'array'),
    required             int NOT NULL CHECK (required >= 0),
    dangers              jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(dangers) = 'array'),
    emergency_until      timestamptz,
    guard_overrides      jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(guard_overrides) = 'array'),
    note                 text NOT NULL,
    cloned_from          bigint REFERENCES changes,
    reverts              bigint REFERENCES changes CHECK (reverts < id),
    revision             bigint UNIQUE REFERENCES revisions,
    rollout_id           bigint UNIQUE, -- references rollouts, below
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    submitted_at         timestamptz,
    applied_at           timestamptz,

    break_glass_by       bigint,
    break_glass_name     text NOT NULL DEFAULT '',
    break_glass_email    text NOT NULL DEFAULT '',
    break_glass_reason   text NOT NULL DEFAULT '',
    break_glass_at       timestamptz,
    break_glass_reviewed timestamptz,
    break_glass_single   boolean NOT NULL DEFAULT false,

    expires_at           timestamptz,
    set_by               jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(set_by) = 'array'),

    schedule_at          timestamptz,
    schedule_until       timestamptz CHECK (schedule_until > schedule_at),
    schedule_by          bigint,
    schedule_name        text NOT NULL DEFAULT '',
    schedule_email       text NOT NULL DEFAULT '',
    schedule_digest      text NOT NULL DEFAULT '',
    schedule_strategy    text NOT NULL DEFAULT '', -- the id of a strategy, at-once, or none for the default
    schedule_outcome     text NOT NULL DEFAULT '',

    UNIQUE (id, author_id),
    CONSTRAINT applied_is_complete
        CHECK (num_nonnulls(revision, rollout_id, applied_at) = CASE state WHEN 'applied' THEN 3 ELSE 0 END),
    CONSTRAINT revision_follows_base CHECK (revision > base),
    CONSTRAINT reviewed_has_digest
        CHECK (state NOT IN ('in_review', 'approved', 'applied') OR (digest <> '' AND submitted_at IS NOT NULL
            AND title <> '' AND reason <> '')),
    CONSTRAINT alone_is_complete CHECK (break_glass_by IS NULL AND break_glass_at IS NULL AND break_glass_reason = ''
        OR state = 'applied' AND break_glass_by IS NOT NULL AND break_glass_at IS NOT NULL
            AND break_glass_reason <> ''),
    CONSTRAINT alone_is_reviewed_afterwards
        CHECK (break_glass_reviewed IS NULL OR break_glass_at IS NOT NULL AND break_glass_reviewed >= break_glass_at),
    CONSTRAINT only_the_console_expires CHECK (state <> 'expiring' OR expires_at IS NOT NULL),
    CONSTRAINT an_expiry_has_no_author
        CHECK (expires_at IS NULL OR author_id = 0 AND state IN ('expiring', 'applied', 'withdrawn')),
    CONSTRAINT schedule_is_complete CHECK (num_nonnulls(schedule_at, schedule_until, schedule_by) IN (0, 3)
        AND (schedule_at IS NULL) = (schedule_digest = '') AND (schedule_at IS NOT NULL OR schedule_outcome = ''))
);
CREATE INDEX changes_by_state ON changes (state, id);
CREATE INDEX changes_by_author ON changes (author_id, id);
CREATE INDEX changes_reverting ON changes (reverts, id) WHERE reverts IS NOT NULL;
CREATE INDEX changes_flagged ON changes (id) WHERE break_glass_at IS NOT NULL AND break_glass_reviewed IS NULL;
CREATE UNIQUE INDEX changes_expiring ON changes (expires_at) WHERE state = 'expiring';
CREATE INDEX changes_scheduled ON changes (schedule_at)
    WHERE schedule_at IS NOT NULL AND schedule_outcome = '' AND state <> 'applied';
ALTER TABLE revisions ADD CONSTRAINT revisions_change FOREIGN KEY (change_id) REFERENCES changes;

-- Each review repeats the author of its change, so that the database itself refuses a review by the author. base is the
-- revision on which the reviewer saw the change; warnings is the digest of the warnings that the page showed, empty for
-- a rejection and if they could not be worked out. The base of a change can move on after a review, which keeps its
-- own.
CREATE TABLE reviews (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id      bigint NOT NULL,
    author_id      bigint NOT NULL,
    reviewer_id    bigint NOT NULL,
    reviewer_name  text NOT NULL,
    reviewer_email text NOT NULL,
    verdict        text NOT NULL CHECK (verdict IN ('approve', 'reject')),
    digest         text NOT NULL CHECK (digest <> ''),
    base           bigint NOT NULL REFERENCES revisions,
    warnings       text NOT NULL DEFAULT '' CHECK (warnings ~ '^([0-9a-f]{64})?$'),
    comment        text NOT NULL CHECK (verdict = 'approve' OR comment <> ''),
    at             timestamptz NOT NULL,
    void           boolean NOT NULL, -- the review counts no more
    void_reason    text NOT NULL DEFAULT '' CHECK (void_reason IN ('', 'changed', 'taken_back', 'expired')),
    -- counted_with lists the accounts that counted together with the reviewer at that time
    counted_with   jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(counted_with) = 'array'),
    FOREIGN KEY (change_id, author_id) REFERENCES changes (id, author_id),
    CONSTRAINT void_has_a_reason CHECK (void = (void_reason <> '')),
    CONSTRAINT only_approvals_end_alone CHECK (void_reason NOT IN ('taken_back', 'expired') OR verdict = 'approve'),
    CONSTRAINT reviewer_is_not_the_author CHECK (reviewer_id <> author_id)
);
CREATE INDEX reviews_by_change ON reviews (change_id, id);
CREATE UNIQUE INDEX reviews_one_each ON reviews (change_id, reviewer_id) WHERE NOT void;

CREATE TABLE change_comments (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id    bigint NOT NULL REFERENCES changes,
    author_id    bigint NOT NULL,
    author_name  text NOT NULL,
    author_email text NOT NULL,
    body         text NOT NULL CHECK (body <> ''),
    at           timestamptz NOT NULL
);
CREATE INDEX change_comments_by_change ON change_comments (change_id, id);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON change_comments FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The plan of a submitted change: its accounts, and the writes in each.
CREATE TABLE plan_targets (
    change_id    bigint NOT NULL REFERENCES changes,
    position     int NOT NULL CHECK (position >= 0),
    account_id   text COLLATE "C" NOT NULL,
    account_name text NOT NULL,
    ou           text NOT NULL,
    notes        jsonb NOT NULL CHECK (jsonb_typeof(notes) = 'array'),
    PRIMARY KEY (change_id, position),
    UNIQUE (change_id, account_id)
);

-- before_doc and after_doc are whole documents; ours_before and ours_after hold our statements only. requires says what
-- a push must see in other accounts before it writes after_doc, as JSON. before_known is false if the account could not
-- be read. A user-side policy is a managed policy attached to one user; it holds
-- allowlists that are too long for a trust policy.
CREATE TABLE plan_operations (
    change_id     bigint NOT NULL,
    account_id    text COLLATE "C" NOT NULL,
    seq           int NOT NULL CHECK (seq >= 0),
    kind          text NOT NULL,
    resource_kind text NOT NULL,
    resource_path text NOT NULL,
    resource_name text NOT NULL CHECK (resource_name <> ''),
    before_doc    bytea CHECK (octet_length(before_doc) = 32),
    before_known  boolean NOT NULL CHECK (before_known OR before_doc IS NULL),
    after_doc     bytea CHECK (octet_length(after_doc) = 32),
    ours_before   bytea CHECK (octet_length(ours_before) = 32),
    ours_after    bytea CHECK (octet_length(ours_after) = 32),
    requires      bytea CHECK (octet_length(requires) = 32),
    size          int NOT NULL CHECK (size >= 0),
    size_limit    int NOT NULL CHECK (size_limit >= 0),
    note          text NOT NULL,
    PRIMARY KEY (change_id, account_id, seq),
    FOREIGN KEY (change_id, account_id) REFERENCES plan_targets (change_id, account_id) ON DELETE CASCADE,
    CONSTRAINT kind_is_known
        CHECK (kind IN ('trust_policy', 'user_policy', 'delete_user_policy', 'user_side_policy',
            'delete_user_side_policy', 'attachments')),
    CONSTRAINT kind_fits_resource CHECK (resource_kind = CASE kind
        WHEN 'trust_policy' THEN 'role' WHEN 'user_policy' THEN 'user' WHEN 'delete_user_policy' THEN 'user'
        WHEN 'attachments' THEN 'attachments' ELSE 'policy' END),
    CONSTRAINT deletion_leaves_nothing
        CHECK (kind NOT IN ('delete_user_policy', 'delete_user_side_policy') OR after_doc IS NULL),
    CONSTRAINT user_side_policy_has_a_document CHECK (kind <> 'user_side_policy' OR after_doc IS NOT NULL)
);

-- A plan is replaced as a whole while its change is still open. What was reviewed is never edited, and the plan of an
-- applied change stays.
-- +goose StatementBegin
CREATE FUNCTION keep_applied_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM changes WHERE id = OLD.change_id AND state = 'applied') THEN
        RAISE EXCEPTION 'rows of % can be neither changed nor removed', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER immutable BEFORE UPDATE ON plan_targets FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE ON plan_operations FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON plan_targets FOR EACH ROW EXECUTE FUNCTION keep_applied_plan();
CREATE TRIGGER kept BEFORE DELETE ON plan_operations FOR EACH ROW EXECUTE FUNCTION keep_applied_plan();


-- ----------------------------------------------------------------------------------------------------
-- Rollouts
-- ----------------------------------------------------------------------------------------------------

-- strategy is a copy of the strategy as it was when the rollout began.
--
-- The database itself enforces max_in_flight. pace is the value that was asked for; it is lower than max_in_flight
-- only while more targets are in flight. wave_max_in_flight is the limit of the wave; 0: as the rollout.
--
-- waiting to skipped count the targets by state; later counts those of the waves that have not started. wave_bad
-- counts the failed and conflicting targets of the wave. ignored_failures counts the failures that no longer halt
-- the rollout, because a person resumed it after them.
--
-- phase says what a started rollout is waiting for, and until when; '' means that it pushes. wake_at is the time at
-- which a replica must look at the rollout again.
--
-- Targets are blocked while an older rollout still has to write to their account: blocked_by_rollout is the oldest
-- such rollout, blocked_by_targets the number of blocked targets. A rollout that skips the queue does not wait. A
-- paused or halted rollout stops blocking some time after stopped_since.
--
-- Up to the wave window_override_wave, the rollout works outside of the maintenance window of its strategy; 0 for
-- none. undoer_* is the person who asked for the rollback; null if the strategy did.
CREATE TABLE rollouts (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind                   text NOT NULL DEFAULT 'push' CHECK (kind IN ('push', 'rollback')),
    change_id              bigint REFERENCES changes,
    title                  text NOT NULL,
    revision               bigint NOT NULL REFERENCES revisions,
    strategy               jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(strategy) = 'object'),
    strategy_name          text NOT NULL DEFAULT '',
    left_behind            int NOT NULL DEFAULT 0 CHECK (left_behind >= 0), -- accounts that are gone and keep documents
    state                  text NOT NULL
        CHECK (state IN ('scheduled', 'running', 'paused', 'halted', 'aborted', 'completed', 'rolling_back',
            'rolled_back')),
    note                   text NOT NULL,
    starter_id             bigint NOT NULL,
    starter_name           text NOT NULL,
    starter_email          text NOT NULL,
    created_at             timestamptz NOT NULL,
    started_at             timestamptz,
    stopped_since          timestamptz,
    ended_at               timestamptz,

    max_in_flight          int NOT NULL CHECK (max_in_flight > 0),
    pace                   int NOT NULL DEFAULT 0 CHECK (pace >= 0),
    max_failures           int NOT NULL
        CONSTRAINT max_failures_is_a_limit CHECK (max_failures >= -1), -- -1: none, 0: any number
    ignored_failures       int NOT NULL DEFAULT 0 CHECK (ignored_failures >= 0),

    waiting                int NOT NULL CHECK (waiting >= 0),
    running                int NOT NULL CHECK (running >= 0),
    succeeded              int NOT NULL CHECK (succeeded >= 0),
    unchanged              int NOT NULL CHECK (unchanged >= 0),
    failed                 int NOT NULL CHECK (failed >= 0),
    conflict               int NOT NULL CHECK (conflict >= 0),
    skipped                int NOT NULL CHECK (skipped >= 0),

    waves                  int NOT NULL DEFAULT 1 CHECK (waves >= 0),
    wave                   int NOT NULL DEFAULT 1 CHECK (wave >= 0), -- the current wave, from 1; 0 before the first
    later                  int NOT NULL DEFAULT 0 CHECK (later >= 0),
    wave_max_in_flight     int NOT NULL DEFAULT 0 CHECK (wave_max_in_flight >= 0),
    wave_bad               int NOT NULL DEFAULT 0 CHECK (wave_bad >= 0),
    wave_ignored_failures  int NOT NULL DEFAULT 0 CHECK (wave_ignored_failures >= 0),
    checks_left            int NOT NULL DEFAULT 0 CHECK (checks_left >= 0),
    checks_bad             int NOT NULL DEFAULT 0 CHECK (checks_bad >= 0),
    phase                  text NOT NULL DEFAULT ''
        CHECK (phase IN ('', 'maintenance_window', 'baking', 'checking', 'awaiting_approval', 'confirm')),
    until                  timestamptz,
    wake_at                timestamptz,

    blocked_by_rollout     bigint REFERENCES rollouts,
    blocked_by_targets     int NOT NULL DEFAULT 0 CHECK (blocked_by_targets >= 0),
    skips_queue            boolean NOT NULL DEFAULT false,

    window_override_wave   int NOT NULL DEFAULT 0 CHECK (window_override_wave >= 0),
    window_override_by     text NOT NULL DEFAULT '',
    window_override_reason text NOT NULL DEFAULT '',
    open_unverified        text NOT NULL DEFAULT '', -- ids of accounts, separated by commas

    confirmer_id           bigint,
    confirmer_name         text NOT NULL DEFAULT '',
    confirmer_email        text NOT NULL DEFAULT '',
    confirmed_at           timestamptz,

    revokes                text NOT NULL DEFAULT '', -- from whom it takes access away, in a sentence
    rolls_back             bigint REFERENCES rollouts,
    rolled_back_by         bigint UNIQUE REFERENCES rollouts,
    undoer_id              bigint,
    undoer_name            text NOT NULL DEFAULT '',
    undoer_email           text NOT NULL DEFAULT '',

    CONSTRAINT max_in_flight_is_kept CHECK (running <= max_in_flight),
    CONSTRAINT ended_has_time CHECK ((state IN ('aborted', 'completed', 'rolled_back')) = (ended_at IS NOT NULL)),
    CONSTRAINT completed_has_no_rest CHECK (state <> 'completed' OR waiting + running = 0),
    CONSTRAINT aborted_starts_nothing CHECK (state <> 'aborted' OR waiting = 0),
    CONSTRAINT a_rollback_rolls_back CHECK ((kind = 'rollback') = (rolls_back IS NOT NULL)),
    CONSTRAINT confirmed_has_a_confirmer CHECK ((confirmed_at IS NULL) = (confirmer_id IS NULL)),
    CONSTRAINT only_what_runs_has_a_phase CHECK (phase = '' OR state IN ('running', 'paused', 'halted'))
);
CREATE INDEX rollouts_by_state ON rollouts (state, id);
CREATE INDEX rollouts_by_change ON rollouts (change_id, id);
CREATE INDEX rollouts_awake ON rollouts (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX rollouts_open ON rollouts (id) WHERE ended_at IS NULL;
ALTER TABLE changes ADD CONSTRAINT changes_rollout FOREIGN KEY (rollout_id) REFERENCES rollouts;

-- left_over counts the waiting targets of a wave that has not started. bake is how long to wait after the push before
-- the health of the wave is checked. A wave that requires approval keeps the next wave from starting until a person
-- approves it.
CREATE TABLE rollout_waves (
    rollout_id        bigint NOT NULL REFERENCES rollouts,
    number            int NOT NULL CHECK (number > 0),
    name              text NOT NULL,
    targets           int NOT NULL CHECK (targets >= 0),
    left_over         int NOT NULL CHECK (left_over >= 0),
    max_in_flight     int NOT NULL CHECK (max_in_flight >= 0), -- 0: the limit of the rollout
    max_failures      int NOT NULL CHECK (max_failures >= -1), -- -1: none, 0: any number
    bake              interval NOT NULL,
    requires_approval boolean NOT NULL,
    state             text NOT NULL
        CHECK (state IN ('waiting', 'pushing', 'baking', 'checking', 'awaiting_approval', 'done')),
    begun_at          timestamptz,
    pushed_at         timestamptz,
    ended_at          timestamptz,
    approved_by_id    bigint,
    approved_by_name  text NOT NULL DEFAULT '',
    approved_by_email text NOT NULL DEFAULT '',
    PRIMARY KEY (rollout_id, number),
    CONSTRAINT begun_has_time CHECK ((state = 'waiting') = (begun_at IS NULL)),
    CONSTRAINT done_has_time CHECK (state <> 'done' OR ended_at IS NOT NULL)
);

-- One account in a rollout. A running target is in flight and has a lease_state: queued (its job waits for a worker),
-- leased (a worker holds the claim until lease_until) or requeued (the lease expired and a new job waits). The console
-- looks for running targets whose lease_until has passed and makes new jobs for them. claim rises with each claim, so
-- a worker with an older claim can record nothing.
--
-- code, cause and advice say why a target failed. cause names no account, so that failures can be grouped by it.
CREATE TABLE targets (
    rollout_id   bigint NOT NULL REFERENCES rollouts,
    account_id   text COLLATE "C" NOT NULL,
    account_name text NOT NULL,
    ou           text NOT NULL,
    position     int NOT NULL CHECK (position >= 0),
    wave         int NOT NULL DEFAULT 1 CHECK (wave > 0),
    pass         int NOT NULL DEFAULT 0 CHECK (pass BETWEEN 0 AND 2), -- of the wave; later ones wait for other accounts
    state        text NOT NULL
        CHECK (state IN ('waiting', 'running', 'succeeded', 'unchanged', 'failed', 'conflict', 'skipped')),
    lease_state  text CHECK (lease_state IN ('queued', 'leased', 'requeued')),
    claim        bigint NOT NULL DEFAULT 0 CHECK (claim >= 0),
    lease_until  timestamptz,
    message      text NOT NULL DEFAULT '',
    class        text NOT NULL DEFAULT '',
    code         text NOT NULL DEFAULT '',
    cause        text NOT NULL DEFAULT '' CONSTRAINT cause_is_short CHECK (length(cause) <= 300),
    advice       text NOT NULL DEFAULT '',
    calls        bigint NOT NULL DEFAULT 0 CHECK (calls >= 0),     -- API calls
    attempts     bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),  -- requests sent for them
    throttles    bigint NOT NULL DEFAULT 0 CHECK (throttles >= 0), -- requests that AWS throttled
    writes       bigint NOT NULL DEFAULT 0 CHECK (writes >= 0),    -- calls that write
    started_at   timestamptz,
    ended_at     timestamptz,
    PRIMARY KEY (rollout_id, account_id),
    UNIQUE (rollout_id, position),
    CONSTRAINT running_is_leased
        CHECK ((state = 'running') = (lease_state IS NOT NULL) AND (state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT leased_was_claimed CHECK (lease_state <> 'leased' OR (claim > 0 AND started_at IS NOT NULL)),
    CONSTRAINT ended_has_time CHECK ((state IN ('waiting', 'running')) = (ended_at IS NULL))
);
CREATE INDEX targets_by_state ON targets (rollout_id, state, position);
CREATE INDEX targets_by_wave ON targets (rollout_id, wave, state);
CREATE INDEX targets_by_account ON targets (account_id, rollout_id);
CREATE INDEX targets_to_pass ON targets (rollout_id, pass, wave) WHERE state IN ('waiting', 'running');
CREATE INDEX targets_in_flight ON targets (lease_until) WHERE state = 'running';
-- The groups of failures. The index is empty while all goes well.
CREATE INDEX targets_by_failure ON targets (rollout_id, state, class, code, cause, ou)
    WHERE state IN ('failed', 'conflict');

-- Targets in flight whose calls AWS does not answer. The replica that works on them reports it every few seconds until
-- AWS answers. A row whose replica has stopped to report counts for nothing. asked is the account for which the calls
-- are made.
CREATE TABLE silent_targets (
    rollout_id bigint NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    asked      text NOT NULL,
    replica    text NOT NULL,
    cause      text NOT NULL,
    since      timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    PRIMARY KEY (rollout_id, account_id),
    FOREIGN KEY (rollout_id, account_id) REFERENCES targets,
    CONSTRAINT seen_after_since CHECK (seen_at >= since)
);

-- The writes of a target, with the columns of plan_operations. live_before is the document that was live just before
-- the first write, written the one that was sent last, replaces the one that was live just before that. intended_at is the time at which the write was about to be sent. It stays
-- when a retry plans the operation again, because the earlier attempt may still have an effect.
--
-- found_doc is the live document at which a conflict was seen. A resolution is bound to it: resolved_doc is the
-- document that the resolver saw.
CREATE TABLE operations (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rollout_id    bigint NOT NULL,
    account_id    text COLLATE "C" NOT NULL,
    seq           int NOT NULL CHECK (seq >= 0),
    kind          text NOT NULL,
    resource_kind text NOT NULL,
    resource_path text NOT NULL,
    resource_name text NOT NULL CHECK (resource_name <> ''),
    before_doc    bytea CHECK (octet_length(before_doc) = 32),
    before_known  boolean NOT NULL CHECK (before_known OR before_doc IS NULL),
    after_doc     bytea CHECK (octet_length(after_doc) = 32),
    ours_before   bytea CHECK (octet_length(ours_before) = 32),
    ours_after    bytea CHECK (octet_length(ours_after) = 32),
    requires      bytea CHECK (octet_length(requires) = 32),
    size          int NOT NULL CHECK (size >= 0),
    size_limit    int NOT NULL CHECK (size_limit >= 0),
    note          text NOT NULL,

    state         text NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'intended', 'written', 'unchanged', 'conflict', 'failed', 'skipped')),
    live_before   bytea CHECK (octet_length(live_before) = 32),
    written       bytea CHECK (octet_length(written) = 32),
    replaces      bytea CHECK (octet_length(replaces) = 32),
    message       text NOT NULL DEFAULT '',
    intended_at   timestamptz,
    ended_at      timestamptz,

    found_doc     bytea CHECK (octet_length(found_doc) = 32),
    resolution    text CHECK (resolution IN ('overwrite', 'adopt', 'skip')),
    resolved_doc  bytea CHECK (octet_length(resolved_doc) = 32),
    resolver_id   bigint,
    resolver_name text,
    resolved_at   timestamptz,

    UNIQUE (rollout_id, account_id, seq),
    FOREIGN KEY (rollout_id, account_id) REFERENCES targets,
    CONSTRAINT kind_is_known
        CHECK (kind IN ('trust_policy', 'user_policy', 'delete_user_policy', 'user_side_policy',
            'delete_user_side_policy', 'attachments')),
    CONSTRAINT kind_fits_resource CHECK (resource_kind = CASE kind
        WHEN 'trust_policy' THEN 'role' WHEN 'user_policy' THEN 'user' WHEN 'delete_user_policy' THEN 'user'
        WHEN 'attachments' THEN 'attachments' ELSE 'policy' END),
    CONSTRAINT deletion_leaves_nothing
        CHECK (kind NOT IN ('delete_user_policy', 'delete_user_side_policy') OR (after_doc IS NULL
            AND written IS NULL)),
    CONSTRAINT user_side_policy_has_a_document
        CHECK (kind <> 'user_side_policy' OR (after_doc IS NOT NULL AND (state NOT IN ('intended', 'written')
            OR written IS NOT NULL))),
    CONSTRAINT ended_has_time CHECK ((state IN ('planned', 'intended')) = (ended_at IS NULL)),
    CONSTRAINT intent_comes_first CHECK (state NOT IN ('intended', 'written') OR intended_at IS NOT NULL),
    CONSTRAINT written_is_kept
        CHECK (state NOT IN ('intended', 'written') OR kind <> 'trust_policy' OR written IS NOT NULL),
    CONSTRAINT resolution_has_a_resolver
        CHECK ((resolution IS NULL) = (resolved_at IS NULL) AND (resolution IS NULL) = (resolver_name IS NULL))
);
-- What an operation is to write is never edited; only what becomes of it is.
CREATE TRIGGER immutable
    BEFORE DELETE OR UPDATE OF id, rollout_id, account_id, seq, kind, resource_kind, resource_path, resource_name,
        before_doc, before_known, after_doc, ours_before, ours_after, requires, size, size_limit, note
    ON operations FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The digest of each target's operations at the time at which the rollout was made (access.TargetDigest). The digests of
-- a change's rollout are those of the plan that the change was approved with. A worker that claims a target computes the
-- digest of the operations again and writes nothing if it differs. The console may only insert and read.
CREATE TABLE target_digests (
    rollout_id bigint NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    digest     text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (rollout_id, account_id),
    FOREIGN KEY (rollout_id, account_id) REFERENCES targets
);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON target_digests FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Health checks of a wave, one for each account and probe. A running check is leased like a target. A wave can be
-- checked in several rounds; the results of earlier rounds stay.
CREATE TABLE rollout_checks (
    rollout_id  bigint NOT NULL,
    wave        int NOT NULL,
    seq         int NOT NULL CHECK (seq >= 0),
    round       int NOT NULL DEFAULT 1 CHECK (round > 0),
    kind        text NOT NULL CHECK (kind IN ('read_back', 'probe')),
    account_id  text COLLATE "C" NOT NULL,
    role_path   text NOT NULL DEFAULT '',
    role_name   text NOT NULL DEFAULT '',
    allowed     boolean NOT NULL DEFAULT false, -- what the probe must find
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

-- The progress of a rollout at a point in time, for a chart. The time between two samples grows with the age of the
-- rollout, so the number of rows stays small.
CREATE TABLE rollout_progress_samples (
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


-- ----------------------------------------------------------------------------------------------------
-- Findings
-- ----------------------------------------------------------------------------------------------------

-- A difference between an account and the desired state. A finding that a later scan no longer sees is resolved and
-- stays as a record; if the difference returns, it gets a new row. digest identifies the difference itself: an
-- acknowledgement (ack_*) ends when the digest changes.
CREATE TABLE findings (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    text COLLATE "C" NOT NULL REFERENCES accounts,
    kind          text NOT NULL CHECK (kind IN ('drift', 'bypass', 'dead_principal', 'unreachable')),
    reason        text NOT NULL
        CHECK (reason IN ('missing', 'edited', 'left_over', 'unfit', 'allow', 'unique_id', 'no_user', 'unreadable', 'kept_out')),
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
    CONSTRAINT acknowledgement_is_complete
        CHECK (num_nulls(ack_id, ack_name, ack_email, ack_at, ack_reason) IN (0, 5)),
    CONSTRAINT a_resource_has_a_name CHECK ((resource_kind = '') = (resource_name = ''))
);
-- One open row for a difference, however many scans see it.
CREATE UNIQUE INDEX findings_live ON findings (account_id, kind, resource_kind, resource_path, resource_name, subject)
    WHERE resolved_at IS NULL;
CREATE INDEX findings_open ON findings (kind, id DESC) WHERE resolved_at IS NULL AND ack_at IS NULL;
CREATE INDEX findings_by_account ON findings (account_id, id DESC);

-- The last comparison of an account: which reading of it, with which revision.
CREATE TABLE account_scans (
    account_id text COLLATE "C" PRIMARY KEY REFERENCES accounts,
    read_at    timestamptz NOT NULL,
    revision   bigint NOT NULL REFERENCES revisions,
    scanned_at timestamptz NOT NULL
);

-- The ended rollouts whose accounts have been read again.
CREATE TABLE rollout_scans (
    rollout_id bigint PRIMARY KEY REFERENCES rollouts
);


-- ----------------------------------------------------------------------------------------------------
-- Audit
-- ----------------------------------------------------------------------------------------------------

-- Append only. The triggers stop every role but an owner of the table who disables them; the chain of hashes shows
-- what the owner did.
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
    detail     json NOT NULL, -- not jsonb: the hash covers the exact characters
    prev       text NOT NULL,
    hash       text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    CHECK ((seq = 1) = (prev = ''))
);
CREATE INDEX audit_by_object ON audit_events (object, seq);
CREATE INDEX audit_by_action ON audit_events (action, seq);
CREATE INDEX audit_by_name ON audit_events (name, seq);
CREATE INDEX audit_by_time ON audit_events (at, seq);
CREATE INDEX audit_by_addr ON audit_events (addr, seq) WHERE addr <> '';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The end of the chain. An append locks it, and it reveals a log whose newest events were removed.
CREATE TABLE audit_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq  bigint NOT NULL CHECK (seq >= 0),
    hash text NOT NULL,
    CHECK ((seq = 0) = (hash = ''))
);
INSERT INTO audit_head (seq, hash) VALUES (0, '');

-- Signed statements of the hash at an event. The key is not in the database, so a rewritten log cannot get new ones.
CREATE TABLE audit_checkpoints (
    seq       bigint NOT NULL CHECK (seq > 0),
    key       text NOT NULL,
    hash      text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    at        timestamptz NOT NULL,
    signature text NOT NULL,
    PRIMARY KEY (seq, key)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
