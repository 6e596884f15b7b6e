-- The rights of the console's database role. `portcullis migrate` runs this as the owner of the tables, with the name of
-- the role in place of portcullis_app, each time after it has migrated. The role must exist.
--
-- The console may insert into and read the audit log, nothing more, and it can neither make nor alter tables.

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM portcullis_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM portcullis_app;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM portcullis_app;

GRANT USAGE ON SCHEMA public TO portcullis_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO portcullis_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO portcullis_app;

-- What is only ever added to.
GRANT INSERT ON audit_events, audit_checkpoints, revisions, documents, mapping_users, mapping_allowlists,
    sync_acceptances, change_comments, target_digests, rollout_progress_samples, rollout_scans, person_identities,
    person_acts
    TO portcullis_app;
-- What is removed by noting the revision.
GRANT INSERT, UPDATE (removed_in) ON allowlists, entries, mappings, review_rules, settings, strategies, default_strategy
    TO portcullis_app;
-- What moves on.
GRANT UPDATE ON head, audit_head, organization TO portcullis_app;
GRANT INSERT, UPDATE (accepted_at, basis, closed_at, outcome) ON sync_confirmations TO portcullis_app;
GRANT INSERT, UPDATE ON changes, reviews, rollouts, rollout_waves, rollout_checks, targets, operations, accounts,
    inventories, findings, account_scans, people, tokens TO portcullis_app;
GRANT INSERT, UPDATE, DELETE ON rollout_checks, ous, person_roles,
    person_teams, sign_ins, sessions, idempotency_replies, silent_targets, refused_replicas TO portcullis_app;
-- What is replaced as a whole.
GRANT INSERT, DELETE ON plan_targets, plan_operations TO portcullis_app;
-- The job queue keeps house itself.
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'river\_%' LOOP
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO portcullis_app', name);
    END LOOP;
END $$;
