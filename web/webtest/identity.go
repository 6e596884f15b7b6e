package webtest

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/web"
)

// People are the people of the tests, by the local part of their address.
var People = map[string]access.Actor{
	"viewer":   {PersonID: 1, Name: "Vera Viewer", Email: "viewer@example.com", Roles: []access.Role{access.RoleViewer}},
	"editor":   {PersonID: 2, Name: "Edda Editor", Email: "editor@example.com", Roles: []access.Role{access.RoleEditor}},
	"approver": {PersonID: 3, Name: "Anna Approver", Email: "approver@example.com", Roles: []access.Role{access.RoleApprover}},
	"operator": {PersonID: 4, Name: "Otto Operator", Email: "operator@example.com", Roles: []access.Role{access.RoleOperator}},
	"auditor":  {PersonID: 5, Name: "Aude Auditor", Email: "auditor@example.com", Roles: []access.Role{access.RoleAuditor}},
	"admin":    {PersonID: 6, Name: "Adam Admin", Email: "admin@example.com", Roles: []access.Role{access.RoleAdmin}},
	"hero":     {PersonID: 7, Name: "Hera Hero", Email: "hero@example.com", Roles: []access.Role{access.RoleBreakGlass}},
}

// identity signs in the people of the tests with any password; their token is "token-"
// and their name.
type identity struct {
	web.Identity
	noted      *[]noted
	generation *int64
	place      *authn.Place
	invited    *authn.Invitation
	bound      *bool        // the admin counts together with Bea Bound
	vouched    *[]int64     // for whom
	revoked    *atomic.Bool // of all tokens
	browser    browserProofs
}

// noted is what was put on record, by whom.
type noted struct {
	Actor   access.Actor
	Refusal authn.Refusal
}

// SignInBrowser notes which proof the browser sent, and returns the proof that the test has set.
func (i identity) SignInBrowser(_ context.Context, in authn.BrowserSignIn) (access.Actor, string, error) {
	*i.browser.Sent = append(*i.browser.Sent, in.Browser)
	name, _, _ := strings.Cut(in.Email, "@")
	p, err := Person(name, access.ActorPerson)
	p.Generation = atomic.LoadInt64(i.generation)
	return p, *i.browser.Proof, err
}

// browserProofs are the proofs that came with sign-ins, and the proof that a sign-in returns.
type browserProofs struct {
	Sent  *[]string
	Proof *string
}

func (i identity) Actor(_ context.Context, id, generation int64, _ netip.Addr, _, _ string) (access.Actor, error) {
	for name, p := range People {
		if p.PersonID == id && atomic.LoadInt64(i.generation) == generation {
			return Person(name, access.ActorPerson)
		}
	}
	return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Sign in first.")
}

func (i identity) TokenActor(_ context.Context, secret string, _ netip.Addr, _, _ string) (access.Actor, error) {
	if i.revoked != nil && i.revoked.Load() {
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "This API token is revoked.")
	}
	p, err := Person(strings.TrimPrefix(secret, "token-"), access.ActorToken)
	p.TokenID, p.Scopes = 100+p.PersonID, access.Scopes()
	return p, err
}

// Person returns a person of the tests as they act.
func Person(name string, kind access.ActorKind) (access.Actor, error) {
	p, ok := People[name]
	if !ok {
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Nobody is known by this.")
	}
	p.Kind = kind
	if kind == access.ActorToken {
		p.Scopes = access.Scopes()
	}
	return p, nil
}

func (identity) SignOut(context.Context, access.Actor) error { return nil }

func (identity) People(context.Context, access.Actor) ([]access.Person, error) {
	return []access.Person{
		{
			ID: 1, Name: "Vera Viewer", Email: "viewer@example.com", Roles: []access.Role{access.RoleViewer},
			Teams: []string{"network"}, CreatedAt: Noon,
			Vouching: access.Vouching{Vouched: true, Basis: access.VouchedByServer, At: Noon},
		},
		{
			ID: 8, Name: "Bea Bound", Email: "bound@example.com", Roles: []access.Role{access.RoleApprover}, CreatedAt: Noon,
			Vouching: access.Vouching{With: []access.PersonRef{{ID: 6, Name: "Adam Admin"}}, Why: []access.Act{{
				Kind: access.ActAdd, Person: access.PersonRef{ID: 8, Name: "Bea Bound"},
				By: access.PersonRef{ID: 6, Name: "Adam Admin"}, At: Noon,
			}}},
		},
		{ID: 9, Name: "Gone <b>", Email: "gone@example.com", Roles: []access.Role{access.RoleEditor, access.RoleAdmin}, Disabled: true},
	}, nil
}

func (i identity) Person(ctx context.Context, actor access.Actor, id int64) (access.Person, error) {
	all, _ := i.People(ctx, actor)
	at := slices.IndexFunc(all, func(p access.Person) bool { return p.ID == id })
	if at < 0 {
		return access.Person{}, access.Errorf(access.KindNotFound, "There is no person %d.", id)
	}
	return all[at], nil
}

func (i identity) SetPlace(ctx context.Context, actor access.Actor, id int64, place authn.Place, say authn.PersonChange) (access.Person, error) {
	p, err := i.Person(ctx, actor, id)
	if say.IfTag != "" && say.IfTag != p.Tag() {
		return p, access.Errorf(access.KindStale, "Somebody else has changed them.")
	}
	if place.Disabled && say.Confirm != p.Email {
		return p, access.Invalid("confirm", "Vera Viewer is the last who can.")
	}
	*i.place = place
	return p, err
}

func (i identity) Invite(ctx context.Context, actor access.Actor, in authn.Invitation) (access.Person, string, error) {
	if in.Email == "" {
		return access.Person{}, "", access.Invalid("email", "\"\" is not an e-mail address")
	}
	*i.invited = in
	p, err := i.Person(ctx, actor, 9)
	return p, "abcd-efgh", err
}

func (i identity) ResetPassword(ctx context.Context, actor access.Actor, id int64) (string, error) {
	if _, err := i.Person(ctx, actor, id); err != nil {
		return "", err
	}
	if actor.Kind == access.ActorToken {
		return "", access.Errorf(access.KindForbidden, "An API token does not get the link.")
	}
	return "ijkl-mnop", nil
}

func (identity) ChoosePassword(_ context.Context, secret, password string, _ netip.Addr, _, _ string) error {
	switch {
	case secret != "ijkl-mnop":
		return access.Invalid("secret", "This link is not good any more.")
	case len(password) < authn.MinPassword:
		return access.Invalid("password", "the password is too short")
	}
	return nil
}

// MayVouch lets every admin vouch for the bound person but the one who added them.
func (i identity) MayVouch(ctx context.Context, actor access.Actor, id int64) error {
	p, err := i.Person(ctx, actor, id)
	switch {
	case err != nil:
		return err
	case p.Vouching.Vouched:
		return access.Errorf(access.KindConflict, "%s is vouched for already.", p.Name)
	case actor.PersonID == 6 && *i.bound:
		return access.Errorf(access.KindForbidden, "You and %s count together.", p.Name)
	}
	return nil
}

func (i identity) Vouch(ctx context.Context, actor access.Actor, id int64, ifTag string) (access.Person, error) {
	if err := i.MayVouch(ctx, actor, id); err != nil {
		return access.Person{}, err
	}
	p, err := i.Person(ctx, actor, id)
	if ifTag != p.Tag() {
		return p, access.Errorf(access.KindStale, "Changed.")
	}
	*i.vouched = append(*i.vouched, id)
	return p, err
}

func (i identity) ChangePassword(_ context.Context, actor access.Actor, person int64, n authn.NewPassword) (int64, error) {
	if n.Old != "correct horse" || person != actor.PersonID {
		return 0, access.Invalid("old_password", "the present password is not right")
	}
	*i.generation++
	return *i.generation, nil
}

func (i identity) Sessions(_ context.Context, actor access.Actor, person int64, _ string) ([]access.SignedIn, error) {
	return []access.SignedIn{
		{ID: 1, PersonID: person, Addr: "192.0.2.1", Agent: "Browser <b>", OpenedAt: Noon, UsedAt: Noon, Here: person == actor.PersonID},
		{ID: 2, PersonID: person, Addr: "192.0.2.2", Agent: "Another", OpenedAt: Noon, UsedAt: Noon},
	}, nil
}

func (i identity) EndSession(_ context.Context, _ access.Actor, id int64) error {
	if id != 2 {
		return access.Errorf(access.KindNotFound, "There is no such session.")
	}
	*i.generation++
	return nil
}

func (i identity) EndSessions(context.Context, access.Actor, int64, bool) (int64, error) {
	*i.generation++
	return *i.generation, nil
}

func (i identity) NoteRefusal(_ context.Context, actor access.Actor, r authn.Refusal) error {
	*i.noted = append(*i.noted, noted{actor, r})
	return nil
}

func (identity) Tokens(_ context.Context, actor access.Actor) ([]access.Token, error) {
	own := access.Token{ID: 7, PersonID: actor.PersonID, Person: actor.Name, Name: "nightly <i>", Scopes: access.Scopes()[:2], CreatedAt: Noon, ExpiresAt: Noon.Add(time.Hour)}
	other := access.Token{ID: 8, PersonID: 99, Person: "Olga Other", Name: "hers", Scopes: access.Scopes(), CreatedAt: Noon, RevokedAt: Noon}
	if actor.Has(access.RoleAdmin) {
		return []access.Token{own, other}, nil
	}
	return []access.Token{own}, nil
}

func (identity) CreateToken(_ context.Context, actor access.Actor, person int64, n authn.NewToken) (access.Token, string, error) {
	t := access.Token{ID: 9, PersonID: person, Name: n.Name, Scopes: n.Scopes, ExpiresAt: n.Expires}
	if person != actor.PersonID {
		return t, "", access.Errorf(access.KindForbidden, "Not for others.")
	}
	ends := n.Expires.Format(time.DateOnly)
	if n.Never {
		ends = "never"
	}
	return t, "portcullis_secret-" + n.Name + "-" + ends, t.Check(Noon)
}

func (identity) RevokeToken(_ context.Context, _ access.Actor, id int64) error {
	if id != 7 {
		return access.Errorf(access.KindNotFound, "There is no API token %d.", id)
	}
	return nil
}
