// Package linear checks that three consoles on one database act as one. Twenty clients edit, submit,
// review, rebase, apply and withdraw changes over the HTTP API, while consoles are killed and started
// again, and while entries expire. Each call is recorded with its time and its answer. Porcupine then
// looks for an order of all calls that the domain explains.
//
// # The model
//
// A step of the model calls the transition of internal/access that the console calls. The model knows no
// plan, so it takes the digest and the base revision of a change from the answers, and every later
// answer must show the same. A call without an answer (the console was killed) may take effect at any
// later time, once or never.
//
// An answer 412 needs a version that is not the one of If-Match, and an answer 403 a step that the domain
// refuses. An answer 409 or 422 is always allowed: planning, which the model does not know, refuses too,
// and two calls at the same moment may both lose. It must change nothing, except that an apply may leave
// the change conflicted.
//
// # The partition
//
// Linearizability is local: a history is linearizable if the calls of each object are. The objects are
// the changes, and the head (the number of the newest revision). An apply is a step of two objects, the
// change and the head, so it is in both partitions. An order of all calls is also an order of each
// partition, so the partition reports no false violation. It can miss that two objects do not agree on
// one order. Two checks reduce that: an apply that did not move the base must make revision base + 1,
// and each base in an answer must be the head at a moment of that call.
//
// # Files
//
//	history_test.go  calls, answers, and the record of them
//	change_test.go   the model of a change; head_test.go: the model of the head
//	model_test.go    histories that the models must accept or refuse
//	fleet_test.go    three consoles, their people, and the kills
//	client_test.go   the calls of one client; watch_test.go: entries that expire
//	linear_test.go   the test; mutants_test.go: consoles that are broken on purpose
package linear
