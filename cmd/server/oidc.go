package main

import (
	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/server"
)

// oidcFlags say which identity provider signs people in beside local accounts.
type oidcFlags struct {
	OIDCIssuer       string   `name:"oidc-issuer" env:"PORTCULLIS_OIDC_ISSUER" placeholder:"URL" help:"An OpenID Connect identity provider that signs people in."`
	OIDCClientID     string   `name:"oidc-client-id" env:"PORTCULLIS_OIDC_CLIENT_ID" placeholder:"ID" help:"The client id of this console at the provider."`
	OIDCClientSecret string   `name:"oidc-client-secret" env:"PORTCULLIS_OIDC_CLIENT_SECRET" secret:"" placeholder:"SECRET" help:"The client secret. Use the variable: other users of the machine can see a command line."`
	OIDCScopes       []string `name:"oidc-scopes" env:"PORTCULLIS_OIDC_SCOPES" default:"email,profile" placeholder:"S,…" help:"The scopes to request in addition to openid."`
	OIDCLink         string   `name:"oidc-link" env:"PORTCULLIS_OIDC_LINK" default:"email" placeholder:"email|claim:C" help:"The claim with the e-mail address that finds a person at their first sign-in: email or claim:NAME."`
	OIDCTrustEmail   string   `name:"oidc-trust-email" env:"PORTCULLIS_OIDC_TRUST_EMAIL" default:"verified" placeholder:"verified|issuer" help:"Which e-mail addresses count: verified for those with email_verified, issuer for all of a provider that only your organization controls."`
	OIDCClaim        string   `name:"oidc-groups-claim" env:"PORTCULLIS_OIDC_GROUPS_CLAIM" default:"groups" placeholder:"C" help:"The claim that lists the groups of a person."`
	OIDCRoles        []string `name:"oidc-roles" env:"PORTCULLIS_OIDC_ROLES" placeholder:"G=R,…" help:"What membership in a group grants: GROUP=ROLE or GROUP=team:NAME. If set, each sign-in replaces the roles and teams of the person with those of their groups. Otherwise roles and teams are managed in the console."`
	OIDCCreate       bool     `name:"oidc-create" env:"PORTCULLIS_OIDC_CREATE" help:"Create an account at the first sign-in, with the roles and teams of the person's groups. Otherwise an account with the verified e-mail address must exist."`
}

// oidc is the identity provider; nil where none is set.
func (f oidcFlags) oidc() (*server.OIDC, error) {
	if f.OIDCIssuer == "" {
		if f.OIDCClientID != "" || len(f.OIDCRoles) > 0 || f.OIDCCreate {
			return nil, usagef("an identity provider is described, but not where it is: set PORTCULLIS_OIDC_ISSUER, or use --oidc-issuer")
		}
		return nil, nil //nolint:nilnil // to have none is no error
	}
	if f.OIDCClientID == "" {
		return nil, usagef("the identity provider %s needs a client id: set PORTCULLIS_OIDC_CLIENT_ID, or use --oidc-client-id", f.OIDCIssuer)
	}
	trust, err := server.ParseEmailTrust(f.OIDCTrustEmail)
	if err != nil {
		return nil, usagef("--oidc-trust-email: %s", access.MessageOf(err))
	}
	link, err := server.ParseLink(f.OIDCLink)
	if err != nil {
		return nil, usagef("--oidc-link: %s", access.MessageOf(err))
	}
	cfg := &server.OIDC{
		Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: f.OIDCClientSecret, Scopes: f.OIDCScopes,
		TrustEmail: trust, LinkClaim: link, Claim: f.OIDCClaim, Create: f.OIDCCreate,
	}
	for _, text := range f.OIDCRoles {
		g, err := server.ParseGrant(text)
		if err != nil {
			return nil, usagef("--oidc-roles: %s", access.MessageOf(err))
		}
		cfg.Grants = append(cfg.Grants, g)
	}
	return cfg, nil
}
