package judge

import (
	"cmp"
	"slices"
	"strings"
)

// DecideIdentity decides a request by the policies on the principal's side. The package
// documentation gives the order. Source: IAM User Guide, "Policy evaluation logic".
func DecideIdentity(r Request, own Policies) Decision {
	var identity answer
	for _, doc := range own.Identity {
		identity = identity.or(doc.answer(r))
	}
	session := own.Session.answer(r)
	switch {
	case identity.deny != nil:
		return Decision{Reason: DeniedByIdentity, Statement: identity.deny}
	case session.deny != nil:
		return Decision{Reason: DeniedBySession, Statement: session.deny}
	case identity.allow == nil:
		return Decision{Reason: NotGrantedByIdentity}
	case own.Session != nil && session.allow == nil:
		return Decision{Reason: NotGrantedBySession}
	default:
		return Decision{Allowed: true, Reason: GrantedByIdentity, Statement: identity.allow}
	}
}

// DecideTrust decides an action on a role, for example sts:AssumeRole. The arguments are
// the ID of the role's account, the role's trust policy and the policies on the
// principal's side. A nil trust policy trusts no principal. The package documentation
// gives the order.
//
// AssumeRole needs further actions, each to be decided with a request: sts:SetSourceIdentity
// if a source identity is given, sts:TagSession if session tags are given.
//
// Sources: IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation
// logic"; STS API Reference, "AssumeRole".
func DecideTrust(r Request, roleAccount string, trust *Document, own Policies) Decision {
	side := DecideIdentity(r, own)
	a := trust.answer(r)
	switch {
	case a.deny != nil:
		return Decision{Reason: DeniedByTrust, Statement: a.deny}
	case side.Reason == DeniedByIdentity, side.Reason == DeniedBySession:
		return side
	case a.allow == nil:
		return Decision{Reason: NotTrusted}
	case a.direct != nil && roleAccount == r.Principal.Account:
		if own.Session != nil && own.Session.answer(r).allow == nil {
			return Decision{Reason: NotGrantedBySession}
		}
		return Decision{Allowed: true, Reason: GrantedByTrust, Statement: a.direct}
	case !side.Allowed:
		return side
	default:
		return Decision{Allowed: true, Reason: GrantedByTrust, Statement: a.allow}
	}
}

// answer holds the first applicable statement of each kind in one or more documents.
type answer struct {
	deny   *Statement
	allow  *Statement
	direct *Statement // an Allow of a trust policy that names the principal directly
}

func (a answer) or(b answer) answer {
	return answer{cmp.Or(a.deny, b.deny), cmp.Or(a.allow, b.allow), cmp.Or(a.direct, b.direct)}
}

// answer evaluates one document, nil for none.
func (d *Document) answer(r Request) answer {
	var a answer
	if d == nil {
		return a
	}
	for i := range d.Statements {
		st := &d.Statements[i]
		named, direct := true, false
		if d.Kind == TrustPolicy {
			named, direct = r.Principal.namedBy(st.Principals)
		}
		switch {
		case !named || !st.applies(r, d.Variables):
		case st.Deny:
			a = a.or(answer{deny: st})
		case direct:
			a = a.or(answer{allow: st, direct: st})
		default:
			a = a.or(answer{allow: st})
		}
	}
	return a
}

// namedBy reports whether a statement's principals include p. direct is false if only
// p's account is named.
func (p Principal) namedBy(elements []PrincipalElement) (named, direct bool) {
	for _, e := range elements {
		switch {
		case e.Type != "AWS" && e.Type != "*":
		case p.is(e.Value):
			return true, true
		case p.inAccount(e.Value):
			named = true
		}
	}
	return named, false
}

func (p Principal) is(value string) bool {
	return value != "" && slices.Contains([]string{"*", p.ARN, p.RoleARN, p.ID}, value)
}

func (p Principal) inAccount(value string) bool {
	return value == p.Account || value == "arn:"+cmp.Or(p.Partition, "aws")+":iam::"+p.Account+":root"
}

// applies reports whether the action, the resource and the conditions match. The
// principals are left to the caller.
func (st *Statement) applies(r Request, variables bool) bool {
	if !st.matchesAction(r.Action) || !st.matchesResource(r, variables) {
		return false
	}
	return !slices.ContainsFunc(st.Conditions, func(c Condition) bool { return !c.holds(r.Keys, variables) })
}

func (st *Statement) matchesAction(action string) bool {
	matches := func(pattern string) bool { return MatchAction(pattern, action) }
	if len(st.NotActions) > 0 {
		return !slices.ContainsFunc(st.NotActions, matches)
	}
	return slices.ContainsFunc(st.Actions, matches)
}

// matchesResource is true for a statement without resources, as in a trust policy.
func (st *Statement) matchesResource(r Request, variables bool) bool {
	matches := func(pattern string) bool {
		if variables && strings.Contains(pattern, "${") {
			expanded, ok := expand(pattern, r.Keys)
			return ok && wild(expanded, r.Resource)
		}
		return wild(pattern, r.Resource)
	}
	switch {
	case len(st.NotResources) > 0:
		return !slices.ContainsFunc(st.NotResources, matches)
	case len(st.Resources) > 0:
		return slices.ContainsFunc(st.Resources, matches)
	default:
		return true
	}
}
