package change

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

var scheduleSystem = access.System("schedule")

// ScheduleRequest is what an operator decides when they schedule a change.
type ScheduleRequest struct {
	Digest      string        // of the change as the operator saw it
	At          time.Time     // when the console applies the change
	StartWithin time.Duration // how much later it may still apply it; 0 for the default
	Strategy    string        // the name of the rollout's strategy, which is read at that time; "" for the default
}

// Schedule makes the console apply an approved change at a time.
func (s *Service) Schedule(
	ctx context.Context, actor access.Actor, id int64, r ScheduleRequest, options ...Option,
) (access.Change, error) {
	if err := authz.Require(actor, authz.ApplyChange); err != nil {
		return access.Change{}, err
	}
	strategy, err := s.strategyNamed(ctx, r.Strategy)
	if err != nil {
		return access.Change{}, err
	}
	startWithin := cmp.Or(r.StartWithin, access.DefaultStartWithin)
	return s.store.UpdateChange(ctx, id, func(c *access.Change) (Decision, error) {
		if err := stepOf(options).holds(c); err != nil {
			return Decision{}, err
		}
		at := s.at()
		if err := c.ScheduleApply(actor, r.Digest, r.At.Truncate(time.Second), startWithin, at); err != nil {
			return Decision{}, err
		}
		c.Schedule.Strategy = strategy
		detail := map[string]any{
			"digest": r.Digest, "at": c.Schedule.At, "until": c.Schedule.Until, "strategy": strategy,
		}
		return Decision{Events: []access.AuditEvent{access.NewAuditEvent(actor, at, "change.schedule", object(id), detail)}}, nil
	})
}

// CancelSchedule removes the schedule; the change stays approved.
func (s *Service) CancelSchedule(ctx context.Context, actor access.Actor, id int64, options ...Option) (access.Change, error) {
	if err := authz.Require(actor, authz.ApplyChange); err != nil {
		return access.Change{}, err
	}
	return s.store.UpdateChange(ctx, id, func(c *access.Change) (Decision, error) {
		if err := stepOf(options).holds(c); err != nil {
			return Decision{}, err
		}
		at := s.at()
		was := c.Schedule
		if err := c.CancelSchedule(at); err != nil {
			return Decision{}, err
		}
		return Decision{Events: []access.AuditEvent{access.NewAuditEvent(actor, at, "change.unschedule", object(id), map[string]any{"was": was.At})}}, nil
	})
}

// keepSchedules applies what is due, and reports what cannot be.
func (s *Service) keepSchedules(ctx context.Context) error {
	due, err := s.store.Scheduled(ctx, s.at())
	if err != nil {
		return fmt.Errorf("keeping schedules: %w", err)
	}
	var failed []error
	for _, c := range due {
		if err := s.keepSchedule(ctx, c); err != nil {
			failed = append(failed, fmt.Errorf("applying change %d at its time: %w", c.ID, err))
		}
	}
	return errors.Join(failed...)
}

func (s *Service) keepSchedule(ctx context.Context, c access.Change) error {
	why := c.Unkept(s.at())
	if why == "" {
		var err error
		if why, err = s.mayStill(ctx, c.Schedule.By); err != nil {
			return err
		}
	}
	if why == "" {
		a := application{actor: scheduleSystem, digest: c.Schedule.Digest, strategy: c.Schedule.Strategy}
		_, err := s.apply(ctx, c.ID, a)
		switch kind := access.KindOf(err); {
		case err == nil:
			return nil
		case kind != access.KindConflict && kind != access.KindInvalid && kind != access.KindForbidden && kind != access.KindNotFound:
			return err // tried again until the time to start within ends
		}
		why = access.MessageOf(err)
	}
	return s.missSchedule(ctx, c, why)
}

// mayStill says why somebody may no longer have changes applied; "" when they may.
func (s *Service) mayStill(ctx context.Context, who access.PersonRef) (string, error) {
	people, err := s.store.People(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(people, func(p access.Person) bool { return p.ID == who.ID })
	if i < 0 || people[i].Disabled || !authz.Can(access.Actor{Kind: access.ActorPerson, PersonID: who.ID, Roles: people[i].Roles}, authz.ApplyChange) {
		return who.Name + ", who scheduled it, may no longer apply changes.", nil
	}
	return "", nil
}

// missSchedule notes why a schedule was not kept. Where another replica has applied the
// change or noted it already, there is nothing to note.
func (s *Service) missSchedule(ctx context.Context, c access.Change, why string) error {
	_, err := s.store.UpdateChange(ctx, c.ID, func(fresh *access.Change) (Decision, error) {
		same := fresh.Schedule != nil && fresh.Schedule.Digest == c.Schedule.Digest && fresh.Schedule.At.Equal(c.Schedule.At)
		if fresh.State == access.ChangeApplied || !same || fresh.Schedule.Outcome != "" {
			return Decision{}, errMoved
		}
		at := s.at()
		if err := fresh.MissSchedule(why, at); err != nil {
			return Decision{}, err
		}
		detail := map[string]any{"why": why, "at": fresh.Schedule.At, "until": fresh.Schedule.Until}
		return Decision{Events: []access.AuditEvent{access.NewAuditEvent(scheduleSystem, at, "change.schedule_missed", object(c.ID), detail)}}, nil
	})
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}
