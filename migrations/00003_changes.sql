-- +goose Up

-- Documents are named by their SHA-256, so that equal ones are stored once. They are
-- referred to without foreign keys, which would be checked many times for each operation
-- of a large plan: since no document can be changed or removed, a reference that was
-- good stays good.
CREATE TABLE documents (
    sha256 bytea PRIMARY KEY CHECK (sha256 = sha256(convert_to(body, 'UTF8'))),
    body   text NOT NULL CHECK (body <> '')
);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON documents FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Who wrote or reviewed is kept as it was then, by value.
CREATE TABLE changes (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title        text NOT NULL,
    reason       text NOT NULL,
    state        text NOT NULL CHECK (state IN ('draft', 'in_review', 'approved', 'applied', 'rejected', 'withdrawn', 'conflicted')),
    author_id    bigint NOT NULL,
    author_name  text NOT NULL,
    author_email text NOT NULL,
    editors      jsonb NOT NULL CHECK (jsonb_typeof(editors) = 'array'),
    base         bigint NOT NULL REFERENCES revisions,
    edits        jsonb NOT NULL CHECK (jsonb_typeof(edits) = 'array'),
    version      bigint NOT NULL CHECK (version >= 0),
    digest       text NOT NULL,
    documents    text NOT NULL,
    required     int NOT NULL CHECK (required >= 0),
    note         text NOT NULL,
    revision     bigint UNIQUE REFERENCES revisions,
    rollout_id   bigint UNIQUE,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    submitted_at timestamptz,
    applied_at   timestamptz,
    UNIQUE (id, author_id),
    CONSTRAINT applied_is_complete CHECK (num_nonnulls(revision, rollout_id, applied_at) = CASE state WHEN 'applied' THEN 3 ELSE 0 END),
    CONSTRAINT revision_follows_base CHECK (revision > base),
    CONSTRAINT reviewed_has_digest CHECK (state NOT IN ('in_review', 'approved', 'applied') OR (digest <> '' AND submitted_at IS NOT NULL AND title <> '' AND reason <> ''))
);
CREATE INDEX changes_by_state ON changes (state, id);
CREATE INDEX changes_by_author ON changes (author_id, id);
ALTER TABLE revisions ADD CONSTRAINT revisions_change FOREIGN KEY (change_id) REFERENCES changes;

-- The author stands in each review so that the database itself refuses one's own.
CREATE TABLE reviews (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id      bigint NOT NULL,
    author_id      bigint NOT NULL,
    reviewer_id    bigint NOT NULL,
    reviewer_name  text NOT NULL,
    reviewer_email text NOT NULL,
    verdict        text NOT NULL CHECK (verdict IN ('approve', 'reject')),
    digest         text NOT NULL CHECK (digest <> ''),
    comment        text NOT NULL CHECK (verdict = 'approve' OR comment <> ''),
    at             timestamptz NOT NULL,
    void           boolean NOT NULL,
    FOREIGN KEY (change_id, author_id) REFERENCES changes (id, author_id),
    CONSTRAINT nobody_reviews_their_own CHECK (reviewer_id <> author_id)
);
CREATE INDEX reviews_by_change ON reviews (change_id, id);
CREATE UNIQUE INDEX reviews_one_each ON reviews (change_id, reviewer_id) WHERE NOT void;

-- The frozen plan of a submitted change.
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

CREATE TABLE plan_operations (
    change_id     bigint NOT NULL,
    account_id    text COLLATE "C" NOT NULL,
    seq           int NOT NULL CHECK (seq >= 0),
    kind          text NOT NULL CHECK (kind IN ('trust_policy', 'user_policy', 'delete_user_policy')),
    resource_kind text NOT NULL CHECK (resource_kind IN ('role', 'user')),
    resource_path text NOT NULL,
    resource_name text NOT NULL CHECK (resource_name <> ''),
    before_doc    bytea CHECK (octet_length(before_doc) = 32),
    before_known  boolean NOT NULL CHECK (before_known OR before_doc IS NULL),
    after_doc     bytea CHECK (octet_length(after_doc) = 32),
    ours_before   bytea CHECK (octet_length(ours_before) = 32),
    ours_after    bytea CHECK (octet_length(ours_after) = 32),
    size          int NOT NULL CHECK (size >= 0),
    size_limit    int NOT NULL CHECK (size_limit >= 0),
    note          text NOT NULL,
    PRIMARY KEY (change_id, account_id, seq),
    FOREIGN KEY (change_id, account_id) REFERENCES plan_targets (change_id, account_id) ON DELETE CASCADE,
    CHECK ((kind = 'trust_policy') = (resource_kind = 'role')),
    CHECK (kind <> 'delete_user_policy' OR after_doc IS NULL)
);
