-- +goose Up

-- The sum of the versions of all accounts, which rises whenever anything is learnt of one
-- or pushed to it, without reading all of them: what it was when it was last brought
-- together, and how far each account has moved since. Moves are only added, so that those
-- who write accounts at once do not wait for one another.
CREATE TABLE inventory_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    n   bigint NOT NULL
);
CREATE TABLE inventory_moves (
    n bigint NOT NULL
);

LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO inventory_version (n) SELECT coalesce(sum(version), 0) FROM accounts;

-- Both run as the owner of the tables: nobody else has to be let write the version.
-- +goose StatementBegin
CREATE FUNCTION inventory_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO inventory_moves VALUES (coalesce(NEW.version, 0) - coalesce(OLD.version, 0));
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Brings the moves together, unless somebody else does.
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
