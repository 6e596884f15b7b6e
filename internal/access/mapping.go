package access

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// RoleName is an IAM role's path and name. Path begins and ends with a slash; "/" when
// the role has none.
type RoleName struct {
	Path string `json:"path,omitempty"`
	Name string `json:"name"`
}

// String returns path and name without the leading slash: "team-a/Bob".
func (r RoleName) String() string { return strings.TrimPrefix(r.Path, "/") + r.Name }

// Rooted returns the role with the path that IAM gives it where none is said.
func (r RoleName) Rooted() RoleName {
	r.Path = cmp.Or(r.Path, "/")
	return r
}

// ARN returns the role's ARN in an account.
func (r RoleName) ARN(partition string, account AccountID) string {
	return "arn:" + partition + ":iam::" + string(account) + ":role" + cmp.Or(r.Path, "/") + r.Name
}

// UserName is an IAM user. Account is empty for a user of the role's own account.
type UserName struct {
	Account AccountID `json:"account,omitempty"`
	Path    string    `json:"path,omitempty"`
	Name    string    `json:"name"`
}

// String returns the short form: "alice", "444455556666:ops/dave".
func (u UserName) String() string {
	s := strings.TrimPrefix(u.Path, "/") + u.Name
	if u.Account != "" {
		return string(u.Account) + ":" + s
	}
	return s
}

// In returns the user with the account filled in: the one given when none is set.
func (u UserName) In(account AccountID) UserName {
	u.Account = cmp.Or(u.Account, account)
	return u
}

// Rooted returns the user with the path that IAM gives it where none is said.
func (u UserName) Rooted() UserName {
	u.Path = cmp.Or(u.Path, "/")
	return u
}

// ARN returns the user's ARN; Account must be set.
func (u UserName) ARN(partition string) string {
	return "arn:" + partition + ":iam::" + string(u.Account) + ":user" + cmp.Or(u.Path, "/") + u.Name
}

// ParseUserARN reads the ARN of an IAM user.
func ParseUserARN(arn string) (UserName, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || !strings.HasPrefix(parts[5], "user/") {
		return UserName{}, false
	}
	path, name := splitPath(strings.TrimPrefix(parts[5], "user/"))
	return UserName{Account: AccountID(parts[4]), Path: path, Name: name}, name != ""
}

// ParseRoleARN reads the ARN of a role.
func ParseRoleARN(arn string) (AccountID, RoleName, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || !strings.HasPrefix(parts[5], "role/") {
		return "", RoleName{}, false
	}
	path, name := splitPath(strings.TrimPrefix(parts[5], "role/"))
	return AccountID(parts[4]), RoleName{Path: path, Name: name}, name != ""
}

// NameInARN is what people call the user of an ARN: what follows ":user/", the path, if
// there is one, and the name.
func NameInARN(arn string) string {
	const before = ":user/"
	return arn[strings.LastIndex(arn, before)+len(before):]
}

// Enforcement says whom the Deny of a mapping covers.
type Enforcement string

// Mapped denies only the mapped users. Everyone denies every caller from outside of the
// allowlist, so that users who are added by hand later are restricted as well.
const (
	EnforceMapped   Enforcement = "mapped"
	EnforceEveryone Enforcement = "everyone"
)

// Naming says what a session name or a source identity has to be.
type Naming string

// Any leaves it open; Username demands the IAM user's name.
const (
	NamingAny      Naming = "any"
	NamingUsername Naming = "username"
)

// Mapping says: these IAM users may assume this role, in these accounts, from these
// allowlists, under these conditions. Allowlists are names.
type Mapping struct {
	ID             string        `json:"id,omitempty"`
	Role           RoleName      `json:"role"`
	Users          []UserName    `json:"users"`
	Accounts       Selector      `json:"accounts"`
	Allowlists     []string      `json:"allowlists"`
	Enforcement    Enforcement   `json:"enforcement,omitempty"`
	RequireMFA     bool          `json:"require_mfa,omitempty"`
	MFAMaxAge      time.Duration `json:"mfa_max_age,omitempty"`
	SessionName    Naming        `json:"session_name,omitempty"`
	SourceIdentity Naming        `json:"source_identity,omitempty"`
}

// OrDefault returns the mapping with the unset options at their defaults.
func (m Mapping) OrDefault() Mapping {
	m.Enforcement = cmp.Or(m.Enforcement, EnforceMapped)
	m.SessionName = cmp.Or(m.SessionName, NamingAny)
	m.SourceIdentity = cmp.Or(m.SourceIdentity, NamingAny)
	m.Role = m.Role.Rooted()
	users := slices.Clone(m.Users)
	for i := range users {
		users[i] = users[i].Rooted()
	}
	m.Users = users
	return m
}

// Title names the mapping for people: role, and how many users.
func (m Mapping) Title() string { return m.Role.String() + " for " + m.Accounts.String() }

var (
	iamName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	iamPath = regexp.MustCompile(`^/([!-.0-~]+/)*$`)
)

// ParseRoleName reads "Bob" or "team-a/Bob".
func ParseRoleName(s string) (RoleName, error) {
	if err := CheckIdentifier("role", s); err != nil {
		return RoleName{}, err
	}
	path, name := splitPath(strings.TrimSpace(s))
	if !iamName.MatchString(name) || !iamPath.MatchString(path) {
		return RoleName{}, Invalid("role", "%q is not a role: give a name of up to 64 letters, digits or +=,.@-_, with its path before it if it has one (team-a/Bob)", s)
	}
	return RoleName{Path: path, Name: name}, nil
}

// ParseUserName reads "alice", "ops/dave" or "444455556666:ops/dave".
func ParseUserName(s string) (UserName, error) {
	if err := CheckIdentifier("users", s); err != nil {
		return UserName{}, err
	}
	s = strings.TrimSpace(s)
	account, rest, found := strings.Cut(s, ":")
	if !found {
		account, rest = "", s
	}
	path, name := splitPath(rest)
	if found && !AccountID(account).Valid() || !iamName.MatchString(name) || !iamPath.MatchString(path) {
		return UserName{}, Invalid("users", "%q is not a user: give a name (alice), a path and name (ops/alice), or either after a 12-digit account id and a colon (444455556666:alice)", s)
	}
	return UserName{Account: AccountID(account), Path: path, Name: name}, nil
}

func splitPath(s string) (path, name string) {
	s = strings.TrimPrefix(s, "/")
	i := strings.LastIndex(s, "/")
	return "/" + s[:i+1], s[i+1:]
}

// Check refuses a mapping that cannot be meant. Whether its allowlists exist is for
// State.Check to say.
func (m Mapping) Check() error {
	var fields []FieldError
	if m.Role.Name == "" {
		fields = append(fields, FieldError{"role", "name the role that the users may assume"})
	}
	if len(m.Users) == 0 {
		fields = append(fields, FieldError{"users", "name at least one user"})
	}
	if len(m.Allowlists) == 0 {
		fields = append(fields, FieldError{"allowlists", "choose at least one allowlist"})
	}
	if m.MFAMaxAge != 0 && !m.RequireMFA {
		fields = append(fields, FieldError{"mfa_max_age", "an age for MFA needs MFA to be required"})
	}
	if m.MFAMaxAge < 0 {
		fields = append(fields, FieldError{"mfa_max_age", "the age of MFA cannot be negative"})
	}
	if !slices.Contains([]Enforcement{"", EnforceMapped, EnforceEveryone}, m.Enforcement) {
		fields = append(fields, FieldError{"enforcement", "enforcement is mapped or everyone"})
	}
	fields = append(fields, checkNaming("session_name", m.SessionName)...)
	fields = append(fields, checkNaming("source_identity", m.SourceIdentity)...)
	fields = appendIdentifierProblems(fields, "role", m.Role.Path, m.Role.Name)
	for _, u := range m.Users {
		fields = appendIdentifierProblems(fields, "users", u.Path, u.Name)
	}
	fields = appendIdentifierProblems(fields, "allowlists", m.Allowlists...)
	if err := m.Accounts.Check(); err != nil {
		fields = append(fields, FieldsOf(err)...)
	}
	return InvalidFields(fields)
}

func checkNaming(field string, n Naming) []FieldError {
	if slices.Contains([]Naming{"", NamingAny, NamingUsername}, n) {
		return nil
	}
	return []FieldError{{field, field + " is any or username"}}
}
