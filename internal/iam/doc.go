// Package iam reads, compares, merges and evaluates IAM policy documents. It knows nothing of allowlists
// and mappings: package policy decides which statements to write. The package is pure: it has no clock, no
// input or output and no logging. It may import access and cidr.
//
// # Writing
//
//	live document ──Foreign──▶ statements of others, in order ─┐
//	                                                           ├─Merge─▶ document to write
//	statements of ours (their Sids begin with Portcullis) ─────┘              │
//	                                                                          ▼
//	what is live afterwards ─────────────────────────────────Equal────▶ has it arrived?
//
// Merge keeps all statements of others, in their order and with their meaning. Equal compares by meaning, and
// is strict where the meaning for AWS is uncertain. Size counts characters as IAM counts them.
//
// # Evaluating
//
//	Request (user, role, address, MFA, …) ─┐
//	trust policy, the user's policies ─────┴─Evaluate─▶ allowed | denied | cannot tell
//
// Evaluate follows IAM: an explicit Deny wins, and a trust policy that names the user of its own account is
// enough. It answers "cannot tell" when the outcome depends on something that it does not know, for example
// an unknown operator. It does not consider organization policies, permission boundaries and session
// policies.
//
// # Files
//
//	json.go           a reader and writer of JSON that keeps order and text
//	statement.go      statements of ours: Sids, conditions, sizes
//	parse_statements.go  statements of ours, read back
//	merge.go          statements of ours and of others in one document
//	canonical.go      equality by meaning
//	pretty.go, line_diff.go  layout and line diff for people
//	ghosts.go         unique ids of users and roles that were deleted
//	bypass.go, federated.go  statements of others that admit callers past ours
//	caller.go, way.go, demand.go  from where, and under which conditions, such a statement admits a caller
//	widens.go, widens_calls.go  who can assume a role in more ways with another document
//	request.go        one call of sts:AssumeRole
//	parsed.go, parse_cache.go  documents prepared for evaluation, and a cache of them
//	operators.go, pattern.go, tri.go  condition operators, wildcards, three-valued logic
//	evaluate.go, sentence.go  the decision, and the decision in words
package iam
