package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
)

// Probing is how a role is assumed as the probe user, from the console's own address.
type Probing func(ctx context.Context, account access.Account, role access.RoleName) (access.ProbeAnswer, error)

// Check does one check of the health of a wave. It records nothing if its claim is lost or its
// lease has expired: the check was or will be requeued. A *SnoozeError asks to be called again.
func (p *Pusher) Check(ctx context.Context, rollout int64, wave, seq int) error {
	if err := p.cfg.unusable(); err != nil {
		return err
	}
	asked := time.Now()
	c, ok, err := p.cfg.Store.ClaimCheck(ctx, rollout, wave, seq, p.cfg.Lease)
	if err != nil || !ok {
		return err
	}
	log := p.cfg.Log.With("rollout", rollout, "wave", wave, "check", seq, "account", c.Account)
	claimed, lease := keepLease(ctx, p.cfg.Lease, log, asked, func(ctx context.Context, lease time.Duration) error {
		return p.cfg.Store.RenewCheck(ctx, c, lease)
	})
	defer lease.stop()
	watched := &Pusher{cfg: p.cfg}
	watched.cfg.Cloud = watchedCloud{Cloud: p.cfg.Cloud, asks: func(access.AccountID) {}, cancel: lease.cancel}
	good, message, err := watched.look(claimed, c)
	lost := lease.check(claimed)
	lease.stop()
	var later *SnoozeError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case lost != nil:
		log.Info("the check was left to its next claim", "reason", lost)
		return nil
	case errors.As(err, &later):
		return p.snoozeCheck(ctx, c, later)
	case err != nil:
		return err
	}
	err = p.cfg.Store.FinishCheck(ctx, c, good, message)
	if errors.Is(err, ErrClaimLost) {
		return nil
	}
	return err
}

// snoozeCheck keeps the claim until the job of the check is back and has claimed it again.
func (p *Pusher) snoozeCheck(ctx context.Context, c access.Check, later *SnoozeError) error {
	switch err := p.cfg.Store.RenewCheck(ctx, c, p.cfg.longestCheckLease()); {
	case errors.Is(err, ErrClaimLost):
		return nil
	case err != nil:
		return errors.Join(err, later.Err)
	default:
		return later
	}
}

// longestCheckLease is how long a snoozed check is leased for: through its snooze, and as long as a
// lease for its job to start.
func (c Config) longestCheckLease() time.Duration { return c.SnoozeFor + c.Lease }

func (p *Pusher) look(ctx context.Context, c access.Check) (good bool, message string, err error) {
	account, err := p.cfg.Store.Account(ctx, c.Account)
	if access.KindOf(err) == access.KindNotFound {
		return false, "The account is no longer in the organization.", nil
	}
	if err != nil {
		return false, "", err
	}
	if c.Kind == access.CheckProbe {
		return p.probe(ctx, c, account)
	}
	return p.readBack(ctx, c, account)
}

// readBack compares what is live with what the rollout has left, by meaning.
func (p *Pusher) readBack(ctx context.Context, c access.Check, account access.Account) (good bool, message string, err error) {
	operations, err := p.cfg.Store.Operations(ctx, c.RolloutID, c.Account)
	if err != nil {
		return false, "", err
	}
	target, err := p.cfg.Store.Target(ctx, c.RolloutID, c.Account)
	if err != nil {
		return false, "", err
	}
	if c.Tries() < checkTries { // since when AWS does not answer the push has nothing to do with it
		target.StartedAt = time.Time{}
	}
	u := newPush(p.cfg, access.Claim{Rollout: access.Rollout{ID: c.RolloutID}, Target: target, Account: account, Operations: operations}, nil)
	if err := u.read(ctx); err != nil {
		return false, "", err
	}
	if u.refusal != nil {
		return false, "It could not be read back. " + u.refusal.message, nil
	}
	for i := range u.steps {
		s := &u.steps[i]
		asLeft, err := u.asLeft(ctx, s)
		if err != nil {
			return false, "", err
		}
		if !asLeft {
			return false, fmt.Sprintf("The %s is no longer what the rollout has left.", s.op.Resource), nil
		}
	}
	return true, "", nil
}

// asLeft reports whether a document is as its operation has left it. An operation that did not
// succeed was reported by its target. Whom the push has left out of a trust policy, since they were
// gone, is not missed in it.
func (u *push) asLeft(ctx context.Context, s *step) (bool, error) {
	if s.op.State != access.OperationWritten && s.op.State != access.OperationUnchanged {
		return true, nil
	}
	live := u.live[s.op.Resource]
	if !live.Exists && s.op.Resource.Kind != access.ResourcePolicy {
		return s.op.Kind == access.OpDeleteUserPolicy || s.op.Kind == access.OpAttachments && s.op.OursAfter == "", nil
	}
	u.nameRecreated(s)
	u.leaveOutMissing(s)
	if u.asDesired(s, live) || s.op.State == access.OperationWritten && leftByOurs(s.op.Kind, s.op.Written, live.Document, u.ids) {
		return true, nil
	}
	if s.op.Kind != access.OpTrustPolicy {
		return false, nil
	}
	if _, err := u.lookForUsers(ctx, s); err != nil {
		return false, err
	}
	u.leaveOutMissing(s)
	return u.asDesired(s, live), nil
}

func (u *push) asDesired(s *step, live access.LiveDocument) bool {
	document, _, err := desiredDocument(s.op, live.Document)
	return err == nil && sameOf(s.op, live.Document, document, u.ids)
}

func (p *Pusher) probe(ctx context.Context, c access.Check, account access.Account) (good bool, message string, err error) {
	if p.cfg.Probe == nil {
		return false, "No probe user is configured: set PORTCULLIS_PROBE_ACCESS_KEY_ID and PORTCULLIS_PROBE_SECRET_ACCESS_KEY, or remove the probes from the strategy.", nil
	}
	answer, err := p.cfg.Probe(ctx, account, c.Role)
	switch class := access.CloudClassOf(err); {
	case err == nil:
	case ctx.Err() != nil:
		return false, "", context.Cause(ctx)
	case class == access.CloudThrottled || class == access.CloudUnreachable && c.Tries() < checkTries:
		return false, "", &SnoozeError{After: p.cfg.SnoozeFor, Err: err}
	default:
		return false, "The probe got no answer that tells. " + newRefusal(err).message, nil
	}
	switch {
	case answer.Allowed == c.Allowed && answer.Allowed:
		return true, "The probe user was let in, as expected.", nil
	case answer.Allowed == c.Allowed:
		return true, "The probe user was refused, as expected.", nil
	case answer.Allowed:
		return false, fmt.Sprintf("The probe user was let into %s, and should have been refused.", c.Role), nil
	default:
		return false, fmt.Sprintf("The probe user was refused by %s, and should have been let in: %s", c.Role, sentence(answer.Message)), nil
	}
}

// checkTries is how often a check is tried while AWS gives no answer.
const checkTries = 5

type checkWorker struct {
	river.WorkerDefaults[jobs.CheckWave]
	pusher *Pusher
}

// Work does one check. A check that is snoozed keeps its job.
func (w *checkWorker) Work(ctx context.Context, job *river.Job[jobs.CheckWave]) error {
	err := w.pusher.Check(ctx, job.Args.RolloutID, job.Args.Wave, job.Args.Seq)
	var later *SnoozeError
	if errors.As(err, &later) {
		return river.JobSnooze(later.After)
	}
	return err
}

// Timeout bounds one check. Its lease is renewed until then.
func (w *checkWorker) Timeout(*river.Job[jobs.CheckWave]) time.Duration { return JobTimeout }

// NextRetry comes when the claim of the failed attempt has run out.
func (w *checkWorker) NextRetry(*river.Job[jobs.CheckWave]) time.Time {
	return time.Now().Add(w.pusher.cfg.Lease)
}
