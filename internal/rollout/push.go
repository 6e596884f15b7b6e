package rollout

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// push is one target's way from its claim to its end.
type push struct {
	cfg   Config
	claim access.Claim
	lease *leaseKeeper
	scope access.Scope
	calls access.CallCount // the account's counts when the push began
	begun time.Time        // when the claim was asked for, by the local, monotonic clock

	confirmedAt time.Time // when the store was last asked about the claim and confirmed it

	steps   []step
	live    map[access.Resource]access.LiveDocument
	ids     map[string]string
	users   map[string]bool      // users that were looked for, by ARN, and whether they are there
	created map[string]time.Time // when these users were created; zero if that is not known
	refusal *refusal             // what ended the push as a whole
	busy    error                // an account in flight that comes first; nil for none
}

// step is one operation with what the push makes of it. Once wrote is set, the operation
// was written by this push and waits to be read back.
type step struct {
	op access.Operation
	decision
	required
	named        string    // our statements of a trust policy, before any form of them
	namedWithout string    // what was left out of them
	corrected    bool      // the record says another form than the one that is live
	deferred     bool      // its intent is recorded just before its write
	unproved     string    // why a user policy must not open the role, although its trust policy was written
	openedAt     time.Time // when the roles of other accounts that it opens were read last
	wrote        bool
	readAt       time.Time     // when its document was asked for last
	wroteAt      time.Time     // when the write that AWS accepted was sent
	sent         bool          // a write of it may have been sent
	looked       look          // what reading back has shown so far
	blocked      bool          // skipped because it depends on a step that could not be done
	later        error         // why it is left to a later claim, or nil
	notBefore    time.Duration // how long the later claim must wait at least
	without      string        // who was left out of it, in words
	dead         []string      // ids of deleted principals that were left out of statements of others
}

// refusal is why nothing at all could be done in an account.
type refusal struct {
	class   access.CloudClass
	code    string
	cause   string
	message string
	advice  string
}

func newPush(cfg Config, claim access.Claim, lease *leaseKeeper) *push {
	u := &push{cfg: cfg, claim: claim, lease: lease, live: make(map[access.Resource]access.LiveDocument, len(claim.Operations))}
	u.calls = cfg.Cloud.Counts(claim.Account.ID)
	u.scope = access.Scope{Account: claim.Account, SessionName: fmt.Sprintf("portcullis-rollout-%d", claim.Rollout.ID)}
	if lease != nil {
		u.scope.Held = lease.checkExpiry
	}
	u.steps = make([]step, len(claim.Operations))
	for i, op := range claim.Operations {
		u.steps[i].op = op
		u.scope.Resources = append(u.scope.Resources, op.Resource)
	}
	return u
}

// run does everything but commit the end. After an error the target has not ended.
func (u *push) run(ctx context.Context) error {
	if err := u.cfg.Fault(PointClaimed); err != nil {
		return err
	}
	if u.claim.Rollout.State != access.RolloutRunning && !u.claim.Attempted() {
		return access.ErrNotRunning
	}
	if !u.checkApproved() {
		return nil
	}
	if ok, why := u.claim.Account.Targetable(); !ok {
		u.refuse(refusal{class: access.CloudGone, cause: why, message: "Nothing was written: " + why + ".", advice: "Leave the account out of the mappings, or bring it back to ACTIVE and retry the target."})
		return nil
	}
	if err := u.read(ctx); err != nil || u.refusal != nil {
		return err
	}
	if err := u.require(ctx); err != nil {
		return err
	}
	if err := u.decide(); err != nil {
		return err
	}
	if err := u.intend(ctx); err != nil {
		return err
	}
	if err := u.write(ctx); err != nil {
		return err
	}
	if err := u.verify(ctx); err != nil {
		return err
	}
	return u.cfg.Fault(PointVerified)
}

// read reads all live documents of the target in one go.
func (u *push) read(ctx context.Context) error {
	asked := time.Now()
	docs, err := u.cfg.Cloud.Read(ctx, u.scope, u.scope.Resources)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case u.worthWaiting(err):
		return &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
	default:
		u.refuse(newRefusal(err))
		return nil
	}
	for i, d := range docs {
		u.live[u.scope.Resources[i]], u.steps[i].readAt = d, asked
	}
	u.ids = principals(u.claim.Account, docs)
	u.users, u.created = map[string]bool{}, map[string]time.Time{}
	u.noteUsers(u.claim.Account.ID, docs)
	return u.cfg.Fault(PointRead)
}

// worthWaiting reports whether a refusal says nothing about the account itself. An account that
// stays unreachable, and a document that something else keeps changing, fail after a while;
// throttling never fails.
func (u *push) worthWaiting(err error) bool {
	switch access.CloudClassOf(err) {
	case access.CloudThrottled:
		return true
	case access.CloudUnreachable, access.CloudBusy:
		started := u.claim.Target.StartedAt
		return started.IsZero() || u.now().Sub(started) < u.cfg.GiveUp
	default:
		return false
	}
}

// now is the time by the database's clock, by which the times of the target's start and of its
// intents were recorded. The clock on this machine's wall may show anything.
func (u *push) now() time.Time {
	if u.claim.Until.IsZero() { // a check, which has no claim
		return u.cfg.Now()
	}
	return u.claim.Until.Add(time.Since(u.begun) - u.cfg.Lease)
}

// refuse ends the target, and every operation that has not ended, without a write.
func (u *push) refuse(r refusal) {
	u.refusal = &r
	for i := range u.steps {
		u.steps[i].decision = refusedOperation(u.steps[i].op)
	}
}

// decide decides about all operations. User policies come last: their form depends on what becomes of the trust
// policies.
func (u *push) decide() error {
	recreated := u.findRecreated()
	for _, usersNow := range []bool{false, true} {
		for i := range u.steps {
			s := &u.steps[i]
			if (s.op.Kind == access.OpUserPolicy) != usersNow {
				continue
			}
			if usersNow {
				if _, err := u.cut(s); err != nil {
					return err
				}
			}
			u.nameRecreated(s)
			s.named, s.namedWithout = s.op.OursAfter, s.without
			u.formTrust(s)
			u.expectNothingOf(s, recreated)
			u.decideOn(s)
			s.blocked = s.left
			s.deferred = s.write && s.waitsForOwn()
		}
	}
	u.refuseUnguarded()
	holdBack(u.steps, u.claim.Account)
	return nil
}

// decideOn decides about one operation. An earlier claim may have recorded the intent of another form than the one
// that is live: it died before the write, and the form that may be written now is there already. Then the record is
// corrected.
func (u *push) decideOn(s *step) {
	live := u.live[s.op.Resource]
	s.decision = u.decideFrom(s, s.op, live)
	u.correct(s, s.op.Written, live)
}

// correct finds a form that is live and differs from the recorded one. The document of the step is then the live one.
func (u *push) correct(s *step, recorded string, live access.LiveDocument) {
	s.corrected = s.state == access.OperationWritten && !s.recorded && live.Exists && !sameOf(s.op, recorded, live.Document, u.ids)
	if s.corrected {
		s.document = live.Document
	}
}

// intend commits what is about to be written, with an audit event for each write. An intent of an
// earlier claim remains and was recorded with its own event.
func (u *push) intend(ctx context.Context) error {
	return u.intendTo(ctx, those(u.steps, func(s *step) bool { return s.write && !s.deferred || s.corrected }))
}

func (u *push) intendTo(ctx context.Context, steps []*step) error {
	var intents []access.Intent
	var events []access.AuditEvent
	for _, s := range steps {
		before := u.live[s.op.Resource].Document
		intents = append(intents, access.Intent{OperationID: s.op.ID, LiveBefore: before, Document: s.document})
		if s.write && (s.op.State != access.OperationIntended || !sameOf(s.op, s.op.Written, s.document, u.ids)) {
			events = append(events, u.event("operation.write", map[string]any{
				"kind": s.op.Kind, "resource": s.op.Resource.String(), "operation": s.op.ID,
				"before_sha256": access.DocumentDigest(before), "after_sha256": access.DocumentDigest(s.document), "claim": u.claim.Number,
			}))
		}
	}
	if len(intents) == 0 {
		return nil
	}
	asked := time.Now()
	if err := u.cfg.Store.RecordIntents(ctx, u.claim, intents, events); err != nil {
		return fmt.Errorf("recording what is to be written: %w", err)
	}
	u.confirmedAt = asked
	for _, s := range steps {
		s.corrected = false
		if s.op.State == access.OperationWritten { // in an earlier form; it needs another outcome now
			s.op.State, s.op.Written = access.OperationIntended, s.document
		}
	}
	return u.cfg.Fault(PointIntended)
}

// finish commits the target's end with all that was not recorded on the way.
func (u *push) finish(ctx context.Context) error {
	u.waitForOwn()
	r := result(u.steps, u.refusal)
	if at := u.continues(); !at.IsZero() && u.refusal == nil {
		r = access.TargetResult{State: access.TargetWaiting, Continue: at}
	}
	var outcomes []access.Outcome
	for i := range u.steps {
		s := &u.steps[i]
		if s.isIncomplete() && r.State != access.TargetWaiting {
			s.end(access.OperationSkipped, "Nothing was written: the document is live without the part that depends on other documents.")
		}
		if !s.recorded && !s.isIncomplete() {
			outcomes = append(outcomes, u.outcome(s))
		}
	}
	r.Calls = u.callsMade()
	for _, res := range u.scope.Resources {
		if d, ok := u.live[res]; ok {
			r.Live = append(r.Live, d)
		}
	}
	if _, err := u.cfg.Store.FinishTarget(ctx, u.claim, outcomes, r, u.endEvents(r)); err != nil {
		return fmt.Errorf("recording the end of the target: %w", err)
	}
	return u.cfg.Fault(PointFinished)
}

// cannotRecord reports whether another try would meet the same error: the store refuses what the
// push has found, or has done so for as long as an account may stay unreachable. A database that
// does not answer is waited for.
func (u *push) cannotRecord(err error) bool {
	switch access.KindOf(err) {
	case access.KindInvalid:
		return true
	case access.KindUnavailable:
		return false
	default:
		started := u.claim.Target.StartedAt
		return !started.IsZero() && u.now().Sub(started) >= u.cfg.GiveUp
	}
}

// finishUnrecorded ends a target as failed without what the push has found, which the store refuses.
// It asks for the operations again, because some may have ended since the claim.
func (u *push) finishUnrecorded(ctx context.Context, why error) error {
	ops, err := u.cfg.Store.Operations(ctx, u.claim.Target.RolloutID, u.claim.Target.Account)
	if err != nil {
		return fmt.Errorf("reading the operations of the target: %w", err)
	}
	var outcomes []access.Outcome
	for _, op := range ops {
		if d := refusedOperation(op); !d.recorded {
			outcomes = append(outcomes, access.Outcome{OperationID: op.ID, State: d.state, Message: d.message})
		}
	}
	r := access.TargetResult{
		State: access.TargetFailed, Class: access.CloudUnknown, Cause: "the console cannot record what became of the target",
		Message: "The console cannot record what became of this target: " + sentence(why.Error()),
		Advice:  "Look at the documents in AWS and at the log of the console, and retry the target.",
		Calls:   u.callsMade(),
	}
	if _, err := u.cfg.Store.FinishTarget(ctx, u.claim, outcomes, r, u.endEvents(r)); err != nil {
		return fmt.Errorf("recording that the target failed: %w", err)
	}
	return nil
}

// endEvents is the audit event of the end; none for a target in which nothing was done.
func (u *push) endEvents(r access.TargetResult) []access.AuditEvent {
	if r.State == access.TargetUnchanged || r.State == access.TargetWaiting && !u.wroteAny() {
		return nil
	}
	counts := map[access.OperationState]int{}
	for i := range u.steps {
		counts[u.steps[i].state]++
	}
	detail := map[string]any{"operations": counts, "claim": u.claim.Number}
	if r.Message != "" {
		detail["message"], detail["class"] = r.Message, r.Class
	}
	action := "target." + string(r.State)
	if r.State == access.TargetWaiting {
		action = "target.continues"
		detail["wave"], detail["pass"] = r.Continue.Wave, int(r.Continue.Pass)
	}
	return append(u.planEvents(), u.event(action, detail))
}

// wroteAny reports whether this push has written a document.
func (u *push) wroteAny() bool {
	return len(those(u.steps, func(s *step) bool { return s.sent && s.state == access.OperationWritten })) > 0
}

// isIncomplete reports whether the document is live in the form that may be written now, without any write, and the
// rest of it is missing. Such an operation gets no outcome while the target continues.
func (s *step) isIncomplete() bool {
	return (!s.waits.IsZero() || len(s.leftOut) > 0) && s.state == access.OperationUnchanged &&
		s.op.State == access.OperationPlanned && !wasAttempted(s.op)
}

// outcome is a step's end as it is committed. For a document that was not written it
// keeps what was live.
func (u *push) outcome(s *step) access.Outcome {
	o := access.Outcome{OperationID: s.op.ID, State: s.state, Message: joinSentences(s.message, s.said())}
	if s.state == access.OperationConflict || s.state == access.OperationUnchanged || s.left {
		o.LiveBefore = u.live[s.op.Resource].Document
	}
	return o
}

func (u *push) event(action string, detail map[string]any) access.AuditEvent {
	return access.NewAuditEvent(access.System("rollout"), u.cfg.Now(), action, objectOfTarget(u.claim.Target), detail)
}

// callsMade counts the calls to AWS that this push has made so far.
func (u *push) callsMade() access.CallCount {
	return since(u.calls, u.cfg.Cloud.Counts(u.claim.Account.ID))
}

func since(before, after access.CallCount) access.CallCount {
	return access.CallCount{
		Calls: after.Calls - before.Calls, Attempts: after.Attempts - before.Attempts,
		Throttles: after.Throttles - before.Throttles, Writes: after.Writes - before.Writes,
	}
}

// backoff doubles a wait up to a limit.
func backoff(d, limit time.Duration) time.Duration { return min(2*d, limit) }
