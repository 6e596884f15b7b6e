// Package sandbox is an AWS organization in memory. It speaks the wire protocol of STS
// and IAM (query and XML) and of Organizations (JSON 1.1), so that the SDK, the command
// line of AWS and the console all talk to it as they talk to AWS: with SigV4 signatures
// that are checked, within accounts that are isolated by credentials.
//
// It refuses what AWS refuses and rewrites what AWS rewrites (docs/aws-facts.md). It evaluates
// policies with internal/judge, which shares no code with internal/iam and internal/policy: tests
// use its decisions as a second opinion on compiled documents. It cannot do what only AWS can: no
// SCPs or RCPs, no groups with policies, no SAML.
//
// # One request's way
//
//	ServeHTTP ─▶ authenticate (SigV4) ─▶ faults ─▶ authorize ─▶ action ─▶ record
//	                  │                     │           │          │
//	                  └──────── refused ────┴───────────┴──────────┘
//
// # The caller's address
//
// A policy sees the address in the header X-Sandbox-Source-Ip, else the connection's. From the same
// machine without the header that is a loopback address, which is in no allowlist. The header's
// value "none" means that there is no source address at all. Whoever cannot send headers puts the
// address, "none", a VPC's or an endpoint's id into the endpoint: aws --endpoint-url
// http://127.0.0.1:8081/from/103.15.250.7 sts assume-role … X-Sandbox-Source-Vpc and
// X-Sandbox-Source-Vpce make the call one that came through a VPC endpoint, which has no source
// address either. X-Sandbox-Mfa (seconds since the sign-in with MFA) makes the session
// MFA-authenticated; whoever cannot send headers gives the serial number
// arn:aws:iam::ACCOUNT:mfa/USER and the code 123456.
//
// # Files
//
//	organization.go  configuration, start, the HTTP front
//	company.go       the made-up company: accounts and OUs; staff.go: its roles and users
//	deployed.go      what deploy/stackset.yaml makes in each account
//	state.go ids.go  what an account holds, and how things are numbered
//	call.go actions.go respond.go  one request: its checks, its action, its answer
//	sigv4.go authenticate.go sessions.go caller.go  who is calling
//	validate.go principals.go jsonwrite.go  documents: AWS's errors, rewriting of principals
//	authorize.go cache.go  whether the caller may do that
//	conditions.go services.go  condition operators, dates and service principals that IAM accepts
//	sts.go sessiontoken.go roles.go tags.go users.go userpolicies.go managed.go details.go orgs.go  the actions
//	ous.go           what changes the tree of OUs: creating, renaming and deleting them, moving accounts
//	faults.go calls.go admin.go snapshot.go  what tests and demo use beside AWS's own API
package sandbox
