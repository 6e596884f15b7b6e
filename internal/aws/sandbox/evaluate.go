package sandbox

import (
	"cmp"
	"slices"
	"strings"
)

// request is one call: may the principal carry out the action on the resource?
type request struct {
	principal principal
	action    string
	resource  string
	keys      map[string]string
}

// principal is the user or role session that makes a request.
type principal struct {
	arn     string
	id      string
	account string
}

// policies are the documents of the principal's side.
type policies struct {
	identity []*document
	session  *document // nil for a session without one
}

// decision says whether a request is allowed, for which reason, and which statement
// decided.
type decision struct {
	allowed   bool
	reason    reason
	statement *statement // nil where no statement decided
}

type reason int

const (
	grantedByTrust reason = iota + 1
	grantedByIdentity
	deniedByTrust
	deniedByIdentity
	deniedBySession
	notTrusted
	notGrantedByIdentity
	notGrantedBySession
)

// answer is what one set of documents says to a request: the first statement of each
// kind that applies.
type answer struct {
	deny   *statement
	allow  *statement
	direct *statement // an Allow of a trust policy that names the principal itself
}

// applies decides whether a statement is about the request, its principal left aside.
func (st *statement) applies(r request, variables bool) bool {
	if !matchesAction(st, r.action) || !matchesResource(st, r, variables) {
		return false
	}
	for _, c := range st.conditions {
		if !c.holds(r.keys, variables) {
			return false
		}
	}
	return true
}

func matchesAction(st *statement, action string) bool {
	match := func(pattern string) bool { return wildFold(pattern, action) }
	if len(st.notActions) > 0 {
		return !slices.ContainsFunc(st.notActions, match)
	}
	return slices.ContainsFunc(st.actions, match)
}

func matchesResource(st *statement, r request, variables bool) bool {
	match := func(pattern string) bool {
		if variables && strings.Contains(pattern, "${") {
			expanded, ok := expand(pattern, r.keys)
			return ok && wild(expanded, r.resource)
		}
		return wild(pattern, r.resource)
	}
	switch {
	case len(st.notResources) > 0:
		return !slices.ContainsFunc(st.notResources, match)
	case len(st.resources) > 0:
		return slices.ContainsFunc(st.resources, match)
	default:
		return true // a trust policy has no resources
	}
}

// answer reads one document. match says whether a statement's principals are those of
// the request; nil for a document without principals.
func (d *document) answer(r request, match func([]principalElement) (named, direct bool)) answer {
	var a answer
	if d == nil {
		return a
	}
	for i := range d.statements {
		st := &d.statements[i]
		direct := false
		if match != nil {
			var named bool
			if named, direct = match(st.principals); !named {
				continue
			}
		}
		if !st.applies(r, d.variables) {
			continue
		}
		if st.deny {
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
func (p principal) namedBy(elements []principalElement) (named, direct bool) {
	for _, e := range elements {
		switch {
		case e.kind != "AWS" && e.kind != "*":
			continue
		case e.value == "*", e.value == p.id, e.value == p.arn:
			return true, true
		case e.value == "arn:aws:iam::"+p.account+":root":
			named = true
		}
	}
	return named, false
}

// decideIdentity decides a request by the principal's own policies alone.
func decideIdentity(r request, own policies) decision {
	var identity answer
	for _, doc := range own.identity {
		identity = identity.or(doc.answer(r, nil))
	}
	session := own.session.answer(r, nil)
	switch {
	case identity.deny != nil:
		return decision{reason: deniedByIdentity, statement: identity.deny}
	case session.deny != nil:
		return decision{reason: deniedBySession, statement: session.deny}
	case identity.allow == nil:
		return decision{reason: notGrantedByIdentity}
	case own.session != nil && session.allow == nil:
		return decision{reason: notGrantedBySession}
	default:
		return decision{allowed: true, reason: grantedByIdentity, statement: identity.allow}
	}
}

// decideTrust decides an sts action on a role of an account: within the account a trust
// policy that names the principal is enough; from another account both sides have to
// allow it; a deny on either side wins (aws-facts §2.6).
func decideTrust(r request, account string, trust *document, own policies) decision {
	a := trust.answer(r, r.principal.namedBy)
	d := decideIdentity(r, own)
	switch {
	case a.deny != nil:
		return decision{reason: deniedByTrust, statement: a.deny}
	case d.reason == deniedByIdentity || d.reason == deniedBySession:
		return d
	case a.allow == nil:
		return decision{reason: notTrusted}
	case account == r.principal.account && a.direct != nil:
		if own.session != nil && own.session.answer(r, nil).allow == nil {
			return decision{reason: notGrantedBySession}
		}
		return decision{allowed: true, reason: grantedByTrust, statement: a.direct}
	case !d.allowed:
		return d
	default:
		return decision{allowed: true, reason: grantedByTrust, statement: a.allow}
	}
}
