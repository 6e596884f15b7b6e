-- Run as the owner of the tables, after `portcullis migrate up`, to let the console work
-- under a role of its own. Give the role a password or another way to sign in yourself.
-- `portcullis migrate up` goes on running as the owner; run this again after it.
-- The console itself then starts with DATABASE_URL naming portcullis_app.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portcullis_app') THEN
        CREATE ROLE portcullis_app LOGIN;
    END IF;
END $$;

GRANT USAGE ON SCHEMA public TO portcullis_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO portcullis_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO portcullis_app;

-- What is only ever added to.
GRANT INSERT ON audit_events, audit_checkpoints, revisions, documents, mapping_users, mapping_allowlists,
    sync_acceptances, change_comments, target_digests, rollout_progress_samples, rollout_scans, person_identities,
    person_acts
    TO portcullis_app;
-- What is removed by noting the revision.
GRANT INSERT, UPDATE (removed_in) ON allowlists, entries, mappings, review_rules, settings TO portcullis_app;
-- What moves on.
GRANT UPDATE ON head, audit_head, organization TO portcullis_app;
GRANT INSERT, UPDATE (accepted_at, basis, closed_at, outcome) ON sync_confirmations TO portcullis_app;
GRANT INSERT, UPDATE ON changes, reviews, rollouts, rollout_waves, rollout_checks, targets, operations, accounts,
    inventories, findings, account_scans, people, tokens TO portcullis_app;
GRANT INSERT, UPDATE, DELETE ON strategies, rollout_checks, ous, person_roles,
    person_teams, sign_ins, sessions, idempotency_replies TO portcullis_app;
-- What is replaced as a whole.
GRANT INSERT, DELETE ON plan_targets, plan_operations TO portcullis_app;
-- The job queue keeps house itself.
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'river\_%' LOOP
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO portcullis_app', name);
    END LOOP;
END $$;
