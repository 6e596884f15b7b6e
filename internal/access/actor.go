package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Role is what a person may do in the console. (An IAM role is a RoleName.)
type Role string

// The console roles. A person may hold several.
const (
	RoleViewer   Role = "viewer"   // read everything but the audit log
	RoleEditor   Role = "editor"   // compose and submit changes
	RoleApprover Role = "approver" // review other people's changes
	RoleOperator Role = "operator" // apply approved changes, run rollouts
	RoleAuditor  Role = "auditor"  // read everything, the audit log too
	RoleAdmin    Role = "admin"    // people, tokens, settings

	// RoleBreakGlass may compose a change and apply it alone, with a reason, where the
	// settings allow it.
	RoleBreakGlass Role = "break-glass"
)

// Roles lists the console roles in the order in which pages show them.
func Roles() []Role {
	return []Role{RoleViewer, RoleEditor, RoleApprover, RoleOperator, RoleAuditor, RoleAdmin, RoleBreakGlass}
}

// ParseRole refuses what is not a console role.
func ParseRole(s string) (Role, error) {
	if r := Role(s); slices.Contains(Roles(), r) {
		return r, nil
	}
	return "", Invalid("role", "%q is not a console role; the roles are viewer, editor, approver, operator, auditor, admin and break-glass", s)
}

// ActorKind says through what an actor acts.
type ActorKind string

// The kinds of actor.
const (
	ActorPerson ActorKind = "person" // somebody in a browser
	ActorToken  ActorKind = "token"  // a person's API token
	ActorSystem ActorKind = "system" // the console itself
)

// Actor is the person, token or system that acts, and where it acts from. PersonID is the
// person's id also for a token, so that no person reviews their own change through one.
type Actor struct {
	Kind      ActorKind
	PersonID  int64
	Name      string
	Email     string
	Roles     []Role
	Teams     []string
	TokenID   int64
	Scopes    []TokenScope // of a token: what of its person's roles it may use
	Withheld  []TokenScope // scopes that the token was given and that the settings do not let tokens use
	Addr      netip.Addr
	UserAgent string
	RequestID string

	// Generation is that of the person's sessions; a session of an earlier one is over.
	Generation int64
}

// System returns the actor of the console's own work; part says which ("rollout").
func System(part string) Actor {
	return Actor{Kind: ActorSystem, Name: "system/" + part}
}

// ProviderSystem is the actor of what the identity provider says about people.
func ProviderSystem() Actor { return System("oidc") }

// Has reports whether the actor holds a console role.
func (a Actor) Has(r Role) bool { return slices.Contains(a.Roles, r) }

// IsAdmin reports whether the actor may act as an admin: a token needs the scope too.
func (a Actor) IsAdmin() bool {
	return a.Has(RoleAdmin) && (a.Kind != ActorToken || slices.Contains(a.Scopes, ScopeAdmin))
}

// Is reports whether both are the same person.
func (a Actor) Is(p PersonRef) bool { return a.Kind != ActorSystem && a.PersonID == p.ID }

// Ref returns the reference to the actor that records keep.
func (a Actor) Ref() PersonRef { return PersonRef{ID: a.PersonID, Name: a.Name, Email: a.Email} }

// Standing returns what counts of the actor as a reviewer.
func (a Actor) Standing() Standing { return Standing{Roles: a.Roles, Teams: a.Teams} }

// PersonRef names a person with something they did. ID is 0 for the system.
type PersonRef struct {
	ID    int64
	Name  string
	Email string
}

// Person is a console user.
type Person struct {
	ID        int64
	Email     string
	Name      string
	Roles     []Role
	Teams     []string // for review rules
	Disabled  bool
	CreatedAt time.Time

	// Generation of their sessions. It moves on when the password is replaced or the
	// person is shut out.
	Generation int64

	// LinkUntil is set while the person has not used the link with which they choose a password: until then the
	// link is good.
	LinkUntil time.Time

	// Vouching is filled in for lists and pages of people only, Subject for the people of Groups only.
	Vouching Vouching
	Subject  bool // an identity provider knows them
}

// Standing is what the person counts as when they review.
func (p Person) Standing() Standing {
	return Standing{Roles: p.Roles, Teams: p.Teams, Disabled: p.Disabled}
}

// PersonContext is what surrounds a person while they are altered: everybody else, and the
// settings and review rules that hold.
type PersonContext struct {
	Others   []Person
	Settings Settings
	Rules    []ReviewRule
	Groups   Groups
}

// Tag changes with what a person is and may do.
func (p Person) Tag() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %t %d %d",
		p.Email, p.Name, p.Roles, p.Teams, p.Disabled, p.Generation, p.LinkUntil.UnixMicro()))
	return hex.EncodeToString(sum[:8])
}

// Network is what one customer of a network has at least, and attempts are counted by: an
// address of IPv4, and of IPv6 the /64 that it lies in.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	n, _ := a.Prefix(min(a.BitLen(), 64)) // of no address it is no network
	return n
}

// NormalEmail returns the form in which e-mail addresses are stored and compared.
func NormalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
