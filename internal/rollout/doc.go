// Package rollout carries out plans: it pushes documents to accounts, one target at a
// time, as many at once as a rollout's window allows, on any number of replicas that
// share one database. It may touch the database through Store and AWS through Cloud, and
// knows neither technology; jobs reach it through River.
//
// # A rollout
//
//	running ─▶ completed ──┐
//	 │  ▲ └──▶ halted ─────┤ roll back: by a person, or by the strategy
//	 ▼  │ resume           ▼
//	paused ─▶ aborted ─▶ rolling_back ─▶ rolled_back
//
// While it runs it goes through its waves: pushing ─▶ baking ─▶ checking ─▶ gate ─▶ the
// next wave; access.Rollout.Settle draws them. The transitions are methods of
// access.Rollout; the store applies them under the rollout's lock and makes the targets
// follow in the same transaction. A time that has come is seen to by any replica.
//
// A roll back is a rollout of its own, of what the first has written, read backwards.
// One rollout works on an account at a time; see docs/decisions.
//
// # A target: one account
//
//	   ┌──────────┐ the rollout stands, and nothing was to be written yet
//	   ▼          │
//	waiting ─▶ running ─▶ succeeded   something was written and read back
//	   │          │   ├─▶ unchanged   nothing had to be written
//	   │          │   ├─▶ conflict    somebody else edited our part
//	   │          │   └─▶ failed      with a class and what to do about it
//	   ▼          ▼
//	skipped    an abort or a person, before a worker took it up; or a document of it
//	           was left as somebody had edited it
//
// Running means in flight: it counts against the window and a job for it exists. A
// worker that takes the job up makes a claim, numbered, with a lease that it prolongs
// while it works. A worker that is killed or frozen lets the lease run out; the reviver
// makes another job, whose worker makes the next claim. The holder of an older claim
// writes nothing more: every store method checks the number, and the lease keeper watches
// the lease by the local clock between two such checks. AWS knows no fencing, so a write
// that was already on the wire cannot be called back; it puts in place the same document
// that the next holder would.
//
// # An operation: one IAM write
//
//	planned ─▶ intended ─▶ written
//	   │           ├─▶ failed
//	   │           └─▶ conflict
//	   └─▶ unchanged, conflict, failed, skipped
//
// The intent, with the document before, is committed with its audit event before the
// write. Intended without an outcome means that nobody knows: the next claim reads the
// live document and decides by it, as it does for every other operation.
//
// # A push
//
//	claim ─▶ read all ─▶ decide ─▶ commit intents ─▶ write (each) ─▶ read back ─▶ finish
//
// The claim is checked before each attempt: by its lease, on the monotonic clock, which
// ends no later than the database's; and by its number, in the database, with the outcome
// of the write before, where that was done last more than a second ago. The
// other outcomes are committed with the target's end.
//
// An account that needs nothing costs one session and the read. Trust policies are
// merged into the document that is live at that moment, so that statements of others
// stay as they are now and not as they were at planning. Throttling and lost connections
// are no failure of the target: the push is put off and taken up again. So it is where AWS
// says that something else is changing a document at this moment; the other documents of
// the account are written meanwhile.
//
// A user who is gone holds nobody up: they are left out of trust policies, and the push
// after they are there again lets them in. One who may be too new for AWS is waited for,
// two minutes at most, by putting the push off; the other documents of the account are
// written meanwhile.
//
// # A conflict
//
//	conflict ─▶ decided: overwrite, adopt, skip ─▶ planned ─▶ written
//	    ▲                                             ├─▶ skipped   adopt, skip
//	    └────────── edited once more ─────────────────┘
//
// A decision is bound to the live document that it was taken on, and a push carries it
// out. What rests on a document that was left is not written either.
//
// # Files
//
//	service.go   reading and watching rollouts, for people; authorises
//	control.go   what people do to a rollout
//	strategies.go  saved ways of carrying changes out
//	rollback.go  what has been written, read backwards
//	check.go     a look at the health of a wave
//	waves.go     what the store keeps of waves, checks and strategies
//	resolve.go   what people decide about conflicts
//	progress.go  failures and progress of a rollout; shared.go: asked for once for all watchers
//	hub.go       one store query per change for any number of watchers; both end with the Service
//	run.go       the background part of a replica: notifications, times, the reviver
//	pusher.go    Push: one target from its claim to its end
//	push.go      the steps of a push
//	write.go     one write, also when its answer is lost
//	missing.go   users whom AWS does not know: gone, or too new
//	verify.go    reading back
//	decide.go    what to do with one operation; pure
//	order.go     what must not be done after another failed; pure
//	attachments.go  what is attached to a user, ours and others'; pure
//	documents.go what a document means for an operation; pure
//	result.go    how a target ends; pure
//	lease.go     keeping a claim while working
//	fault.go     the named points at which tests let a push die
//	worker.go    the River worker
package rollout
