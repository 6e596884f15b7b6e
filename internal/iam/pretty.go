package iam

import (
	"cmp"
	"slices"
	"strings"
)

// Pretty lays a document out for people: two spaces of indentation, keys in one order
// (Version, Id, Statement; in a statement Sid, Effect, Principal, Action, Resource,
// Condition), unknown keys after them in their order. Values are not touched. A malformed
// document is returned as it is.
func Pretty(doc string) string { return layOut(doc, false) }

// layOut is Pretty. With sorted, it also sorts lists of texts, whose order means nothing to
// IAM and changes with every reading, and writes a list of one text as that text.
func layOut(doc string, sorted bool) string {
	plain := decodeDocument(doc)
	v, err := parseJSON(plain)
	if err != nil || v.kind != '{' {
		return doc
	}
	if sorted {
		v = sortTexts(v)
	}
	var b strings.Builder
	p := printer{b: &b}
	p.object(documentOrder(v.members), 0, func(m member, depth int) {
		if m.key != "Statement" {
			p.value(m.value, depth)
			return
		}
		p.statements(m.value, depth)
	})
	return b.String()
}

func documentOrder(ms []member) []member {
	rank := map[string]int{"Version": -3, "Id": -2, "Statement": -1}
	ms = slices.Clone(ms)
	slices.SortStableFunc(ms, func(a, b member) int { return cmp.Compare(rank[a.key], rank[b.key]) })
	return ms
}

func statementOrder(ms []member) []member {
	ms = slices.Clone(ms)
	slices.SortStableFunc(ms, func(a, b member) int { return cmp.Compare(elementOrder[a.key], elementOrder[b.key]) })
	return ms
}

type printer struct{ b *strings.Builder }

func (p printer) newline(depth int) {
	p.b.WriteByte('\n')
	for range depth {
		p.b.WriteString("  ")
	}
}

func (p printer) object(ms []member, depth int, each func(member, int)) {
	p.block("{}", len(ms), depth, func(i int) {
		p.b.Write(AppendQuoted(nil, ms[i].key))
		p.b.WriteString(": ")
		each(ms[i], depth+1)
	})
}

func (p printer) list(vs []value, depth int, each func(value, int)) {
	p.block("[]", len(vs), depth, func(i int) { each(vs[i], depth+1) })
}

// block writes n parts below each other between brackets.
func (p printer) block(brackets string, n, depth int, part func(i int)) {
	if n == 0 {
		p.b.WriteString(brackets)
		return
	}
	p.b.WriteByte(brackets[0])
	for i := range n {
		if i > 0 {
			p.b.WriteByte(',')
		}
		p.newline(depth + 1)
		part(i)
	}
	p.newline(depth)
	p.b.WriteByte(brackets[1])
}

func (p printer) statements(v value, depth int) {
	one := func(s value, depth int) {
		if s.kind != '{' {
			p.value(s, depth)
			return
		}
		p.object(statementOrder(s.members), depth, func(m member, depth int) { p.value(m.value, depth) })
	}
	if v.kind == '[' {
		p.list(v.items, depth, one)
		return
	}
	one(v, depth)
}

func (p printer) value(v value, depth int) {
	switch v.kind {
	case '{':
		p.object(v.members, depth, func(m member, depth int) { p.value(m.value, depth) })
	case '[':
		p.list(v.items, depth, p.value)
	case '"':
		p.b.Write(AppendQuoted(nil, v.text))
	default:
		p.b.WriteString(v.text)
	}
}
