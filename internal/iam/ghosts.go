package iam

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// IAM keeps the unique id of each user and role that a trust policy names. When that user
// or role is deleted, a reader of the document sees the id, and IAM refuses the document
// when it is sent back (docs/aws-facts.md, "Ghost principals"). Such an id matches no caller.

// IsGhost reports whether a principal is the unique id of somebody whom ids does not know.
func IsGhost(principal string, ids map[string]string) bool {
	return IsUniqueID(principal) && ids[principal] == ""
}

// IsUniqueID reports whether a principal is the unique id of a user or role, which IAM
// writes in place of an ARN once the user or role is deleted.
// See docs/aws-facts.md, "Unique ids in principals".
func IsUniqueID(principal string) bool { return uniqueID.MatchString(principal) }

var uniqueID = regexp.MustCompile(`^A(IDA|ROA)[A-Z0-9]{12,124}$`)

// WithoutPrincipals leaves out of statements the principals that are gone, and a
// statement of which nobody would be left. It returns whom it left out, sorted.
func WithoutPrincipals(ss []Statement, gone func(principal string) bool) (kept []Statement, dropped []string) {
	for _, s := range ss {
		left := slices.DeleteFunc(slices.Clone(s.Principals), gone)
		for _, p := range s.Principals {
			if !slices.Contains(left, p) {
				dropped = append(dropped, p)
			}
		}
		if len(left) == 0 && len(s.Principals) > 0 {
			continue
		}
		s.Principals = left
		kept = append(kept, s)
	}
	return kept, sortedSet(dropped)
}

// Statements writes statements as the JSON list that ParseStatements reads; "" for none.
func Statements(ss []Statement) string {
	if len(ss) == 0 {
		return ""
	}
	b := []byte{'['}
	for i, s := range ss {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendJSON(b)
	}
	return string(append(b, ']'))
}

// GhostNames says for whom the unknown unique ids among our statements in a live
// document stand, as far as that follows from the statements as they were planned: one
// with the same Sid names them, and the document does not. An id that the planned statement
// shows as well tells nothing new.
func GhostNames(live, planned []Statement, ids map[string]string) map[string]string {
	names := map[string]string{}
	for _, l := range live {
		i := slices.IndexFunc(planned, func(p Statement) bool { return p.Sid == l.Sid })
		if i < 0 {
			continue
		}
		were := planned[i].Principals
		isOld := func(p string) bool { return !IsGhost(p, ids) || slices.Contains(were, p) }
		ghosts := slices.DeleteFunc(slices.Clone(l.Principals), isOld)
		missing := slices.DeleteFunc(slices.Clone(were), func(p string) bool { return namesPrincipal(l.Principals, p, ids) })
		if len(ghosts) != len(missing) {
			continue
		}
		slices.Sort(ghosts)
		slices.Sort(missing)
		for i, g := range ghosts {
			names[g] = missing[i]
		}
	}
	return names
}

func namesPrincipal(principals []string, arn string, ids map[string]string) bool {
	return slices.ContainsFunc(principals, func(p string) bool { return p == arn || ids[p] == arn })
}

// ForeignGhosts lists the unique ids that statements of others in a live document name
// and ids does not know, sorted.
func ForeignGhosts(live string, ids map[string]string) []string {
	d, err := readForeign(live)
	if err != nil {
		return nil
	}
	var ghosts []string
	for _, s := range d.foreign {
		for _, p := range awsPrincipals(s) {
			if IsGhost(p.text, ids) {
				ghosts = append(ghosts, p.text)
			}
		}
	}
	return sortedSet(ghosts)
}

// WithoutForeignGhosts leaves ghosts out of the statements of others, and a statement
// that names nobody else, since it holds for nobody. Nothing else is changed.
func WithoutForeignGhosts(live string, ghosts []string) (string, error) {
	d, err := readForeign(live)
	if err != nil {
		return "", err
	}
	var ss []value
	for _, s := range slices.Concat(d.foreign[:d.before], d.ours, d.foreign[d.before:]) {
		if sid, _ := s.get("Sid"); strings.HasPrefix(sid.text, SidPrefix) {
			ss = append(ss, s)
			continue
		}
		if s, left := withoutPrincipals(s, ghosts); left {
			ss = append(ss, s)
		}
	}
	return d.writeWith(ss), nil
}

func awsPrincipals(s value) []value {
	principal, ok := s.get("Principal")
	if !ok || principal.kind != '{' {
		return nil
	}
	aws, ok := principal.get("AWS")
	if !ok {
		return nil
	}
	return aws.list()
}

// withoutPrincipals is a statement without ghosts; left is false where it would name nobody.
func withoutPrincipals(s value, ghosts []string) (without value, left bool) {
	ps := awsPrincipals(s)
	kept := slices.DeleteFunc(slices.Clone(ps), func(p value) bool { return slices.Contains(ghosts, p.text) })
	if len(kept) == len(ps) {
		return s, true
	}
	principal, _ := s.get("Principal")
	if len(kept) == 0 && len(principal.members) == 1 {
		return value{}, false
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range s.members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(AppendQuoted(nil, m.key))
		b.WriteByte(':')
		if m.key == "Principal" {
			writePrincipal(&b, principal, kept)
			continue
		}
		compact(&b, m.value.raw)
	}
	b.WriteByte('}')
	return value{kind: '{', raw: b.String()}, true
}

func writePrincipal(b *bytes.Buffer, principal value, aws []value) {
	b.WriteByte('{')
	first := true
	for _, m := range principal.members {
		if m.key == "AWS" && len(aws) == 0 {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.Write(AppendQuoted(nil, m.key))
		b.WriteByte(':')
		if m.key == "AWS" {
			writeStatements(b, aws)
			continue
		}
		compact(b, m.value.raw)
	}
	b.WriteByte('}')
}
