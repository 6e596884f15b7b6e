package iam

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Bypass is a statement of others in a role's trust policy that lets principals assume the role past the
// mappings. A statement has several of them if it lets its principals in under different conditions.
type Bypass struct {
	Statement string   // its Sid, or "#2"
	Who       []string // principals as they are written there

	// How says from where, and under which conditions: "from anywhere", or for example "from 203.0.113.0/24
	// (condition of the statement), only with the external id x". The Denies of the document are part of it.
	How string

	Restricted bool // a Deny of ours holds them to networks
	Kept       bool // a Deny of others holds them to networks
	Networks   bool // the statement itself holds them to networks
}

// TrustContext holds the inputs of an evaluation of a trust policy other than the document.
type TrustContext struct {
	Account   access.AccountID // of the role
	Partition string
	Role      access.RoleName
	Now       time.Time         // zero if it is not known
	IDs       map[string]string // unique ids of principals to their ARNs; may be nil
}

// Bypasses finds statements of others that allow sts:AssumeRole to AWS principals. It leaves out a statement
// that lets no call through: its time has passed, or a Deny of others forbids the call altogether.
func Bypasses(trustPolicy string, at TrustContext) ([]Bypass, error) {
	d, err := readForeign(trustPolicy)
	if err != nil {
		return nil, err
	}
	if len(d.foreign) == 0 {
		return nil, nil
	}
	e := newTrustEvaluation(trustPolicy, at, foldedAssume)
	var found []Bypass
	for i, s := range e.raw {
		if e.ours(i) || !admitsAWS(s) {
			continue
		}
		for _, who := range principalTexts(s) {
			found = e.add(found, i, caller{text: who, arn: cmp.Or(at.IDs[who], who)})
		}
	}
	return found, nil
}

// trustEvaluation evaluates the statements of one trust policy, one Allow at a time.
type trustEvaluation struct {
	at     TrustContext
	action string // in lower case
	raw    []value
	parsed *Policy
}

func newTrustEvaluation(trustPolicy string, at TrustContext, action string) trustEvaluation {
	e := trustEvaluation{at: at, action: action, parsed: parsedDocuments.parse(trustPolicy)}
	v, err := parseJSON(decodeDocument(trustPolicy))
	if err != nil {
		return e
	}
	statements, _ := v.get("Statement")
	e.raw = statements.list()
	return e
}

// ours reports whether the i-th statement is one of ours.
func (e trustEvaluation) ours(i int) bool {
	sid, _ := e.raw[i].get("Sid")
	return strings.HasPrefix(sid.text, SidPrefix)
}

func (e trustEvaluation) name(i int) string {
	sid, _ := e.raw[i].get("Sid")
	return cmp.Or(sid.text, "#"+strconv.Itoa(i+1))
}

// add adds the way in which the i-th statement lets a caller in, if there is one.
func (e trustEvaluation) add(found []Bypass, i int, who caller) []Bypass {
	b := Bypass{Statement: e.name(i)}
	if e.parsed.malformed {
		b.How = notEvaluated + "the document is malformed"
	} else {
		w := e.way(i, who)
		b.Restricted = e.isRestricted(who)
		if w.never && !b.Restricted {
			return found
		}
		b.How, b.Kept, b.Networks = w.text(), w.kept, w.held
		if b.How == "" && !b.Restricted {
			b.How = e.unconditional(i, who)
		}
	}
	if b.Restricted {
		b.How, b.Kept, b.Networks = "", false, false
	}
	same := slices.IndexFunc(found, func(o Bypass) bool {
		return o.Statement == b.Statement && o.How == b.How && o.Restricted == b.Restricted && o.Kept == b.Kept
	})
	if same < 0 {
		found, same = append(found, b), len(found)
	}
	found[same].Who = append(found[same].Who, who.text)
	return found
}

// anywhere is the way in without any condition.
const anywhere = "from anywhere"

// unconditional confirms a way without conditions by evaluating calls from addresses of no network, which carry
// nothing special. Only then it is a way from anywhere.
func (e trustEvaluation) unconditional(i int, who caller) string {
	if who.federated {
		return anywhere
	}
	alone := &Policy{statements: []parsedStatement{e.parsed.statements[i]}}
	for k := range e.parsed.statements {
		if s := &e.parsed.statements[k]; s.deny {
			alone.statements = append(alone.statements, *s)
		}
	}
	for _, addr := range outside {
		c := who.call(e.at)
		c.SourceIP = addr
		if c.decide(e.action, alone, []*Policy{allowsEverything}).verdict != Allowed {
			return notEvaluated + "see statement " + e.name(i)
		}
	}
	return anywhere
}

// isRestricted reports whether a Deny of ours holds the caller to networks and to nothing else.
func (e trustEvaluation) isRestricted(who caller) bool {
	for i, s := range e.raw {
		if e.ours(i) && deniesNetworks(s) && e.parsed.statements[i].who.covers(who, e.at.IDs) == yes {
			return true
		}
	}
	return false
}

// deniesEveryone reports whether a Deny of ours holds everybody to networks. One that
// asks everybody for MFA or for a session name alone leaves the networks open.
func deniesEveryone(s value) bool {
	principal, _ := s.get("Principal")
	aws, _ := principal.get("AWS")
	return aws.text == "*" && deniesNetworks(s)
}

func deniesNetworks(s value) bool {
	effect, _ := s.get("Effect")
	if !equalFoldASCII(effect.text, EffectDeny) {
		return false
	}
	condition, _ := s.get("Condition")
	for _, operator := range condition.members {
		for _, key := range operator.value.members {
			if !ofNetworks[foldASCII(key.key)] {
				return false
			}
		}
	}
	return true
}

// ofNetworks are the keys of our Denies that are about networks, and those
// that say whom they spare: AWS services, and users who are held to networks elsewhere.
var ofNetworks = map[string]bool{
	"aws:sourceip": true, "aws:sourcevpc": true, "aws:sourcevpce": true,
	"aws:principalisawsservice": true, "aws:principalarn": true,
}

// foreignPrincipals lists the principals that the statements of others admit, as written.
func (d document) foreignPrincipals() []string {
	var who []string
	for _, s := range d.foreign {
		if admitsAWS(s) {
			who = append(who, principalTexts(s)...)
		}
	}
	return sortedSet(who)
}

func principalTexts(s value) []string {
	principal, ok := s.get("Principal")
	if !ok {
		return []string{"NotPrincipal"}
	}
	if principal.kind == '"' {
		return []string{principal.text}
	}
	var who []string
	for _, it := range awsPrincipals(s) {
		who = append(who, it.text)
	}
	return who
}
