// Package fault makes things go wrong while rollouts run, from outside: consoles are
// killed and frozen, answers are lost, calls throttled; then it asks everybody who could
// know whether all ended as desired: the console's API, its audit chain, the database,
// and the sandbox's own record of what it holds and what it was asked.
//
// The tests run in a short form by default. PORTCULLIS_FAULT=full or -args -long (make fault) runs them
// with more kills, more accounts and more kinds of trouble.
//
// # Files
//
//	fleet_test.go     an organization with a console, and what must be true in the end
//	kill_test.go      a console that is killed again and again
//	answers_test.go   writes that take effect and whose answers are lost; throttling
//	replicas_test.go  several consoles on one database, one of them killed or frozen
//	credentials_test.go  a console whose own AWS credentials are refused
//	outage_test.go    an AWS that does not answer, as pages show it
//	points_test.go    a console that dies at every named step of a push
//	postgres_test.go  a database that crashes, is out of reach, slow, or refuses
//	throttle_test.go  throttling, expiring credentials, accounts that refuse
//	world_test.go     accounts and documents that change behind the console's back
//	control_test.go   pause, abort, duplicated jobs, raced migrations, many readers
//	steer_test.go     everything that can be done to a rollout, and how soon it shows in AWS
//	locks_test.go     a rollout that somebody holds up; a console frozen in a transaction
//	audit_lock_test.go  requests and rollouts while another session holds the audit log
//	throttle_bounds_test.go  the calls and the time of a rollout under throttling
//	readers_test.go   what many browsers that watch a page cost the database
//	clock_test.go     clocks that jump
//	withdraw_test.go  a change withdrawn while it is applied
//	report_test.go    docs/reliability.md
//	moto_test.go      the whole cycle against an emulator that others wrote
//	moto_across_test.go, moto_record_test.go    the order of writes across accounts there
package fault
