// Package judge is a second policy evaluator. It reads policy documents with its own
// JSON reader, checks them against IAM's grammar and decides requests. It shares no code
// with internal/iam and internal/policy, so that a mistake in one of them shows as a
// disagreement. The sandbox decides calls with it; proofs and tests compare against it.
//
// The package is pure: no clock, no I/O, no logging, no context, and only the standard
// library. The time of a request is a condition key like any other. All functions may be
// called concurrently. No function modifies a Document, and callers must not either.
//
//	doc, err := judge.Parse(text, judge.TrustPolicy)
//	d := judge.DecideTrust(request, "123456789012", doc, judge.Policies{Identity: own})
//	if !d.Allowed { … d.Reason, d.Statement … }
//
// # Evaluation order
//
// DecideIdentity decides a request by the policies on the principal's side. The first
// line that holds decides:
//
//  1. a Deny of an identity policy applies         → DeniedByIdentity
//  2. a Deny of the session policy applies         → DeniedBySession
//  3. no Allow of an identity policy applies       → NotGrantedByIdentity
//  4. there is a session policy, and none of its
//     Allows applies                               → NotGrantedBySession
//  5. otherwise                                    → GrantedByIdentity
//
// DecideTrust decides an action on a role, for example sts:AssumeRole:
//
//  1. a Deny of the trust policy applies           → DeniedByTrust
//  2. a Deny on the principal's side applies       → DeniedByIdentity, DeniedBySession
//  3. no Allow of the trust policy applies         → NotTrusted
//  4. the role is in the principal's account and an
//     Allow names the principal directly           → GrantedByTrust, unless a session
//     policy does not allow it: NotGrantedBySession
//  5. otherwise the principal's side must allow it → as DecideIdentity decides
//
// An Allow names a principal directly by its ARN, its unique ID or "*". An Allow that
// names only the account delegates to the policies of the principal.
//
// A statement applies if its principals (trust policies only), its action, its resource
// (identity policies only) and all of its conditions match. The order of statements never
// matters for Allowed and Reason.
//
// # Limits
//
// A Decision is always yes or no: a condition key that is not in Request.Keys counts as
// absent. Condition keys have one value; multivalued keys cannot be expressed. SCPs, RCPs
// and permissions boundaries are not modeled. Group policies count as identity policies.
//
// Case is that of ASCII letters only, and numbers are integers and decimals, compared without loss of
// digits. A document with a number in another spelling, for example 1e3, is refused.
//
// IAM does not document an ARN pattern with fewer than six parts, for example "arn:aws:*".
// This package compares it as a StringLike pattern.
//
// # Sources
//
// IAM User Guide: "Policy evaluation logic", "Grammar of the IAM JSON policy language",
// "IAM JSON policy elements: Principal", "IAM JSON policy elements: Condition operators",
// "IAM policy elements: Variables and tags". STS API Reference: "AssumeRole".
//
// # Files
//
//	json.go         JSON values with ordered keys
//	document.go     Document and Parse; statement.go one statement; syntaxerror.go errors
//	request.go      Request, Principal, Policies, Decision
//	decide.go       DecideIdentity, DecideTrust
//	condition.go    condition operators; match.go wildcards and policy variables
package judge
