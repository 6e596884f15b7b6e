-- +goose Up

CREATE TABLE ous (
    id        text PRIMARY KEY,
    parent_id text NOT NULL,
    name      text NOT NULL,
    path      text COLLATE "C" NOT NULL UNIQUE CHECK (path <> '')
);

-- version rises with whatever is known of the account or of what it holds. The sum over
-- all accounts is the version of the whole: each transaction raises it, without all of
-- them waiting for one row.
CREATE TABLE accounts (
    id              text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9]{12}$'),
    name            text COLLATE "C" NOT NULL,
    email           text NOT NULL,
    state           text NOT NULL CHECK (state IN ('PENDING_ACTIVATION', 'ACTIVE', 'SUSPENDED', 'PENDING_CLOSURE', 'CLOSED')),
    ou              text COLLATE "C" NOT NULL,
    tags            jsonb NOT NULL CHECK (jsonb_typeof(tags) = 'object'),
    partition       text NOT NULL CHECK (partition LIKE 'aws%'),
    management      boolean NOT NULL,
    trust_quota     int NOT NULL DEFAULT 0 CHECK (trust_quota >= 0), -- 0: the default of AWS
    user_quota      int NOT NULL DEFAULT 0 CHECK (user_quota >= 0),
    managed_quota   int NOT NULL DEFAULT 0 CHECK (managed_quota >= 0),
    synced_at       timestamptz,
    inventory_at    timestamptz,
    inventory_error text NOT NULL DEFAULT '',
    pushed_revision bigint NOT NULL DEFAULT 0 REFERENCES revisions,
    version         bigint NOT NULL DEFAULT 1
);
CREATE INDEX accounts_by_name ON accounts (name, id);
CREATE INDEX accounts_by_ou ON accounts (ou, name, id);
CREATE INDEX accounts_by_tag ON accounts USING gin (tags);
CREATE INDEX accounts_version ON accounts (version);

-- What an account holds: roles and users are objects keyed by path and name, so that a
-- push can put its own documents in without reading the rest.
CREATE TABLE inventories (
    account_id text COLLATE "C" PRIMARY KEY REFERENCES accounts,
    roles      jsonb NOT NULL CHECK (jsonb_typeof(roles) = 'object'),
    users      jsonb NOT NULL CHECK (jsonb_typeof(users) = 'object'),
    read_at    timestamptz NOT NULL
);
