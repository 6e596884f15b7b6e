// Package sim proves the order of writes: it carries out rollouts with the real engine against models
// of the database and of AWS, and checks the rules after every effect. A seed decides everything that
// happens, so that a seed that breaks a rule breaks it again.
//
//	go test ./test/sim -run TestSchedules -v -args -sim-seed=176        one schedule, with its trace
//	go test ./test/sim -run TestSchedules -args -sim-schedules=1000000  many schedules
//	go test ./test/sim -run TestMutants -timeout 2h -args -sim-mutants  breaks of the engine that must be found
//
// # A schedule
//
//	seed ─▶ organization, change ─▶ planning ─▶ rollout.Pusher ─▶ call ─▶ gate ─▶ model ─▶ checks
//	                                                  ▲                     │
//	                                                  └──── answer ─────────┘
//
// A schedule runs in a bubble of testing/synctest, so that time is virtual. Each call of a worker to
// the store or to AWS waits at the gate. The scheduler waits until all workers wait, and draws what
// happens next: a call takes effect, is refused, is throttled, or loses its answer; a worker dies
// before or after the effect, or freezes until its lease has expired; a write arrives late; a job runs
// twice; an operator pauses, resumes, retries, skips, aborts, resolves conflicts or rolls back; another
// person edits a document; an account refuses every call; a role is deleted. A schedule has only some
// of these kinds of trouble. After some time nothing goes wrong any more, and the rollouts must end.
//
// The engine, the transitions of access.Rollout, the service and the planner are the real ones. The
// models are of this package. conformance_test.go runs scripts against the model of the store and
// against Postgres, and compares the two.
//
// # Rules
//
// A call is a user, a role and a request: an address, with or without MFA, and a session name. After
// each effect in AWS, package judge decides all calls that the changed document concerns.
//
//  1. A call is allowed only if the documents read for the plan allow it, or the planned documents
//     do. The planned documents are the final ones, put into those that were read. For a rollback,
//     the documents read are those in AWS when it is planned.
//  2. An edit by others is put into the documents read and into the planned ones, so that it excuses
//     the calls that it opens with either of them, and no others. If an edit is older than a minute
//     when a write is sent, the engine must have seen it. Then it is not put into the planned
//     documents, unless it is about statements of others in a document that the plan writes: the
//     final document is put into these as they are. So the only excuse is an edit that falls between
//     the last look of the engine, at most a minute before its write, and the write.
//     An edit also excuses the calls that it opens at that moment, with the documents that are in AWS
//     then. For example, others add a statement after a trust policy was written without the Deny for
//     a removed user, and before the policy of this user was written. No later write may open more.
//     A write may also bring back a statement that others have removed since the last look.
//  3. A write that was on the wire when its claim was lost counts as an edit by others of our part of
//     the document: AWS knows no fencing.
//  4. Statements of others stay, apart from edits of the last minute. An edit by others of our part
//     that is older is not overwritten, unless a person has decided so.
//  5. The intent is in the store when a write is sent, and the claim is valid. Each operation has one
//     outcome in the end.
//  6. Max in flight and the limit on failures are never exceeded.
//  7. In the end no target runs or waits, and the documents are as the operations say. If all targets
//     have succeeded and nothing was edited, exactly the calls of the planned documents are allowed.
//
// AWS shows a write at once or up to five seconds late. It does not take back a document that it has
// shown.
//
// # Files
//
//	sim_test.go         flags, TestSchedules, and that a seed has one trace
//	simulation_test.go  the scheduler: what happens next, and what goes wrong
//	people_test.go      operators, and edits by others
//	gate_test.go        calls that wait; engine_test.go: the workers, their store and their cloud
//	checks_test.go      the rules; judge_test.go: the calls that documents allow
//	world_test.go       organizations, changes and plans; documents_test.go: statements
//	store_test.go       the model of the store: claims, leases, intents, outcomes
//	start_test.go       its rules for the start and the end of targets
//	control_test.go     its control of rollouts, waves and rollbacks
//	cloud_test.go       the model of AWS
//	trace_test.go       the trace, and violations
//	conformance_test.go the model of the store against Postgres
//	mutants_test.go     breaks of the engine
package sim
