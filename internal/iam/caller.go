package iam

import (
	"net/netip"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// caller is a principal of an Allow, whose calls are evaluated.
type caller struct {
	text      string // as it is written in the document
	arn       string // the ARN of a known unique id; otherwise the text
	federated bool   // people of an identity provider
}

// someUser stands for any user of an account.
const someUser = "portcullis-somebody"

// account is the account that the caller is, or is in; "" for everyone and for unknown ids.
func (w caller) account() access.AccountID {
	if access.AccountID(w.arn).Valid() {
		return access.AccountID(w.arn)
	}
	parts := strings.SplitN(w.arn, ":", 6)
	if len(parts) != 6 || w.federated {
		return ""
	}
	return access.AccountID(parts[4])
}

// single reports whether the caller is one user or one role whose ARN is known.
func (w caller) single() bool {
	return strings.Contains(w.arn, ":user/") || strings.Contains(w.arn, ":role/")
}

// call is a call of the caller that carries nothing but a session name.
func (w caller) call(at TrustContext) *call {
	user, isUser := access.ParseUserARN(w.arn)
	if !isUser {
		user = access.UserName{Account: w.account(), Path: "/", Name: someUser}
	}
	r := Request{
		Principal: user, Role: at.Role, RoleAccount: at.Account, Partition: at.Partition,
		SessionName: user.Name, Now: at.Now,
	}
	if strings.HasPrefix(w.arn, "AIDA") {
		r.PrincipalID = w.arn
	} else if isUser && w.text != w.arn {
		r.PrincipalID = w.text
	}
	c := newCall(r)
	if strings.Contains(w.arn, ":role/") {
		c.userARN, c.session = w.arn, true
	}
	return c
}

// covers reports whether a statement's principals include all callers that a principal stands for. It is unsure of
// NotPrincipal and of forms that are not known.
func (p *principals) covers(w caller, ids map[string]string) tri {
	known := func(id string) bool { return ids[id] != "" && ids[id] == w.arn }
	stranger := func(id string) bool { return ids[id] == "" }
	switch {
	case w.federated && (p.everything || slices.Contains(p.federated, w.arn)):
		return yes
	case w.federated && p.anyone:
		return unsure // {"AWS": "*"}: docs/aws-facts.md does not say that it covers identity providers
	case w.federated && !p.unsure:
		return no
	case p.anyone, slices.Contains(p.arns, w.arn), slices.Contains(p.ids, w.text), slices.ContainsFunc(p.ids, known):
		return yes
	case w.account() != "" && slices.Contains(p.accounts, string(w.account())):
		return yes
	case p.unsure, strings.Contains(w.arn, ":user/") && slices.ContainsFunc(p.ids, stranger):
		return unsure
	default:
		return no
	}
}

// outside are addresses of no network, by RFC 5737 and RFC 3849.
var outside = []netip.Addr{
	netip.MustParseAddr("192.0.2.77"), netip.MustParseAddr("198.51.100.77"), netip.MustParseAddr("2001:db8::77"),
}

var allowsEverything = ParsePolicy(
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
