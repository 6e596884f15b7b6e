-- +goose Up

-- Tokens that are there could do all that their person may: so they still can. One that
-- the release before this makes can read.
ALTER TABLE tokens ADD COLUMN scopes text[] NOT NULL DEFAULT '{read,propose,review,apply,rollout,admin}'
    CHECK (cardinality(scopes) > 0 AND scopes <@ '{read,propose,review,apply,rollout,admin}');
ALTER TABLE tokens ALTER COLUMN scopes SET DEFAULT '{read}';
ALTER TABLE tokens ADD COLUMN expires_at timestamptz CHECK (expires_at > created_at);

-- Answers to requests with an idempotency key. Until the request has ended there is no
-- status; where there never is one, the request was interrupted.
CREATE TABLE replies (
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
CREATE INDEX replies_by_time ON replies (at);
