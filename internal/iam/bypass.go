package iam

import (
	"strconv"
	"strings"
)

// Bypass is a statement of others in a role's trust policy that lets somebody assume the
// role past the mappings.
type Bypass struct {
	Statement  string   // its Sid, or "#2"
	Who        []string // principals as they are written there
	Restricted bool     // a Deny of ours for everyone applies to them too
}

// Bypasses finds statements of others that allow sts:AssumeRole to AWS principals. A Deny
// of ours restricts mapped users whatever such a statement says; other callers only if it
// is for everyone.
func Bypasses(trustPolicy string) ([]Bypass, error) {
	d, err := readForeign(trustPolicy)
	if err != nil {
		return nil, err
	}
	restricted := false
	for _, s := range d.ours {
		restricted = restricted || deniesEveryone(s)
	}
	v, err := parseJSON(decodeDocument(trustPolicy))
	if err != nil {
		return nil, nil //nolint:nilerr // empty: there is nothing in it
	}
	statements, _ := v.get("Statement")
	var bs []Bypass
	for i, s := range statements.list() {
		sid, _ := s.get("Sid")
		if strings.HasPrefix(sid.text, SidPrefix) || !admitsAWS(s) {
			continue
		}
		b := Bypass{Statement: sid.text, Restricted: restricted}
		if b.Statement == "" {
			b.Statement = "#" + strconv.Itoa(i+1)
		}
		b.Who = principalTexts(s)
		bs = append(bs, b)
	}
	return bs, nil
}

// deniesEveryone reports whether a Deny of ours holds everybody to networks. One that
// asks everybody for MFA or for a session name alone leaves the networks open.
func deniesEveryone(s value) bool {
	effect, _ := s.get("Effect")
	principal, _ := s.get("Principal")
	aws, _ := principal.get("AWS")
	if !equalFoldASCII(effect.text, EffectDeny) || aws.text != "*" {
		return false
	}
	condition, _ := s.get("Condition")
	for _, operator := range condition.members {
		for _, key := range operator.value.members {
			if !ofNetworks[foldASCII(key.key)] {
				return false
			}
		}
	}
	return true
}

// ofNetworks are the keys of our Denies for everyone that are about networks, and those
// that say whom they spare: AWS services, and users who are held to networks elsewhere.
var ofNetworks = map[string]bool{
	"aws:sourceip": true, "aws:sourcevpc": true, "aws:sourcevpce": true,
	"aws:principalisawsservice": true, "aws:principalarn": true,
}

// foreignPrincipals lists the principals that the statements of others admit, as written.
func (d document) foreignPrincipals() []string {
	var who []string
	for _, s := range d.foreign {
		if admitsAWS(s) {
			who = append(who, principalTexts(s)...)
		}
	}
	return sortedSet(who)
}

func principalTexts(s value) []string {
	principal, ok := s.get("Principal")
	if !ok {
		return []string{"NotPrincipal"}
	}
	if principal.kind == '"' {
		return []string{principal.text}
	}
	var who []string
	for _, it := range awsPrincipals(s) {
		who = append(who, it.text)
	}
	return who
}
