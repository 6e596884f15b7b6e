// Package change is the application service of the desired state: it reads allowlists, mappings and
// accounts, and moves a change from draft to applied. Every method has the actor as an argument and
// authorises it in its first line.
//
// It reaches the database through Store, which it declares. It never reaches AWS: package rollout carries
// out what a change writes, after the revision is committed. The consequences of a change are worked out by
// pure packages: planning (documents, guards, reviews), onboard (adopting a live policy), policy and scenario.
// It may also import access, authz, cidr, iam and jobs.
//
//	                 ┌────────────── edit (voids reviews) ──────────────┐
//	                 ▼                                                  │
//	compose ─▶ draft ── submit ──▶ in_review ── approve ──▶ approved ── apply ──▶ applied
//	             ▲   plan + digest     │                       │         revision + rollout
//	             │                     └─ reject ─▶ rejected   │
//	             └── rebase ── conflicted ◀── head has moved ──┘
//
// The console composes and applies expiries without another review, because the approval of an expiry
// covers the removal: (nothing) ─▶ expiring ─▶ applied, or withdrawn if nothing is left to remove.
//
// A review binds to the digest of the edits and of every document before and after, with their order. It records the
// base revision and the warnings that the reviewer saw. A change is moved to a newer head by a rebase, or when it is
// applied: if edits, documents and warnings are the same there, its reviews are kept. Otherwise they are void: a rebase
// makes the change a draft, an apply marks it as conflicted.
//
//	service.go      the service and its configuration
//	store.go        the database, as an interface
//	views.go        its results for pages and API
//	read.go         lists and single objects
//	account.go      an account with its roles and users
//	overview.go     the first page; sizes.go: how full trust policies are
//	compose.go      drafts and their edits; fields.go: errors beside the field of a form
//	propose.go      a change as a program sends it; import.go: from files
//	rules.go        review rules and settings
//	submit.go       planning, freezing; rebase.go: on a newer revision, with or without its reviews
//	step.go         options of a step: IfVersion, OverrideGuards
//	since.go        changes that others have applied meanwhile
//	review.go       reviews and withdrawal; reassess.go: whether approvals still count
//	revert.go       a draft that undoes an applied change; byhand.go the script that undoes it without the console
//	apply.go        the step from approved to a revision and a rollout; strategy.go: its waves
//	strategies.go   strategies, and edits of them
//	pushhead.go     the head once more, to all accounts or to some
//	planinput.go    the input of package planning
//	cache.go        plans that are kept; ahead.go: plans that are worked out before a reviewer asks
//	view.go         everything that a reviewer sees; discuss.go: comments, overrides, clones
//	explain.go      who can assume what, from where; history.go: the past
//	export.go       entries, audit events, scenarios and documents as files
//	adopt.go        a change that adopts a live trust policy
//	clock.go        the job that does what is due
//	expiry*.go      entries that expire: composed ahead, rolled out at their time
//	schedule.go     approved changes that are applied at a time
package change
