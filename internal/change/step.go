package change

import (
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// An Option adds a condition or an override to a step. The step checks it against the change in its own
// transaction.
type Option func(*stepOptions)

// IfVersion makes the step fail with KindStale unless the change is still at version.
func IfVersion(version int64) Option {
	return func(s *stepOptions) { s.version, s.bound = version, true }
}

// AsShown makes a review fail with KindConflict unless the change still builds on the revision that the reviewer was
// shown, with the same warnings. warnings is View.Warnings; "" if the page showed none.
func AsShown(base int64, warnings string) Option {
	return func(s *stepOptions) { s.shown, s.base, s.warnings = true, base, warnings }
}

// OverrideGuards overrides findings of the lock-out guards in the step, as Confirm does before it.
func OverrideGuards(overrides ...GuardOverride) Option {
	return func(s *stepOptions) { s.overrides = append(s.overrides, overrides...) }
}

// GuardOverride names a finding of a lock-out guard.
type GuardOverride struct {
	Guard  access.GuardCode
	Object string
}

// stepOptions are the options of one step.
type stepOptions struct {
	version   int64
	bound     bool
	overrides []GuardOverride
	shown     bool
	base      int64
	warnings  string
}

func stepOf(options []Option) stepOptions {
	var s stepOptions
	for _, o := range options {
		o(&s)
	}
	return s
}

// holds refuses a change that has changed since it was read.
func (s stepOptions) holds(c *access.Change) error { return s.holdsAt(c.Version) }

func (s stepOptions) holdsAt(version int64) error {
	if s.bound && version != s.version {
		return access.Errorf(access.KindStale, "The change is at version %d, no longer at %d. Read it again, then decide anew.", version, s.version)
	}
	return nil
}

// shows refuses a review by a person who was shown another base revision or other warnings.
func (s stepOptions) shows(base int64, warnings string) error {
	switch {
	case !s.shown:
		return nil
	case s.base != base:
		return access.Errorf(access.KindConflict,
			"The change was rebased from revision %d to %d since you opened it. Read it again, then decide.", s.base, base)
	case s.warnings != "" && warnings != "" && s.warnings != warnings:
		return access.Errorf(access.KindConflict,
			"The warnings of this change are no longer those that you were shown. Read them again, then decide.")
	}
	return nil
}

// Holds returns the error that a step with these options would return for a change.
func Holds(c access.Change, options ...Option) error { return stepOf(options).holds(&c) }

// checkUnmoved refuses a change that others have changed between reading and locking it. did says how:
// "edited" or "acted on".
func checkUnmoved(fresh *access.Change, read access.Change, did string) error {
	if fresh.Version == read.Version {
		return nil
	}
	return access.Errorf(access.KindConflict, "Somebody else has %s this change in this moment. Look at it again.", did)
}

// override notes the overrides on the change. It refuses an override of something that no guard has found.
func (s stepOptions) override(c *access.Change, actor access.Actor, guards []access.Guard, at time.Time) ([]access.AuditEvent, error) {
	var events []access.AuditEvent
	for _, m := range s.overrides {
		i := slices.IndexFunc(guards, func(g access.Guard) bool { return g.Code == m.Guard && g.Object == m.Object })
		if i < 0 {
			return nil, access.Invalid("override_guards", "guard %q has no finding for %q in this change; "+
				"read the change again, and override the findings that it lists", string(m.Guard), m.Object)
		}
		known := len(c.GuardOverrides)
		if err := c.OverrideGuard(actor, guards[i], m.Object, at); err != nil {
			return nil, err
		}
		if len(c.GuardOverrides) > known {
			events = append(events, overrideEvent(actor, c.ID, guards[i], at))
		}
	}
	return events, nil
}

func overrideEvent(actor access.Actor, id int64, g access.Guard, at time.Time) access.AuditEvent {
	detail := map[string]any{"guard": g.Code, "object": g.Object, "finding": g.Message, "people": g.People}
	return access.NewAuditEvent(actor, at, "change.override_guard", object(id), detail)
}
