package policy

import (
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// roleTask is one role in one account, ready to be written in some shape.
type roleTask struct {
	role         access.RoleName
	account      access.Account
	groups       []bound
	everyone     bool
	everyoneRule rule
	alone        bool     // no Allow of others can let an AWS principal in
	admitted     []string // whom Allows of others let in
}

// bound is a group whose users are bound to accounts.
type bound struct {
	users []access.UserName // with their account
	arns  []string
	rule  rule
}

// role compiles the trust policy of one role: the first shape that fits.
func (c *Compiler) role(account int, role access.RoleName, mappings []int) (Compiled, []Issue, error) {
	a := c.accounts[account]
	task, issues := c.bind(a, account, role, mappings)
	live, isKnown := c.knownOf(a.ID).trust(role)
	others, err := iam.ReadTrustPolicy(live)
	if err != nil {
		return Compiled{}, nil, task.refuse(access.KindConflict, "the trust policy of role %s in account %s cannot be read: %v; correct it in AWS first", role, a.ID, err)
	}
	task.alone = c.offline || isKnown && !others.AdmitsAWS()
	task.admitted = others.Admitted()
	limit := c.trustQuota(a)
	resource := access.Resource{Kind: access.ResourceRole, Path: role.Path, Name: role.Name}
	best := Compiled{Resource: resource, Limit: limit}
	shapes := task.shapes()
	possible, why := c.userSide(task)
	if possible {
		shapes = append(shapes, ShapeUserSide)
	}
	for _, shape := range shapes {
		statements := task.statements(shape)
		if len(statements) == 0 {
			return best, issues, nil
		}
		size, err := others.MergedSize(statements)
		if err != nil {
			return Compiled{}, nil, task.refuse(access.KindConflict, "role %s in account %s: %v", role, a.ID, err)
		}
		if best.Size == 0 || size < best.Size {
			best = Compiled{Resource: resource, Limit: limit, Statements: statements, Size: size, Shape: shape}
		}
		if size <= limit {
			best.through = task.usersThroughUserSide(shape)
			return best, issues, nil
		}
	}
	return Compiled{}, nil, task.tooLong(best, live, why, c.largest(mappings))
}

// refuse makes the RoleError of the task's role.
func (t roleTask) refuse(kind access.Kind, format string, args ...any) error {
	return &RoleError{Role: t.role, Account: t.account.ID, Err: access.Errorf(kind, format, args...)}
}

func (c *Compiler) trustQuota(a access.Account) int {
	if quota := c.knownOf(a.ID).quotas().TrustPolicy; quota > 0 {
		return quota
	}
	return a.Quotas.OrDefault().TrustPolicy
}

// bind writes the template's users for one account and leaves out those that do not
// exist, so that one deleted user never blocks a role (docs/aws-facts.md, "Invalid principal").
func (c *Compiler) bind(a access.Account, account int, role access.RoleName, mappings []int) (roleTask, []Issue) {
	t := c.template(mappings, a.ID)
	task := roleTask{role: role, account: a, everyone: t.everyone, everyoneRule: t.everyoneRule}
	var issues []Issue
	for _, g := range t.groups {
		b := bound{users: make([]access.UserName, 0, len(g.users)), arns: make([]string, 0, len(g.users)), rule: g.rule}
		for _, u := range g.users {
			u = u.In(a.ID)
			switch {
			case !c.samePartition(u.Account, account):
				issues = append(issues, c.foreignPartition(u, role, a))
			case !c.knownOf(u.Account).hasUser(u):
				issues = append(issues, c.missingUser(u, role, a.ID))
			default:
				b.users = append(b.users, u)
				b.arns = append(b.arns, u.ARN(a.PartitionOrDefault()))
			}
		}
		if len(b.users) > 0 {
			task.groups = append(task.groups, b)
		}
	}
	return task, issues
}

func (c *Compiler) missingRole(role access.RoleName, id access.AccountID) Issue {
	return Issue{
		Code: CodeRoleUnknown, Severity: SeverityWarning, Object: "role " + role.String() + " in account " + string(id),
		Message: fmt.Sprintf("role %s does not exist in account %s; nothing is written for it there", role, id),
		Advice:  "create the role, or leave the account out of the mapping",
	}
}

func (c *Compiler) missingUser(u access.UserName, role access.RoleName, id access.AccountID) Issue {
	return Issue{
		Code: CodeUserUnknown, Severity: SeverityWarning, Object: "user " + u.String(),
		Message: fmt.Sprintf("user %s does not exist; it is left out of role %s in account %s", u, role, id),
		Advice:  "create the user, correct its path and name, or remove it from the mapping",
	}
}

func (c *Compiler) foreignPartition(u access.UserName, role access.RoleName, a access.Account) Issue {
	return Issue{
		Code: CodePartition, Severity: SeverityError, Object: "user " + u.String(),
		Message: fmt.Sprintf("user %s is in another partition than account %s (%s) and can never assume role %s there", u, a.ID, a.PartitionOrDefault(), role),
		Advice:  "map a user of the same partition, or leave the account out of the mapping",
	}
}
