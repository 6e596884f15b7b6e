package view

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// MappingForm is a mapping as text, so that a form comes back just as it was sent.
// Accounts is the way of selecting: all, ids, ous or tags.
type MappingForm struct {
	Role           string
	Users          string
	Accounts       string
	IDs            string
	OUs            string
	Tags           string
	Except         string
	Allowlists     []string
	Everyone       bool
	MFA            bool
	MFAMaxAge      string
	SessionName    bool
	SourceIdentity bool
}

// NewMappingForm is the form of a mapping that does not exist yet.
func NewMappingForm() MappingForm { return MappingForm{Accounts: "all"} }

// MappingFormOf fills the form from a mapping.
func MappingFormOf(m access.Mapping, ous *access.OUs) MappingForm {
	f := MappingForm{
		Role: m.Role.String(), Users: strings.Join(userNames(m.Users), "\n"), Accounts: "all",
		OUs: strings.Join(ous.Editable(m.Accounts.OUs), "\n"), Except: strings.Join(ous.Editable(m.Accounts.Except), "\n"), Allowlists: m.Allowlists,
		Everyone: m.Enforcement == access.EnforceEveryone, MFA: m.RequireMFA,
		SessionName: m.SessionName == access.NamingUsername, SourceIdentity: m.SourceIdentity == access.NamingUsername,
	}
	if m.MFAMaxAge > 0 {
		f.MFAMaxAge = access.DurationText(m.MFAMaxAge)
	}
	switch {
	case len(m.Accounts.IDs) > 0:
		f.Accounts, f.IDs = "ids", joinIDs(m.Accounts.IDs)
	case len(m.Accounts.OUs) > 0:
		f.Accounts = "ous"
	case len(m.Accounts.Tags) > 0:
		f.Accounts, f.Tags = "tags", joinTags(m.Accounts.Tags)
	}
	return f
}

func joinIDs(ids []access.AccountID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, "\n")
}

func joinTags(tags map[string]string) string {
	pairs := make([]string, 0, len(tags))
	for name, value := range tags {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "\n")
}

// MappingFormProps is the form with what it offers to choose from.
type MappingFormProps struct {
	Shell          Shell
	ID             string
	Form           MappingForm
	Drafts         []access.Change
	Draft          int64
	Allowlists     []access.AllowlistRow
	MoreAllowlists bool // there are more than are offered
	OUs            []access.OURow
	Problems       Problems
}

func (p MappingFormProps) action() string {
	if p.ID == "" {
		return NewMappingURL()
	}
	return EditMappingURL(p.ID)
}

func (p MappingFormProps) back() string {
	if p.ID == "" {
		return MappingsURL()
	}
	return MappingURL(p.ID)
}

func (p MappingFormProps) ways() []Option {
	way := func(value, label, hint string) Option {
		return Option{Value: value, Label: label, Hint: hint, Selected: p.Form.Accounts == value}
	}
	return []Option{
		way("all", "All accounts", "also those that are created later"),
		way("ids", "By id", "the accounts listed below"),
		way("ous", "By OU", "all accounts in and below the OUs, also later ones"),
		way("tags", "By tag", "all accounts that carry every tag, also later ones"),
	}
}

func (p MappingFormProps) lists() []Option {
	options := make([]Option, len(p.Allowlists))
	for i, a := range p.Allowlists {
		options[i] = Option{Value: a.Name, Label: a.Name, Hint: Count(a.Entries, "entry", "entries"), Selected: slices.Contains(p.Form.Allowlists, a.Name)}
	}
	return options
}

// unlisted are chosen allowlists that are not among the offered ones.
func (p MappingFormProps) unlisted() string {
	var names []string
	for _, name := range p.Form.Allowlists {
		if !slices.ContainsFunc(p.Allowlists, func(a access.AllowlistRow) bool { return a.Name == name }) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "\n")
}
