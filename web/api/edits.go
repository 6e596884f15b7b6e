package api

import (
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// entryJSON is an entry as the scenario file writes it: exactly one of CIDR, VPC and VPCE.
type entryJSON struct {
	CIDR    string    `json:"cidr,omitempty"`
	VPC     string    `json:"vpc,omitempty"`
	VPCE    string    `json:"vpce,omitempty"`
	Note    string    `json:"note,omitempty"`
	Ticket  string    `json:"ticket,omitempty"`
	Expires time.Time `json:"expires,omitzero"`

	Emergency bool `json:"emergency,omitempty"`
}

func toEntryJSON(e access.Entry) entryJSON {
	out := entryJSON{Note: e.Note, Ticket: e.Ticket, Emergency: e.Emergency}
	if !e.Expires.IsZero() {
		out.Expires = e.Expires.UTC()
	}
	switch e.Kind {
	case access.EntryVPC:
		out.VPC = e.Endpoint
	case access.EntryVPCE:
		out.VPCE = e.Endpoint
	default:
		out.CIDR = e.Key()
	}
	return out
}

func (a entryJSON) entry() (access.Entry, error) {
	key, kind, n := "", access.EntryCIDR, 0
	for _, one := range []struct {
		value string
		kind  access.EntryKind
	}{{a.CIDR, access.EntryCIDR}, {a.VPC, access.EntryVPC}, {a.VPCE, access.EntryVPCE}} {
		if one.value != "" {
			key, kind = one.value, one.kind
			n++
		}
	}
	if n != 1 {
		return access.Entry{}, access.Invalid("cidr", "an entry has exactly one of cidr, vpc and vpce")
	}
	e, err := access.ParseEntry(key)
	if err != nil {
		return e, rename(err, "entry", string(kind))
	}
	if e.Kind != kind {
		return e, access.Invalid(string(kind), "%q belongs under %s", key, e.Kind)
	}
	e.Note, e.Ticket, e.Expires, e.Emergency = a.Note, a.Ticket, a.Expires.UTC().Truncate(time.Microsecond), a.Emergency
	if a.Expires.IsZero() {
		e.Expires = time.Time{}
	}
	return e, e.Check()
}

type allowlistEditJSON struct {
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Entries     []entryJSON `json:"entries,omitempty"`
}

// editJSON is one edit of a change. Rules and settings are written as the desired state
// keeps them.
type editJSON struct {
	Op        string             `json:"op"`
	ID        string             `json:"id,omitempty"`
	Key       string             `json:"key,omitempty"`
	Entry     *entryJSON         `json:"entry,omitempty"`
	Allowlist *allowlistEditJSON `json:"allowlist,omitempty"`
	Mapping   *mappingJSON       `json:"mapping,omitempty"`
	Rule      *access.ReviewRule `json:"rule,omitempty"`
	Settings  *access.Settings   `json:"settings,omitempty"`
	Strategy  *strategyJSON      `json:"strategy,omitempty"`
}

func toEditJSON(e access.Edit) editJSON {
	out := editJSON{Op: string(e.Op), ID: e.ID, Key: e.Key, Rule: e.Rule, Settings: e.Settings}
	if e.Entry != nil {
		entry := toEntryJSON(*e.Entry)
		out.Entry = &entry
	}
	if e.Allowlist != nil {
		out.Allowlist = &allowlistEditJSON{Name: e.Allowlist.Name, Description: e.Allowlist.Description, Entries: convertAll(e.Allowlist.Entries, toEntryJSON)}
	}
	if e.Mapping != nil {
		m := toMappingJSON(*e.Mapping)
		out.Mapping = &m
	}
	if e.Strategy != nil {
		s := toStrategyJSON(*e.Strategy)
		out.Strategy = &s
	}
	return out
}

// edits reads the edits of a request. The fields of an error are JSON pointers.
func edits(in []editJSON) ([]access.Edit, error) {
	out := make([]access.Edit, len(in))
	var wrong []access.FieldError
	for i, e := range in {
		edit, fields := e.edit()
		for _, f := range fields {
			wrong = append(wrong, access.FieldError{Field: "edits/" + strconv.Itoa(i) + "/" + f.Field, Message: f.Message})
		}
		out[i] = edit
	}
	return out, access.InvalidFields(wrong)
}

func (a editJSON) edit() (access.Edit, []access.FieldError) {
	e := access.Edit{Op: access.EditOp(a.Op), ID: a.ID, Key: a.Key, Rule: a.Rule, Settings: a.Settings}
	var wrong []access.FieldError
	if e.Op == access.EditUpdateSettings && e.ID == "" {
		e.ID = access.SettingsID
	}
	if a.Entry != nil {
		entry, err := a.Entry.entry()
		wrong = append(wrong, below("entry", err)...)
		e.Entry, e.Key = &entry, entry.Key()
	}
	if a.Allowlist != nil {
		list, fields := a.Allowlist.allowlist()
		wrong = append(wrong, fields...)
		list.ID = a.ID
		e.Allowlist = &list
	}
	if a.Mapping != nil {
		m, fields := a.Mapping.mapping()
		wrong = append(wrong, fields...)
		m.ID = a.ID
		e.Mapping = &m
	}
	if a.Strategy != nil {
		s, err := a.Strategy.strategy()
		wrong = append(wrong, below("strategy", err)...)
		e.Strategy = &s
	}
	return e, append(wrong, a.parts()...)
}

// parts refuses an edit without what it is about, which nobody could carry out.
func (a editJSON) parts() []access.FieldError {
	need := map[access.EditOp]struct {
		name  string
		there bool
	}{
		access.EditAddEntry: {"entry", a.Entry != nil}, access.EditUpdateEntry: {"entry", a.Entry != nil},
		access.EditAddAllowlist: {"allowlist", a.Allowlist != nil}, access.EditUpdateAllowlist: {"allowlist", a.Allowlist != nil},
		access.EditAddMapping: {"mapping", a.Mapping != nil}, access.EditUpdateMapping: {"mapping", a.Mapping != nil},
		access.EditAddRule: {"rule", a.Rule != nil}, access.EditUpdateRule: {"rule", a.Rule != nil},
		access.EditUpdateSettings: {"settings", a.Settings != nil}, access.EditRemoveEntry: {"key", a.Key != ""},
		access.EditAddStrategy:    {"strategy", a.Strategy != nil},
		access.EditUpdateStrategy: {"strategy", a.Strategy != nil},
	}[access.EditOp(a.Op)]
	if need.name == "" || need.there {
		return nil
	}
	return []access.FieldError{{Field: need.name, Message: a.Op + " needs " + need.name}}
}

func (a allowlistEditJSON) allowlist() (access.Allowlist, []access.FieldError) {
	out := access.Allowlist{Name: a.Name, Description: a.Description}
	var wrong []access.FieldError
	for i, e := range a.Entries {
		entry, err := e.entry()
		wrong = append(wrong, below("allowlist/entries/"+strconv.Itoa(i), err)...)
		out.Entries = append(out.Entries, entry)
	}
	return out, wrong
}

func (a mappingJSON) mapping() (access.Mapping, []access.FieldError) {
	m := access.Mapping{
		Accounts: a.Accounts, Allowlists: a.Allowlists, Enforcement: access.Enforcement(a.Enforcement), RequireMFA: a.RequireMFA,
		SessionName: access.Naming(a.SessionName), SourceIdentity: access.Naming(a.SourceIdentity),
	}
	var wrong []access.FieldError
	var err error
	if m.Role, err = access.ParseRoleName(a.Role); err != nil {
		wrong = append(wrong, below("mapping", err)...)
	}
	for i, name := range a.Users {
		u, err := access.ParseUserName(name)
		wrong = append(wrong, below("mapping", rename(err, "users", "users/"+strconv.Itoa(i)))...)
		m.Users = append(m.Users, u)
	}
	if a.MFAMaxAge != "" {
		if m.MFAMaxAge, err = time.ParseDuration(a.MFAMaxAge); err != nil {
			wrong = append(wrong, access.FieldError{Field: "mapping/mfa_max_age", Message: "an age is a duration such as 1h or 30m"})
		}
	}
	if len(wrong) == 0 {
		wrong = below("mapping", m.Check())
	}
	return m, wrong
}

// below puts the fields of an error under the place where they stand.
func below(place string, err error) []access.FieldError {
	if err == nil {
		return nil
	}
	fields := access.FieldsOf(err)
	if len(fields) == 0 {
		return []access.FieldError{{Field: place, Message: access.MessageOf(err)}}
	}
	out := make([]access.FieldError, len(fields))
	for i, f := range fields {
		out[i] = access.FieldError{Field: place + "/" + f.Field, Message: f.Message}
	}
	return out
}

// rename gives the one field of an error another name.
func rename(err error, from, to string) error {
	if fields := access.FieldsOf(err); len(fields) == 1 && fields[0].Field == from {
		return access.Invalid(to, "%s", fields[0].Message)
	}
	return err
}
