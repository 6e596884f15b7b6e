package sandbox

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// account is one account of the organization. Roles and users are found by their names
// in lower case, because IAM's names are unique whatever their case. The fields are
// exported for the snapshot.
type account struct {
	ID     access.AccountID
	Name   string
	Email  string
	State  access.AccountState
	OU     string // id of the OU or the root that the account is directly in
	Tags   map[string]string
	Joined time.Time
	Quotas access.Quotas
	Roles  map[string]*role
	Users  map[string]*user

	Policies map[string]*managedPolicy `json:",omitempty"` // the customer's own
}

// role keeps its trust policy as IAM stores it: with unique ids for users and roles.
type role struct {
	Name       string
	Path       string
	ID         string
	Created    time.Time
	MaxSession int // seconds
	Trust      string
	Inline     map[string]string `json:",omitempty"`
	Attached   []string          `json:",omitempty"`
	Tags       map[string]string `json:",omitempty"`
}

type user struct {
	Name     string
	Path     string
	ID       string
	Created  time.Time
	Inline   map[string]string `json:",omitempty"`
	Attached []string          `json:",omitempty"`
	Groups   []string          `json:",omitempty"`
	Boundary string            `json:",omitempty"` // ARN of the permissions boundary
	Keys     []accessKey       `json:",omitempty"`
}

type accessKey struct {
	ID      string
	Secret  string
	Created time.Time
}

func (a *account) role(name string) *role { return a.Roles[strings.ToLower(name)] }

func (a *account) user(name string) *user { return a.Users[strings.ToLower(name)] }

func (a *account) addRole(r *role) { a.Roles[strings.ToLower(r.Name)] = r }

func (a *account) addUser(u *user) { a.Users[strings.ToLower(u.Name)] = u }

// active reports whether the account works. One that has left the organization, or is to be closed, still does
// (docs/aws-facts.md, "Account states" and "Accounts that leave").
func (a *account) active() bool {
	return a.State == access.AccountActive || a.State == access.AccountPendingClosure || !a.member()
}

// member reports whether the account is in the organization.
func (a *account) member() bool { return a.State != access.AccountLeft }

func (a *account) sortedRoles() []*role {
	return slices.SortedFunc(maps.Values(a.Roles), func(x, y *role) int { return cmp.Compare(x.Name, y.Name) })
}

func (a *account) sortedUsers() []*user {
	return slices.SortedFunc(maps.Values(a.Users), func(x, y *user) int { return cmp.Compare(x.Name, y.Name) })
}

func (a *account) roleARN(r *role) string {
	return access.RoleName{Path: r.Path, Name: r.Name}.ARN("aws", a.ID)
}

func (a *account) userARN(u *user) string {
	return access.UserName{Account: a.ID, Path: u.Path, Name: u.Name}.ARN("aws")
}

// identityPolicies are the documents that say what the holder may do.
func identityPolicies(inline map[string]string, attached []string) []string {
	docs := make([]string, 0, len(inline)+len(attached))
	for _, name := range slices.Sorted(maps.Keys(inline)) {
		docs = append(docs, inline[name])
	}
	for _, arn := range attached {
		if doc, ok := managedPolicies[arn]; ok {
			docs = append(docs, doc)
		}
	}
	return docs
}

// managedPolicies are the AWS managed policies that the sandbox knows. An attached
// policy that is not among them permits nothing here.
var managedPolicies = map[string]string{
	"arn:aws:iam::aws:policy/AdministratorAccess":  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	"arn:aws:iam::aws:policy/ReadOnlyAccess":       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*","organizations:Describe*","organizations:List*"],"Resource":"*"}]}`,
	"arn:aws:iam::aws:policy/job-function/Billing": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["aws-portal:*","budgets:*","ce:*"],"Resource":"*"}]}`,
}
