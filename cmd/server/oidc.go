package main

import (
	"portcullis/internal/access"
	"portcullis/internal/server"
)

// oidcFlags say which identity provider signs people in beside local accounts.
type oidcFlags struct {
	OIDCIssuer       string   `name:"oidc-issuer" env:"PORTCULLIS_OIDC_ISSUER" placeholder:"URL" help:"An OpenID Connect identity provider that signs people in."`
	OIDCClientID     string   `name:"oidc-client-id" env:"PORTCULLIS_OIDC_CLIENT_ID" placeholder:"ID" help:"What it knows this console as."`
	OIDCClientSecret string   `name:"oidc-client-secret" env:"PORTCULLIS_OIDC_CLIENT_SECRET" placeholder:"SECRET" help:"The secret that goes with that. Best given in the environment: a command line can be seen by others on the machine."`
	OIDCScopes       []string `name:"oidc-scopes" env:"PORTCULLIS_OIDC_SCOPES" default:"email,profile" placeholder:"S,…" help:"The scopes to ask for, beside openid."`
	OIDCClaim        string   `name:"oidc-groups-claim" env:"PORTCULLIS_OIDC_GROUPS_CLAIM" default:"groups" placeholder:"C" help:"The claim that lists somebody's groups."`
	OIDCRoles        []string `name:"oidc-roles" env:"PORTCULLIS_OIDC_ROLES" placeholder:"G=R,…" help:"What groups give: GROUP=ROLE or GROUP=team:NAME. With any, roles and teams of who signs in this way are those of their groups, each time anew. Without, they are kept in the console."`
	OIDCCreate       bool     `name:"oidc-create" env:"PORTCULLIS_OIDC_CREATE" help:"Let in who is not known yet, with what their groups give. Otherwise people have to be added first, with the e-mail address that the provider has verified."`
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
	cfg := &server.OIDC{Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: f.OIDCClientSecret, Scopes: f.OIDCScopes, Claim: f.OIDCClaim, Create: f.OIDCCreate}
	for _, text := range f.OIDCRoles {
		g, err := server.ParseGrant(text)
		if err != nil {
			return nil, usagef("--oidc-roles: %s", access.MessageOf(err))
		}
		cfg.Grants = append(cfg.Grants, g)
	}
	return cfg, nil
}
