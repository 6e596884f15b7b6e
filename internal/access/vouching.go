package access

import (
	"slices"
	"time"
)

// ActKind names a deed on the account of a person.
type ActKind string

// The kinds of act. All but the last two bind the person to the admin who acted.
const (
	ActAdd    ActKind = "add"    // the account was created
	ActReset  ActKind = "reset"  // a link to choose a password was made
	ActRoles  ActKind = "roles"  // the roles were changed
	ActTeams  ActKind = "teams"  // the teams were changed
	ActEmail  ActKind = "email"  // the e-mail address was changed
	ActLink   ActKind = "link"   // the account was linked to a subject of an identity provider
	ActEnable ActKind = "enable" // the disabled account was enabled

	ActVouch  ActKind = "vouch"  // the person was vouched for
	ActRetire ActKind = "retire" // the server's command line confirmed that the account is disabled
)

// VouchBasis says who vouched for a person.
type VouchBasis string

// The bases of a vouching.
const (
	VouchedByProvider VouchBasis = "identity_provider" // the person signed in there, as a subject of the issuer
	VouchedByAdmin    VouchBasis = "second_admin"      // an admin of another group
	VouchedByServer   VouchBasis = "command_line"      // the operator of the server
)

// Act is something that was done to the account of a person. Acts are never changed or removed; they count in the
// order of their ids.
type Act struct {
	ID     int64
	Kind   ActKind
	Person PersonRef
	By     PersonRef // ID 0 is the system
	// With lists the accounts that counted together with By at that time. A vouching for By that comes later
	// does not free the person from them.
	With  []int64
	Basis VouchBasis // of ActVouch
	At    time.Time
}

// binds reports whether the act makes the person count together with the admin who acted.
func (a Act) binds() bool {
	return a.Kind != ActVouch && a.Kind != ActRetire && a.By.ID != 0 && a.By.ID != a.Person.ID
}

// Credentials reports whether the act may have given the account into the hands of the admin who acted.
func (a Act) Credentials() bool {
	return a.binds() && (a.Kind == ActAdd || a.Kind == ActReset || a.Kind == ActEmail || a.Kind == ActLink)
}

var actWords = map[ActKind]string{
	ActAdd: "added", ActReset: "reset the password of", ActRoles: "changed the roles of",
	ActTeams: "changed the teams of", ActEmail: "changed the e-mail address of",
	ActLink: "linked the identity of", ActEnable: "enabled",
}

// Sentence says who did what to whom, and when: "Ada added Ben on 3 Mar 2026".
func (a Act) Sentence() string {
	return a.By.Name + " " + actWords[a.Kind] + " " + a.Person.Name + " on " + a.At.UTC().Format("2 Jan 2006")
}

// ActsBetween lists what a change to a person does that binds them to the admin who makes it.
func ActsBetween(was, is Person) []ActKind {
	var kinds []ActKind
	add := func(kind ActKind, done bool) {
		if done {
			kinds = append(kinds, kind)
		}
	}
	add(ActRoles, !sameSet(was.Roles, is.Roles))
	add(ActTeams, !sameSet(was.Teams, is.Teams))
	add(ActEmail, was.Email != is.Email)
	add(ActEnable, was.Disabled && !is.Disabled)
	return kinds
}

// Vouching is who vouched for a person, or why they count together with others.
type Vouching struct {
	Vouched bool
	Basis   VouchBasis
	By      PersonRef // the second admin
	At      time.Time

	With []PersonRef // who counts together with the person, without them
	Why  []Act       // what made it so, the oldest first

	Doubts []string // why the identity provider cannot tell the person from a local account
}

// CanVouch says whether an actor may vouch for a person now, and if not, why.
func (g Groups) CanVouch(actor Actor, p Person) error {
	v := g.Vouching(p.ID)
	switch {
	case p.Disabled:
		return Errorf(KindConflict, "%s is disabled. Enable the account before you vouch for the person.", p.Name)
	case v.Vouched && !g.doubtful(p.ID):
		return Errorf(KindConflict, "%s is vouched for already.", p.Name)
	case !p.LinkUntil.IsZero():
		return Errorf(KindConflict, "%s has not chosen a password yet, so another person could still use the link. "+
			"Vouch for %s once the password is chosen.", p.Name, p.Name)
	case actor.Kind == ActorSystem:
		return nil
	case actor.PersonID == p.ID:
		return Errorf(KindForbidden, "You cannot vouch for yourself. Ask an admin of another group.")
	case g.Together(actor.PersonID, p.ID):
		return Errorf(KindForbidden, "You and %s count together: %s. An admin of another group must vouch for %s, or "+
			"the operator of the server: portcullis user vouch --email %s", p.Name, g.because(p.ID), p.Name, p.Email)
	default:
		return nil
	}
}

// Lost lists the acts after which the account may be in the hands of another person than its owner.
func (g Groups) Lost(id int64) []Act {
	return slices.DeleteFunc(slices.Clone(g.bonds(id)), func(a Act) bool { return !a.Credentials() })
}
