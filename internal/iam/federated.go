package iam

import (
	"slices"
)

// FederatedProviders returns the identity providers whose people the statements of others
// let in without a condition on networks, sorted. everyone reports that a Deny of ours
// holds everybody to networks; it does not hold for them.
// See docs/aws-facts.md, "Other principals in a trust policy".
func FederatedProviders(trustPolicy string) (who []string, everyone bool, err error) {
	d, err := readForeign(trustPolicy)
	if err != nil {
		return nil, false, err
	}
	for _, s := range d.foreign {
		who = append(who, providers(s)...)
	}
	return sortedSet(who), slices.ContainsFunc(d.ours, deniesEveryone), nil
}

// providers are the identity providers whose people a statement lets in, where no
// condition of its own holds them to networks.
func providers(s value) []string {
	if effect, ok := s.get("Effect"); ok && equalFoldASCII(effect.text, EffectDeny) {
		return nil
	}
	if action, ok := s.get("Action"); ok && !anyPattern(action, actionSAML) && !anyPattern(action, actionWebIdentity) {
		return nil
	}
	condition, _ := s.get("Condition")
	for _, operator := range condition.members {
		for _, key := range operator.value.members {
			if equalFoldASCII(key.key, "aws:SourceIp") {
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
