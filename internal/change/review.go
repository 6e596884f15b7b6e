package change

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/planning"
)

// Review records a verdict on what the reviewer saw: digest says what that was.
func (s *Service) Review(ctx context.Context, actor access.Actor, id int64, verdict access.Verdict, digest, comment string, options ...Option) (access.Change, error) {
	if err := authz.Require(actor, authz.ReviewChange); err != nil {
		return access.Change{}, err
	}
	step := stepOf(options)
	own, warnings, err := s.mayApprove(ctx, actor, id, verdict, step)
	if err != nil {
		return access.Change{}, err
	}
	return s.store.UpdateChange(ctx, id, func(c *access.Change) (Decision, error) {
		at := s.at()
		if err := step.holds(c); err != nil {
			return Decision{}, err
		}
		if err := step.shows(c.Base, warnings); err != nil {
			return Decision{}, err
		}
		overridden, err := step.override(c, actor, own, at)
		if err != nil {
			return Decision{}, err
		}
		afterwards := c.Flagged()
		expired := c.ExpireReviews(at)
		if err := c.Review(actor, verdict, digest, comment, at); err != nil {
			return Decision{}, err
		}
		c.SawWarnings(warnings)
		detail := map[string]any{"digest": digest, "base": c.Base, "state": c.State, "approvals": c.Approvals()}
		if afterwards {
			detail["afterwards"] = true
		}
		if comment != "" {
			detail["comment"] = comment
		}
		if len(expired) > 0 {
			detail["expired"] = approvalsOf(expired)
		}
		reviewed := access.NewAuditEvent(actor, at, "change."+string(verdict), object(id), detail)
		return Decision{Events: append(overridden, reviewed)}, nil
	})
}

// mayApprove asks the lock-out guard of the approver's own address, and returns what it
// has found, with the digest of the warnings that the approver is shown. What cannot be planned
// now is for the apply to refuse.
func (s *Service) mayApprove(
	ctx context.Context, actor access.Actor, id int64, verdict access.Verdict, step stepOptions,
) (own []access.Guard, warnings string, err error) {
	if verdict != access.VerdictApprove {
		return nil, "", nil
	}
	c, err := s.store.Change(ctx, id)
	if err != nil || c.State != access.ChangeInReview {
		return nil, "", err
	}
	d, err := s.cachedDraft(ctx, c)
	switch kind := access.KindOf(err); {
	case err != nil && (kind == access.KindConflict || kind == access.KindInvalid):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	}
	own = planning.OwnLockOuts(actor, d.Impact, d.settings)
	tried := trial(c)
	if _, err := step.override(tried, actor, own, s.at()); err != nil {
		return nil, "", err
	}
	return own, d.warnings, tried.Unconfirmed(own, actor)
}

// WithdrawReview takes back the actor's own approval of a change that is not applied yet.
func (s *Service) WithdrawReview(
	ctx context.Context, actor access.Actor, id int64, options ...Option,
) (access.Change, error) {
	if err := authz.Require(actor, authz.ReviewChange); err != nil {
		return access.Change{}, err
	}
	return s.store.UpdateChange(ctx, id, func(c *access.Change) (Decision, error) {
		if err := stepOf(options).holds(c); err != nil {
			return Decision{}, err
		}
		at := s.at()
		if err := c.WithdrawReview(actor, at); err != nil {
			return Decision{}, err
		}
		detail := map[string]any{"digest": c.Digest, "state": c.State, "approvals": c.Approvals()}
		if c.Schedule != nil && c.Schedule.Outcome != "" {
			detail["schedule"] = c.Schedule.Outcome
		}
		event := access.NewAuditEvent(actor, at, "change.withdraw_review", object(id), detail)
		return Decision{Events: []access.AuditEvent{event}}, nil
	})
}

// Withdraw withdraws a change. Its author may do so, and an admin.
func (s *Service) Withdraw(ctx context.Context, actor access.Actor, id int64, options ...Option) (access.Change, error) {
	if err := requireAny(actor, authz.EditChange, authz.WithdrawAny); err != nil {
		return access.Change{}, err
	}
	return s.store.UpdateChange(ctx, id, func(c *access.Change) (Decision, error) {
		if err := stepOf(options).holds(c); err != nil {
			return Decision{}, err
		}
		at := s.at()
		was := c.State
		if err := c.Withdraw(actor, at); err != nil {
			return Decision{}, err
		}
		return Decision{Events: []access.AuditEvent{access.NewAuditEvent(actor, at, "change.withdraw", object(id), map[string]any{"was": was})}}, nil
	})
}

// requireAny asks for one of several permissions and names the first in its refusal.
func requireAny(actor access.Actor, permissions ...authz.Permission) error {
	for _, p := range permissions {
		if authz.Can(actor, p) {
			return nil
		}
	}
	return authz.Require(actor, permissions[0])
}
