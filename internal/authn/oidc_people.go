package authn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// person finds whom the provider vouches for. They are known by its subject; the first
// time, by their e-mail, if the provider has verified that.
func (o *OIDC) person(ctx context.Context, who claims) (access.Person, error) {
	place := o.grantsOf(who)
	if len(o.cfg.Grants) > 0 && len(place.Roles) == 0 {
		return access.Person{}, o.noRole(ctx, who)
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

// maxLoggedGroups is how many groups of a person who was refused go to the log.
const maxLoggedGroups = 100

// noRole says why the groups of a person give them no role. The groups themselves go to the log
// only: an admin needs them to write --oidc-roles, and the page must not tell them to others.
func (o *OIDC) noRole(ctx context.Context, who claims) error {
	log := o.service.Log.With("issuer", o.cfg.Issuer, "subject", who.Subject, "email", who.Email, "claim", o.cfg.Claim)
	switch {
	case who.Overage:
		log.WarnContext(ctx, "sign-in refused: the identity provider left out the groups because there are too many",
			"remedy", "send only the groups that are assigned to the application, or use app roles with "+
				"--oidc-groups-claim=roles")
		return access.Errorf(access.KindForbidden, "You are in too many groups: the identity provider sent none of "+
			"them (claim %s), so your role here is not known. An admin must have it send only the groups that are "+
			"assigned to this application, or app roles.", o.cfg.Claim)
	case !who.HasGroups:
		log.WarnContext(ctx, "sign-in refused: the identity provider sent no groups", "claims", who.Sources,
			"remedy", "have the provider send the claim, set --oidc-groups-claim or --oidc-scopes, or leave out "+
				"--oidc-roles and set roles in the console")
		return access.Errorf(access.KindForbidden, "The identity provider sent no groups (claim %s), so your role "+
			"here is not known. Ask an admin; the log of the console says more.", o.cfg.Claim)
	default:
		log.WarnContext(ctx, "sign-in refused: no group of the person has a role in --oidc-roles",
			"groups", who.Groups[:min(len(who.Groups), maxLoggedGroups)], "count", len(who.Groups))
		return access.Errorf(access.KindForbidden, "None of your groups at the identity provider has a role in this "+
			"console. Ask an admin.")
	}
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
	switch {
	case who.Email == "":
		return access.Person{}, access.Errorf(access.KindForbidden,
			"The identity provider sent no e-mail address (claim %s), so it is not known who you are here. Ask an "+
				"admin.", o.cfg.LinkClaim)
	case !who.Verified:
		return access.Person{}, access.Errorf(access.KindForbidden,
			"The identity provider does not say that it has verified your e-mail address (claims email and "+
				"email_verified), so it is not known who you are here. Ask an admin; --oidc-trust-email decides which "+
				"addresses count.")
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
	event := access.NewAuditEvent(access.ProviderSystem(), o.service.Now(), "person.identity", personObject(p.ID),
		map[string]any{"issuer": o.cfg.Issuer, "subject": who.Subject, "email": who.Email, "claim": o.cfg.LinkClaim})
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
	detail := map[string]any{"name": p.Name, "roles": p.Roles, "teams": p.Teams, "issuer": o.cfg.Issuer}
	event := access.NewAuditEvent(access.ProviderSystem(), o.service.Now(), "person.add", "email/"+p.Email, detail)
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
		return []access.AuditEvent{
			access.NewAuditEvent(access.ProviderSystem(), o.service.Now(), "person.place", personObject(p.ID), detail),
		}, nil
	})
}
