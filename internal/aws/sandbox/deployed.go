package sandbox

import (
	"strings"

	"portcullis.internal/portcullis/deploy"
	"portcullis.internal/portcullis/internal/access"
)

// Every member account has what deploy/stackset.yaml makes: the deployment role with its policies, and the
// permissions boundary. The roles and users that the console manages have the tag and the boundary that the
// role's policy asks for.

const (
	managedTag  = "portcullis-managed"
	boundary    = "portcullis-user-boundary"
	placeholder = "000000000000" // in place of the account in the documents of a stack
)

// stack returns the documents of a stack that trusts a user of the management account. Without an external id
// the trust policy asks for none.
func (c *Company) stack(user, externalID string) deploy.Stack {
	key := user + " " + externalID
	if s, known := c.stacks[key]; known {
		return s
	}
	s, err := deploy.NewStack(deploy.Parameters{
		Partition: "aws", Account: placeholder, OrganizationID: c.ID, ExternalID: externalID, RoleName: DeployRole,
		ConsolePrincipal: "arn:aws:iam::" + string(c.ManagementID) + ":user/" + user,
	})
	if err != nil {
		panic(err) // the template is embedded, and a test reads it
	}
	if c.stacks == nil {
		c.stacks = map[string]deploy.Stack{}
	}
	c.stacks[key] = s
	return s
}

func (a *account) of(document string) string {
	return strings.ReplaceAll(document, placeholder, string(a.ID))
}

// consoleUserOf is the user whom the deployment role of an account trusts: in the unreachable account it is
// another one than the console.
func consoleUserOf(a *account) string {
	if a.Name == unreachableAccount {
		return "previous-owner"
	}
	return ConsoleUser
}

// deployTo makes the stack in an account.
func (c *Company) deployTo(a *account) {
	s := c.stack(consoleUserOf(a), "")
	c.role(a, "/", DeployRole, a.of(s.TrustPolicy)).Inline = map[string]string{"Portcullis": a.of(s.RolePolicy)}
	a.addPolicy(&managedPolicy{
		Name: boundary, Path: "/", ID: uniqueID("ANPA", 21, string(a.ID), boundary), Created: a.Joined,
		Updated:  a.Joined,
		Versions: []policyVersion{{1, a.of(s.Boundary), a.Joined}}, Default: 1, Last: 1,
	})
}

// demandExternalID makes every deployment role ask for an external id.
func (c *Company) demandExternalID(id string) {
	for _, a := range c.Accounts {
		if r := a.role(DeployRole); r != nil {
			r.Trust = a.of(c.stack(consoleUserOf(a), id).TrustPolicy)
		}
	}
}

// putUnderConsole sets the tag on the roles that the console may manage, and the boundary on all users.
func (a *account) putUnderConsole() {
	for _, r := range a.Roles {
		if !serviceLinked(r) && r.Name != DeployRole && r.Name != "OrganizationAccountAccessRole" {
			r.Tags = map[string]string{managedTag: "true"}
		}
	}
	for _, u := range a.Users {
		u.Boundary = a.boundaryARN()
	}
}

func (a *account) boundaryARN() string { return a.policyARN(&managedPolicy{Path: "/", Name: boundary}) }

// boundaryOf returns the text of a user's permissions boundary; "" for a user without one. A boundary
// that does not exist allows nothing.
func (a *account) boundaryOf(u *user) (text string, limited bool) {
	if u.Boundary == "" {
		return "", false
	}
	if accountOf(u.Boundary) == access.AccountID("aws") {
		return managedPolicies[u.Boundary], true
	}
	if p := a.policy(u.Boundary); p != nil {
		return p.document(), true
	}
	return "", true
}
