package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/deploy"
	"portcullis.internal/portcullis/internal/access"
)

// DefaultAccounts is how many accounts a company has when nobody says.
const DefaultAccounts = 24

// DeployRole is the deployment role's name in every account but one.
const DeployRole = "PortcullisDeploy"

// VendorAccount is an account outside of the organization that exists, so that it can
// be trusted. Every other account outside is one that does not exist.
const VendorAccount access.AccountID = "601122334455"

// Company is the whole state of the made-up organization, as the snapshot keeps it.
type Company struct {
	ID           string // o-…
	RootID       string // r-…
	ManagementID access.AccountID
	Founded      time.Time
	OUs          []orgUnit // the root first, parents before children
	Accounts     []*account
	Outside      []access.AccountID
	Serial       int // of what was made since

	stacks map[string]deploy.Stack // by the user whom they trust, and the external id
}

// orgUnit is an OU, or the root.
type orgUnit struct {
	ID       string
	ParentID string
	Name     string
}

// The accounts that every company of eight or more has, after the management account.
// In "legacy-crm" nothing works, because it is suspended; in "acquired-shop" the
// deployment role cannot be assumed, because its trust policy names somebody else.
var specials = []struct{ name, ou string }{
	{"identity", "Root/Security"},
	{"log-archive", "Root/Security"},
	{"security-tooling", "Root/Security"},
	{"network", "Root/Infrastructure"},
	{"shared-services", "Root/Infrastructure"},
	{suspendedAccount, "Root/Suspended"},
	{unreachableAccount, "Root/Workloads/Acquired"},
}

const (
	managementAccount  = "management"
	suspendedAccount   = "legacy-crm"
	unreachableAccount = "acquired-shop"
	raisedQuotaAccount = "shared-services" // trust policies of up to 8,192 characters
)

var ouPaths = []string{
	"Root/Security", "Root/Infrastructure", "Root/Workloads", "Root/Workloads/Prod",
	"Root/Workloads/NonProd", "Root/Workloads/Acquired", "Root/Sandbox", "Root/Suspended",
}

var teams = []string{"payments", "checkout", "web", "mobile", "search", "data", "billing", "messaging", "warehouse", "partners", "fraud", "reporting"}

// NewCompany makes a company of so many accounts: the same one for the same number.
// Every account but the management account, the suspended one and the unreachable one
// has the roles Admin, ReadOnly, Deploy and Bob, the users alice, bob, carol, dave and
// erin, and the deployment role.
func NewCompany(accounts int) *Company {
	c := &Company{
		ID:      "o-" + lowerID(10, "organization"),
		RootID:  "r-" + lowerID(4, "root"),
		Founded: time.Date(2019, 10, 21, 9, 0, 0, 0, time.UTC),
		Outside: []access.AccountID{VendorAccount},
	}
	c.addOUs()
	c.addAccount(managementAccount, "Root")
	c.ManagementID = c.Accounts[0].ID
	if accounts > len(specials) {
		for _, s := range specials {
			c.addAccount(s.name, s.ou)
		}
	} else if accounts > 1 {
		c.addAccount(specials[0].name, specials[0].ou)
	}
	for i := 0; len(c.Accounts) < accounts; i++ {
		c.addAccount(workload(i))
	}
	for i, a := range c.Accounts {
		c.staff(i, a)
	}
	return c
}

// workload names the accounts that make up the bulk: of each team one for production
// and one for everything before it, and now and then somebody's sandbox.
func workload(i int) (name, ou string) {
	if i%8 == 7 {
		return fmt.Sprintf("sandbox-%02d", i/8+1), "Root/Sandbox"
	}
	i -= i / 8
	team := teams[i/2%len(teams)]
	if round := i / 2 / len(teams); round > 0 {
		team += "-" + strconv.Itoa(round+1)
	}
	if i%2 == 0 {
		return team + "-prod", "Root/Workloads/Prod"
	}
	return team + "-nonprod", "Root/Workloads/NonProd"
}

func (c *Company) addOUs() {
	c.OUs = []orgUnit{{ID: c.RootID, Name: "Root"}}
	for _, path := range ouPaths {
		at := strings.LastIndex(path, "/")
		c.OUs = append(c.OUs, orgUnit{
			ID:       c.newOUID(path),
			ParentID: c.ouByPath(path[:at]).ID,
			Name:     path[at+1:],
		})
	}
}

// addAccount adds an account to the OU of a path.
func (c *Company) addAccount(name, ou string) {
	i := len(c.Accounts)
	a := &account{
		ID: accountNumber(i), Name: name, Email: "aws+" + name + "@example.com", State: access.AccountActive,
		OU: c.ouByPath(ou).ID, Joined: c.Founded.AddDate(0, 0, i%2000),
		Roles: map[string]*role{}, Users: map[string]*user{},
		Tags: map[string]string{"env": environment(name, ou), "team": teamOf(name), "cost-center": fmt.Sprintf("cc-%04d", 1000+i%97)},
	}
	switch name {
	case suspendedAccount:
		a.State = access.AccountSuspended
	case raisedQuotaAccount:
		a.Quotas.TrustPolicy = 8192
	}
	c.Accounts = append(c.Accounts, a)
}

func environment(name, ou string) string {
	switch {
	case strings.HasSuffix(name, "-nonprod"):
		return "nonprod"
	case ou == "Root/Sandbox":
		return "sandbox"
	default:
		return "prod"
	}
}

func teamOf(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "-prod"), "-nonprod")
	for _, team := range teams {
		if strings.HasPrefix(name, team) {
			return team
		}
	}
	return "platform"
}

func (c *Company) ouByID(id string) *orgUnit { return c.ou(func(o orgUnit) bool { return o.ID == id }) }

func (c *Company) ouByPath(path string) *orgUnit {
	return c.ou(func(o orgUnit) bool { return c.pathOf(o.ID) == path })
}

func (c *Company) ou(is func(orgUnit) bool) *orgUnit {
	if i := slices.IndexFunc(c.OUs, is); i >= 0 {
		return &c.OUs[i]
	}
	return nil
}

// idPath is the account's place in the tree, in ids: "o-…/r-…/ou-…/123456789012/".
func (c *Company) idPath(a *account) string {
	return c.ID + "/" + strings.Join(c.chain(a.OU), "/") + "/" + string(a.ID) + "/"
}

func (c *Company) arn(kind string, rest ...string) string {
	parts := slices.Concat([]string{kind, c.ID}, rest)
	return "arn:aws:organizations::" + string(c.ManagementID) + ":" + strings.Join(parts, "/")
}

func (c *Company) nextSerial() string {
	c.Serial++
	return strconv.Itoa(c.Serial)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
