-- +goose Up

-- Review rules and settings are part of the desired state: a row is live from the
-- revision that added it until the one that removed it. Their bodies are read as a whole.
CREATE TABLE review_rules (
    row_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text COLLATE "C" NOT NULL CHECK (id <> ''),
    body       jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object' AND body ->> 'name' <> '' AND jsonb_typeof(body -> 'need') = 'array'),
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

CREATE TABLE person_teams (
    person_id bigint NOT NULL REFERENCES people,
    team      text COLLATE "C" NOT NULL CHECK (team ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
    PRIMARY KEY (person_id, team)
);

ALTER TABLE person_roles DROP CONSTRAINT person_roles_role_check;
ALTER TABLE person_roles ADD CONSTRAINT person_roles_role_check CHECK (role IN ('viewer', 'editor', 'approver', 'operator', 'auditor', 'admin', 'break-glass'));

-- What the rules ask of a change, what of it was confirmed, and who applied it alone.
ALTER TABLE changes
    ADD COLUMN needs                jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(needs) = 'array'),
    ADD COLUMN confirmations        jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(confirmations) = 'array'),
    ADD COLUMN cloned_from          bigint REFERENCES changes,
    ADD COLUMN break_glass_by       bigint,
    ADD COLUMN break_glass_name     text NOT NULL DEFAULT '',
    ADD COLUMN break_glass_email    text NOT NULL DEFAULT '',
    ADD COLUMN break_glass_reason   text NOT NULL DEFAULT '',
    ADD COLUMN break_glass_at       timestamptz,
    ADD COLUMN break_glass_reviewed timestamptz,
    ADD CONSTRAINT alone_is_complete CHECK (break_glass_by IS NULL AND break_glass_at IS NULL AND break_glass_reason = ''
        OR state = 'applied' AND break_glass_by IS NOT NULL AND break_glass_at IS NOT NULL AND break_glass_reason <> ''),
    ADD CONSTRAINT alone_is_reviewed_afterwards CHECK (break_glass_reviewed IS NULL OR break_glass_at IS NOT NULL AND break_glass_reviewed >= break_glass_at);
CREATE INDEX changes_flagged ON changes (id) WHERE break_glass_at IS NOT NULL AND break_glass_reviewed IS NULL;

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
