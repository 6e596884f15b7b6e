-- +goose Up

-- Rises whenever what Organizations says is written: which accounts there are, their
-- names, units and tags, and the units themselves. What an account holds, and what was
-- pushed to it, does not count. So what is made of names alone can be kept while
-- rollouts run. Only whoever saves the organization raises it, one at a time.
CREATE TABLE organization_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    n   bigint NOT NULL
);
INSERT INTO organization_version (n) VALUES (1);

-- Runs as the owner of the tables: nobody else has to be let write the version.
-- +goose StatementBegin
CREATE FUNCTION organization_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE organization_version SET n = n + 1;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER organization_moved AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF name, email, ou, tags ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION organization_moved();
CREATE TRIGGER organization_moved AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ous
    FOR EACH STATEMENT EXECUTE FUNCTION organization_moved();

-- Accounts that could not be read are few, and counted on the first page.
CREATE INDEX accounts_unreadable ON accounts (id) WHERE inventory_error <> '';
