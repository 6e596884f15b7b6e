package policy

import (
	"cmp"
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// target is a role that a user may ask for, and whether their source identity has to be
// set with it.
type target struct {
	account int
	role    access.RoleName
	source  bool
}

// users compiles the policies of one account's users: those of its own roles' mappings,
// and those whom mappings of other accounts' roles name. Roles that they assume through
// user-side policies are left to those.
func (c *Compiler) users(id access.AccountID, docs *Documents, userSide map[access.UserName][]userSideRole, p *Part) error {
	if p != nil && len(p.Users) == 0 {
		return nil
	}
	wanted := c.targets(id)
	names := make([]access.UserName, 0, len(wanted))
	for u := range wanted {
		if p.user(u) {
			names = append(names, u)
		}
	}
	slices.SortFunc(names, compareUsers)
	for _, u := range names {
		if !c.knownOf(id).hasUser(u) {
			continue // compiling the role reports it
		}
		targets := withoutUserSide(wanted[u], c.index[id], userSide[u])
		if len(targets) == 0 {
			continue
		}
		compiled, err := c.userPolicy(u, targets)
		if err != nil {
			return err
		}
		docs.Users = append(docs.Users, compiled)
	}
	return nil
}

// targets collects what each user of an account may ask for.
func (c *Compiler) targets(id access.AccountID) map[access.UserName][]target {
	wanted := map[access.UserName][]target{}
	if account, ok := c.index[id]; ok {
		c.ownTargets(account, wanted)
	}
	c.crossTargets(id, wanted)
	return wanted
}

// ownTargets collects the account's own roles for users that are named without account.
func (c *Compiler) ownTargets(account int, wanted map[access.UserName][]target) {
	id := c.accounts[account].ID
	for _, i := range c.mappingsAt(account) {
		p := &c.mappings[i]
		if !c.reaches(*p, account) {
			continue
		}
		for _, u := range p.Users {
			if u.Account == "" {
				u.Account = id
				wanted[u] = append(wanted[u], target{account: account, role: p.Role, source: p.SourceIdentity == access.NamingUsername})
			}
		}
	}
}

func (c *Compiler) crossTargets(id access.AccountID, wanted map[access.UserName][]target) {
	for _, i := range c.cross[id] {
		p := &c.mappings[i]
		for _, account := range p.sel.accounts {
			if !c.reaches(*p, account) || !c.samePartition(id, account) {
				continue
			}
			for _, u := range p.Users {
				if u.Account == id {
					wanted[u] = append(wanted[u], target{account: account, role: p.Role, source: p.SourceIdentity == access.NamingUsername})
				}
			}
		}
	}
}

// userPolicy writes the one inline policy of a user: exact if that fits, else with the
// roles that are mapped in several accounts named once for any account.
func (c *Compiler) userPolicy(u access.UserName, targets []target) (Compiled, error) {
	targets = strictestTargets(targets)
	limit := c.userQuota(u)
	compiled := Compiled{Resource: access.Resource{Kind: access.ResourceUser, Path: u.Path, Name: u.Name}, Limit: limit}
	for _, shape := range []Shape{ShapeExact, ShapeAnyAccount} {
		compiled.Shape = shape
		compiled.Statements = c.userStatements(targets, shape == ShapeAnyAccount)
		compiled.Size = iam.DocumentSize(compiled.Statements)
		if compiled.Size <= limit {
			return compiled, nil
		}
	}
	other := c.knownOf(u.Account).otherInline(u)
	return Compiled{}, userTooLong(u, compiled, len(targets), other)
}

// userQuota is what the account's quota leaves for our policy: the quota is for all
// inline policies of the user together (docs/aws-facts.md, "Inline policy size").
func (c *Compiler) userQuota(u access.UserName) int {
	quota := access.DefaultUserPolicyQuota
	if i, ok := c.index[u.Account]; ok {
		quota = c.accounts[i].Quotas.OrDefault().UserPolicy
	}
	inv := c.knownOf(u.Account)
	if own := inv.quotas().UserPolicy; own > 0 {
		quota = own
	}
	return quota - inv.otherInline(u)
}

// strictestTargets leaves each role once, sorted; source identity is asked for when one
// of the mappings asks for it.
func strictestTargets(ts []target) []target {
	slices.SortStableFunc(ts, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.account, b.account), compareNames(a.role.Path, a.role.Name, b.role.Path, b.role.Name))
	})
	out := ts[:0]
	for _, t := range ts {
		if n := len(out); n > 0 && out[n-1].account == t.account && out[n-1].role == t.role {
			out[n-1].source = out[n-1].source || t.source
			continue
		}
		out = append(out, t)
	}
	return out
}

func (c *Compiler) userStatements(targets []target, anyAccount bool) []iam.Statement {
	several := map[access.RoleName]int{}
	if anyAccount {
		for _, t := range targets {
			several[t.role]++
		}
	}
	var plain, source []string
	for _, t := range targets {
		a := c.accounts[t.account]
		id := a.ID
		if several[t.role] > 1 {
			id = "*"
		}
		arn := literal(t.role.Path, t.role.Name, a.PartitionOrDefault(), id)
		if t.source {
			source = append(source, arn)
		} else {
			plain = append(plain, arn)
		}
	}
	var ss []iam.Statement
	if len(plain) > 0 {
		ss = append(ss, iam.Statement{Sid: iam.SidPrefix + "AssumeRole", Effect: iam.EffectAllow, Actions: iam.AssumeRole, Resources: sortedSet(plain)})
	}
	if len(source) > 0 {
		ss = append(ss, iam.Statement{Sid: iam.SidPrefix + "AssumeRoleAndSetSourceIdentity", Effect: iam.EffectAllow, Actions: iam.AssumeRoleAndSetSourceIdentity, Resources: sortedSet(source)})
	}
	return ss
}

// literal writes a role's ARN for a Resource element, where * and ? are wildcards and
// ${…} is a variable. id may be "*".
func literal(path, name, partition string, id access.AccountID) string {
	return "arn:" + partition + ":iam::" + string(id) + ":role" + patternEscapes.Replace(path+name)
}

func userTooLong(u access.UserName, c Compiled, roles, other int) error {
	msg := fmt.Sprintf("the policy of user %s in account %s does not fit: it names %d roles and has %d characters, the limit is %d", access.UserName{Path: u.Path, Name: u.Name}, u.Account, roles, c.Size, c.Limit)
	if other > 0 {
		msg += fmt.Sprintf(" (the user's other inline policies take %d)", other)
	}
	return access.Errorf(access.KindInvalid, "%s. What would help: map fewer roles to this user, give roles with the same purpose the same name in every account, or move the user's other inline policies into managed ones", msg)
}
