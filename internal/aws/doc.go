// Package aws is the one place that talks to AWS: Organizations for the accounts, STS
// for the deployment role in each, IAM for roles, users and their documents. It is the
// only importer of the SDK; what it hands out are types of internal/access, and every
// refusal by AWS is an *access.CloudError with a class and something to do about it.
//
// It decides nothing. Whoever calls says which resources a push may touch (the Scope),
// and that becomes the session policy, so that even a defect of ours could not write to
// anything else.
//
// # One call's way
//
//	Read, Write, Inventory ─▶ session (per account and scope) ─▶ IAM client
//	                              │ cached until 5 minutes           │ counted
//	                              ▼ before it ends                   ▼
//	                    AssumeRole ◀── pace of STS      pace per account ─▶ retry ─▶ AWS
//
// The SDK's configuration is loaded once and copied; all clients share one transport,
// so that ten thousand accounts cost no ten thousand connections.
//
// # Files
//
//	cloud.go         settings, start
//	place.go         one client of each service for all accounts
//	session.go       the deployment role's sessions; session_policy.go what they may do
//	limits.go        a pace per account and one of STS; pace.go how a pace follows throttling;
//	                 retry.go repeated attempts; counts.go what was asked,
//	                 span.go for traces
//	organization.go  accounts, OUs, tags
//	inventory.go     all roles and users of an account; sweep.go goes through them
//	read.go write.go single documents
//	user_side_policies.go  managed policies and attachments
//	own_credentials.go  whether STS accepts the console's own credentials; who and in which organization it is
//	answers.go       whether AWS answers the calls for an account
//	errors.go        how AWS refuses, in words
package aws
