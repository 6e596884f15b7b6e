package judge

import (
	"cmp"
	"slices"
	"strings"
)

// Request is one call: may the principal carry out the action on the resource?
type Request struct {
	Principal Principal
	Action    string
	Resource  string
	Keys      map[string]string
}

// Principal is the user or role session that makes a request.
type Principal struct {
	ARN     string
	ID      string
	Account string
}

// Policies are the documents of the principal's side.
type Policies struct {
	Identity []*Document
	Session  *Document // nil for a session without one
}

// Decision says whether a request is allowed, for which reason, and which statement
// decided.
type Decision struct {
	Allowed   bool
	Reason    Reason
	Statement *Statement // nil where no statement decided
}

type Reason int

const (
	GrantedByTrust Reason = iota + 1
	GrantedByIdentity
	DeniedByTrust
	DeniedByIdentity
	DeniedBySession
	NotTrusted
	NotGrantedByIdentity
	NotGrantedBySession
)

// answer is what one set of documents says to a request: the first statement of each
// kind that applies.
type answer struct {
	deny   *Statement
	allow  *Statement
	direct *Statement // an Allow of a trust policy that names the principal itself
}

// applies decides whether a statement is about the request, its principal left aside.
func (st *Statement) applies(r Request, variables bool) bool {
	if !matchesAction(st, r.Action) || !matchesResource(st, r, variables) {
		return false
	}
	for _, c := range st.Conditions {
		if !c.holds(r.Keys, variables) {
			return false
		}
	}
	return true
}

func matchesAction(st *Statement, action string) bool {
	match := func(pattern string) bool { return MatchFold(pattern, action) }
	if len(st.NotActions) > 0 {
		return !slices.ContainsFunc(st.NotActions, match)
	}
	return slices.ContainsFunc(st.Actions, match)
}

func matchesResource(st *Statement, r Request, variables bool) bool {
	match := func(pattern string) bool {
		if variables && strings.Contains(pattern, "${") {
			expanded, ok := expand(pattern, r.Keys)
			return ok && wild(expanded, r.Resource)
		}
		return wild(pattern, r.Resource)
	}
	switch {
	case len(st.NotResources) > 0:
		return !slices.ContainsFunc(st.NotResources, match)
	case len(st.Resources) > 0:
		return slices.ContainsFunc(st.Resources, match)
	default:
		return true // a trust policy has no resources
	}
}

// answer reads one document. match says whether a statement's principals are those of
// the request; nil for a document without principals.
func (d *Document) answer(r Request, match func([]PrincipalElement) (named, direct bool)) answer {
	var a answer
	if d == nil {
		return a
	}
	for i := range d.Statements {
		st := &d.Statements[i]
		direct := false
		if match != nil {
			var named bool
			if named, direct = match(st.Principals); !named {
				continue
			}
		}
		if !st.applies(r, d.Variables) {
			continue
		}
		if st.Deny {
			a = a.or(answer{deny: st})
			continue
		}
		a = a.or(answer{allow: st})
		if direct {
			a = a.or(answer{direct: st})
		}
	}
	return a
}

func (a answer) or(b answer) answer {
	return answer{cmp.Or(a.deny, b.deny), cmp.Or(a.allow, b.allow), cmp.Or(a.direct, b.direct)}
}

// namedBy reports whether one of the elements is the principal; direct when it is named
// itself or by "*", and not only through its account.
func (p Principal) namedBy(elements []PrincipalElement) (named, direct bool) {
	for _, e := range elements {
		switch {
		case e.Kind != "AWS" && e.Kind != "*":
			continue
		case e.Value == "*", e.Value == p.ID, e.Value == p.ARN:
			return true, true
		case e.Value == "arn:aws:iam::"+p.Account+":root":
			named = true
		}
	}
	return named, false
}

// DecideIdentity decides a request by the principal's own policies alone.
func DecideIdentity(r Request, own Policies) Decision {
	var identity answer
	for _, doc := range own.Identity {
		identity = identity.or(doc.answer(r, nil))
	}
	session := own.Session.answer(r, nil)
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

// DecideTrust decides an sts action on a role of an account: within the account a trust
// policy that names the principal is enough; from another account both sides have to
// allow it; a deny on either side wins (aws-facts §2.6).
func DecideTrust(r Request, account string, trust *Document, own Policies) Decision {
	a := trust.answer(r, r.Principal.namedBy)
	d := DecideIdentity(r, own)
	switch {
	case a.deny != nil:
		return Decision{Reason: DeniedByTrust, Statement: a.deny}
	case d.Reason == DeniedByIdentity || d.Reason == DeniedBySession:
		return d
	case a.allow == nil:
		return Decision{Reason: NotTrusted}
	case account == r.Principal.Account && a.direct != nil:
		if own.Session != nil && own.Session.answer(r, nil).allow == nil {
			return Decision{Reason: NotGrantedBySession}
		}
		return Decision{Allowed: true, Reason: GrantedByTrust, Statement: a.direct}
	case !d.Allowed:
		return d
	default:
		return Decision{Allowed: true, Reason: GrantedByTrust, Statement: a.allow}
	}
}
