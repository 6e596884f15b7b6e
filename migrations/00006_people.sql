-- +goose Up

CREATE TABLE people (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text COLLATE "C" NOT NULL UNIQUE CHECK (email <> '' AND email = lower(btrim(email))),
    name          text NOT NULL CHECK (name <> ''),
    password_hash text NOT NULL,
    disabled      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL
);

CREATE TABLE person_roles (
    person_id bigint NOT NULL REFERENCES people,
    role      text NOT NULL CHECK (role IN ('viewer', 'editor', 'approver', 'operator', 'auditor', 'admin')),
    PRIMARY KEY (person_id, role)
);

-- Only a hash of the secret is kept.
CREATE TABLE tokens (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id    bigint NOT NULL REFERENCES people,
    name         text NOT NULL CHECK (name <> ''),
    hash         bytea NOT NULL UNIQUE CHECK (octet_length(hash) >= 32),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    CHECK (revoked_at >= created_at)
);
CREATE INDEX tokens_by_person ON tokens (person_id, id);

CREATE TABLE sign_ins (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    addr  text NOT NULL,
    ok    boolean NOT NULL,
    at    timestamptz NOT NULL
);
CREATE INDEX sign_ins_failed_by_email ON sign_ins (email, at) WHERE NOT ok;
CREATE INDEX sign_ins_failed_by_addr ON sign_ins (addr, at) WHERE NOT ok;

CREATE TABLE sessions (
    hash   bytea PRIMARY KEY CHECK (octet_length(hash) >= 32),
    data   bytea NOT NULL,
    expiry timestamptz NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expiry);
