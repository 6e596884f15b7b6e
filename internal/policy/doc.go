// Package policy turns the desired state into the documents that AWS IAM enforces, and
// says what documents mean. It is pure: no input and output, no clock, no logging; the
// same input gives the same bytes. It may import internal/access only.
//
// # The way of a desired state
//
//	State, accounts, inventory, time
//	      │ NewCompiler: selectors resolved, allowlists covered, once for all accounts
//	      ▼
//	  Compiler ──Account(id)──▶ Documents: a role's statements, a user's whole policy
//	      │                         │ Merge: into the live trust policy, others' kept
//	      │ Explain                 ▼
//	      ▼                     what is written ──Equal, Canonical──▶ has it arrived?
//	  Decision ◀──Evaluate──────────┘
//
// # What the documents guarantee
//
// A mapped user gets a role only from an address, VPC or endpoint of the joined
// allowlists of all mappings that reach user and role in the account, under the stricter
// of each condition. An explicit Deny does that, so no Allow of anybody else weakens it.
// The gate stands at sts:AssumeRole only: sessions that were issued before live on until
// they end, and users who hold other permissions use those from anywhere (docs/aws-facts.md,
// "When trust is checked" and "Direct permissions of a user"). People whom no mapping names are
// gated where enforcement is everyone, and
// then as the weakest of the mapped users are. Shape's constants say what each way of
// writing gives up; ShapeUserSide, for lists too long for a trust policy, the most.
//
// # Files
//
//	options.go issue.go codes.go       settings; what there is to say, and its codes
//	networks.go                        addresses; what a set of allowlists admits
//	selection.go known.go rule.go      which accounts; what exists in them; what holds for a user
//	compile.go template.go role.go     from mappings to one role in one account
//	shape.go naming.go too_long.go  the ways of writing it, sizes, and the refusal
//	user_policy.go issues.go           the user's side; what is wrong with mappings
//	user_side.go user_side_part.go user_side_order.go regions.go  lists too long for a trust policy
//	explain.go edited.go               who may assume a role; networks that were edited in AWS
//	difference.go impact.go differ.go  two states: objects; people and addresses
//	lint.go lint_mappings.go lint_users_without_access.go lint_shapes.go  a whole state looked through
//	findings.go findings_users.go      live documents against desired ones
//	part.go lint_part.go               some documents, and what a change brings, without the rest
package policy
