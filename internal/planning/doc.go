// Package planning works out the consequences of a change before anything is applied: which documents it
// writes in which accounts, whom it locks out, and which reviews it needs. Package change reads the database
// and calls it; package rollout carries a plan out.
//
// The package is pure: it has no clock, no input or output, no logging and no context. Its caller reads
// accounts and inventories beforehand and passes the time in. It may import access, cidr, iam and policy.
//
//	edits, states before and after
//	      │ NewAffected: roles, accounts and users that the edits can touch
//	      ▼
//	   Affected ──Query──▶ the caller reads the inventory ──▶ PlanInput
//	      │                                                      │
//	      └────────────────────────┬─────────────────────────────┘
//	                               ▼ PlanChange: compile before and after, keep what differs
//	                            Result: plan, refusals, findings, impact, diff, summary
//	                               │
//	          ┌────────────────────┼──────────────────────┐
//	          ▼                    ▼                      ▼
//	   Effects.Needs          LockOuts, OwnLockOuts    Summarize
//	   reviews                guards                   what a page shows
//
// PlanChange may find more users, because a user-side policy depends on all roles of its user. It then asks
// for the inventory again. PlanWhole plans all documents of a state, for a push without a change.
//
// # Files
//
//	affected.go, scope.go  what a change can touch; which mappings decide on it
//	planner.go             from two states to the operations that differ
//	user_side.go           operations on user-side policies
//	expiry_plan.go         entries that have expired and are still in AWS
//	reach.go, outside.go   unknown names, and users of accounts outside the organization
//	needs.go, protect.go   which review rules apply; how rules protect themselves and the settings
//	guards.go, guards_later.go  what would lock people out, now or when entries expire
//	revokes.go             whom a change takes access from, so that one person must not undo it; readmits.go whom a revert lets in
//	warnings.go            everything else that a reviewer reads, in a form that can be compared
//	summary.go             equal operations folded into one; sizes in memory
//	at_once.go             many accounts compiled at the same time
package planning
