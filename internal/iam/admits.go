package iam

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Admission says how a trust policy may admit a user, whatever the conditions of its statements say.
type Admission int

// The ways of admission, from none to the widest. An account that is named leaves it to the user's own
// policies; a user of the same account who is named needs no policy (docs/aws-facts.md, "Same-account trust").
const (
	AdmitsNot Admission = iota
	AdmitsByAccount
	AdmitsByName
)

// MayAdmit reports how a trust policy of an account may admit a user. When in doubt it answers with the
// wider admission, for example for a document that cannot be read. Only a Deny without conditions that surely
// covers the user counts. id is the user's unique id; "" where it is not known.
func MayAdmit(trustPolicy string, account access.AccountID, user access.UserName, partition, id string) Admission {
	p := parsedDocuments.parse(trustPolicy)
	if p.malformed {
		return AdmitsByName
	}
	c := newCall(Request{Principal: user, PrincipalID: id, RoleAccount: account, Partition: partition})
	widest := AdmitsNot
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny {
			if s.deniesAll(c) {
				return AdmitsNot
			}
			continue
		}
		widest = max(widest, s.admits(c))
	}
	if widest == AdmitsByName && c.Principal.Account != account {
		return AdmitsByAccount // a user of another account needs an Allow on both sides
	}
	return widest
}

// deniesAll reports whether a statement surely denies each call of a user.
func (s *parsedStatement) deniesAll(c *call) bool {
	if s.strange || len(s.tests) > 0 || s.actions.matchAction(foldedAssume) != yes {
		return false
	}
	r := s.who.reach(c)
	return or(r.named, r.account) == yes
}

// admits reports how an Allow may be about a user.
func (s *parsedStatement) admits(c *call) Admission {
	if !s.strange && s.actions.matchAction(foldedAssume) == no || !s.mayMean(c.Principal.Name) {
		return AdmitsNot
	}
	switch r := s.who.reach(c); {
	case r.named != no:
		return AdmitsByName
	case r.account != no:
		return AdmitsByAccount
	default:
		return AdmitsNot
	}
}

// AdmittingStatements names the Allows of others that may admit a user, by Sid or number.
func AdmittingStatements(trustPolicy string, account access.AccountID, user access.UserName, partition, id string) []string {
	p := parsedDocuments.parse(trustPolicy)
	c := newCall(Request{Principal: user, PrincipalID: id, RoleAccount: account, Partition: partition})
	var names []string
	for i := range p.statements {
		s := &p.statements[i]
		if !s.deny && !strings.HasPrefix(s.name, SidPrefix) && s.admits(c) != AdmitsNot {
			names = append(names, s.name)
		}
	}
	return names
}
