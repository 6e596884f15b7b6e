package rollout

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// maxReason is the longest reason of an abort, in characters.
const maxReason = 500

// Pause stops the rollout from starting more targets. Targets in flight finish.
func (s *Service) Pause(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	return s.control(ctx, actor, id, "rollout.pause", nil, func(r *access.Rollout) error { return r.Pause(s.cfg.Now()) })
}

// Resume goes on after a pause or a halt.
func (s *Service) Resume(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	return s.control(ctx, actor, id, "rollout.resume", nil, (*access.Rollout).Resume)
}

// OverrideWindow lets a rollout that waits for its maintenance window run now. The override holds through
// the current wave or through all waves, until the rollout is paused or halts.
func (s *Service) OverrideWindow(ctx context.Context, actor access.Actor, id int64, reason string, allWaves bool) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	reason, err := reasonFor(reason, "it cannot wait for its maintenance window")
	if err != nil {
		return access.Rollout{}, err
	}
	said := map[string]any{"reason": reason}
	detail := func() map[string]any { return said }
	return s.controlWith(ctx, actor, id, "rollout.override_window", detail, func(r *access.Rollout, _ *access.WaveProgress) error {
		said["wave"], said["window_begins"] = r.Wave, r.Until
		if err := r.OverrideWindow(actor, reason, allWaves); err != nil {
			return err
		}
		said["through_wave"] = r.WindowOverride.Wave
		return nil
	})
}

// CheckAgain looks once more at the health of a wave that was found bad. What was found
// stays on record.
func (s *Service) CheckAgain(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	said := map[string]any{}
	return s.controlWith(ctx, actor, id, "rollout.check_again", func() map[string]any { return said }, func(r *access.Rollout, _ *access.WaveProgress) error {
		said["wave"], said["bad"] = r.Wave, r.ChecksBad
		return r.CheckAgain()
	})
}

// Abort ends the rollout for good: what waits is skipped, what is in flight ends.
func (s *Service) Abort(ctx context.Context, actor access.Actor, id int64, reason string) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	reason, err := reasonFor(reason, "the rollout is aborted")
	if err != nil {
		return access.Rollout{}, err
	}
	return s.control(ctx, actor, id, "rollout.abort", map[string]any{"reason": reason}, func(r *access.Rollout) error {
		return r.Abort(reason, s.cfg.Now())
	})
}

// Retry retries the failed and conflicting targets.
func (s *Service) Retry(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	return s.control(ctx, actor, id, "rollout.retry", nil, (*access.Rollout).Retry)
}

// RetryTarget retries one failed or conflicting target.
func (s *Service) RetryTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	return s.alterTarget(ctx, actor, id, account, "target.retry", nil, (*access.Rollout).RetryTarget)
}

// SkipTarget leaves out a target that waits.
func (s *Service) SkipTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID, reason string) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	reason, err := reasonFor(reason, "the account is skipped")
	if err != nil {
		return access.Rollout{}, err
	}
	return s.alterTarget(ctx, actor, id, account, "target.skip", map[string]any{"reason": reason}, func(r *access.Rollout, t *access.Target) error {
		t.Message = fmt.Sprintf("%s skipped it: %s", actor.Name, reason)
		return r.SkipTarget(t)
	})
}

// SetMaxInFlight changes how many accounts are in flight at once.
func (s *Service) SetMaxInFlight(ctx context.Context, actor access.Actor, id int64, maxInFlight int) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	was := 0
	detail := func() map[string]any { return map[string]any{"was": was, "max_in_flight": maxInFlight} }
	return s.controlWith(ctx, actor, id, "rollout.max_in_flight", detail, func(r *access.Rollout, _ *access.WaveProgress) error {
		was = r.Limit()
		return r.SetMaxInFlight(maxInFlight)
	})
}

// ApproveWave approves a wave, so that the rollout continues with the next one.
func (s *Service) ApproveWave(ctx context.Context, actor access.Actor, id int64, wave int) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	detail := func() map[string]any { return map[string]any{"wave": wave} }
	return s.controlWith(ctx, actor, id, "rollout.approve_wave", detail, func(r *access.Rollout, c *access.WaveProgress) error {
		return r.ApproveWave(c, actor.Ref(), wave)
	})
}

// Confirm says that the rollout is good, so that it is not rolled back automatically.
func (s *Service) Confirm(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	return s.controlWith(ctx, actor, id, "rollout.confirm", nil, func(r *access.Rollout, c *access.WaveProgress) error { return r.Confirm(c, actor.Ref(), s.cfg.Now()) })
}

// SkipQueue lets a rollout start ahead of the older rollouts that block it.
func (s *Service) SkipQueue(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	var blockedBy access.BlockedBy
	detail := func() map[string]any {
		return map[string]any{"rollout": blockedBy.Rollout, "targets": blockedBy.Targets}
	}
	return s.controlWith(ctx, actor, id, "rollout.skip_queue", detail, func(r *access.Rollout, _ *access.WaveProgress) error {
		blockedBy = r.BlockedBy
		return r.SkipQueue()
	})
}

func reasonFor(reason, what string) (string, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return "", access.Invalid("reason", "Say why %s; others will read it in the audit log.", what)
	case utf8.RuneCountInString(reason) > maxReason:
		return "", access.Invalid("reason", "The reason is longer than %d characters; shorten it.", maxReason)
	default:
		return reason, nil
	}
}

func (s *Service) alterTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID, action string, detail map[string]any, alter func(*access.Rollout, *access.Target) error) (access.Rollout, error) {
	return s.cfg.Store.UpdateTarget(ctx, id, account, func(r *access.Rollout, t *access.Target) ([]access.AuditEvent, error) {
		from := t.State
		if err := alter(r, t); err != nil {
			return nil, err
		}
		said := map[string]any{"from": from, "to": t.State}
		maps.Copy(said, detail)
		return []access.AuditEvent{access.NewAuditEvent(actor, s.cfg.Now(), action, objectOfTarget(*t), said)}, nil
	})
}

// control alters a rollout under its lock and appends the audit event that says from
// which state to which.
func (s *Service) control(ctx context.Context, actor access.Actor, id int64, action string, detail map[string]any, alter func(*access.Rollout) error) (access.Rollout, error) {
	return s.controlWith(ctx, actor, id, action, func() map[string]any { return detail }, func(r *access.Rollout, _ *access.WaveProgress) error { return alter(r) })
}

func (s *Service) controlWith(ctx context.Context, actor access.Actor, id int64, action string, detail func() map[string]any, alter func(*access.Rollout, *access.WaveProgress) error) (access.Rollout, error) {
	return s.cfg.Store.UpdateProgress(ctx, id, func(r *access.Rollout, c *access.WaveProgress) ([]access.AuditEvent, error) {
		from, counts := r.State, r.Counts
		if err := alter(r, c); err != nil {
			return nil, err
		}
		said := map[string]any{"from": from, "to": r.State, "ended": counts.Ended(), "targets": counts.Total()}
		if detail != nil {
			maps.Copy(said, detail())
		}
		return []access.AuditEvent{access.NewAuditEvent(actor, s.cfg.Now(), action, objectOf(id), said)}, nil
	})
}

func objectOf(rollout int64) string { return fmt.Sprintf("rollout/%d", rollout) }

func objectOfTarget(t access.Target) string {
	return fmt.Sprintf("rollout/%d/%s", t.RolloutID, t.Account)
}
