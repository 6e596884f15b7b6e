package access

import (
	"slices"
	"strings"
	"time"
)

// GuardCode names a lock-out guard.
type GuardCode string

// The lock-out guards.
const (
	GuardNoAddress     GuardCode = "no_address"     // a mapped user would be left without any address
	GuardOwnAddress    GuardCode = "own_address"    // the reader's present address would lose a role that they are mapped to
	GuardBreakGlass    GuardCode = "break_glass"    // a break-glass mapping or range would disappear
	GuardNobodyApplies GuardCode = "nobody_applies" // no change could be reviewed or applied any more
)

// Guard is what a lock-out guard found in a change. Object is the name that a person must
// type to override the guard, where the mode allows an override.
type Guard struct {
	Code       GuardCode
	Object     string
	Message    string
	People     []string
	Addresses  []string
	Mode       GuardMode
	Overridden bool
}

// GuardOverride is a person's override of a guard's finding.
type GuardOverride struct {
	Code   GuardCode `json:"code"`
	Object string    `json:"object"`
	ByID   int64     `json:"by_id"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Overrides reports whether the confirmation overrides a finding for an actor. Only the
// person whose address would lose access can override that finding.
func (c GuardOverride) Overrides(g Guard, actor Actor) bool {
	if c.Code != g.Code || c.Object != g.Object {
		return false
	}
	return g.Code != GuardOwnAddress || (actor.Kind != ActorSystem && c.ByID == actor.PersonID)
}

// OverrideGuard overrides a finding: typed must be the name of its object. The override lasts
// until the change is edited.
func (c *Change) OverrideGuard(actor Actor, g Guard, typed string, at time.Time) error {
	switch c.State {
	case ChangeDraft, ChangeInReview, ChangeApproved:
	default:
		return c.refuse("confirmed")
	}
	switch {
	case actor.Kind == ActorSystem:
		return Errorf(KindForbidden, "Only people override guards.")
	case g.Mode == GuardRefuse:
		return Errorf(KindForbidden, "The settings do not let this guard be overridden: %s", g.Message)
	case strings.TrimSpace(typed) != g.Object:
		return Invalid("typed", "type %q exactly as it is written here", g.Object)
	}
	if slices.ContainsFunc(c.GuardOverrides, func(k GuardOverride) bool { return k.Overrides(g, actor) }) {
		return nil
	}
	c.GuardOverrides = append(c.GuardOverrides, GuardOverride{Code: g.Code, Object: g.Object, ByID: actor.PersonID, By: actor.Name, At: at})
	c.touch(at)
	return nil
}

// Unconfirmed marks which findings are overridden for an actor, and returns the error
// for those that are not; nil where all are.
func (c *Change) Unconfirmed(guards []Guard, actor Actor) error {
	var fields []FieldError
	for i := range guards {
		g := &guards[i]
		g.Overridden = g.Mode == GuardConfirm && slices.ContainsFunc(c.GuardOverrides, func(k GuardOverride) bool { return k.Overrides(*g, actor) })
		switch {
		case g.Overridden:
		case g.Mode == GuardRefuse:
			fields = append(fields, FieldError{"guards", g.Message + " The settings do not allow that."})
		default:
			fields = append(fields, FieldError{"guards", g.Message + " To override this guard, type " + g.Object + "."})
		}
	}
	return InvalidFields(fields)
}
