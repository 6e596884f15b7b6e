package policy

import (
	"slices"
	"strings"

	"portcullis/internal/access"
)

// nowhere finds users who stand in mappings of which none reaches a role: it looks as if
// they had access, and they have none. It is said of the whole state only, since it takes
// all mappings of a user to know.
func (l *linter) nowhere() {
	somewhere := map[access.UserName]bool{}
	first := map[access.UserName]*plan{}
	var order []access.UserName
	for i := range l.c.mappings {
		p := &l.c.mappings[i]
		reaches := slices.ContainsFunc(p.sel.accounts, func(a int) bool { return l.c.reaches(*p, a) })
		for _, u := range p.Users {
			if first[u] == nil {
				first[u] = p
				order = append(order, u)
			}
			somewhere[u] = somewhere[u] || reaches
		}
	}
	order = slices.DeleteFunc(order, func(u access.UserName) bool { return somewhere[u] })
	slices.SortFunc(order, compareUsers)
	for _, u := range order {
		l.add(CodeUserNowhere, SeverityWarning, "user "+u.String(), l.in.Positions["mapping/"+first[u].ID],
			"correct the accounts or the role of the mapping, or take the user out of it", "user %s is mapped, and no mapping of theirs reaches a role: they can assume nothing", u)
	}
}

// doors reports statements of others that let people in through an identity provider.
// They come by another action than sts:AssumeRole, at which no gate of ours stands
// (aws-facts §2.6).
func (l *linter) doors(id access.AccountID, role access.RoleName, merged string) {
	d, err := readForeign(merged)
	if err != nil {
		return // compiling the role says so
	}
	severity := SeverityInfo
	if slices.ContainsFunc(d.ours, deniesEveryone) {
		severity = SeverityWarning // it is meant for everyone, and does not hold for them
	}
	var who []string
	for _, s := range d.foreign {
		who = append(who, providers(s)...)
	}
	if len(who) > 0 {
		l.add(CodeFederatedDoor, severity, roleObject(role, id), "", "remove the statement, or put a condition on aws:SourceIp into it",
			"statements of others let people of %s assume role %s in account %s with SAML or OIDC, from anywhere; allowlists hold for sts:AssumeRole only", some(sortedSet(who)), role, id)
	}
}

// providers are the identity providers whose people a statement lets in, where no
// condition of its own holds them to networks.
func providers(s value) []string {
	if effect, ok := s.get("Effect"); ok && strings.EqualFold(effect.text, EffectDeny) {
		return nil
	}
	if action, ok := s.get("Action"); ok && !anyPattern(action, actionSAML) && !anyPattern(action, actionWebIdentity) {
		return nil
	}
	condition, _ := s.get("Condition")
	for _, operator := range condition.members {
		for _, key := range operator.value.members {
			if strings.EqualFold(key.key, "aws:SourceIp") {
				return nil
			}
		}
	}
	principal, _ := s.get("Principal")
	federated, ok := principal.get("Federated")
	if !ok {
		return nil
	}
	var who []string
	for _, it := range federated.list() {
		who = append(who, it.text)
	}
	return who
}

const (
	actionSAML        = "sts:AssumeRoleWithSAML"
	actionWebIdentity = "sts:AssumeRoleWithWebIdentity"
)
