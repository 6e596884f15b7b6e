package authn

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"

	"portcullis.internal/portcullis/internal/access"
)

// claims are what counts of an ID token.
type claims struct {
	Subject  string
	Email    string
	Verified bool
	Name     string
	Groups   []string
}

func readClaims(id *oidc.IDToken, groups string) (claims, error) {
	var all map[string]json.RawMessage
	if err := id.Claims(&all); err != nil {
		return claims{}, access.Wrap(access.KindUnauthenticated, err, "The identity provider's answer could not be read.")
	}
	c := claims{Subject: id.Subject, Name: text(all["name"]), Email: access.NormalEmail(text(all["email"]))}
	verified := strings.Trim(string(all["email_verified"]), `"`) // some send it as a text
	c.Verified = verified == "true"
	if err := json.Unmarshal(all[groups], &c.Groups); err != nil {
		if one := text(all[groups]); one != "" {
			c.Groups = []string{one}
		}
	}
	return c, nil
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // what is no text is as good as missing
	return s
}

// person finds whom the provider vouches for. They are known by its subject; the first
// time, by their e-mail, if the provider has verified that.
func (o *OIDC) person(ctx context.Context, who claims) (access.Person, error) {
	place := o.grantsOf(who)
	if len(o.cfg.Grants) > 0 && len(place.Roles) == 0 {
		return access.Person{}, access.Errorf(access.KindForbidden, "None of your groups at the identity provider has a role in this console. Ask an admin.")
	}
	p, err := o.service.Store.PersonByIdentity(ctx, o.cfg.Issuer, who.Subject)
	if access.KindOf(err) == access.KindNotFound {
		p, err = o.newcomer(ctx, who, place)
	}
	switch {
	case err != nil:
		return access.Person{}, err
	case p.Disabled:
		return access.Person{}, access.Errorf(access.KindUnauthenticated, "Your account is no longer active. Ask an admin of the console.")
	}
	if p, err = o.providerVouches(ctx, p, who.Subject); err != nil || len(o.cfg.Grants) == 0 {
		return p, err
	}
	return o.keepUp(ctx, p, place)
}

// grantsOf returns the roles and teams that the groups of a person give them.
func (o *OIDC) grantsOf(who claims) Place {
	var place Place
	for _, g := range o.cfg.Grants {
		switch {
		case !slices.Contains(who.Groups, g.Group):
		case g.Role != "":
			place.Roles = append(place.Roles, g.Role)
		default:
			place.Teams = append(place.Teams, g.Team)
		}
	}
	return Place{Roles: sortedRoles(place.Roles), Teams: sortedTeams(place.Teams)}
}

// newcomer ties the provider's subject to the person with that e-mail, or makes one.
func (o *OIDC) newcomer(ctx context.Context, who claims, place Place) (access.Person, error) {
	if who.Email == "" || !who.Verified {
		return access.Person{}, access.Errorf(access.KindForbidden, "The identity provider does not say that it has verified your e-mail address (claims email and email_verified), so it is not known who you are here.")
	}
	p, _, err := o.service.Store.PersonByEmail(ctx, who.Email)
	if access.KindOf(err) == access.KindNotFound {
		if !o.cfg.Create {
			return access.Person{}, access.Errorf(access.KindForbidden, "Nobody here has the e-mail address %s. Ask an admin to add you.", who.Email)
		}
		p, err = o.create(ctx, who, place)
	}
	if err != nil {
		return access.Person{}, fmt.Errorf("finding %s: %w", who.Email, err)
	}
	event := access.NewAuditEvent(access.ProviderSystem(), o.service.Now(), "person.identity", personObject(p.ID), map[string]any{"issuer": o.cfg.Issuer, "subject": who.Subject, "email": who.Email})
	err = o.service.Store.LinkIdentity(ctx, o.cfg.Issuer, who.Subject, p.ID, event)
	if access.KindOf(err) == access.KindConflict {
		return access.Person{}, access.Wrap(access.KindForbidden, err, "Somebody else at the identity provider is %s here already. Ask an admin.", who.Email)
	}
	return p, err
}

func (o *OIDC) create(ctx context.Context, who claims, place Place) (access.Person, error) {
	name := strings.TrimSpace(who.Name)
	if name == "" || len(name) > maxName {
		name, _, _ = strings.Cut(who.Email, "@")
	}
	p := access.Person{Email: who.Email, Name: name, Roles: place.Roles, Teams: place.Teams, CreatedAt: o.service.Now()}
	event := access.NewAuditEvent(access.ProviderSystem(), o.service.Now(), "person.add", "email/"+p.Email, map[string]any{"name": p.Name, "roles": p.Roles, "teams": p.Teams, "issuer": o.cfg.Issuer})
	return o.service.Store.CreatePerson(ctx, p, "", event) // without a password nobody signs in with one
}

// keepUp gives a person what their groups give now. The provider decides, even if the last person
// with a capability loses it: a role that was removed there is not kept here.
func (o *OIDC) keepUp(ctx context.Context, p access.Person, place Place) (access.Person, error) {
	if slices.Equal(p.Roles, place.Roles) && slices.Equal(p.Teams, place.Teams) {
		return p, nil
	}
	return o.service.Store.UpdatePerson(ctx, p.ID, func(p *access.Person, _ access.PersonContext) ([]access.AuditEvent, error) {
		was := placeOf(*p)
		p.Roles, p.Teams = place.Roles, place.Teams
		detail := map[string]any{"before": was, "after": placeOf(*p), "issuer": o.cfg.Issuer}
		return []access.AuditEvent{access.NewAuditEvent(access.ProviderSystem(), o.service.Now(), "person.place", personObject(p.ID), detail)}, nil
	})
}
