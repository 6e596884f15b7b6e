package authn

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"portcullis.internal/portcullis/internal/access"
)

// EmailTrust says which e-mail addresses of an identity provider count as verified.
type EmailTrust string

// TrustVerified takes an address only if the provider says that it has verified it. TrustIssuer
// also takes an address of which the provider says nothing: only the organization that runs this
// console decides about the addresses there.
const (
	TrustVerified EmailTrust = "verified"
	TrustIssuer   EmailTrust = "issuer"
)

// ParseEmailTrust reads the name of an EmailTrust.
func ParseEmailTrust(s string) (EmailTrust, error) {
	if t := EmailTrust(s); t == TrustVerified || t == TrustIssuer {
		return t, nil
	}
	return "", access.Invalid("oidc-trust-email", "%q is not known: write verified or issuer", s)
}

// ParseLink reads email or claim:NAME and returns the name of the claim.
func ParseLink(s string) (string, error) {
	if s == claimEmail {
		return s, nil
	}
	name, ok := strings.CutPrefix(s, "claim:")
	if !ok || name == "" {
		return "", access.Invalid("oidc-link", "%q names no claim: write email or claim:NAME, for example "+
			"claim:preferred_username", s)
	}
	return name, nil
}

// The claims that a sign-in reads, except for the groups.
const (
	claimEmail    = "email"
	claimVerified = "email_verified"
	claimName     = "name"
)

// claims are the facts of a sign-in that the console uses.
type claims struct {
	Subject   string
	Email     string
	Verified  bool
	Name      string
	Groups    []string
	HasGroups bool                // the claim of the groups arrived
	Overage   bool                // the provider has left the groups out because there are too many
	Sources   map[string][]string // the names of the claims that arrived, by source
}

// claimSet is the claims of an ID token or of UserInfo as they arrive.
type claimSet map[string]json.RawMessage

func (c claimSet) has(name string) bool { return len(c[name]) > 0 && string(c[name]) != "null" }

// text is a claim that is a text; "" if it is missing or no text.
func (c claimSet) text(name string) string {
	var s string
	_ = json.Unmarshal(c[name], &s) // a claim of another type is as good as missing
	return s
}

// flag is a claim that is true or false, as JSON or as a text.
func (c claimSet) flag(name string) bool { return strings.Trim(string(c[name]), `"`) == "true" }

func (c claimSet) names() []string { return slices.Sorted(maps.Keys(c)) }

// list is a claim that is a list of texts, or one text.
func (c claimSet) list(name string) []string {
	var all []string
	if json.Unmarshal(c[name], &all) == nil {
		return all
	}
	if one := c.text(name); one != "" {
		return []string{one}
	}
	return nil
}

// leftOut reports whether the provider says that it left a claim out: Entra sends a reference to
// the list, or hasgroups, if a person is in too many groups.
func (c claimSet) leftOut(name string) bool {
	var elsewhere map[string]json.RawMessage
	_ = json.Unmarshal(c["_claim_names"], &elsewhere) // other providers have no such claim
	_, referred := elsewhere[name]
	return !c.has(name) && (referred || c.flag("hasgroups"))
}

// complete adds the claims of UserInfo that the ID token lacks. The ID token is never overruled, and
// email_verified goes with the address that it was sent with.
func (c claimSet) complete(info claimSet) {
	switch {
	case c.has(claimEmail) && access.NormalEmail(c.text(claimEmail)) != access.NormalEmail(info.text(claimEmail)):
		delete(info, claimVerified)
	case !c.has(claimEmail) && info.has(claimVerified) && !info.flag(claimVerified):
		c[claimVerified] = info[claimVerified]
	}
	for name, value := range info {
		if !c.has(name) {
			c[name] = value
		}
	}
}

// claimsOf reads the claims of the ID token. If it lacks one that the sign-in needs, claimsOf asks
// UserInfo, if the provider has it.
func (o *OIDC) claimsOf(
	ctx context.Context, provider *oidc.Provider, id *oidc.IDToken, token *oauth2.Token,
) (claims, error) {
	all := claimSet{}
	if err := id.Claims(&all); err != nil {
		return claims{}, access.Wrap(access.KindUnauthenticated, err,
			"The identity provider's answer could not be read.")
	}
	sources := map[string][]string{"id_token": all.names()}
	if o.lacks(all) && provider.UserInfoEndpoint() != "" {
		info, err := userInfo(ctx, provider, id, token)
		if err != nil {
			return claims{Subject: id.Subject, Sources: sources}, err
		}
		sources["userinfo"] = info.names()
		all.complete(info)
	}
	return claims{
		Subject: id.Subject, Name: all.text(claimName), Email: o.emailOf(all), Verified: o.hasVerified(all),
		Groups: all.list(o.cfg.Claim), HasGroups: all.has(o.cfg.Claim), Overage: all.leftOut(o.cfg.Claim), Sources: sources,
	}, nil
}

// lacks reports whether a claim that the sign-in needs is missing. Groups that were left out are not
// in UserInfo either.
func (o *OIDC) lacks(all claimSet) bool {
	flag := o.cfg.TrustEmail == TrustVerified && !all.has(claimVerified)
	groups := len(o.cfg.Grants) > 0 && !all.has(o.cfg.Claim) && !all.leftOut(o.cfg.Claim)
	return !all.has(o.cfg.LinkClaim) || flag || groups
}

// userInfo asks UserInfo about the person of an ID token. An answer about another person is refused
// (OpenID Connect Core 5.3.2), and no answer is not the same as no claims.
func userInfo(ctx context.Context, provider *oidc.Provider, id *oidc.IDToken, token *oauth2.Token) (claimSet, error) {
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, unavailable(err)
	}
	if info.Subject != id.Subject {
		return nil, access.Errorf(access.KindUnauthenticated,
			"The identity provider's UserInfo is about another person than the sign-in. Begin again; if it stays "+
				"so, ask an admin.")
	}
	all := claimSet{}
	if err := info.Claims(&all); err != nil {
		return nil, unavailable(err)
	}
	return all, nil
}

// emailOf is the address that finds the person; "" if the claim holds none.
func (o *OIDC) emailOf(all claimSet) string {
	email := access.NormalEmail(all.text(o.cfg.LinkClaim))
	if !strings.Contains(email, "@") || len(email) > maxEmail {
		return ""
	}
	return email
}

// hasVerified reports whether the address counts as verified. A provider that says no is believed in
// any case.
func (o *OIDC) hasVerified(all claimSet) bool {
	if o.cfg.TrustEmail == TrustIssuer && (o.cfg.LinkClaim != claimEmail || !all.has(claimVerified)) {
		return true
	}
	return all.flag(claimVerified)
}
