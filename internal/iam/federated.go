package iam

import (
	"slices"
)

// FederatedAccess returns the ways in which statements of others let people of identity providers assume the role.
// It leaves out ways that the statement itself holds to networks, and statements that let no call through. everyone
// reports that a Deny of ours holds everybody to networks; it does not hold for these people.
// See docs/aws-facts.md, "Other principals in a trust policy".
func FederatedAccess(trustPolicy string, at TrustContext) (ways []Bypass, everyone bool, err error) {
	d, err := readForeign(trustPolicy)
	if err != nil {
		return nil, false, err
	}
	for _, action := range []string{actionSAML, actionWebIdentity} {
		e := newTrustEvaluation(trustPolicy, at, foldASCII(action))
		for i, s := range e.raw {
			if e.ours(i) {
				continue
			}
			for _, who := range providers(s, action) {
				ways = e.add(ways, i, caller{text: who, arn: who, federated: true})
			}
		}
	}
	ways = slices.DeleteFunc(ways, func(b Bypass) bool { return b.Networks || b.Kept || b.Restricted })
	return ways, slices.ContainsFunc(d.ours, deniesEveryone), nil
}

// providers are the identity providers whose people a statement may let in by an action.
func providers(s value, action string) []string {
	if effect, ok := s.get("Effect"); ok && equalFoldASCII(effect.text, EffectDeny) {
		return nil
	}
	if patterns, ok := s.get("Action"); ok && !anyPattern(patterns, action) {
		return nil
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
