// Package rollout carries out plans: it pushes documents to accounts. Each account of a rollout is
// a target. A rollout limits how many targets are in flight, and any number of replicas that share
// one database work on them. The package reaches the database through Store and AWS through Cloud,
// and knows neither technology. River runs its jobs.
//
// # A rollout
//
//	running ─▶ completed ──┐
//	 │  ▲ └──▶ halted ─────┤ roll back: by a person, or by the strategy
//	 ▼  │ resume           ▼
//	paused ─▶ aborted ─▶ rolling_back ─▶ rolled_back
//
// A running rollout goes through its waves: pushing ─▶ baking ─▶ checking ─▶ awaiting approval ─▶
// the next wave; access.Rollout.Advance draws them. Outside of the maintenance window of its
// strategy it starts no targets, unless a person overrides the window. The transitions are methods
// of access.Rollout; the store applies them under the rollout's lock and makes the targets follow
// in the same transaction. Any replica advances a rollout whose time has come.
//
// A rollback is a separate rollout: it restores the documents that the first one replaced, in
// reverse order. One rollout works on an account at a time, and a newer rollout is blocked by an
// older one unless a person lets it skip the queue; see docs/decisions.
//
// # A target: one account
//
//	   ┌──────────┐ the claim was released: the rollout is paused or halted, and nothing was written
//	   ▼          │
//	waiting ─▶ running ─▶ succeeded   something was written and read back
//	   │          │   ├─▶ unchanged   nothing had to be written
//	   │          │   ├─▶ conflict    somebody else edited our part
//	   │          │   └─▶ failed      with a class and what to do about it
//	   ▼          ▼
//	skipped    by an abort or a person, before a worker claimed it; or a document of it
//	           was left as another person had edited it
//
// A running target is in flight: it counts toward max in flight, and a job for it exists. The
// worker of that job claims the target. A claim has a number and a lease, which the worker renews
// while it works. The lease expires when the worker is killed or frozen. The target is then
// requeued: any replica makes another job, whose worker makes the next claim. The holder of an
// older claim writes nothing more: every store method checks the number, and the lease keeper
// checks the lease by the local clock between two such checks. AWS knows no fencing, so a write
// that was already on the wire cannot be called back; it puts in place the same document that the
// next holder would.
//
// # An operation: one IAM write
//
//	planned ─▶ intended ─▶ written ─▶ conflict, failed   a later claim found an edit, or no role
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
// If AWS refuses the console's own credentials, the push ends and gives its target back: other replicas may have
// better ones. This replica claims no target until AWS accepts them.
//
// An account that needs nothing costs one session and the read. Trust policies are merged into the
// document that is live at that moment, so that statements of others stay as they are now and not
// as they were at planning. Throttling and lost connections do not fail the target: the push is
// snoozed and tried again. The same applies if AWS says that something else is changing a document
// at this moment. The other documents of the account are written meanwhile.
//
// # Forms of a document
//
// An operation may be written in several forms: package order says which. Before the push writes a user
// policy, it has read the trust policies of the roles that the user policy newly opens within the last
// minute, also in other accounts. Roles whose trust policies are not as the rollout left them stay out of
// the user policy. A trust policy keeps a Deny for a removed user until the policy of this user is written.
// Where something is still to come, the target waits again, in a later pass of a wave:
//
//	running ─▶ waiting, in a later pass ─▶ running ─▶ succeeded, or failed with the class blocked
//
// A written operation is then intended again, with its next form.
//
// A deleted user does not block other users: the push leaves the deleted user out of trust
// policies, and the push after the user exists again lets the user in. If a user may be too new for
// AWS, the push is snoozed, for two minutes at most. The other documents of the account are written
// meanwhile. A user who was deleted and created again is admitted again: the push writes the name in
// place of the unique id of the deleted user. A unique id in a statement of others is left out at once
// if two readings show it.
//
// # A conflict
//
//	conflict ─▶ decided: overwrite, adopt, skip ─▶ planned ─▶ written
//	    ▲                                             ├─▶ skipped   adopt, skip
//	    └────────── edited once more ─────────────────┘
//
// A decision is bound to the live document that the person saw, and a push carries it out. If a
// document is left as it is, the operations that depend on it are not written either, and a user
// policy is written without the role.
//
// # Files
//
//	service.go   reading and watching rollouts, for people; authorises
//	control.go   what people do to a rollout
//	alone.go     rollbacks by one person; rollback.go the writes of a rollout, read backwards
//	byhand.go    the script that undoes a rollout without the console
//	open_unverified.go  roles that a reviewer lets a rollout open without proof
//	check.go     a look at the health of a wave
//	waves.go     what the store keeps of waves and checks
//	resolve.go   what people decide about conflicts
//	progress.go  failures and progress of a rollout; shared.go: asked for once for all watchers
//	hub.go       one store query per change for any number of watchers; both end with the Service
//	run.go       the background work of a replica: notifications, times, requeueing expired leases
//	pusher.go    Push: one target from its claim to its end
//	push.go      the steps of a push
//	approved.go  proof that the claimed operations are the approved ones
//	requires.go  what the documents require of others, and the forms that follow
//	write.go     one write, also when its answer is lost
//	opened.go    roles that a user policy opens, read again before it is written
//	missing.go   users whom AWS does not know: gone, or too new
//	dead.go      ids of deleted users and roles in statements of others
//	verify.go    reading back
//	decide.go    what to do with one operation; pure
//	order.go     what must not be done after another failed; pure
//	attachments.go  what is attached to a user, ours and others'; pure
//	documents.go what a document means for an operation; pure
//	result.go    how a target ends; pure
//	credentials.go  the console's own credentials are refused: targets are given back
//	silence.go   AWS does not answer: reporting it for the pages of all replicas
//	lease.go     renewing a claim while a push works
//	fault.go     the named points at which tests let a push die
//	worker.go    the River worker
package rollout
