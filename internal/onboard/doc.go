// Package onboard makes the desired state follow what AWS has. It answers one question today: which edits
// make the desired state say what is live in one role of one account, after others have edited its trust
// policy there.
//
//	live trust policy ──ReadGrants──▶ who may assume the role, from where
//	desired state ──compile──▶ the same for the state
//	                              │ differences
//	                              ▼
//	     networks: entries of the allowlists, wherever those are used
//	     people and conditions: mappings, in this account only
//	                              │ Edits
//	                              ▼
//	     apply the edits, compile again, compare with the live document
//
// Edits returns edits only if the state after them compiles to what is live. If no edits do, it returns a
// refusal that says what is in the way and what the person can do.
//
// The package is pure: it has no clock, no input or output, no logging and no context. It may import access,
// cidr, iam, planning and policy.
//
// # Files
//
//	adopt.go   networks, and the check of the result
//	people.go  people and conditions
//	texts.go   small helpers
package onboard
