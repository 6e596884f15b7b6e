package iam

// MayAllowAssumeRole reports whether an Allow of a user's policy may be about
// sts:AssumeRole on a role: its actions and its resources match, whatever its conditions
// say. When in doubt it answers true, for example for a document that cannot be read or a
// resource with a policy variable. So true is the safe answer where the caller then holds
// something back.
func MayAllowAssumeRole(document, roleARN string) bool {
	p := parsedDocuments.parse(document)
	return p.malformed || p.anyAssumeRole(false, roleARN, unsure)
}

// DeniesAssumeRole reports whether a Deny of a user's policy is about sts:AssumeRole on a
// role, under whatever conditions. When in doubt it answers false. So false is the safe
// answer where the caller relies on the Deny.
func DeniesAssumeRole(document, roleARN string) bool {
	return parsedDocuments.parse(document).anyAssumeRole(true, roleARN, yes)
}

// anyAssumeRole reports whether some statement with an effect is about sts:AssumeRole on a
// role, at least as surely as is asked for.
func (p *Policy) anyAssumeRole(deny bool, roleARN string, atLeast tri) bool {
	c := &call{roleARN: roleARN, anyone: true}
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny != deny {
			continue
		}
		about := and(s.actions.matchAction(foldedAssume), s.resources.matchResource(c))
		if s.strange {
			about = and(about, unsure)
		}
		if about >= atLeast {
			return true
		}
	}
	return false
}
