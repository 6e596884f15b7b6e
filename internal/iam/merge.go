package iam

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Merge puts our statements into a live trust policy. Statements of others keep their
// order and every field, also ones this package does not know; ours are replaced as a
// set, at the place of the first of them, else at the end. live is empty where there is
// no document yet.
//
// IAM refuses a document without statements. Where nothing would remain, a Deny for
// everyone stays behind, and note says so.
func Merge(live string, ours []Statement) (merged string, note string, err error) {
	d, err := readForeign(live)
	if err != nil {
		return "", "", err
	}
	merged, _, note, err = d.merge(live, ours)
	return merged, note, err
}

// merge puts our statements into a live document that was read, and says which they are in
// the end.
func (d document) merge(live string, ours []Statement) (merged string, put []Statement, note string, err error) {
	if len(ours) == 0 && len(d.foreign) == 0 {
		ours, note = denyAll(), noteDenyAll
	}
	if strings.TrimSpace(live) == "" {
		return DocumentJSON(ours), ours, note, nil
	}
	if err := d.raiseVersion(ours); err != nil {
		return "", nil, "", err
	}
	return d.write(ours), ours, note, nil
}

// Rewritten is what Merge makes of a live document, with our statements in it before and
// after as Ours says them.
type Rewritten struct {
	Merged, Note          string
	OursBefore, OursAfter string
}

// Rewrite is Merge, and Ours of what was and of what is then, for one reading of the
// document.
func Rewrite(live string, ours []Statement) (Rewritten, error) {
	var out Rewritten
	d, err := readForeign(live)
	if err != nil {
		return out, err
	}
	if len(d.ours) > 0 {
		if out.OursBefore, err = canonicalStatements(d.ours, nil); err != nil {
			return out, err
		}
	}
	var put []Statement
	if out.Merged, put, out.Note, err = d.merge(live, ours); err != nil || len(put) == 0 {
		return out, err
	}
	out.OursAfter, err = Ours(DocumentJSON(put))
	return out, err
}

// Foreign returns the statements of others in a document, with the document's version,
// as canonical JSON; empty when there are none.
func Foreign(live string) (string, error) { return part(live, false) }

// Ours returns our statements in a document as canonical JSON; empty when there are none.
func Ours(live string) (string, error) { return part(live, true) }

func part(live string, ours bool) (string, error) {
	if strings.TrimSpace(live) == "" {
		return "", nil
	}
	d, err := readDocument(live)
	if err != nil {
		return "", err
	}
	statements := d.foreign
	if ours {
		statements = d.ours
	}
	if len(statements) == 0 {
		return "", nil
	}
	if ours {
		return canonicalStatements(statements, nil)
	}
	// The version decides what variables in these statements mean.
	return Canonical(d.writeWith(statements), nil)
}

const noteDenyAll = "no other statement remains and IAM refuses an empty trust policy, so a Deny for everyone stays in its place; add a statement of your own or delete the role to be rid of it"

// denyAll is what stays where nothing would remain.
func denyAll() []Statement {
	return []Statement{{Sid: SidPrefix + "DenyAll", Effect: EffectDeny, Principals: []string{"*"}, Actions: AssumeRole}}
}

// document is a live trust policy, its statements told apart.
type document struct {
	top      []member // in order
	ours     []value
	foreign  []value
	before   int // foreign statements before the first of ours
	admits   bool
	prepared string // version to write in place of the one there is
}

// readForeign reads a live document that may be empty.
func readForeign(live string) (document, error) {
	if strings.TrimSpace(live) == "" {
		return document{}, nil
	}
	return readDocument(live)
}

func readDocument(live string) (document, error) {
	v, err := parseJSON(decodeDocument(live))
	if err != nil || v.kind != '{' {
		return document{}, access.Errorf(access.KindInvalid, "the policy document is not a JSON object; correct it in AWS before Portcullis changes it")
	}
	d := document{top: v.members}
	seen := false
	for _, m := range v.members {
		if m.key != "Statement" {
			continue
		}
		if seen {
			return document{}, access.Errorf(access.KindInvalid, "the policy document has Statement twice; correct it in AWS before Portcullis changes it")
		}
		seen = true
		for _, s := range m.value.list() {
			d.take(s)
		}
	}
	return d, nil
}

func (d *document) take(s value) {
	if sid, ok := s.get("Sid"); ok && sid.kind == '"' && strings.HasPrefix(sid.text, SidPrefix) {
		if len(d.ours) == 0 {
			d.before = len(d.foreign)
		}
		d.ours = append(d.ours, s)
		return
	}
	d.foreign = append(d.foreign, s)
	d.admits = d.admits || admitsAWS(s)
	if len(d.ours) == 0 {
		d.before = len(d.foreign)
	}
}

// admitsAWS reports whether a statement may let some AWS principal assume the role. A
// statement that it does not understand may.
func admitsAWS(s value) bool {
	if effect, ok := s.get("Effect"); ok && equalFoldASCII(effect.text, EffectDeny) {
		return false
	}
	if action, ok := s.get("Action"); ok && !anyPattern(action, ActionAssume) {
		return false
	}
	principal, ok := s.get("Principal")
	if !ok || principal.kind != '{' {
		return true
	}
	_, aws := principal.get("AWS")
	return aws
}

func anyPattern(patterns value, s string) bool {
	for _, p := range patterns.list() {
		if matchFold(p.text, s) {
			return true
		}
	}
	return false
}

// raiseVersion makes sure that policy variables in our statements are variables: with an
// older version they would be plain text, and nobody's session name would match. It
// refuses to where it would change what somebody else's statement means.
func (d *document) raiseVersion(ours []Statement) error {
	version := ""
	for _, m := range d.top {
		if m.key == "Version" {
			version = m.value.text
		}
	}
	if version == Version || !usesVariables(ours) {
		return nil
	}
	for _, s := range d.foreign {
		if mentionsVariable(s) {
			return access.Errorf(access.KindConflict, "the document has the old version %q, in which variables such as ${aws:username} are plain text; our statements need version %s, which would change what a statement of others means. Set the version in AWS yourself, then try again", version, Version)
		}
	}
	d.prepared = Version
	return nil
}

// mentionsVariable reports whether a decoded text in a value would be read as a policy variable.
func mentionsVariable(v value) bool {
	return hasVariable(v.text) || slices.ContainsFunc(v.items, mentionsVariable) ||
		slices.ContainsFunc(v.members, func(m member) bool { return hasVariable(m.key) || mentionsVariable(m.value) })
}

func usesVariables(ss []Statement) bool {
	for _, s := range ss {
		for _, c := range s.Conditions {
			for _, v := range c.Values {
				if strings.Contains(v, "${") {
					return true
				}
			}
		}
	}
	return false
}

// tight is the kind of a value that was written by us, without white space, and not read.
const tight = 't'

// write assembles the document with our statements in their place.
func (d document) write(ours []Statement) string {
	ss := make([]value, 0, len(d.foreign)+len(ours))
	ss = append(ss, d.foreign[:d.before]...)
	for _, s := range ours {
		ss = append(ss, value{kind: tight, raw: string(s.appendJSON(nil))})
	}
	return d.writeWith(append(ss, d.foreign[d.before:]...))
}

func (d document) writeWith(statements []value) string {
	var b bytes.Buffer
	b.WriteByte('{')
	top := d.top
	if d.prepared != "" && !hasMember(top, "Version") {
		top = append([]member{{key: "Version"}}, top...)
	}
	if !hasMember(top, "Statement") {
		top = append(top[:len(top):len(top)], member{key: "Statement"})
	}
	for i, m := range top {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(AppendQuoted(nil, m.key))
		b.WriteByte(':')
		switch {
		case m.key == "Statement":
			writeStatements(&b, statements)
		case m.key == "Version" && d.prepared != "":
			b.Write(AppendQuoted(nil, d.prepared))
		default:
			compact(&b, m.value.raw)
		}
	}
	b.WriteByte('}')
	return b.String()
}

func writeStatements(b *bytes.Buffer, statements []value) {
	b.WriteByte('[')
	for i, s := range statements {
		if i > 0 {
			b.WriteByte(',')
		}
		if s.kind == tight {
			b.WriteString(s.raw)
		} else {
			compact(b, s.raw)
		}
	}
	b.WriteByte(']')
}

// compact leaves out white space and nothing else.
func compact(b *bytes.Buffer, raw string) {
	if err := json.Compact(b, []byte(raw)); err != nil {
		b.WriteString(raw) // not reached: raw was cut from valid JSON
	}
}

func hasMember(ms []member, key string) bool {
	for i := range ms {
		if ms[i].key == key {
			return true
		}
	}
	return false
}

// decodeDocument undoes the percent-encoding in which IAM returns documents. JSON never begins
// with a percent sign, an encoded document always does: with its brace or with the white
// space that its author put before it.
func decodeDocument(doc string) string {
	encoded := strings.TrimSpace(doc)
	if !strings.HasPrefix(encoded, "%") {
		return doc
	}
	plain, err := url.PathUnescape(encoded)
	if err != nil {
		return doc
	}
	return plain
}

// mergedSize is the size of what Merge makes of the live document, which was read before.
// There is at least one statement of ours.
func (d document) mergedSize(live string, ours []Statement) (int, error) {
	if strings.TrimSpace(live) == "" {
		return DocumentSize(ours), nil
	}
	if err := d.raiseVersion(ours); err != nil {
		return 0, err
	}
	return Size(d.write(ours)), nil
}

// TrustPolicy is a live trust policy that was read, for a compiler that tries several
// ways of writing our statements into it.
type TrustPolicy struct {
	live     string
	document document
}

// ReadTrustPolicy reads a live trust policy; "" is one that is not there yet.
func ReadTrustPolicy(live string) (TrustPolicy, error) {
	d, err := readForeign(live)
	return TrustPolicy{live: live, document: d}, err
}

// AdmitsAWS reports whether a statement of others may let some AWS principal in.
func (t TrustPolicy) AdmitsAWS() bool { return t.document.admits }

// Admitted lists whom the statements of others let in, as they are written there.
func (t TrustPolicy) Admitted() []string { return t.document.foreignPrincipals() }

// MergedSize is the size of what Merge makes of it. There is at least one statement of ours.
func (t TrustPolicy) MergedSize(ours []Statement) (int, error) {
	return t.document.mergedSize(t.live, ours)
}
