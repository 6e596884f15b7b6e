package iam

import (
	"strconv"
	"strings"
)

// Policy is a document made ready for deciding many requests.
type Policy struct {
	statements []parsedStatement
	malformed  bool
	empty      bool
}

// parsedStatement is one statement. What is not understood is unsure, never ignored.
type parsedStatement struct {
	name      string // the Sid, or "#2"
	deny      bool
	who       principals
	actions   patterns
	resources patterns
	tests     []test
	strange   bool // holds something that is not understood
}

// patterns are the values of Action or Resource, or of their Not forms.
type patterns struct {
	values  []string
	negated bool
	missing bool
	vars    bool
}

// principals are the values of Principal, as far as an IAM user can be one.
type principals struct {
	anyone   bool
	arns     []string
	accounts []string
	ids      []string

	everything bool     // "*" alone: principals of every kind
	federated  []string // identity providers

	unsure bool // NotPrincipal, nothing at all, or a form that is not known
}

// ParsePolicy reads a document for Decide. An empty one allows nothing; of a malformed
// one nothing can be told.
func ParsePolicy(doc string) *Policy {
	if strings.TrimSpace(doc) == "" {
		return &Policy{empty: true}
	}
	v, err := parseJSON(decodeDocument(doc))
	if err != nil || v.kind != '{' || v.hasDuplicates() {
		return &Policy{malformed: true}
	}
	statements, ok := v.get("Statement")
	if !ok {
		return &Policy{malformed: true}
	}
	version, _ := v.get("Version")
	p := &Policy{}
	for i, s := range statements.list() {
		parsed, ok := parseForDeciding(s, version.text == Version)
		if !ok {
			return &Policy{malformed: true}
		}
		if parsed.name == "" {
			parsed.name = "#" + strconv.Itoa(i+1)
		}
		p.statements = append(p.statements, parsed)
	}
	return p
}

func parseForDeciding(v value, variables bool) (parsedStatement, bool) {
	s := parsedStatement{who: principals{unsure: true}, actions: patterns{missing: true}, resources: patterns{missing: true}}
	effect, _ := v.get("Effect")
	s.deny = equalFoldASCII(effect.text, EffectDeny)
	if !s.deny && !equalFoldASCII(effect.text, EffectAllow) {
		return s, false
	}
	for _, m := range v.members {
		switch m.key {
		case "Sid":
			s.name = m.value.text
		case "Effect", "NotPrincipal": // it stays unsure who is meant
		case "Principal":
			s.who = parseWho(m.value)
		case "Action", "NotAction":
			s.actions = parsePatterns(m.value, m.key == "NotAction", false).lower()
		case "Resource", "NotResource":
			s.resources = parsePatterns(m.value, m.key == "NotResource", variables)
		case "Condition":
			s.parseTests(m.value, variables)
		default:
			s.strange = true
		}
	}
	return s, true
}

func parsePatterns(v value, negated, variables bool) patterns {
	p := patterns{negated: negated}
	for _, it := range v.list() {
		p.values = append(p.values, it.text)
		p.vars = p.vars || variables && strings.Contains(it.text, "${")
	}
	return p
}

func (s *parsedStatement) parseTests(v value, variables bool) {
	if v.kind != '{' {
		s.strange = true
		return
	}
	for _, op := range v.members {
		if op.value.kind != '{' {
			s.strange = true
			continue
		}
		for _, key := range op.value.members {
			t, ok := newTest(op.key, key.key, key.value, variables)
			if !ok {
				s.strange = true
				continue
			}
			s.tests = append(s.tests, t)
		}
	}
}

func parseWho(v value) principals {
	var p principals
	if v.kind == '"' {
		return principals{anyone: v.text == "*", everything: v.text == "*", unsure: v.text != "*"}
	}
	for _, m := range v.members {
		if m.key == "Federated" {
			for _, it := range m.value.list() {
				p.federated = append(p.federated, it.text)
			}
		}
		if m.key != "AWS" {
			continue // services, federated and canonical users are not IAM users
		}
		for _, it := range m.value.list() {
			p.add(it.text)
		}
	}
	return p
}

func (p *principals) add(s string) {
	switch {
	case s == "*":
		p.anyone = true
	case len(s) == 12 && strings.Trim(s, "0123456789") == "":
		p.accounts = append(p.accounts, s)
	case strings.HasSuffix(s, ":root"):
		if m := rootARN.FindStringSubmatch(s); m != nil {
			p.accounts = append(p.accounts, m[1])
		} else {
			p.unsure = true
		}
	case strings.HasPrefix(s, "arn:"):
		p.arns = append(p.arns, s)
	case strings.HasPrefix(s, "AIDA"):
		p.ids = append(p.ids, s)
	case strings.HasPrefix(s, "AROA"):
		// a role's id is never a user
	default:
		p.unsure = true
	}
}

// lower prepares actions, which ignore case.
func (p patterns) lower() patterns {
	for i, v := range p.values {
		p.values[i] = foldASCII(v)
	}
	return p
}

// reach says how a statement names the caller.
type reach struct {
	named   tri // the user, or everyone
	account tri // the user's account, which leaves it to the user's own policies
}

func (p *principals) reach(c *call) reach {
	var r reach
	if p.anyone {
		r.named = yes
	}
	for _, arn := range p.arns {
		if arn == c.userARN {
			r.named = yes
		}
	}
	for _, id := range p.ids {
		switch {
		case c.PrincipalID == "":
			r.named = or(r.named, unsure)
		case id == c.PrincipalID:
			r.named = yes
		}
	}
	for _, a := range p.accounts {
		if a == string(c.Principal.Account) {
			r.account = yes
		}
	}
	if p.unsure {
		r.named = or(r.named, unsure)
	}
	return r
}

// matchAction compares an action in lower case.
func (p *patterns) matchAction(action string) tri {
	if p.missing {
		return unsure
	}
	result := no
	for _, v := range p.values {
		result = or(result, is(match(v, action)))
	}
	if p.negated {
		return not(result)
	}
	return result
}

func (p *patterns) matchResource(c *call) tri {
	if p.missing {
		return unsure
	}
	result := no
	for _, v := range p.values {
		sure := yes
		if p.vars {
			v, sure = c.expand(v)
		}
		if sure != yes {
			result = or(result, unsure)
			continue
		}
		result = or(result, is(match(v, c.roleARN)))
	}
	if p.negated {
		return not(result)
	}
	return result
}
