package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// maxSends is how often one document is sent while AWS loses the answers.
const maxSends = 3

// write writes the decided documents, one after the other. Before each attempt it
// checks the local lease. If the database has not confirmed the claim for longer than
// ConfirmClaimEvery, it also records the previous outcome, which re-checks the claim. The
// other outcomes are committed with the end of the target: an outcome that a crash has
// swallowed is found by reading, as the intent is there. A refusal ends its own operation
// only.
func (u *push) write(ctx context.Context) error {
	var sent *step
	for i := range u.steps {
		s := &u.steps[i]
		if !s.write {
			continue
		}
		if why := blockedBy(u.steps, s, u.claim.Account, (*step).hasFailed); why != "" {
			s.end(access.OperationFailed, why)
			s.cause = "it rests on another document that could not be set"
			continue
		}
		if why := blockedBy(u.steps, s, u.claim.Account, (*step).bad); why != "" { // it was edited meanwhile
			s.end(access.OperationSkipped, why)
			s.blocked = true
			continue
		}
		if why := blockedBy(u.steps, s, u.claim.Account, (*step).isPostponed); why != "" {
			s.later = errors.New(why)
			continue
		}
		if sent != nil && time.Since(u.confirmedAt) > u.cfg.ConfirmClaimEvery {
			if err := u.record(ctx, sent); err != nil {
				return err
			}
		}
		sent = nil
		if err := u.send(ctx, s); err != nil {
			return err
		}
		if s.later == nil {
			sent = s
		}
	}
	if later := those(u.steps, (*step).isPostponed); len(later) > 0 {
		return u.snoozeLater(later)
	}
	return nil
}

// freshFor is how long what was read is good for: a write that has waited longer for its
// turn, or was repeated for longer, reads its document anew.
const freshFor = 15 * time.Second

// askAgainMost bounds the wait between two tries of a document that AWS does not accept yet. The
// tries are few, because a burst of refused principals looks like an attempt to guess names.
const askAgainMost = 30 * time.Second

// snoozeLater asks for another try of documents that AWS does not accept yet. The delay grows.
func (u *push) snoozeLater(steps []*step) error {
	first := u.now()
	for _, s := range steps {
		if at := u.firstTried(s); at.Before(first) {
			first = at
		}
	}
	after := max(min(u.now().Sub(first), askAgainMost), u.cfg.SnoozeFor)
	for _, s := range steps {
		after = max(after, s.notBefore)
	}
	return &SnoozeError{After: after, Err: steps[0].later}
}

// send writes one document. Without an answer it reads to find out what became of it.
func (u *push) send(ctx context.Context, s *step) error {
	var silence error
	for range maxSends {
		err := u.sendOnce(ctx, s)
		var unanswered *noAnswerError
		if !errors.As(err, &unanswered) {
			return err
		}
		silence = unanswered.err
		if done, err := u.findOut(ctx, s); done || err != nil {
			return err
		}
	}
	if errors.Is(silence, errStale) || u.worthWaiting(silence) {
		return &SnoozeError{After: u.cfg.SnoozeFor, Err: silence}
	}
	s.refuse("", newRefusal(silence))
	return nil
}

// noAnswerError says that a write was sent and its effect is unknown: the connection was cut,
// or the answer was none of those that AWS gives to a refused write.
type noAnswerError struct{ err error }

func (e *noAnswerError) Error() string { return "the effect of a write is unknown: " + e.err.Error() }

// errStale says that a write was not sent, or not repeated, since what was read before it is
// too old to be written over. An earlier attempt may have taken effect.
var errStale = errors.New("what was read before the write is too old by now")

// whileFresh is the scope of one write. Its attempts may be many, where AWS throttles or
// fails, and all of them carry what others had in the document when it was read.
func (u *push) whileFresh(s *step) access.Scope {
	scope := u.scope
	scope.Held = func() error {
		if err := u.lease.checkExpiry(); err != nil {
			return err
		}
		if !s.fresh() || s.stale() {
			return errStale
		}
		return nil
	}
	return scope
}

func (s *step) fresh() bool { return time.Since(s.readAt) <= freshFor }

func (u *push) sendOnce(ctx context.Context, s *step) error {
	if err := u.cfg.Fault(PointWriting); err != nil {
		return err
	}
	if err := u.lease.check(ctx); err != nil {
		return err
	}
	if !s.fresh() {
		if done, err := u.findOut(ctx, s); done || err != nil {
			return err
		}
	}
	if done, err := u.checkOpened(ctx, s); done || err != nil {
		return err
	}
	s.sent = true
	sent := time.Now()
	err := u.cfg.Cloud.Write(ctx, u.whileFresh(s), access.Write{Resource: s.op.Resource, Document: s.document})
	if fault := u.cfg.Fault(PointWrote); fault != nil {
		return fault
	}
	switch class := access.CloudClassOf(err); {
	case err == nil:
		s.end(access.OperationWritten, s.message)
		s.wrote, s.wroteAt = true, sent
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case class == access.CloudUnreachable || class == access.CloudUnknown || errors.Is(err, errStale):
		return &noAnswerError{err}
	case class == access.CloudThrottled:
		return &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
	case class == access.CloudBusy && u.worthWaiting(err): // the other documents of the account need not wait
		s.later = err
	case class == access.CloudInvalidPrincipal && s.op.Kind == access.OpTrustPolicy:
		again, err := u.refusedPrincipal(ctx, s, err)
		if err != nil || !again {
			return err
		}
		return u.sendOnce(ctx, s)
	case class == access.CloudGone && (s.op.Resource.Kind == access.ResourceUser || s.op.Resource.Kind == access.ResourceAttachments):
		return u.notThere(ctx, s, err)
	case class == access.CloudDenied && s.op.Resource.Kind != access.ResourcePolicy:
		return u.notThere(ctx, s, err)
	default:
		s.refuse("", newRefusal(err))
	}
	return nil
}

// findOut reads one document after a write without an answer, or before one that comes
// late. done is false where the document before is still there, so that the write may be
// sent again: with what others have in it by now.
func (u *push) findOut(ctx context.Context, s *step) (done bool, err error) {
	asked := time.Now()
	docs, err := u.cfg.Cloud.Read(ctx, u.scope, []access.Resource{s.op.Resource})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case u.worthWaiting(err):
		return false, &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
	case s.sent:
		s.refuse("It is not known whether the write took effect: AWS did not answer it, and the document could not be read afterwards. ", newRefusal(err))
		return true, nil
	default:
		s.refuse("It was not written, since it could not be read once more. ", newRefusal(err))
		return true, nil
	}
	u.live[s.op.Resource], s.readAt = docs[0], asked
	u.formTrust(s)
	op := s.op
	if s.sent {
		op.State, op.Written, op.IntendedAt = access.OperationIntended, s.document, u.firstTried(s)
	}
	d := u.decideFrom(s, op, docs[0])
	if d.write && sameOf(op, d.document, s.document, u.ids) {
		return false, nil
	}
	s.decision = d
	u.correct(s, op.Written, docs[0]) // the form that may be written now may be live already
	if d.write || s.corrected {
		return !d.write, u.intendTo(ctx, []*step{s})
	}
	return true, nil
}

// record commits the outcome of a step. This also renews the claim and tells whether it is still
// valid.
func (u *push) record(ctx context.Context, s *step) error {
	asked := time.Now()
	if err := u.cfg.Store.RecordOutcome(ctx, u.claim, u.outcome(s), u.cfg.Lease); err != nil {
		return fmt.Errorf("recording the outcome of %s: %w", s.op.Resource, err)
	}
	u.lease.extend(asked)
	u.confirmedAt = asked
	s.recorded = true
	return u.cfg.Fault(PointRecorded)
}

func (s *step) end(state access.OperationState, message string) {
	s.write, s.state, s.message = false, state, message
}

// refuse ends the operation in a failure, in the refusal's words after those given.
func (s *step) refuse(before string, r refusal) {
	s.end(access.OperationFailed, before+r.message)
	s.class, s.code, s.cause, s.advice = r.class, r.code, r.cause, r.advice
}
