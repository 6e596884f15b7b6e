package change

import (
	"slices"
	"time"

	"portcullis/internal/access"
)

// An Option is what somebody says along with a step. It is held to the change in the
// step's own transaction.
type Option func(*step)

// AsRead refuses the step with KindStale where the change is no longer at the version
// that was read.
func AsRead(version int64) Option {
	return func(s *step) { s.version, s.bound = version, true }
}

// Confirming says that findings of the lock-out guards are meant, as Confirm does.
func Confirming(meant ...Meant) Option {
	return func(s *step) { s.meant = append(s.meant, meant...) }
}

// Meant names a finding of a lock-out guard.
type Meant struct {
	Guard  access.GuardCode
	Object string
}

type step struct {
	version int64
	bound   bool
	meant   []Meant
}

func stepOf(options []Option) step {
	var s step
	for _, o := range options {
		o(&s)
	}
	return s
}

// holds refuses a change that has moved on since it was read.
func (s step) holds(c *access.Change) error { return s.holdsAt(c.Version) }

func (s step) holdsAt(version int64) error {
	if s.bound && version != s.version {
		return access.Errorf(access.KindStale, "The change is at version %d, no longer at %d. Read it again, then decide anew.", version, s.version)
	}
	return nil
}

// Holds says what a step with these options would say of a change.
func Holds(c access.Change, options ...Option) error { return stepOf(options).holds(&c) }

// confirm notes on the change what is meant of the findings. It is an error to mean
// something that no guard has found.
func (s step) confirm(c *access.Change, actor access.Actor, guards []access.Guard, at time.Time) ([]access.AuditEvent, error) {
	var events []access.AuditEvent
	for _, m := range s.meant {
		i := slices.IndexFunc(guards, func(g access.Guard) bool { return g.Code == m.Guard && g.Object == m.Object })
		if i < 0 {
			return nil, access.Invalid("confirm", "no guard %q has found anything about %q in this change; read the change again, and confirm what stands there", string(m.Guard), m.Object)
		}
		known := len(c.Confirmations)
		if err := c.Confirm(actor, guards[i], m.Object, at); err != nil {
			return nil, err
		}
		if len(c.Confirmations) > known {
			events = append(events, confirmed(actor, c.ID, guards[i], at))
		}
	}
	return events, nil
}

func confirmed(actor access.Actor, id int64, g access.Guard, at time.Time) access.AuditEvent {
	return access.NewAuditEvent(actor, at, "change.confirm", object(id), map[string]any{"guard": g.Code, "object": g.Object, "finding": g.Message, "people": g.People})
}
