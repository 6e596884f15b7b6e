package scenario

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// YAML prints the scenario. Reading it again gives the same scenario.
func (s Scenario) YAML() ([]byte, error) {
	if err := s.printable(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, p := range s.tree().pairs {
		b.WriteString(p.key + ":")
		if len(p.value.items) == 0 {
			b.WriteString(" []\n")
			continue
		}
		b.WriteByte('\n')
		for _, it := range p.value.items {
			it.block(&b)
		}
	}
	return b.Bytes(), nil
}

// JSON prints the scenario with the same keys as YAML, indented.
func (s Scenario) JSON() ([]byte, error) {
	if err := s.printable(); err != nil {
		return nil, err
	}
	var compact, b bytes.Buffer
	s.tree().json(&compact)
	if err := json.Indent(&b, compact.Bytes(), "", "  "); err != nil {
		return nil, access.Wrap(access.KindInternal, err, "printing a scenario")
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// printable refuses what the format has no words for.
func (s Scenario) printable() error {
	for _, m := range s.State.Mappings {
		if err := m.Accounts.Check(); err != nil {
			return access.Errorf(access.KindInvalid, "the mapping of %s cannot be written as a scenario: %s", m.Role, access.MessageOf(err))
		}
	}
	return nil
}

// tree is a value on its way to YAML or JSON.
type tree struct {
	kind  byte // { [ " or l (as it is)
	text  string
	items []tree
	pairs []treePair
}

type treePair struct {
	key   string
	value tree
}

func text(s string) tree      { return tree{kind: '"', text: s} }
func literalOf(s string) tree { return tree{kind: 'l', text: s} }

func stringsTree[T any](ss []T, spell func(T) string) tree {
	t := tree{kind: '['}
	for _, s := range ss {
		t.items = append(t.items, text(spell(s)))
	}
	return t
}

func tagsTree(tags map[string]string) tree {
	t := tree{kind: '{'}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		t.put(k, text(tags[k]))
	}
	return t
}

func (t *tree) put(key string, v tree) { t.pairs = append(t.pairs, treePair{key, v}) }

func (t *tree) putText(key, s string) {
	if s != "" {
		t.put(key, text(s))
	}
}

func (s Scenario) tree() tree {
	root := tree{kind: '{'}
	ous, accounts, allowlists, mappings := tree{kind: '['}, tree{kind: '['}, tree{kind: '['}, tree{kind: '['}
	for _, ou := range s.OUs.List() {
		if access.IsOUID(ou.ID) && !ou.Gone() {
			ous.items = append(ous.items, ouTree(ou))
		}
	}
	for _, a := range s.Accounts {
		accounts.items = append(accounts.items, accountTree(a))
	}
	for _, a := range s.State.Allowlists {
		allowlists.items = append(allowlists.items, allowlistTree(a))
	}
	for _, m := range s.State.Mappings {
		mappings.items = append(mappings.items, mappingTree(m.OrDefault()))
	}
	if len(ous.items) > 0 {
		root.put("ous", ous)
	}
	root.put("accounts", accounts)
	root.put("allowlists", allowlists)
	root.put("mappings", mappings)
	if s.State.Strategies != nil {
		root.put("strategies", s.strategiesTree())
	}
	return root
}

func ouTree(ou access.OU) tree {
	t := tree{kind: '{'}
	t.put("id", text(ou.ID))
	t.put("path", text(ou.Path))
	return t
}

func accountTree(a access.Account) tree {
	t := tree{kind: '{'}
	t.put("id", text(string(a.ID)))
	t.putText("name", a.Name)
	t.putText("ou", a.OU)
	if len(a.Tags) > 0 {
		t.put("tags", tagsTree(a.Tags))
	}
	t.putText("partition", a.Partition)
	if a.Quotas.TrustPolicy > 0 {
		t.put("trust_policy_quota", literalOf(strconv.Itoa(a.Quotas.TrustPolicy)))
	}
	return t
}

func allowlistTree(a access.Allowlist) tree {
	t := tree{kind: '{'}
	t.put("name", text(a.Name))
	t.putText("description", a.Description)
	entries := tree{kind: '['}
	for _, e := range a.Entries {
		entries.items = append(entries.items, entryTree(e))
	}
	t.put("entries", entries)
	return t
}

func entryTree(e access.Entry) tree {
	if e.Note == "" && e.Ticket == "" && e.Expires.IsZero() && e.Kind == access.EntryCIDR {
		return text(e.Key())
	}
	t := tree{kind: '{'}
	t.put(string(e.Kind), text(e.Key()))
	t.putText("note", e.Note)
	t.putText("ticket", e.Ticket)
	if !e.Expires.IsZero() {
		t.put("expires", text(e.Expires.UTC().Format(time.RFC3339Nano)))
	}
	if e.Emergency {
		t.put("emergency", literalOf("true"))
	}
	return t
}

func mappingTree(m access.Mapping) tree {
	t := tree{kind: '{'}
	t.put("role", text(m.Role.String()))
	t.put("users", stringsTree(m.Users, access.UserName.String))
	t.put("accounts", selectorTree(m.Accounts))
	t.put("allowlists", stringsTree(m.Allowlists, func(s string) string { return s }))
	if m.Enforcement != access.EnforceMapped {
		t.put("enforcement", text(string(m.Enforcement)))
	}
	if m.RequireMFA {
		t.put("require_mfa", literalOf("true"))
	}
	if m.MFAMaxAge > 0 {
		t.put("mfa_max_age", text(access.DurationText(m.MFAMaxAge)))
	}
	if m.SessionName != access.NamingAny {
		t.put("session_name", text(string(m.SessionName)))
	}
	if m.SourceIdentity != access.NamingAny {
		t.put("source_identity", text(string(m.SourceIdentity)))
	}
	return t
}

func selectorTree(s access.Selector) tree {
	t := tree{kind: '{'}
	if s.All {
		t.put("all", literalOf("true"))
	}
	if len(s.IDs) > 0 {
		t.put("ids", stringsTree(s.IDs, func(id access.AccountID) string { return string(id) }))
	}
	same := func(s string) string { return s }
	if len(s.OUs) > 0 {
		t.put("ous", stringsTree(s.OUs, same))
	}
	if len(s.Tags) > 0 {
		t.put("tags", tagsTree(s.Tags))
	}
	if len(s.Except) > 0 {
		t.put("except", stringsTree(s.Except, same))
	}
	return t
}

// block writes an element of one of the top lists: its keys below each other, the
// entries of an allowlist and the waves of a strategy below each other too, and everything else on one line.
func (t tree) block(b *bytes.Buffer) {
	for i, p := range t.pairs {
		b.WriteString("    "[:2+2*min(i, 1)])
		if i == 0 {
			b.WriteString("- ")
		}
		b.WriteString(p.key + ":")
		if p.key != "entries" && p.key != "waves" || len(p.value.items) == 0 {
			b.WriteByte(' ')
			p.value.flow(b)
			b.WriteByte('\n')
			continue
		}
		b.WriteByte('\n')
		for _, it := range p.value.items {
			b.WriteString("      - ")
			it.flow(b)
			b.WriteByte('\n')
		}
	}
}

// bare are strings that YAML reads as strings, or as what this reader takes for the same
// text, without quotes.
var bare = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_/@.-]*|[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}/[0-9]{1,2}|[0-9]+[hms])$`)

// reserved are words that YAML takes for something else.
var reserved = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|y|n|null|nan|inf)$`)

// flow writes a value on one line as YAML.
func (t tree) flow(b *bytes.Buffer) { t.line(b, ", ", ": ", word) }

// json writes a value as JSON.
func (t tree) json(b *bytes.Buffer) { t.line(b, ",", ":", writeQuoted) }

func (t tree) line(b *bytes.Buffer, comma, colon string, spell func(*bytes.Buffer, string)) {
	switch t.kind {
	case '{':
		b.WriteByte('{')
		for i, p := range t.pairs {
			if i > 0 {
				b.WriteString(comma)
			}
			spell(b, p.key)
			b.WriteString(colon)
			p.value.line(b, comma, colon, spell)
		}
		b.WriteByte('}')
	case '[':
		b.WriteByte('[')
		for i, it := range t.items {
			if i > 0 {
				b.WriteString(comma)
			}
			it.line(b, comma, colon, spell)
		}
		b.WriteByte(']')
	case '"':
		spell(b, t.text)
	default:
		b.WriteString(t.text)
	}
}

func word(b *bytes.Buffer, s string) {
	if bare.MatchString(s) && !reserved.MatchString(s) {
		b.WriteString(s)
		return
	}
	writeQuoted(b, s)
}

func writeQuoted(b *bytes.Buffer, s string) { b.Write(iam.AppendQuoted(nil, s)) }
