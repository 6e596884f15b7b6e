-- +goose Up

-- Which generation of a person's sessions is good: it moves on when their password is
-- replaced or they are shut out, and sessions of earlier generations are over.
ALTER TABLE people ADD COLUMN generation bigint NOT NULL DEFAULT 0 CHECK (generation >= 0);

-- Who somebody is at an identity provider. The subject stays the same when the e-mail
-- address changes, and an address that is given to somebody else does not take it along.
CREATE TABLE person_identities (
    issuer     text NOT NULL CHECK (issuer <> ''),
    subject    text NOT NULL CHECK (subject <> ''),
    person_id  bigint NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, person_id)
);
