package iam

// Verdict is the outcome of a decision.
type Verdict string

// CannotTell is said where the outcome hangs on something that this package does not
// know: an operator, a key of the request, a unique id, a malformed document. It is
// never a guess.
const (
	Allowed    Verdict = "allowed"
	Denied     Verdict = "denied"
	CannotTell Verdict = "cannot_tell"
)

// The documents that can decide.
const (
	DocumentTrust = "trust policy"
	DocumentUser  = "user policy"
)

// Decision says whether a request is allowed and what decided it. Statement is a Sid, or
// "#2" for a statement without one; it is empty where no statement allows.
type Decision struct {
	Verdict   Verdict
	Statement string
	Document  string
	Sentence  string
}

// Evaluate decides sts:AssumeRole as IAM does over a role's trust policy and the user's
// identity policies (docs/aws-facts.md, "Same-account trust"): an explicit Deny anywhere wins; a trust policy of
// the same account that names the user is enough; one that names the account, and every
// trust across accounts, needs an Allow of the user's own policies too. Organization
// policies, permission boundaries and session policies are not looked at.
// For boundaries see docs/aws-facts.md, "Boundaries and resource grants".
func Evaluate(req Request, trustPolicy string, identityPolicies []string) Decision {
	identity := make([]*Policy, len(identityPolicies))
	for i, doc := range identityPolicies {
		identity[i] = parsedDocuments.parse(doc)
	}
	return Decide(req, parsedDocuments.parse(trustPolicy), identity)
}

// Decide is Evaluate over documents that were parsed before.
func Decide(req Request, trust *Policy, identity []*Policy) Decision {
	c := newCall(req)
	if trust.malformed {
		return c.say(outcome{verdict: CannotTell, document: DocumentTrust, why: malformedDocument})
	}
	out := c.decide(foldedAssume, trust, identity)
	if req.SourceIdentity == "" || out.verdict != Allowed {
		return c.say(out)
	}
	// Setting a source identity is a separate action (docs/aws-facts.md, "Source identity").
	if set := c.decide(foldedSourceIdentity, trust, identity); set.verdict != Allowed {
		return c.say(set)
	}
	return c.say(out)
}

// The actions as they are compared.
const (
	foldedAssume         = "sts:assumerole"
	foldedSourceIdentity = "sts:setsourceidentity"
)

// why says in which way an outcome came about.
type why int

const (
	allowedBy why = iota
	deniedBy
	nothingAllows // in the document
	noTrust       // there is no trust policy, or none of its statements is about anything
	malformedDocument
	unsureDeny
	unsureAllow
	unreadPolicies // of the user, which might allow it
)

// outcome is a decision before it is put into words.
type outcome struct {
	verdict   Verdict
	document  string
	statement *parsedStatement
	why       why
	action    string
}

func (c *call) decide(action string, trust *Policy, identity []*Policy) outcome {
	if d, found := c.denials(action, trust, DocumentTrust, yes); found {
		return d
	}
	for _, p := range identity {
		if d, found := c.denials(action, p, DocumentUser, yes); found {
			return d
		}
	}
	named, account, by := c.trusts(action, trust)
	own, ownBy := c.permits(action, identity)
	allowed := and(or(named, account), own)
	if c.Principal.Account == c.RoleAccount {
		allowed = or(allowed, named)
	}
	switch {
	case allowed == no && or(named, account) == no:
		return outcome{verdict: Denied, document: DocumentTrust, why: implicit(trust), action: action}
	case allowed == no && len(c.Others) > 0:
		return outcome{verdict: CannotTell, document: DocumentUser, why: unreadPolicies, action: action}
	case allowed == no:
		return outcome{verdict: Denied, document: DocumentUser, why: nothingAllows, action: action}
	}
	if d, found := c.denials(action, trust, DocumentTrust, unsure); found {
		return d
	}
	for _, p := range identity {
		if d, found := c.denials(action, p, DocumentUser, unsure); found {
			return d
		}
	}
	if allowed == unsure && own == unsure && or(named, account) == yes {
		return outcome{verdict: CannotTell, document: DocumentUser, statement: ownBy, why: unsureAllow, action: action}
	}
	if allowed == unsure {
		return outcome{verdict: CannotTell, document: DocumentTrust, statement: by, why: unsureAllow, action: action}
	}
	return outcome{verdict: Allowed, document: DocumentTrust, statement: by, why: allowedBy, action: action}
}

func implicit(trust *Policy) why {
	if trust.empty {
		return noTrust
	}
	return nothingAllows
}

// denials finds the first Deny that strikes, or the first of which it cannot be told.
func (c *call) denials(action string, p *Policy, document string, want tri) (outcome, bool) {
	if p.malformed && want == unsure {
		return outcome{verdict: CannotTell, document: document, why: malformedDocument, action: action}, true
	}
	for i := range p.statements {
		s := &p.statements[i]
		if !s.deny || c.applies(s, action, document) != want {
			continue
		}
		if want == yes {
			return outcome{verdict: Denied, document: document, statement: s, why: deniedBy, action: action}, true
		}
		return outcome{verdict: CannotTell, document: document, statement: s, why: unsureDeny, action: action}, true
	}
	return outcome{}, false
}

// trusts says how far the trust policy's Allows reach the caller, and by which statement.
func (c *call) trusts(action string, p *Policy) (named, account tri, by *parsedStatement) {
	best := no
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny {
			continue
		}
		r := s.who.reach(c)
		if or(r.named, r.account) == no {
			continue
		}
		rest := s.restHolds(c, action)
		n, a := and(r.named, rest), and(r.account, rest)
		if one := or(n, a); one > best {
			best, by = one, s
		}
		named, account = or(named, n), or(account, a)
	}
	return named, account, by
}

// permits says whether the user's own policies allow the action on the role, and by
// which statement.
func (c *call) permits(action string, identity []*Policy) (result tri, by *parsedStatement) {
	for _, p := range identity {
		if p.malformed {
			result = or(result, unsure)
		}
		for i := range p.statements {
			s := &p.statements[i]
			if s.deny {
				continue
			}
			if one := c.applies(s, action, DocumentUser); one > result {
				result, by = one, s
			}
		}
	}
	return result, by
}

// applies says whether a statement is about this call.
func (c *call) applies(s *parsedStatement, action, document string) tri {
	if document == DocumentUser {
		about := s.resources.matchResource(c)
		if about == no {
			return no
		}
		return and(about, s.restHolds(c, action))
	}
	r := s.who.reach(c)
	about := or(r.named, r.account)
	if about == no {
		return no
	}
	return and(about, s.restHolds(c, action))
}

// restHolds decides action and conditions.
func (s *parsedStatement) restHolds(c *call, action string) tri {
	result := s.actions.matchAction(action)
	for i := range s.tests {
		if result == no {
			return no
		}
		result = and(result, s.tests[i].holds(c))
	}
	if s.strange {
		result = and(result, unsure)
	}
	return result
}
