package change

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// errMoved says that the head moved between planning and the transaction.
var errMoved = errors.New("the head has moved")

// ApplyRequest is what an operator decides when they apply a change.
type ApplyRequest struct {
	Digest   string // of the change as the operator saw it
	Strategy string // the name of the rollout's strategy; "" for the default
}

// Apply makes an approved change the next revision and starts its rollout, in one
// transaction. When the head has moved since the plan was frozen, the change is worked out on the
// new head. If anything that the reviewers were shown differs there, or the same objects were
// edited, the change is conflicted and nothing is applied. Otherwise its reviews are kept, and the
// audit log names both revisions.
func (s *Service) Apply(
	ctx context.Context, actor access.Actor, id int64, r ApplyRequest, options ...Option,
) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ApplyChange); err != nil {
		return access.Rollout{}, err
	}
	strategy, err := s.strategyNamed(ctx, r.Strategy)
	if err != nil {
		return access.Rollout{}, err
	}
	return s.apply(ctx, id, application{actor: actor, digest: r.Digest, strategy: strategy, step: stepOf(options)})
}

// apply tries again while other changes move the head between planning and the transaction.
func (s *Service) apply(ctx context.Context, id int64, a application) (access.Rollout, error) {
	for range 5 {
		r, err := s.tryApply(ctx, id, a)
		if !errors.Is(err, errMoved) {
			return r, err
		}
	}
	return access.Rollout{}, access.Errorf(access.KindConflict, "Other changes are being applied at this moment. Try again.")
}

// application is how a change is applied: with its reviews or alone, by breaking the glass or in the mode single
// administrator.
type application struct {
	actor  access.Actor
	digest string
	alone  bool
	single bool
	reason string

	strategy string
	step     stepOptions
}

// do applies the change. Whether it may be applied alone was checked before.
func (a application) do(c *access.Change, revision int64, at time.Time) error {
	if a.alone {
		return c.ApplyAlone(a.actor, a.digest, a.reason, revision, at)
	}
	if a.single {
		return c.ApplySingle(a.actor, a.digest, revision, at)
	}
	return c.Apply(a.digest, revision, at)
}

func (s *Service) tryApply(ctx context.Context, id int64, a application) (access.Rollout, error) {
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return access.Rollout{}, err
	}
	if err := a.step.holds(&c); err != nil {
		return access.Rollout{}, err
	}
	if a.single, err = s.appliesSingle(c, a); err != nil {
		return access.Rollout{}, err
	}
	if c.State != access.ChangeApproved || c.Digest != a.digest {
		if err := a.do(trial(c), 0, s.at()); err != nil { // says why not
			return access.Rollout{}, err
		}
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.Rollout{}, err
	}
	d, err := s.recompilePlan(ctx, c, head)
	if err != nil {
		return access.Rollout{}, s.markConflicted(ctx, c, err)
	}
	if why := c.Difference(d.onBase(head, c.Edits)); why != "" && head != c.Base && !a.alone {
		return access.Rollout{}, s.markConflicted(ctx, c, errDiffers(c, head, why))
	}
	if err := s.checkPermitted(trial(c), a, d); err != nil {
		return access.Rollout{}, err
	}
	if a.alone && c.Reverts != 0 {
		if err := s.checkReadmits(ctx, c, d); err != nil {
			return access.Rollout{}, err
		}
	}
	rollout := s.newRollout(a.actor, c.Title, c.ID, head+1)
	rollout.LeftBehind = len(d.LeftBehind)
	if rollout.Revokes, err = s.revokes(ctx, d, head, c.Edits); err != nil {
		return access.Rollout{}, err
	}
	strategy, err := s.strategyAt(ctx, head, a.strategy)
	if err != nil {
		return access.Rollout{}, err
	}
	staging, err := s.stage(ctx, &rollout, strategy, d.Plan)
	if err != nil {
		return access.Rollout{}, err
	}
	var reopened error
	r, err := s.store.ApplyChange(ctx, id, func(fresh *access.Change, now int64) (Application, error) {
		reopened = nil
		if now != head {
			return Application{}, errMoved
		}
		if err := a.step.holds(fresh); err != nil {
			return Application{}, err
		}
		if err := checkUnmoved(fresh, c, "acted on"); err != nil {
			return Application{}, err
		}
		fresh.Dangers = d.dangers
		if a.single && !fresh.Groups.FourEyes(s.single).Single() {
			return Application{}, errNotSingle
		}
		if made, why := s.reassess(fresh, a, d.needs); why != nil {
			reopened = why
			return made, nil //nolint:nilerr // the reopened change is saved, and reopened says why
		}
		overridden, err := a.step.override(fresh, a.actor, d.guards(a.actor), s.at())
		if err != nil {
			return Application{}, err
		}
		detail := map[string]any{"strategy": staging.Strategy, "left_behind": idsOf(d.LeftBehind)}
		made, err := s.applyApproved(fresh, a, d, head, detail)
		made.Rollout, made.Staging, made.Events = rollout, staging, append(overridden, made.Events...)
		made.Digests = d.digests
		return made, err
	})
	if err == nil && reopened != nil {
		return access.Rollout{}, reopened
	}
	return r, err
}

var errNotSingle = access.Errorf(access.KindConflict, "A second person has been vouched for in this moment. The change needs a review.")

// appliesSingle reports whether a change in review is applied in the mode single administrator. It refuses one that
// cannot be approved because all people are one group, and says why.
func (s *Service) appliesSingle(c access.Change, a application) (bool, error) {
	if a.alone || a.actor.Kind == access.ActorSystem || c.State != access.ChangeInReview {
		return false, nil
	}
	switch f := c.Groups.FourEyes(s.single); {
	case f.Single():
		return true, nil
	case !f.InForce():
		return false, access.Errorf(access.KindConflict, "%s", c.Groups.OneGroup(f))
	default:
		return false, nil
	}
}

// trial is a copy on which a step can be tried.
func trial(c access.Change) *access.Change {
	c.Reviews, c.GuardOverrides = slices.Clone(c.Reviews), slices.Clone(c.GuardOverrides)
	return &c
}

// checkPermitted asks the lock-out guards and, if the change is applied without its reviews, the settings.
func (s *Service) checkPermitted(c *access.Change, a application, d draft) error {
	if a.alone && !d.settings.BreakGlassAllowed {
		return access.Errorf(access.KindForbidden, "The settings do not let anybody apply a change alone. It needs %s.", c.MissingText())
	}
	if _, err := a.step.override(c, a.actor, d.guards(a.actor), s.at()); err != nil {
		return err
	}
	return c.Unconfirmed(d.guards(a.actor), a.actor)
}

// recompilePlan compiles once more and compares with what was approved: also on the same
// revision an expiry may have passed or an account may have gone.
func (s *Service) recompilePlan(ctx context.Context, c access.Change, head int64) (draft, error) {
	d, err := s.draft(ctx, c, head)
	if err != nil {
		return draft{}, err
	}
	if err := d.refusal(); err != nil {
		return draft{}, err
	}
	frozen, err := s.store.Plan(ctx, c.ID)
	if err != nil {
		return draft{}, err
	}
	digests, digest := frozen.Digests()
	if digest != c.Documents {
		return draft{}, access.Errorf(access.KindConflict, "The stored plan of this change is not the one that was approved: "+
			"its rows in the database have been altered. Nothing was written. "+
			"Find out who did it, then rebase the change and have it reviewed again.")
	}
	if writesOf(frozen) != writesOf(d.Plan) {
		return draft{}, access.Errorf(access.KindConflict, "What this change would write is no longer what was approved: "+
			"the desired state, an expiry or the accounts have moved since. Rebase it and have it reviewed again.")
	}
	d.digests = digests
	return d, nil
}

// writesOf is a digest of what a plan writes. A document that is merged into the live one at the push
// counts by our part only, because the rest may change until then.
func writesOf(p access.Plan) [sha256.Size]byte {
	sum := sha256.New()
	for t := range p.Targets() {
		for _, op := range t.Operations {
			whole := ""
			if op.Kind == access.OpUserPolicy || op.Kind == access.OpUserSidePolicy {
				whole = op.After
			}
			fmt.Fprintf(sum, "%s %s %s %q %q\n", t.Account, op.Kind, op.Resource, op.OursAfter, whole)
		}
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// markConflicted marks the change as conflicted and returns the reason as an error.
func (s *Service) markConflicted(ctx context.Context, c access.Change, why error) error {
	kind := access.KindOf(why)
	if kind != access.KindConflict && kind != access.KindInvalid {
		return why
	}
	_, err := s.store.UpdateChange(ctx, c.ID, func(fresh *access.Change) (Decision, error) {
		if err := checkUnmoved(fresh, c, "edited"); err != nil {
			return Decision{}, err
		}
		at := s.at()
		if err := fresh.Conflict(access.MessageOf(why), at); err != nil {
			return Decision{}, err
		}
		event := access.NewAuditEvent(access.System("change"), at, "change.conflict", object(c.ID), map[string]any{"why": access.MessageOf(why)})
		return Decision{Events: []access.AuditEvent{event}}, nil
	})
	if err != nil {
		return err
	}
	return access.Wrap(access.KindConflict, why, "%s", access.MessageOf(why))
}

func (s *Service) applyApproved(
	c *access.Change, a application, d draft, head int64, detail map[string]any,
) (Application, error) {
	at := s.at()
	var events []access.AuditEvent
	if c.Base != head && !a.alone && !a.single {
		var err error
		if events, err = s.keepReviews(c, a.actor, d.onBase(head, c.Edits), d.needs, at); err != nil {
			return Application{}, err
		}
	}
	missing := c.MissingText()
	if err := a.do(c, head+1, at); err != nil {
		return Application{}, err
	}
	action := "change.apply"
	detail["digest"], detail["revision"], detail["edits"] = a.digest, c.Revision, c.Edits
	switch {
	case a.alone:
		action, detail["reason"], detail["missing"] = "change.break_glass", c.BreakGlass.Reason, missing
	case a.single:
		detail["basis"], detail["missing"] = "single_administrator", missing
	}
	return Application{Events: append(events, access.NewAuditEvent(a.actor, at, action, object(c.ID), detail))}, nil
}

// errDiffers refuses to apply a change on a revision on which it is not what its reviewers were shown.
func errDiffers(c access.Change, head int64, why string) error {
	return access.Errorf(access.KindConflict,
		"The change was reviewed on revision %d. On revision %d, the newest, %s. Rebase it and have it reviewed again.",
		c.Base, head, why)
}

// ApplyAlone breaks the glass: somebody with that role applies a submitted change without
// the reviews it needs, with a reason, where the settings allow it. The change stays
// flagged until somebody else has reviewed it. What cannot wait for a review does not wait
// for waves either: it goes to all accounts at once.
func (s *Service) ApplyAlone(ctx context.Context, actor access.Actor, id int64, digest, reason string) (access.Rollout, error) {
	if err := authz.Require(actor, authz.BreakGlass); err != nil {
		return access.Rollout{}, err
	}
	a := application{actor: actor, digest: digest, alone: true, reason: reason, strategy: access.AtOnceStrategy}
	return s.apply(ctx, id, a)
}

func (s *Service) newRollout(actor access.Actor, title string, change, revision int64) access.Rollout {
	at := s.at()
	return access.Rollout{
		ChangeID: change, Title: title, Revision: revision, State: access.RolloutRunning, MaxInFlight: s.maxInFlight, MaxFailures: s.maxFailures,
		StartedBy: actor.Ref(), CreatedAt: at, StartedAt: at,
	}
}
