package iam

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Equal reports whether two documents mean the same. What IAM changes when it stores a
// document makes no difference (docs/aws-facts.md, "Stored form of a document"): order, one value against a list
// of one, an account's id against its root ARN of the same partition, unique ids against ARNs (ids maps one
// to the other and may be nil), percent-encoding, white space. comparisonRules lists the condition values that have
// several spellings.
// The Sid does, since it says whose a statement is. Malformed documents are equal only
// byte for byte.
func Equal(a, b string, ids map[string]string) bool {
	if a == b {
		return true
	}
	va, err := parseForComparing(a)
	if err != nil {
		return false
	}
	vb, err := parseForComparing(b)
	if err != nil {
		return false
	}
	c := canonicaliser{ids: ids, partition: partitionOf(ids, va, vb)}
	if c.partition == "" {
		c.partition = "aws"
	}
	return bytes.Equal(c.document(make([]byte, 0, len(a)+64), va), c.document(make([]byte, 0, len(b)+64), vb))
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

// Canonical returns the canonical spelling of a document. Documents with the same one are Equal. Equal documents may
// have two, if one names an account by its id and neither the document nor ids tells the partition.
func Canonical(doc string, ids map[string]string) (string, error) {
	v, err := parseForComparing(doc)
	if err != nil {
		return "", err
	}
	c := canonicaliser{ids: ids, partition: partitionOf(ids, v)}
	return string(c.document(make([]byte, 0, len(doc)+64), v)), nil
}

func parseForComparing(doc string) (value, error) {
	v, err := parseJSON(decodeDocument(doc))
	if err != nil || v.kind != '{' || v.hasDuplicates() {
		return value{}, access.Errorf(access.KindInvalid, "the policy document is malformed: it has to be a JSON object that names no key twice")
	}
	return v, nil
}

// canonicalStatements is Canonical for some statements alone, as a JSON list.
func canonicalStatements(statements []value, ids map[string]string) (string, error) {
	for _, s := range statements {
		if s.hasDuplicates() {
			return "", access.Errorf(access.KindInvalid, "a statement of the policy document names a key twice")
		}
	}
	c := canonicaliser{ids: ids, partition: partitionOf(ids, value{members: []member{{
		key: "Statement", value: value{kind: '[', items: statements},
	}}})}
	return string(c.statements(nil, statements)), nil
}

// canonicaliser writes the canonical form. Everything ends up as sorted strings, so that
// two documents can be compared byte by byte.
type canonicaliser struct {
	ids       map[string]string
	partition string // of accounts that are named by their id alone; "" if it is not known
}

func (c canonicaliser) document(b []byte, v value) []byte {
	b = append(b, '{')
	version := value{kind: '"', text: "2008-10-17"} // the version of a document that names none
	if m, ok := v.get("Version"); ok {
		version = m
	}
	b = append(c.plain(append(b, `"Version":`...), version), ',')
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
		if m.value.kind != '"' {
			return c.plain(b, m.value)
		}
		return AppendQuoted(b, spellEffect(m.value.text))
	case "Action", "NotAction":
		return c.set(b, m.value, comparisonRule{spell: spellFolded})
	case "Resource", "NotResource":
		return c.set(b, m.value, byBytes)
	case "Principal", "NotPrincipal":
		return c.principal(b, m.value)
	case "Condition":
		return c.condition(b, m.value)
	default:
		return c.plain(b, m.value)
	}
}

// set writes a value or a list as a sorted list without repetitions.
func (c canonicaliser) set(b []byte, v value, rule comparisonRule) []byte {
	list := v.list()
	items := make([]item, len(list))
	for i, it := range list {
		if it.kind == '{' || it.kind == '[' {
			return c.plain(b, v)
		}
		items[i] = item{text: it.text, literal: it.kind != '"'}
	}
	items = rule.apply(items)
	slices.SortFunc(items, func(a, b item) int {
		switch {
		case a.literal == b.literal:
			return strings.Compare(a.text, b.text)
		case a.literal:
			return 1
		default:
			return -1
		}
	})
	b = append(b, '[')
	for i, it := range slices.Compact(items) {
		if i > 0 {
			b = append(b, ',')
		}
		if it.literal {
			b = append(b, it.text...)
		} else {
			b = AppendQuoted(b, it.text)
		}
	}
	return append(b, ']')
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
		rule := byBytes
		if m.key == "AWS" {
			rule = comparisonRule{spell: c.spellPrincipal}
		}
		b = c.set(b, m.value, rule)
	}
	return append(b, '}')
}

var (
	rootARN   = regexp.MustCompile(`^arn:[a-z0-9-]+:iam::([0-9]{12}):root$`)
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
)

// spellPrincipal writes an account's id as its root ARN, if the partition is known.
func (c canonicaliser) spellPrincipal(p string) string {
	if arn, ok := c.ids[p]; ok {
		p = arn
	}
	if c.partition != "" && c.partition != noPartition && accountID.MatchString(p) {
		return "arn:" + c.partition + ":iam::" + p + ":root"
	}
	return p
}

// partitionOf returns the partition of documents: the one that their principals name, else the one that ids names.
// IAM saves no document that names principals of another partition (docs/aws-facts.md, "Principal element"). Root
// ARNs do not count, because Equal compares them with account ids. The result is "" if nothing names a partition.
func partitionOf(ids map[string]string, docs ...value) string {
	var names partitions
	bare := false
	for _, doc := range docs {
		statements, _ := doc.get("Statement")
		for _, s := range statements.list() {
			for _, p := range awsPrincipals(s) {
				text := p.text
				if arn, ok := ids[text]; ok {
					text = arn
				}
				bare = bare || len(text) == 12
				if !strings.HasSuffix(text, ":root") {
					names.add(text)
				}
			}
		}
	}
	if bare && names.first == "" {
		for _, arn := range ids {
			if names.add(arn); names.several {
				break
			}
		}
	}
	return names.only()
}

// partitions collects the partitions of ARNs.
type partitions struct {
	first   string
	several bool
}

func (p *partitions) add(arn string) {
	rest, ok := strings.CutPrefix(arn, "arn:")
	if !ok {
		return
	}
	name, _, _ := strings.Cut(rest, ":")
	p.several = p.several || p.first != "" && name != p.first
	p.first = name
}

// noPartition says that several partitions are named, so that no account id is the same as a root ARN.
const noPartition = "?"

func (p *partitions) only() string {
	if p.several {
		return noPartition
	}
	return p.first
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
		for k, m := range sortedMembers(foldedKeys(op.value.members)) {
			if k > 0 {
				b = append(b, ',')
			}
			b = append(AppendQuoted(b, m.key), ':')
			b = c.set(b, m.value, ruleFor(op.key, m.key))
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// foldedKeys spells the keys of an operator without regard to case. Keys of which two would be spelt alike stay as
// they are: their order is not known to be without meaning.
func foldedKeys(ms []member) []member {
	folded := slices.Clone(ms)
	for i := range folded {
		folded[i].key = spellFolded(ms[i].key)
	}
	if twice(folded) {
		return ms
	}
	return folded
}

func spellEffect(s string) string {
	switch foldASCII(s) {
	case "allow":
		return EffectAllow
	case "deny":
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
	lower := foldASCII(s)
	if f, ok := familiar[lower]; ok {
		return f
	}
	return lower
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
