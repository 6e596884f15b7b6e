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
//	cover.go networks.go               addresses; what a set of allowlists admits
//	selection.go known.go rule.go      which accounts; what exists in them; what holds for a user
//	compile.go template.go role.go     from mappings to one role in one account
//	shape.go naming.go statement.go toolong.go  the ways of writing it, sizes, and the refusal
//	userpolicy.go issues.go            the user's side; what is wrong with mappings
//	gate.go gatepart.go regions.go gateorder.go  lists too long for a trust policy
//	json.go merge.go bypass.go         documents that forget nothing; living with others
//	parse_statements.go                our statements, read back
//	canonical.go pretty.go linediff.go equality by meaning; layout; line diff
//	parsecache.go                      documents parsed before, for Evaluate
//	request.go tri.go pattern.go       a call of sts:AssumeRole; what is known; wildcards
//	operators.go parsed.go evaluate.go conditions, documents and decisions as IAM makes them
//	sentence.go                        decisions in words; Explain
//	difference.go impact.go differ.go  two states: objects; people and addresses
//	scenario.go yaml.go scenarioprint.go render.go  a state as a file; its documents
//	lint.go lintmappings.go lintnowhere.go lintshapes.go  a whole state looked through
//	findings.go findingsusers.go       live documents against desired ones
//	part.go lintpart.go                some documents, and what a change brings, without the rest
package policy
