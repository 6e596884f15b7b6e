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

// Guard is what a lock-out guard found in a change. Object is the name that has to be
// typed where the mode is to confirm.
type Guard struct {
	Code      GuardCode
	Object    string
	Message   string
	People    []string
	Addresses []string
	Mode      GuardMode
	Confirmed bool
}

// Confirmation is somebody's word that a guard's finding is meant.
type Confirmation struct {
	Code   GuardCode `json:"code"`
	Object string    `json:"object"`
	ByID   int64     `json:"by_id"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Confirms reports whether a confirmation settles a finding for an actor. What concerns
// somebody's own address only they can confirm.
func (c Confirmation) Confirms(g Guard, actor Actor) bool {
	if c.Code != g.Code || c.Object != g.Object {
		return false
	}
	return g.Code != GuardOwnAddress || (actor.Kind != ActorSystem && c.ByID == actor.PersonID)
}

// Confirm notes that a finding is meant: typed has to be the name of its object. It
// lasts until the change is edited.
func (c *Change) Confirm(actor Actor, g Guard, typed string, at time.Time) error {
	switch c.State {
	case ChangeDraft, ChangeInReview, ChangeApproved:
	default:
		return c.refuse("confirmed")
	}
	switch {
	case actor.Kind == ActorSystem:
		return Errorf(KindForbidden, "Only people confirm what a guard has found.")
	case g.Mode == GuardRefuse:
		return Errorf(KindForbidden, "The settings do not let this be confirmed: %s", g.Message)
	case strings.TrimSpace(typed) != g.Object:
		return Invalid("typed", "type %q exactly as it stands here", g.Object)
	}
	if slices.ContainsFunc(c.Confirmations, func(k Confirmation) bool { return k.Confirms(g, actor) }) {
		return nil
	}
	c.Confirmations = append(c.Confirmations, Confirmation{Code: g.Code, Object: g.Object, ByID: actor.PersonID, By: actor.Name, At: at})
	c.touch(at)
	return nil
}

// Unconfirmed marks which findings are confirmed for an actor, and returns the error
// for those that stand in the way; nil when none does.
func (c *Change) Unconfirmed(guards []Guard, actor Actor) error {
	var fields []FieldError
	for i := range guards {
		g := &guards[i]
		g.Confirmed = g.Mode == GuardConfirm && slices.ContainsFunc(c.Confirmations, func(k Confirmation) bool { return k.Confirms(*g, actor) })
		switch {
		case g.Confirmed:
		case g.Mode == GuardRefuse:
			fields = append(fields, FieldError{"guards", g.Message + " The settings do not allow that."})
		default:
			fields = append(fields, FieldError{"guards", g.Message + " If that is meant, confirm it by typing " + g.Object + "."})
		}
	}
	return InvalidFields(fields)
}
