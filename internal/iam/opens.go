package iam

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// AssumeResources lists the resources of those statements of a user policy that may allow sts:AssumeRole: ARNs and
// patterns, sorted, each once. ok is false where the document cannot be read, or a statement names its resources in
// another way.
func AssumeResources(document string) (resources []string, ok bool) {
	p := parsedDocuments.parse(document)
	ok = !p.malformed
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny || s.actions.matchAction(foldedAssume) == no {
			continue
		}
		ok = ok && !s.resources.negated && !s.resources.missing
		resources = append(resources, s.resources.values...)
	}
	return sortedSet(resources), ok
}

// AllowsAssumeRole reports whether a user policy surely allows sts:AssumeRole on a role: a statement without conditions
// says so, and no Deny may be about the role.
func AllowsAssumeRole(document, roleARN string) bool {
	p := parsedDocuments.parse(document)
	if p.malformed || p.anyAssumeRole(true, roleARN, unsure) {
		return false
	}
	c := &call{roleARN: roleARN, anyone: true}
	return slices.ContainsFunc(p.statements, func(s parsedStatement) bool {
		return !s.deny && !s.strange && len(s.tests) == 0 && and(s.actions.matchAction(foldedAssume), s.resources.matchResource(c)) == yes
	})
}

// CoversRole reports whether a resource of a policy, an ARN or a pattern, may be about a role. When in doubt it answers
// true, for example for a policy variable.
func CoversRole(resource, roleARN string) bool {
	v, sure := (&call{roleARN: roleARN, anyone: true}).expand(resource)
	return sure != yes || match(v, roleARN)
}

// LiteralRole returns the ARN that a resource of a policy names. ok is false for a pattern.
func LiteralRole(resource string) (arn string, ok bool) {
	v, sure := (&call{anyone: true}).expand(resource)
	return showWildcards.Replace(v), sure == yes && !strings.ContainsAny(v, "*?")
}

// ReplaceResources returns a user policy of ours in which replace has chosen the resources that each resource becomes.
// A statement without resources is left out; "" is a policy without statements. It refuses a policy with statements of
// others.
func ReplaceResources(document string, replace func(resource string) []string) (string, error) {
	if document == "" {
		return "", nil
	}
	if foreign, err := Foreign(document); err != nil || foreign != "" {
		return "", access.Wrap(access.KindInvalid, err, "the user policy is not one of ours")
	}
	list, err := Ours(document)
	if err != nil {
		return "", err
	}
	ss, err := ParseStatements(list)
	if err != nil {
		return "", err
	}
	var kept []Statement
	for _, s := range ss {
		var resources []string
		for _, r := range s.Resources {
			resources = append(resources, replace(r)...)
		}
		if len(resources) == 0 {
			continue
		}
		s.Resources = sortedSet(resources)
		kept = append(kept, s)
	}
	if len(kept) == 0 {
		return "", nil
	}
	return DocumentJSON(kept), nil
}
