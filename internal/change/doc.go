// Package change is the application service of the desired state: it reads allowlists,
// mappings and accounts, and takes a change from draft to applied. Every method takes
// the actor and authorises it in its first line.
//
// It may use access, authz, policy and jobs. It reaches the database through Store,
// which it declares; it never reaches AWS: what a change writes is carried out by
// package rollout after the revision is committed.
//
//	                 ┌────────────── edit (voids reviews) ──────────────┐
//	                 ▼                                                  │
//	compose ─▶ draft ── submit ──▶ in_review ── approve ──▶ approved ── apply ──▶ applied
//	             ▲   plan + digest     │                       │         revision + rollout
//	             │                     └─ reject ─▶ rejected   │
//	             └── rebase ── conflicted ◀── head has moved ──┘
//
// What expires goes its own way, composed and applied by the console, since whoever
// approved the expiry approved the removal: (nothing) ─▶ expiring ─▶ applied, or withdrawn
// where nothing is left to remove.
//
// A review binds to the digest of edits, base revision and every compiled document.
// When the head has moved at apply, the documents are compiled again on the new head:
// if they differ, or the same objects were touched, the change is conflicted.
//
//	service.go   what the service is made of
//	store.go     what it needs of the database
//	views.go     what it hands to pages and API
//	read.go      lists and single objects
//	account.go   an account, with what is known to be in it
//	compose.go   drafts and their edits
//	submit.go    planning, freezing, rebasing
//	step.go      what is said along with a step: as read, and what is meant
//	since.go     what others have applied meanwhile
//	review.go    reviews and withdrawal
//	ahead.go     what waits for a review, worked out before it is looked at
//	apply.go     the step from approved to a revision and a rollout
//	pushhead.go  the head once more, to all accounts or to some
//	concern.go   what a change has to do with; scope.go: what decides on that
//	planner.go   from two states to the documents that change
//	needs.go     which review rules apply to a change
//	guards.go    what would lock people out
//	rules.go     review rules and settings
//	discuss.go   comments, confirmations, repeating a change
//	clock.go     the job that does what is due
//	expiry*.go   entries that expire: composed ahead, rolled out at their time
//	schedule.go  approved changes that are applied at a time
//	history.go   the past
//	view.go      everything that a reviewer sees
//	explain.go   who may take up what, from where
package change
