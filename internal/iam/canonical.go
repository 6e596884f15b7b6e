package iam

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Equal reports whether two documents mean the same. What IAM changes when it stores a
// document makes no difference (docs/aws-facts.md, "Stored form of a document"): order, one value against a list
// of one, an account's id against its root ARN, unique ids against ARNs (ids maps one
// to the other and may be nil), the spelling of CIDRs, percent-encoding, white space.
// The Sid does, since it says whose a statement is. Malformed documents are equal only
// byte for byte.
func Equal(a, b string, ids map[string]string) bool {
	if a == b {
		return true
	}
	ca, err := Canonical(a, ids)
	if err != nil {
		return false
	}
	cb, err := Canonical(b, ids)
	return err == nil && ca == cb
}

// EqualStatements reports whether two JSON lists of statements mean the same.
func EqualStatements(a, b string, ids map[string]string) bool {
	noneA, noneB := noStatements(a), noStatements(b)
	if noneA || noneB {
		return noneA == noneB
	}
	return Equal(documentOf(a), documentOf(b), ids)
}

func noStatements(list string) bool { return list == "" || list == "[]" || list == "null" }

func documentOf(list string) string {
	return `{"Version":"` + Version + `","Statement":` + list + `}`
}

// Canonical returns the one spelling of what a document means. Documents that are Equal
// have the same.
func Canonical(doc string, ids map[string]string) (string, error) {
	v, err := parseJSON(decodeDocument(doc))
	if err != nil || v.kind != '{' || v.hasDuplicates() {
		return "", access.Errorf(access.KindInvalid, "the policy document is malformed: it has to be a JSON object that names no key twice")
	}
	c := canonicaliser{ids: ids}
	return string(c.document(make([]byte, 0, len(doc)+64), v)), nil
}

// canonicalStatements is Canonical for some statements alone, as a JSON list.
func canonicalStatements(statements []value, ids map[string]string) (string, error) {
	for _, s := range statements {
		if s.hasDuplicates() {
			return "", access.Errorf(access.KindInvalid, "a statement of the policy document names a key twice")
		}
	}
	c := canonicaliser{ids: ids}
	return string(c.statements(nil, statements)), nil
}

// canonicaliser writes the canonical form. Everything ends up as sorted strings, so that
// two documents can be compared byte by byte.
type canonicaliser struct{ ids map[string]string }

func (c canonicaliser) document(b []byte, v value) []byte {
	b = append(b, '{')
	version := "2008-10-17" // what IAM takes a missing version for
	if m, ok := v.get("Version"); ok {
		version = m.text
	}
	b = append(AppendQuoted(append(b, `"Version":`...), version), ',')
	for _, m := range sortedMembers(v.members) {
		if m.key != "Version" && m.key != "Statement" {
			b = append(AppendQuoted(b, m.key), ':')
			b = append(c.plain(b, m.value), ',')
		}
	}
	b = append(b, `"Statement":`...)
	var ss []value
	if s, ok := v.get("Statement"); ok {
		ss = s.list()
	}
	return append(c.statements(b, ss), '}')
}

func (c canonicaliser) statements(b []byte, ss []value) []byte {
	written := make([]string, len(ss))
	for i, s := range ss {
		written[i] = string(c.statement(make([]byte, 0, len(s.raw)+32), s))
	}
	slices.Sort(written)
	written = slices.Compact(written)
	b = append(b, '[')
	b = append(b, strings.Join(written, ",")...)
	return append(b, ']')
}

func (c canonicaliser) statement(b []byte, s value) []byte {
	if s.kind != '{' {
		return c.plain(b, s)
	}
	b = append(b, '{')
	first := true
	for _, m := range orderedMembers(s.members) {
		if m.key == "Sid" && m.value.kind == '"' && m.value.text == "" {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(AppendQuoted(b, m.key), ':')
		b = c.element(b, m)
	}
	return append(b, '}')
}

func (c canonicaliser) element(b []byte, m member) []byte {
	switch m.key {
	case "Effect":
		return AppendQuoted(b, spellEffect(m.value.text))
	case "Action", "NotAction":
		return c.set(b, m.value, spellFolded)
	case "Resource", "NotResource":
		return c.set(b, m.value, nil)
	case "Principal", "NotPrincipal":
		return c.principal(b, m.value)
	case "Condition":
		return c.condition(b, m.value)
	default:
		return c.plain(b, m.value)
	}
}

// set writes a value or a list as a sorted list without repetitions.
func (c canonicaliser) set(b []byte, v value, spell func(string) string) []byte {
	items := v.list()
	ss := make([]string, len(items))
	for i, it := range items {
		if it.kind == '{' || it.kind == '[' {
			return c.plain(b, v)
		}
		ss[i] = it.text
		if spell != nil {
			ss[i] = spell(it.text)
		}
	}
	slices.Sort(ss)
	return appendList(b, slices.Compact(ss))
}

func appendList(b []byte, ss []string) []byte {
	b = append(b, '[')
	for i, s := range ss {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendQuoted(b, s)
	}
	return append(b, ']')
}

func (c canonicaliser) principal(b []byte, v value) []byte {
	if v.kind != '{' {
		if v.kind == '"' && v.text == "*" {
			return append(b, `{"AWS":["*"]}`...)
		}
		return c.plain(b, v)
	}
	b = append(b, '{')
	for i, m := range sortedMembers(v.members) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendQuoted(b, m.key), ':')
		spell := c.spellPrincipal
		if m.key != "AWS" {
			spell = nil
		}
		b = c.set(b, m.value, spell)
	}
	return append(b, '}')
}

var rootARN = regexp.MustCompile(`^arn:[a-z0-9-]+:iam::([0-9]{12}):root$`)

func (c canonicaliser) spellPrincipal(p string) string {
	if arn, ok := c.ids[p]; ok {
		p = arn
	}
	if !strings.HasSuffix(p, ":root") {
		return p
	}
	if m := rootARN.FindStringSubmatch(p); m != nil {
		return m[1]
	}
	return p
}

// condition writes operator by operator, key by key. Keys are compared without regard
// to case (docs/aws-facts.md, "Several keys and values").
func (c canonicaliser) condition(b []byte, v value) []byte {
	if v.kind != '{' {
		return c.plain(b, v)
	}
	b = append(b, '{')
	for i, op := range sortedMembers(v.members) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendQuoted(b, op.key), ':')
		if op.value.kind != '{' {
			b = c.plain(b, op.value)
			continue
		}
		b = append(b, '{')
		spell := spelling(op.key)
		keys := slices.Clone(op.value.members)
		for k := range keys {
			keys[k].key = spellFolded(keys[k].key)
		}
		for k, m := range sortedMembers(keys) {
			if k > 0 {
				b = append(b, ',')
			}
			b = append(AppendQuoted(b, m.key), ':')
			b = c.set(b, m.value, spell)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// spelling returns how the values of an operator are spelt canonically.
func spelling(operator string) func(string) string {
	op := strings.ToLower(operator)
	switch {
	case strings.Contains(op, "ipaddress"):
		return CanonicalCIDR
	case strings.HasPrefix(op, "bool"), strings.HasPrefix(op, "null"):
		return strings.ToLower
	case strings.HasPrefix(op, "numeric"):
		return spellNumber
	default:
		return nil
	}
}

func spellEffect(s string) string {
	switch {
	case strings.EqualFold(s, EffectAllow):
		return EffectAllow
	case strings.EqualFold(s, EffectDeny):
		return EffectDeny
	default:
		return s
	}
}

// familiar spells what we write ourselves as AWS documents it, so that canonical
// statements can be written back. Everything else that ignores case is lower case.
var familiar = map[string]string{}

func init() {
	for _, s := range []string{
		ActionAssume, ActionSourceIdentity, "aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:username", "aws:PrincipalArn",
		"aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "aws:PrincipalIsAWSService", "sts:RoleSessionName", "sts:SourceIdentity",
	} {
		familiar[strings.ToLower(s)] = s
	}
}

func spellFolded(s string) string {
	lower := strings.ToLower(s)
	if f, ok := familiar[lower]; ok {
		return f
	}
	return lower
}

// CanonicalCIDR returns the one spelling of a CIDR that IAM reads as the same network: "10.0.0.7" becomes
// "10.0.0.7/32". A text that is not a CIDR comes back as it is.
func CanonicalCIDR(s string) string {
	if !strings.Contains(s, "/") {
		if a, err := netip.ParseAddr(s); err == nil {
			return netip.PrefixFrom(a, a.BitLen()).String()
		}
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked().String()
	}
	return s
}

func spellNumber(s string) string {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return s
}

// plain writes a value whose meaning is not known: members sorted, nothing else changed.
func (c canonicaliser) plain(b []byte, v value) []byte {
	switch v.kind {
	case '{':
		b = append(b, '{')
		for i, m := range sortedMembers(v.members) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendQuoted(b, m.key), ':')
			b = c.plain(b, m.value)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, it := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.plain(b, it)
		}
		return append(b, ']')
	case '"':
		return AppendQuoted(b, v.text)
	default:
		return append(b, v.text...)
	}
}

func sortedMembers(ms []member) []member {
	return sortedBy(ms, func(a, b member) int { return strings.Compare(a.key, b.key) })
}

// sortedBy sorts a copy, unless the members are sorted as they are, which most of what we
// and AWS write is.
func sortedBy(ms []member, compare func(a, b member) int) []member {
	if slices.IsSortedFunc(ms, compare) {
		return ms
	}
	ms = slices.Clone(ms)
	slices.SortStableFunc(ms, compare)
	return ms
}

var elementOrder = map[string]int{
	"Sid": -9, "Effect": -8, "Principal": -7, "NotPrincipal": -6, "Action": -5,
	"NotAction": -4, "Resource": -3, "NotResource": -2, "Condition": -1,
}

// orderedMembers puts a statement's known elements in their usual order, unknown ones
// after them by name.
func orderedMembers(ms []member) []member {
	return sortedBy(ms, func(a, b member) int {
		return cmp.Or(cmp.Compare(elementOrder[a.key], elementOrder[b.key]), strings.Compare(a.key, b.key))
	})
}
