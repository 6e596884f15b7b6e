-- +goose Up

-- Gates: allowlists that are too long for a trust policy stand in managed policies that
-- are attached to the user. What is planned and written of them goes through the same
-- tables as everything else.

-- +goose StatementBegin
DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS of, conname FROM pg_constraint
        WHERE conrelid IN ('plan_operations'::regclass, 'operations'::regclass) AND contype = 'c'
            AND (pg_get_constraintdef(oid) LIKE '%delete_user_policy%' OR pg_get_constraintdef(oid) LIKE '%resource_kind%')
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname);
    END LOOP;
END $$;
-- +goose StatementEnd

ALTER TABLE plan_operations
    ADD CONSTRAINT kind_is_known CHECK (kind IN ('trust_policy', 'user_policy', 'delete_user_policy', 'gate_policy', 'delete_gate_policy', 'attachments')),
    ADD CONSTRAINT kind_fits_resource CHECK (resource_kind = CASE kind
        WHEN 'trust_policy' THEN 'role' WHEN 'user_policy' THEN 'user' WHEN 'delete_user_policy' THEN 'user' WHEN 'attachments' THEN 'attachments' ELSE 'policy' END),
    ADD CONSTRAINT deletion_leaves_nothing CHECK (kind NOT IN ('delete_user_policy', 'delete_gate_policy') OR after_doc IS NULL),
    ADD CONSTRAINT gate_has_a_document CHECK (kind <> 'gate_policy' OR after_doc IS NOT NULL);

ALTER TABLE operations
    ADD CONSTRAINT kind_is_known CHECK (kind IN ('trust_policy', 'user_policy', 'delete_user_policy', 'gate_policy', 'delete_gate_policy', 'attachments')),
    ADD CONSTRAINT kind_fits_resource CHECK (resource_kind = CASE kind
        WHEN 'trust_policy' THEN 'role' WHEN 'user_policy' THEN 'user' WHEN 'delete_user_policy' THEN 'user' WHEN 'attachments' THEN 'attachments' ELSE 'policy' END),
    ADD CONSTRAINT deletion_leaves_nothing CHECK (kind NOT IN ('delete_user_policy', 'delete_gate_policy') OR (after_doc IS NULL AND written IS NULL)),
    ADD CONSTRAINT gate_has_a_document CHECK (kind <> 'gate_policy' OR (after_doc IS NOT NULL AND (state NOT IN ('intended', 'written') OR written IS NOT NULL)));

-- Managed policies of ours that an account holds, keyed as roles and users are, and how
-- many of them a user may have attached.
ALTER TABLE inventories ADD COLUMN policies jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(policies) = 'object');
ALTER TABLE accounts ADD COLUMN attachments_quota int NOT NULL DEFAULT 0 CHECK (attachments_quota >= 0); -- 0: the default of AWS
