// Package store keeps everything in Postgres: the desired state at every revision, the
// organization, changes with their frozen plans, rollouts, the audit log, people and
// sessions. It implements the Store interfaces of its consumers without importing them:
// whatever crosses the border is a type of package access.
//
// It alone imports gorm. Rows are unexported and stay inside. Where many rows are moved
// at once, or a push waits for the answer, it speaks SQL through pgx.
//
// # One method, one transaction
//
// A writing method locks its row, lets a function of its caller decide, saves, inserts
// jobs, and appends the audit events last, in one transaction. The order of locks is
// fixed, so that no two transactions wait for each other:
//
//	head ─▶ people ─▶ change ─▶ rollout ─▶ flight ─▶ target ─▶ account ─▶ end of the audit log
//
// "People" is an advisory lock (people_acts.go): exclusive where a person is added, altered or vouched for, shared where
// a change is decided on, because that counts groups of people. A confirmation of a sync locks the people and then the
// record of the organization; a sync locks that record before the accounts.
//
// "Flight" is an advisory lock: a transaction that starts targets must take it
// (rollout_blocked.go). The targets whose claims a transaction ends come before all of it: only
// their own workers lock those.
//
// Each wait for a lock or for a connection ends after some seconds with access.ErrBusy (lockTimeout,
// connTimeout in store.go). Requests answer 503. Works of rollouts are tried again, and so is each job.
//
// Errors of the deciding function come back as they are. What Postgres refuses becomes
// an error with a kind (errors.go).
//
// # A target in flight
//
//	waiting ──start──▶ running/queued ──claim──▶ running/leased ──finish──▶ ended
//	   ▲                     │                      │        ▲
//	   │                   abort              lease expires  │ claim
//	   │                     ▼                      ▼        │
//	   └──retry── ended   skipped                running/requeued
//
// Every claim has a number; each later statement of a worker carries it, and is refused
// with access.ErrClaimLost when there is a higher one.
//
// # Files
//
// The base has no prefix; all other files are grouped by noun.
//
//	store.go       Open, Close, Ping; the pool
//	migrate.go     the schema, under a lock
//	tx.go          one transaction, for gorm, pgx and the job queue
//	errors.go      SQLSTATE to kind
//	null.go        columns that are NULL in a row and zero in Go
//	cursor.go      pages by key; conditions.go the filters of a list
//	stream.go      long lists, row by row
//	stats.go       the numbers for the metrics
//
//	org.go         saving accounts and OUs; org_accounts.go, org_inventory.go, org_inventory_part.go reading them
//	org_record.go        the organization that is served, and what admins confirm
//	org_left_behind.go   accounts that are gone and keep documents
//	org_directory.go     the names of all accounts, cached for lists
//
//	state.go       the desired state at a revision; state_cache.go keeps the last few
//	state_revise.go      a new revision: the difference from the one before; state_revisions.go the list
//	state_rules.go       review rules and settings; state_strategies.go strategies
//	state_allowlists.go, state_mappings.go  lists at the head, from state_catalog.go and state_bitset.go
//
//	people.go      people, their roles and teams; people_identities.go at identity providers
//	people_acts.go       who did what to whose account, and who counts together; people_links.go links to choose a password
//	people_sessions.go, people_sign_ins.go, people_tokens.go, people_idempotent_replies.go
//
//	change.go      changes; change_reviews.go, change_comments.go, change_history.go
//	change_plan.go       the frozen plan; change_plan_documents.go, change_documents.go its documents
//	change_apply.go      a change becomes a revision and a rollout
//	change_expiry.go     expiring entries, and changes with a schedule
//
//	rollout.go     reading; rollout_control.go what people do; rollout_listen.go tells of changes
//	rollout_progress.go  a rollout moves on, under its lock; rollout_waves.go its waves
//	rollout_flight.go    starting targets, and requeueing expired ones; rollout_blocked.go one rollout in each account
//	rollout_claim.go, rollout_intents.go, rollout_finish.go  a push; rollout_release.go, rollout_snooze.go
//	rollout_digests.go   the digests of approved operations, which come with a claim
//	rollout_group.go     intents and ends of many pushes in one transaction
//	rollout_checks.go    health checks of a wave
//	rollout_failures.go, rollout_progress_samples.go, rollout_recount.go
//	rollout_former.go    the documents that a rollout replaces; rollout_resolve.go
//	rollout_alone.go     what decides on acts alone; rollout_rollback.go carries a rollback out
//
//	findings.go    findings; findings_groups.go, findings_scans.go
//
//	audit.go       appending and reading the log; audit_verify.go, audit_checkpoints.go
package store
