package pages

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/view"
)

// mappingInput is the mapping form as it was sent.
type mappingInput struct{ view.MappingForm }

func readMappingForm(v url.Values) mappingInput {
	return mappingInput{view.MappingForm{
		Role: v.Get("role"), Users: v.Get("users"),
		Accounts: v.Get("accounts"), IDs: v.Get("account_ids"), OUs: v.Get("ous"), Tags: v.Get("tags"), Except: v.Get("except"),
		Allowlists: slices.DeleteFunc(lines(strings.Join(v["allowlists"], "\n")), func(name string) bool { return name == "" }),
		Everyone:   v.Get("enforcement") == string(access.EnforceEveryone),
		MFA:        v.Get("require_mfa") != "", MFAMaxAge: v.Get("mfa_max_age"),
		SessionName: v.Get("session_name") != "", SourceIdentity: v.Get("source_identity") != "",
	}}
}

// mapping reads the form. All that cannot be read is told at once.
func (in mappingInput) mapping(id string) (access.Mapping, error) {
	m := access.Mapping{
		ID: id, Allowlists: slices.Compact(slices.Sorted(slices.Values(in.Allowlists))), Enforcement: access.EnforceMapped, RequireMFA: in.MFA,
		SessionName: naming(in.SessionName), SourceIdentity: naming(in.SourceIdentity),
	}
	if in.Everyone {
		m.Enforcement = access.EnforceEveryone
	}
	var wrong []access.FieldError
	note := func(err error) { wrong = append(wrong, access.FieldsOf(err)...) }
	var err error
	if strings.TrimSpace(in.Role) != "" {
		m.Role, err = access.ParseRoleName(in.Role)
		note(err)
	}
	m.Users, err = parseUsers(in.Users)
	note(err)
	m.Accounts, err = in.selector()
	note(err)
	m.MFAMaxAge, err = parseAge(in.MFAMaxAge)
	note(err)
	for _, f := range access.FieldsOf(m.Check()) {
		if !told(wrong, f.Field) {
			wrong = append(wrong, f)
		}
	}
	return m, access.InvalidFields(wrong)
}

// told reports whether a field has its message already: what cannot be read is also
// missing, and one of the two is enough.
func told(wrong []access.FieldError, field string) bool {
	root, _, _ := strings.Cut(field, "/")
	return slices.ContainsFunc(wrong, func(f access.FieldError) bool { return f.Field == root || strings.HasPrefix(f.Field, root+"/") })
}

func naming(username bool) access.Naming {
	if username {
		return access.NamingUsername
	}
	return access.NamingAny
}

func parseUsers(text string) ([]access.UserName, error) {
	var users []access.UserName
	var wrong []access.FieldError
	for _, line := range lines(text) {
		u, err := access.ParseUserName(line)
		if err != nil {
			wrong = append(wrong, access.FieldsOf(err)...)
			continue
		}
		if !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	return users, access.InvalidFields(wrong)
}

// selector reads only what belongs to the chosen way of selecting.
func (in mappingInput) selector() (access.Selector, error) {
	s := access.Selector{Except: access.SplitOUs(in.Except)}
	switch in.Accounts {
	case "all":
		s.All = true
	case "ids":
		for _, id := range lines(in.IDs) {
			s.IDs = append(s.IDs, access.AccountID(id))
		}
	case "ous":
		s.OUs = access.SplitOUs(in.OUs)
	case "tags":
		var err error
		if s.Tags, err = parseTags(in.Tags); err != nil {
			return s, err
		}
	}
	if len(s.Except) == 0 {
		s.Except = nil
	}
	if err := s.Check(); err != nil {
		return s, emptySelection(in.Accounts, err)
	}
	return s, nil
}

// emptySelection says what is missing for the way that was chosen.
func emptySelection(way string, err error) error {
	missing := map[string]string{"ids": "give at least one account id", "ous": "give the id or the path of at least one OU", "tags": "give at least one tag, as name=value"}
	if fields := access.FieldsOf(err); len(fields) == 1 && fields[0].Field == "accounts" && missing[way] != "" {
		return access.Invalid("accounts", "%s", missing[way])
	}
	return err
}

func parseTags(text string) (map[string]string, error) {
	tags := map[string]string{}
	for _, line := range lines(text) {
		name, value, found := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !found || name == "" {
			return nil, access.Invalid("accounts", "%q is not a tag; write it as name=value, for example env=prod", line)
		}
		tags[name] = strings.TrimSpace(value)
	}
	return tags, nil
}

func parseAge(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil {
		return 0, access.Invalid("mfa_max_age", "%q is not a length of time; write it as 1h, 30m or 1h30m", text)
	}
	return age, nil
}

// lines splits what was typed one a line; commas separate too. Empty lines are left out.
func lines(text string) []string {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' })
	var out []string
	for _, f := range fields {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}
