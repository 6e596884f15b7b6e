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
//	head ─▶ change ─▶ rollout ─▶ taking up ─▶ target ─▶ account ─▶ end of the audit log
//
// "Taking up" is an advisory lock that whoever takes up targets holds (behind.go). The
// targets whose claims a transaction ends come before all of it: only their own workers
// lock those.
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
//	store.go         Open, Close, Ping; the pool
//	migrate.go       the schema, under a lock
//	tx.go            one transaction, seen by gorm, pgx and the job queue
//	errors.go        SQLSTATE to kind
//	null.go          what is NULL in a row and zero in Go
//	cursor.go        pages by key; conditions.go what a list is narrowed by
//	audit.go         appending and reading the log; verify.go checks its chain
//	state.go         the desired state at a revision; cache.go keeps the last few;
//	                 catalog.go, chosen.go: what lists of it are made from
//	revise.go        a new revision: what differs from the one before
//	allowlists.go, mappings.go  lists at the head, out of the catalog
//	organization.go, accounts.go, inventory.go; directory.go: what lists of accounts are made from
//	expiry.go        entries and changes by time; revisions.go the steps of the past
//	changes.go, reviews.go, documents.go, plan.go, apply.go
//	rollouts.go      reading; control.go, claim.go, intents.go, finish.go, flight.go, listen.go move
//	course.go        a rollout's way through its waves, under its lock; waves.go
//	group.go         intents and ends of many pushes in one transaction
//	behind.go        one rollout at a time in each account
//	recount.go       rollouts held against their targets
//	checks.go, rollback.go, strategies.go
//	people.go, tokens.go, signins.go, sessions.go, replies.go
package store
