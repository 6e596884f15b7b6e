// Package audit keeps the audit log honest: it makes signed checkpoints of the log and
// verifies the log against them.
//
// The chain of hashes shows a change to a single row. It does not show that somebody who
// owns the tables has made the whole chain anew, or has cut off its end and moved the
// head. A checkpoint does: it is an Ed25519 signature over the hash of one event, with a
// key that is not in the database. What came before a checkpoint cannot be changed
// unseen; what came after the newest one is covered by the chain alone, so checkpoints
// are made often. They are kept in three places: a table, a file beside the key (the
// ledger), and wherever somebody puts what `portcullis audit checkpoint` prints.
//
//	keys.go     the key: from a setting, or a file in the data folder
//	service.go  makes checkpoints: every hour, and after 256 events
//	verify.go   compares the log with all known checkpoints
//
// It may import access. The store is behind a small interface.
package audit
