package sandbox

import (
	"slices"
	"strings"
)

// question is "may this caller do this to that?".
type question struct {
	caller   *caller
	action   string
	resource string
	keys     map[string]string
}

// answer is what one set of documents says to a question.
type answer struct {
	allowed bool
	denied  bool // an explicit deny
	direct  bool // a trust policy named the caller itself and not only its account
}

// asks decides whether a statement is about the question, its principal left aside.
func (st *statement) asks(q question, variables bool) bool {
	if !matchesAction(st, q.action) || !matchesResource(st, q, variables) {
		return false
	}
	for _, c := range st.conditions {
		if !c.holds(q.keys, variables) {
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

func matchesResource(st *statement, q question, variables bool) bool {
	match := func(pattern string) bool {
		if variables && strings.Contains(pattern, "${") {
			expanded, ok := expand(pattern, q.keys)
			return ok && wild(expanded, q.resource)
		}
		return wild(pattern, q.resource)
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

// identityAnswer reads a caller's own policies.
func (o *Organization) identityAnswer(q question, documents []string) answer {
	var a answer
	for _, text := range documents {
		doc := o.parsed(text, identityPolicy)
		if doc == nil {
			continue
		}
		a = a.or(doc.answer(q, nil))
	}
	return a
}

// answer reads one document. match says whether a statement's principals are the
// caller, and whether by name; nil for a document without principals.
func (d *document) answer(q question, match func([]principal) (matches, direct bool)) answer {
	var a answer
	for i := range d.statements {
		st := &d.statements[i]
		direct := false
		if match != nil {
			var matches bool
			if matches, direct = match(st.principals); !matches {
				continue
			}
		}
		if !st.asks(q, d.variables) {
			continue
		}
		if st.deny {
			a.denied = true
			continue
		}
		a.allowed = true
		a.direct = a.direct || direct
	}
	return a
}

func (a answer) or(b answer) answer {
	return answer{a.allowed || b.allowed, a.denied || b.denied, a.direct || b.direct}
}

// matches reports whether one of the stored principals is the caller; direct when it is
// named itself or by "*", and not only through its account.
func (c *caller) matches(principals []principal) (matches, direct bool) {
	for _, p := range principals {
		switch {
		case p.kind != "AWS" && p.kind != "*":
			continue
		case p.value == "*", p.value == c.uniqueID(), p.value == c.arn():
			return true, true
		case p.value == c.account.rootARN():
			matches = true
		}
	}
	return matches, false
}

// refusalReason says in AWS's words why an action is not permitted, and "" when it is.
func (o *Organization) refusalReason(q question) string {
	own := o.identityAnswer(q, q.caller.policies())
	limit := answer{allowed: true}
	if s := q.caller.session; s != nil && s.policy != nil {
		limit = s.policy.answer(q, nil)
	}
	switch {
	case own.denied:
		return "with an explicit deny in an identity-based policy"
	case limit.denied:
		return "with an explicit deny in a session policy"
	case !own.allowed:
		return "because no identity-based policy allows the " + q.action + " action"
	case !limit.allowed:
		return "because no session policy allows the " + q.action + " action"
	default:
		return ""
	}
}

// trustRefusal decides whether the caller may do an sts action on a role: within an
// account a trust policy that names the caller is enough; from another account both
// sides have to allow it; a deny on either side wins (docs/aws-facts.md, "Cross-account trust").
func (o *Organization) trustRefusal(q question, target *account, r *role) bool {
	doc := o.parsed(r.Trust, trustPolicy)
	if doc == nil {
		return true
	}
	trust := doc.answer(q, q.caller.matches)
	reason := o.refusalReason(q)
	if trust.denied || !trust.allowed || strings.HasPrefix(reason, "with an explicit deny") {
		return true
	}
	if target == q.caller.account && trust.direct {
		return !q.caller.withinSession(q)
	}
	return reason != ""
}

// withinSession reports whether the caller's session policy, if any, permits the action.
func (c *caller) withinSession(q question) bool {
	if c.session == nil || c.session.policy == nil {
		return true
	}
	return c.session.policy.answer(q, nil).allowed
}

// parsed returns a stored document in the form for evaluation. Many accounts share the
// same text, so what was parsed is kept until there is too much of it.
func (o *Organization) parsed(text string, kind documentKind) *document {
	if doc, ok := o.cache.get(text); ok {
		return doc
	}
	doc, _, refusal := parseDocument(text, kind)
	if refusal != nil {
		return nil
	}
	o.cache.put(text, doc)
	return doc
}
