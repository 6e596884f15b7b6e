package sandbox

import (
	"strconv"
	"strings"

	"portcullis.internal/portcullis/deploy"
	"portcullis.internal/portcullis/internal/access"
)

// sampleUsers are in every account that a rollout can reach; opsUsers, which have paths,
// in the identity account.
var (
	sampleUsers = []string{"alice", "bob", "carol", "dave", "erin"}
	opsUsers    = []string{"ops/frank", "ops/grace", "contractors/heidi"}
)

// The users of the management account that the console and the curious sign in as.
const (
	ConsoleUser = "portcullis"
	AdminUser   = "admin"
)

const adminARN = "arn:aws:iam::aws:policy/AdministratorAccess"

// staff puts roles and users into the account at a place in the company.
func (c *Company) staff(i int, a *account) {
	if a.ID == c.ManagementID {
		c.staffManagement(a)
		return
	}
	c.role(a, "/", "OrganizationAccountAccessRole", c.trustManagement()).Attached = []string{adminARN}
	c.deployTo(a)
	for _, name := range sampleUsers {
		c.user(a, "/", name)
	}
	c.commonRoles(i, a)
	c.specialRoles(i, a)
	c.habits(i, a)
	if a.Name == "identity" {
		for _, name := range opsUsers {
			path, base, _ := strings.Cut(name, "/")
			c.user(a, "/"+path+"/", base)
		}
	}
	a.putUnderConsole()
}

func (c *Company) role(a *account, path, name, trust string) *role {
	r := &role{Name: name, Path: path, ID: roleID(a.ID, name, ""), Created: a.Joined, MaxSession: 3600, Trust: trust}
	a.addRole(r)
	return r
}

func (c *Company) user(a *account, path, name string) *user {
	u := &user{Name: name, Path: path, ID: userID(a.ID, name, ""), Created: a.Joined}
	k := keyFor(a.ID, name, "")
	k.Created = a.Joined
	u.Keys = []accessKey{k}
	a.addUser(u)
	return u
}

func (c *Company) staffManagement(a *account) {
	console := c.user(a, "/", ConsoleUser)
	console.Inline = map[string]string{"Portcullis": deploy.ConsolePolicy(c.ID)}
	c.user(a, "/", AdminUser).Attached = []string{adminARN}
}

func (c *Company) trustManagement() string {
	return allow(`"AWS":"arn:aws:iam::`+string(c.ManagementID)+`:root"`, "sts:AssumeRole", "")
}

// commonRoles are the roles that every reachable account has. Only Portcullis denies anything on
// Bob, Deploy and ReadOnly; some accounts have an existing network condition on Admin, as in the
// article.
func (c *Company) commonRoles(i int, a *account) {
	service := func(name string) string { return allow(`"Service":"`+name+`.amazonaws.com"`, "sts:AssumeRole", "") }
	c.role(a, "/", "Bob", service("ec2"))
	c.role(a, "/", "Deploy", allow(`"Federated":"arn:aws:iam::`+string(a.ID)+`:saml-provider/corp"`, "sts:AssumeRoleWithSAML", `"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`))
	c.role(a, "/", "ReadOnly", vendorTrust).Attached = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	admin := c.role(a, "/", "Admin", service("ssm"))
	admin.Attached = []string{adminARN}
	if i%3 == 1 {
		admin.Trust = restrictedByHand(a, i%2 == 0)
	}
}

// vendorTrust lets a vendor in from outside, with the external id it was given.
const vendorTrust = `{"Version":"2012-10-17","Statement":[{"Sid":"VendorMonitoring","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + string(VendorAccount) + `:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"acme-7Q2M"}}}]}`

// specialRoles are what some accounts have besides.
func (c *Company) specialRoles(i int, a *account) {
	if i%3 == 0 {
		c.role(a, "/", "Billing", restrictedByHand(a, false)).Attached = []string{"arn:aws:iam::aws:policy/job-function/Billing"}
	}
	if i%4 == 2 {
		c.role(a, "/team-a/", "Release", allow(`"Service":"codepipeline.amazonaws.com"`, "sts:AssumeRole", ""))
	}
	if i%5 == 1 {
		c.role(a, "/aws-service-role/support.amazonaws.com/", "AWSServiceRoleForSupport", allow(`"Service":"support.amazonaws.com"`, "sts:AssumeRole", ""))
		c.role(a, "/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Admin_"+lowerID(16, string(a.ID)), allow(`"Federated":"arn:aws:iam::`+string(a.ID)+`:saml-provider/AWSSSO"`, "sts:AssumeRoleWithSAML", ""))
	}
}

// habits gives some users more than a user should have.
func (c *Company) habits(i int, a *account) {
	if i%6 == 2 {
		a.user("dave").Attached = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	}
	if i%6 == 4 {
		a.user("erin").Groups = []string{"developers"}
	}
	if i%3 == 1 {
		a.user("alice").Inline = map[string]string{"assume-admin": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + a.roleARN(a.role("Admin")) + `"}}`}
	}
}

// restrictedByHand is the article's pair of statements for alice, as somebody typed it in
// long ago: with Sids or without.
func restrictedByHand(a *account, sids bool) string {
	grant, userSide := "", ""
	if sids {
		grant, userSide = `"Sid":"AllowAlice",`, `"Sid":"OfficeOnly",`
	}
	who := `"Principal":{"AWS":"` + a.user("alice").ID + `"},"Action":"sts:AssumeRole"`
	return `{"Version":"2012-10-17","Statement":[{` + grant + `"Effect":"Allow",` + who + `},{` + userSide + `"Effect":"Deny",` + who +
		`,"Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24","12.148.72.0/23"]}}}]}`
}

func allow(principal, action, condition string) string {
	if condition != "" {
		condition = `,"Condition":{` + condition + `}`
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{` + principal + `},"Action":"` + action + `"` + condition + `}]}`
}

// Credential is an access key with whose it is.
type Credential struct {
	Account         access.AccountID `json:"account"`
	AccountName     string           `json:"account_name"`
	User            string           `json:"user"`
	ARN             string           `json:"arn"`
	AccessKeyID     string           `json:"access_key_id"`
	SecretAccessKey string           `json:"secret_access_key"`
	Note            string           `json:"note,omitempty"`
}

func (a *account) credentials() []Credential {
	var out []Credential
	for _, u := range a.sortedUsers() {
		for _, k := range u.Keys {
			out = append(out, Credential{
				Account: a.ID, AccountName: a.Name, User: strings.TrimPrefix(u.Path, "/") + u.Name,
				ARN: a.userARN(u), AccessKeyID: k.ID, SecretAccessKey: k.Secret, Note: notes[u.Name],
			})
		}
	}
	return out
}

var notes = map[string]string{
	ConsoleUser: "the console: reads the organization, assumes the deployment role " + strconv.Quote(DeployRole),
	AdminUser:   "may do everything in the management account, and elsewhere as OrganizationAccountAccessRole",
}

// Credentials returns the keys of the management account's users (the console's first)
// and of the users of the first accounts of the tree, to try things with.
func (o *Organization) Credentials() []Credential {
	o.mu.RLock()
	defer o.mu.RUnlock()
	management := o.accounts[o.company.ManagementID]
	var first, rest []Credential
	for _, c := range management.credentials() {
		if c.User == ConsoleUser {
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	out := append(first, rest...)
	for _, a := range o.company.Accounts {
		if a != management && a.active() && len(out) < maxSample {
			out = append(out, a.credentials()...)
		}
	}
	return out
}

const maxSample = 12

// AccountCredentials returns the keys of one account's users.
func (o *Organization) AccountCredentials(id access.AccountID) []Credential {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if a := o.accounts[id]; a != nil {
		return a.credentials()
	}
	return nil
}
