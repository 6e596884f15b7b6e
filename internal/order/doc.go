// Package order keeps the order of writes of a plan safe across accounts.
//
// The invariant: after each write of a rollout, a call to assume a role is allowed only if the documents that were
// read for the plan allow it, or the planned documents allow it. The order inside of an account is the order of a
// target's operations. This package adds the order between accounts:
//
//	grant:       trust policy ─▶ read back ─▶ user policy that opens the role
//	revocation:  trust policy that keeps the Deny ─▶ user policy without the role ─▶ trust policy without the Deny
//
// Arrange notes in a plan what each operation requires of others. A push asks which of it is fulfilled, and writes a
// form of the approved document that needs nothing else:
//
//	user policy:   the approved one without the roles that are not verified (CutDown)
//	trust policy:  the approved one with a Deny for the users whose policies still name the role (Closing)
//
// Both forms follow from the approved document and the requirements alone, so a reviewer who sees these sees every
// document that a push can write.
//
// The package is pure. It may import access and iam.
//
// # Files
//
//	arrange.go  what the operations of a plan require
//	grants.go   roles that a user policy opens; the cut-down form
//	revoke.go   users whom a trust policy stops admitting; the closing form
//	way_in.go   how such a user could get in without the Deny
//	gains.go    who gains from the documents of a plan, and who loses by them
//	forms.go    the first form of a planned document, for reviewers
package order
