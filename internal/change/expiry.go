package change

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// TimeStore is what the service needs of the database for expiries and schedules.
type TimeStore interface {
	// Expiring lists entries at the head that expire until a time or have expired, the
	// soonest first; all of them where limit is 0.
	Expiring(ctx context.Context, until time.Time, limit int) ([]access.Expiring, error)
	// Expiries are the composed expiries that wait, the soonest first.
	Expiries(ctx context.Context) ([]access.Change, error)
	// Scheduled are the changes whose schedule is due and was neither kept nor reported.
	Scheduled(ctx context.Context, until time.Time) ([]access.Change, error)
	// Missed are the open changes whose schedule was not kept.
	Missed(ctx context.Context, limit int) ([]access.Change, error)

	Revisions(ctx context.Context, q access.PageQuery) (access.Page[access.Revision], error)
	Revision(ctx context.Context, number int64) (access.Revision, error)
}

var expirySystem = access.System("expiry")

// Expiring lists the entries that expire within the days of notice that the settings
// give, or have expired and are being removed.
func (s *Service) Expiring(ctx context.Context, actor access.Actor, limit int) ([]access.Expiring, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	horizon, _, err := s.horizon(ctx)
	if err != nil {
		return nil, err
	}
	return s.store.Expiring(ctx, horizon, limit)
}

// horizon is the end of the notice, and the head whose settings say so.
func (s *Service) horizon(ctx context.Context) (time.Time, int64, error) {
	head, err := s.store.Head(ctx)
	if err != nil {
		return time.Time{}, 0, err
	}
	state, err := s.store.State(ctx, head)
	if err != nil {
		return time.Time{}, 0, err
	}
	return s.at().AddDate(0, 0, state.Settings.OrDefault().ExpiryNoticeDays), head, nil
}

// settings are those of the head, with what is unset at its default.
func (s *Service) settings(ctx context.Context) (access.Settings, error) {
	state, err := s.headState(ctx)
	return state.Settings.OrDefault(), err
}

// KeepTime does what is due: it composes expiries ahead, rolls out those whose time has come, and
// applies what was scheduled. Any replica may call it at any time, also several at once: each step
// is done under a lock and once. A failing step does not block the others.
func (s *Service) KeepTime(ctx context.Context) error {
	return errors.Join(s.composeExpiries(ctx), s.rollOutExpiries(ctx), s.keepSchedules(ctx))
}

// composeExpiries brings the composed expiries in line with what is going to expire.
func (s *Service) composeExpiries(ctx context.Context) error {
	horizon, head, err := s.horizon(ctx)
	if err != nil {
		return fmt.Errorf("composing expiries: %w", err)
	}
	entries, err := s.store.Expiring(ctx, horizon, 0)
	if err != nil {
		return fmt.Errorf("composing expiries: %w", err)
	}
	composed, err := s.store.Expiries(ctx)
	if err != nil {
		return fmt.Errorf("composing expiries: %w", err)
	}
	groups := byMoment(entries)
	var failed []error
	for _, c := range composed {
		group := groups[c.Expiry.At.UTC()]
		delete(groups, c.Expiry.At.UTC())
		failed = append(failed, s.recompose(ctx, c, head, group))
	}
	for _, group := range groups {
		failed = append(failed, s.composeExpiry(ctx, head, group))
	}
	return errors.Join(failed...)
}

func byMoment(entries []access.Expiring) map[time.Time][]access.Expiring {
	groups := map[time.Time][]access.Expiring{}
	for _, e := range entries {
		at := e.Entry.Expires.UTC()
		groups[at] = append(groups[at], e)
	}
	return groups
}

func (s *Service) composeExpiry(ctx context.Context, head int64, group []access.Expiring) error {
	at := s.at()
	c := access.NewExpiryChange(expirySystem, head, group, at)
	event := access.NewAuditEvent(expirySystem, at, "change.compose_expiry", "", map[string]any{"title": c.Title, "expires": c.Expiry.At, "set_by": c.Expiry.SetBy, "edits": c.Edits})
	_, err := s.store.CreateChange(ctx, c, event)
	if access.KindOf(err) == access.KindConflict {
		return nil // another replica was faster
	}
	return err
}

// recompose follows what became of a composed expiry's entries: they may have been
// removed or extended since, and others may expire at the same moment.
func (s *Service) recompose(ctx context.Context, c access.Change, head int64, group []access.Expiring) error {
	probe := c
	if expiry := *c.Expiry; len(group) > 0 {
		probe.Expiry = &expiry
		if !probe.Expire(head, group, s.at()) {
			return nil
		}
	}
	_, err := s.store.UpdateChange(ctx, c.ID, func(fresh *access.Change) (Decision, error) {
		if fresh.Version != c.Version || fresh.State != access.ChangeExpiring {
			return Decision{}, errMoved
		}
		at := s.at()
		if len(group) == 0 {
			if err := fresh.Lapse("Nothing is left to remove: the entries were removed before, or given another expiry.", at); err != nil {
				return Decision{}, err
			}
			return Decision{Events: []access.AuditEvent{access.NewAuditEvent(expirySystem, at, "change.lapse", object(c.ID), map[string]any{"expires": fresh.Expiry.At})}}, nil
		}
		fresh.Expire(head, group, at)
		detail := map[string]any{"title": fresh.Title, "set_by": fresh.Expiry.SetBy, "edits": fresh.Edits}
		return Decision{Events: []access.AuditEvent{access.NewAuditEvent(expirySystem, at, "change.recompose_expiry", object(c.ID), detail)}}, nil
	})
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}
