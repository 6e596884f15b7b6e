// Package access holds the domain of Portcullis: which IAM users may assume
// which roles, in which accounts, from which networks; how that desired state changes; and
// how a change is carried out.
//
// The package is plain Go over the standard library. It knows no database, no AWS SDK
// and no HTTP. Whatever crosses a border between two other packages is a type of this
// one. A transition is a method that refuses with an *Error when the rules forbid it.
//
// # Files
//
//	actor.go       who acts, and the console roles a person may hold
//	vouching.go    who vouches for a person; groups.go which people count as one, doubts.go what a provider cannot tell
//	change_groups.go which reviews of a change count
//	token.go       API tokens and their scopes
//	account.go     organization, account, selector, and accounts as a sorted list
//	ou.go          OUs by id, and how a path that was typed becomes an id; ou_path.go how paths are written
//	entry.go       one line of an allowlist, and what is refused as one
//	allowlist.go   named list of entries
//	mapping.go     users, role, accounts, allowlists, conditions
//	state.go       all allowlists and mappings at a revision; applying edits
//	edit.go        one step from a state to the next; the edits between two states
//	change.go      a request to edit the state, and its reviews; rebase.go moves it to a newer revision
//	rule.go        review rules: who has to review which changes
//	settings.go    what an organization decides about its own changes
//	guard.go       what would lock people out, and overrides of it
//	break_glass.go a change applied by one person alone
//	review_end.go  why a review counts no more: taken back, expired, the change edited
//	change_view.go comments, permissions and other facts about a change for its readers
//	plan.go        the writes of a change, account by account; plan_digest.go the digest that reviews bind to
//	rollout.go     the carrying out of a plan; its targets and operations
//	strategy.go    how changes are carried out; maintenance_window.go when; wave.go its waves;
//	               state_strategies.go strategies as part of the desired state
//	rollout_progress.go a rollout's way through its waves
//	rollout_control.go  what people do to a rollout
//	rollback.go    the limits of a rollback by one person; undo.go the edits that undo a revision
//	rollout_insight.go  progress samples and groups of failures
//	finding.go     differences between AWS and the desired state, and groups of them
//	live.go        what is really in an account: roles, users, documents; inventories.go in many
//	packed.go      how documents that many accounts share are kept once
//	user_side_policy.go user-side policies, and the policies that are attached to a user
//	cloud.go       the scope of a push, and how AWS refuses
//	audit.go       who did what, when, from where
//	page.go        pages of lists; rows.go their rows and queries, and the console's statistics
//	idempotent_reply.go answers that are kept, so that a request can be repeated
//
// # A change's states
//
//	draft ──submit──▶ in_review ──approve──▶ approved ──apply──▶ applied
//	  ▲  ◀──edit────────┘ │  ◀────edit─────────┘ │
//	  │                   ├──reject──▶ rejected  │
//	  └──rebase── conflicted ◀──head has moved───┘
//
// A rebase leaves a change in review or approved if nothing that its reviewers saw differs, and makes it a draft
// otherwise. Every state but applied and rejected can be withdrawn. An approved change goes back to
// in_review when a reviewer no longer counts, an approval is taken back or has expired, or a rule has become
// stricter. From
// in_review, one person with the break-glass role may apply it alone where the settings
// allow it: it is then applied, and flagged until a person of another group has reviewed it. An operator
// may do the same in the mode single administrator.
//
// # A rollout's states
//
//	running ─▶ completed ──┐
//	 │  ▲ └──▶ halted ─────┤
//	 ▼  │                  ▼
//	paused ─▶ aborted ─▶ rolling_back ─▶ rolled_back
//
// A target: waiting ─▶ running ─▶ succeeded | unchanged | failed | conflict | skipped.
package access
