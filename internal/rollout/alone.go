package rollout

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/order"
)

// RollBack rolls a rollout back: waiting targets are skipped, and a separate rollout restores the documents that were
// replaced, with the desired state as it was before. A document that another person has edited since is left alone and
// reported as a conflict. One person decides that alone, so access.Rollout.RollBack limits it to rollouts that only
// grant access and wrote their documents last, and the person's earlier act alone must have been reviewed.
func (s *Service) RollBack(ctx context.Context, actor access.Actor, id int64, reason string) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	reason, err := reasonFor(reason, "the rollout is rolled back")
	if err != nil {
		return access.Rollout{}, err
	}
	if err := s.mayRollBack(ctx, id); err != nil {
		return access.Rollout{}, err
	}
	plan, err := s.planBack(ctx, id)
	if err != nil {
		return access.Rollout{}, err
	}
	opens := opensText(order.Opens(plan))
	r, err := s.cfg.Store.RollBack(ctx, id, actor.Ref(), func(
		r *access.Rollout, _ *access.WaveProgress, f access.RollbackFacts,
	) ([]access.AuditEvent, error) {
		from, counts := r.State, r.Counts
		f.Opens = opens
		if err := r.RollBack(actor.Ref(), reason, s.cfg.Now(), f); err != nil {
			return nil, err
		}
		said := map[string]any{"from": from, "to": r.State, "ended": counts.Ended(), "targets": counts.Total()}
		maps.Copy(said, map[string]any{"reason": reason})
		event := access.NewAuditEvent(actor, s.cfg.Now(), "rollout.roll_back", objectOf(id), said)
		return []access.AuditEvent{event}, nil
	})
	if err != nil {
		return access.Rollout{}, err
	}
	if err := s.rollBackOn(ctx, id); err != nil { // it is tried again within a second
		s.cfg.Log.Warn("starting a rollback failed, will try again", "rollout", id, "error", err)
		return r, nil
	}
	return s.cfg.Store.Rollout(ctx, id)
}

// RollBackWithin is how long after its end a rollout can be rolled back by one person.
func (s *Service) RollBackWithin(ctx context.Context, actor access.Actor) (time.Duration, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return 0, err
	}
	settings, err := s.cfg.Store.Settings(ctx)
	return settings.MayRollBackWithin(), err
}

// mayRollBack refuses early what the transaction would refuse, before the written documents are read.
func (s *Service) mayRollBack(ctx context.Context, id int64) error {
	r, err := s.cfg.Store.Rollout(ctx, id)
	if err != nil {
		return err
	}
	settings, err := s.cfg.Store.Settings(ctx)
	if err != nil {
		return err
	}
	return r.CanRollBack(s.cfg.Now(), settings.MayRollBackWithin())
}

// opensText names the first few of those whom documents let in.
func opensText(gains []order.Gain) string {
	if len(gains) == 0 {
		return ""
	}
	const few = 3
	var texts []string
	for _, g := range gains[:min(len(gains), few)] {
		texts = append(texts, g.Principal+" could assume "+g.Role)
	}
	text := strings.Join(texts, ", ")
	if more := len(gains) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + "."
}
