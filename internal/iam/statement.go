package iam

import (
	"slices"
	"strings"
)

// SidPrefix begins the Sid of every statement that is ours. Whatever begins with it is
// replaced as a set; whatever does not is never touched.
const SidPrefix = "Portcullis"

// Version is the policy language version that we write. Policy variables need it
// (docs/aws-facts.md, "Policy version").
const Version = "2012-10-17"

// Effects of a statement.
const (
	EffectAllow = "Allow"
	EffectDeny  = "Deny"
)

// Actions that a statement of ours allows or denies.
const (
	ActionAssume         = "sts:AssumeRole"
	ActionSourceIdentity = "sts:SetSourceIdentity"
)

// The actions of our statements.
var (
	AssumeRole                     = []string{ActionAssume}
	AssumeRoleAndSetSourceIdentity = []string{ActionAssume, ActionSourceIdentity}
)

// Statement is one statement of ours. Principals are the values under "AWS" and are
// empty in a user's policy; Resources are empty in a trust policy.
type Statement struct {
	Sid        string
	Effect     string
	Principals []string
	Actions    []string
	Resources  []string
	Conditions []Condition
}

// Condition is one operator on one key. All conditions of a statement must hold.
// Conditions with the same operator must be next to each other.
type Condition struct {
	Operator string
	Key      string
	Values   []string

	// body is `"key":values`, rendered once and shared by the documents of all accounts.
	body     string
	bodySize int
}

// NewCondition returns the condition that a key has one of some values, for example
// IpAddress, aws:SourceIp, 192.0.2.0/24.
func NewCondition(operator, key string, values ...string) Condition {
	b := AppendQuoted(nil, key)
	b = append(b, ':')
	b = appendValues(b, values)
	return Condition{Operator: operator, Key: key, Values: values, body: string(b), bodySize: Size(string(b))}
}

// SortConditions puts conditions in the order in which they are written: by operator, then
// by key, so that one operator's keys are together.
func SortConditions(cs ...Condition) []Condition {
	slices.SortStableFunc(cs, func(a, b Condition) int {
		if c := strings.Compare(a.Operator, b.Operator); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return cs
}

// appendJSON writes the statement compactly, keys in the order Sid, Effect, Principal,
// Action, Resource, Condition.
func (s Statement) appendJSON(b []byte) []byte {
	b = append(b, `{"Sid":`...)
	b = AppendQuoted(b, s.Sid)
	b = append(b, `,"Effect":"`...)
	b = append(b, s.Effect...)
	b = append(b, '"')
	if len(s.Principals) > 0 {
		b = append(b, `,"Principal":{"AWS":`...)
		b = appendValues(b, s.Principals)
		b = append(b, '}')
	}
	b = append(b, `,"Action":`...)
	b = appendValues(b, s.Actions)
	if len(s.Resources) > 0 {
		b = append(b, `,"Resource":`...)
		b = appendValues(b, s.Resources)
	}
	b = s.appendConditions(b)
	return append(b, '}')
}

func (s Statement) appendConditions(b []byte) []byte {
	if len(s.Conditions) == 0 {
		return b
	}
	b = append(b, `,"Condition":{`...)
	for i, c := range s.Conditions {
		switch {
		case i == 0:
			b = append(AppendQuoted(b, c.Operator), ":{"...)
		case c.Operator == s.Conditions[i-1].Operator:
			b = append(b, ',')
		default:
			b = append(AppendQuoted(append(b, "},"...), c.Operator), ":{"...)
		}
		b = append(b, c.render()...)
	}
	return append(b, "}}"...)
}

func (c Condition) render() string {
	if c.body != "" {
		return c.body
	}
	return NewCondition(c.Operator, c.Key, c.Values...).body
}

// size is the number of characters that appendJSON writes, without writing them.
func (s Statement) size() int {
	n := len(`{"Sid":,"Effect":"","Action":}`) + QuotedSize(s.Sid) + len(s.Effect) + ValuesSize(s.Actions)
	if len(s.Principals) > 0 {
		n += len(`,"Principal":{"AWS":}`) + ValuesSize(s.Principals)
	}
	if len(s.Resources) > 0 {
		n += len(`,"Resource":`) + ValuesSize(s.Resources)
	}
	if len(s.Conditions) == 0 {
		return n
	}
	n += len(`,"Condition":{}}`)
	for i, c := range s.Conditions {
		switch {
		case i == 0:
			n += QuotedSize(c.Operator) + len(":{")
		case c.Operator == s.Conditions[i-1].Operator:
			n += len(",")
		default:
			n += QuotedSize(c.Operator) + len("},:{")
		}
		n += c.size()
	}
	return n
}

func (c Condition) size() int {
	if c.bodySize > 0 {
		return c.bodySize
	}
	return Size(c.render())
}

// appendValues writes one value bare and several as a list.
func appendValues(b []byte, vs []string) []byte {
	if len(vs) == 1 {
		return AppendQuoted(b, vs[0])
	}
	return appendList(b, vs)
}

// ValuesSize is how many characters a list of values takes in a document, as IAM counts.
func ValuesSize(vs []string) int {
	n := 0
	for _, v := range vs {
		n += QuotedSize(v)
	}
	if len(vs) == 1 {
		return n
	}
	return n + len("[]") + max(len(vs)-1, 0)
}

const (
	documentHead = `{"Version":"` + Version + `","Statement":[`
	documentTail = `]}`
)

// DocumentJSON writes statements as a whole document.
func DocumentJSON(ss []Statement) string {
	b := make([]byte, 0, DocumentSize(ss)+16)
	b = append(b, documentHead...)
	for i, s := range ss {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendJSON(b)
	}
	return string(append(b, documentTail...))
}

// DocumentSize is the size of documentJSON as IAM counts it.
func DocumentSize(ss []Statement) int {
	n := len(documentHead) + len(documentTail) + max(len(ss)-1, 0)
	for _, s := range ss {
		n += s.size()
	}
	return n
}

// Size counts a document as IAM counts it against the quotas: characters, white space
// left out (docs/aws-facts.md, "White space").
func Size(doc string) int {
	n := 0
	for _, r := range doc {
		switch r {
		case ' ', '\t', '\r', '\n':
		default:
			n++
		}
	}
	return n
}
