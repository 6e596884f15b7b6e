// Package drift keeps what the console knows of AWS in step with AWS: the accounts and
// OUs of the organization, and the roles, users and documents in each account. Plans are
// made from what it reads.
//
// The accounts are compared with the desired state, and differences are kept as findings;
// docs/decisions/10 says what counts as one and what does not.
//
// It may touch the database through Store and AWS through Cloud. It reads only; nothing
// here writes to AWS. Where something has to be written, it asks Pusher for a rollout.
//
//	Sync (a person asks) ─▶ job ─▶ ReadOrganization ─▶ one job per readable account ─▶ ReadInventory
//
//	Scan (a person asks, a period, a rollout has ended) ─▶ one job per account ─▶ ReadInventory
//	      and then ─▶ job ─▶ Compare: compile once for many accounts, findings account by account
//
//	         seen ──▶ open ──▶ resolved     a whole scan does not see it
//	                  │  ▲
//	    Acknowledge   ▼  │  looks different, or Reopen
//	              acknowledged
//
// An account that cannot be read keeps the inventory it had, with the reason in words
// next to it.
//
//	ReadOrganization ─▶ another organization, or many accounts gone ─▶ refused ─▶ AcceptSync by admins of two groups ─▶ again
//
// Files: organization.go syncs the organization, left_behind.go lists documents in accounts that are gone, service.go
// reads accounts, scan_failure.go records why none can be read,
// compare.go compares and heals, findings.go is what people ask
// for, worker.go has the River workers.
package drift
