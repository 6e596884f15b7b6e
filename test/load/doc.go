// Package load measures. "make bench" runs it, prints a table and writes
// docs/benchmarks.md; without its flag every measurement is skipped.
//
// What is compared is compared within one run on one machine, as a ratio: a rollout
// against a bare loop of the same SDK calls with the same concurrency, on the same
// sandbox, which is a process of its own and takes its time for every call.
//
// # Files
//
//	report_test.go   the table and docs/benchmarks.md
//	bench_test.go    the order of the measurements
//	rollout_test.go  rollouts over 100 to 10,000 accounts; bare_test.go: the loop they are held against
//	control_test.go  how soon things happen in a rollout; throttling; a shell loop of aws
//	compile_test.go  documents of 10,000 accounts
//	changes_test.go  a change from the edit to the rollout, in organizations that grow
//	pages_test.go    pages and lists of the API under load, and how they grow;
//	                 seed_test.go: what is in the database; reference_test.go and the program
//	                 reference: the bare page that saturation is held against; reference_rows_test.go
//	                 holds its rows to those of the console
//	start_test.go    from start to ready, and memory at rest
package load
