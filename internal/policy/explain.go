package policy

import (
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
)

// Explain decides a request over the documents of the compiled state: the role's trust
// policy, merged into the live one where that is known, and the user's policy.
func (c *Compiler) Explain(req iam.Request) (iam.Decision, error) {
	i, ok := c.index[req.RoleAccount]
	if !ok {
		return iam.Decision{}, access.Invalid("account", "account %s does not exist; give the id of an account of the organization", req.RoleAccount)
	}
	a := c.accounts[i]
	req.Partition = a.PartitionOrDefault()
	req.Principal = req.Principal.In(a.ID)
	req.Principal, req.Role = req.Principal.Rooted(), req.Role.Rooted()
	if req.Now.IsZero() {
		req.Now = c.now
	}
	if !c.samePartition(req.Principal.Account, i) {
		return iam.Decision{Verdict: iam.Denied, Sentence: fmt.Sprintf("%s is in another partition than account %s (%s), and trust never crosses partitions.", req.Principal, a.ID, req.Partition)}, nil
	}
	trust, err := c.trustFor(i, req.Role, req.Principal)
	if err != nil {
		return iam.Decision{}, err
	}
	own, err := c.policiesFor(req.Principal)
	if err != nil {
		return iam.Decision{}, err
	}
	inv := c.knownOf(req.Principal.Account)
	req.PrincipalID, req.Others = inv.userID(req.Principal), inv.others(req.Principal)
	return iam.Evaluate(req, trust, own), nil
}

// trustFor returns a role's trust policy as it would be for a user.
func (c *Compiler) trustFor(account int, role access.RoleName, user access.UserName) (string, error) {
	live, _ := c.knownOf(c.accounts[account].ID).trust(role)
	var mappings []int
	for _, i := range c.mappingsAt(account) {
		if c.mappings[i].Role == role && c.reaches(c.mappings[i], account) {
			mappings = append(mappings, i)
		}
	}
	var ours []iam.Statement
	if len(mappings) > 0 {
		compiled, _, err := c.role(account, role, mappings)
		if err != nil {
			return "", err
		}
		ours = compiled.Statements
	}
	if live == "" && len(ours) == 0 {
		return "", nil
	}
	// Statements of ours that no mapping asks for any more, or none for a user who
	// exists, would be removed.
	return c.MergedFor(c.accounts[account].ID, role, live, ours, user)
}

// MergedFor puts our statements into a live trust policy. It keeps the Deny for a user who was removed from the role as
// a push does.
func (c *Compiler) MergedFor(
	account access.AccountID, role access.RoleName, live string, statements []iam.Statement, user access.UserName,
) (string, error) {
	merged, _, err := iam.Merge(live, statements)
	if err != nil {
		return "", err
	}
	ours, err := iam.Ours(live)
	if err != nil {
		return "", err
	}
	kept, err := order.KeptOut(ours)
	if err != nil || !slices.Contains(kept.Users, user) || c.Mapped(account, role, user) {
		return merged, nil //nolint:nilerr // what cannot be read is no Deny that a push keeps
	}
	r := access.Resource{Kind: access.ResourceRole, Path: role.Path, Name: role.Name}
	op := access.PlannedOperation{Resource: r, Before: live, BeforeKnown: true, After: merged}
	if !c.reading().WayIn(account, op, user).Open(r) {
		return merged, nil
	}
	return withDeny(live, statements, c.partitionOf(account), []access.UserName{user}, merged), nil
}

func (c *Compiler) partitionOf(id access.AccountID) string {
	a, _ := access.Accounts(c.accounts).Find(id)
	return a.PartitionOrDefault()
}

// policiesFor returns a user's policies as they would be: their inline policy, and their
// user-side policies in their own account.
func (c *Compiler) policiesFor(u access.UserName) ([]string, error) {
	targets := c.targets(u.Account)[u]
	if len(targets) == 0 || !c.knownOf(u.Account).hasUser(u) {
		return nil, nil
	}
	account, through, err := c.throughUserSide(u)
	if err != nil {
		return nil, err
	}
	var docs []string
	if targets = withoutUserSide(targets, account, through); len(targets) > 0 {
		compiled, err := c.userPolicy(u, targets)
		if err != nil {
			return nil, err
		}
		docs = append(docs, compiled.JSON())
	}
	if len(through) == 0 {
		return docs, nil
	}
	userSide, err := c.userSidePolicies(c.accounts[account], u, through)
	for _, p := range userSide.Policies {
		docs = append(docs, p.JSON())
	}
	return docs, err
}

// throughUserSide returns the roles that a user assumes through user-side policies, which
// are in the account of the user.
func (c *Compiler) throughUserSide(u access.UserName) (account int, through []userSideRole, err error) {
	account, ok := c.index[u.Account]
	if !ok {
		return 0, nil, nil
	}
	names := func(i int) bool {
		return slices.ContainsFunc(c.mappings[i].Users, func(m access.UserName) bool { return m.In(u.Account) == u })
	}
	for _, r := range c.byRole(c.mappingsAt(account)) {
		if !slices.ContainsFunc(r.mappings, names) || !c.knownOf(u.Account).hasRole(r.role) {
			continue
		}
		compiled, _, err := c.role(account, r.role, r.mappings)
		if err != nil {
			return account, nil, err
		}
		through = append(through, userSideUsers([]Compiled{compiled})[u]...)
	}
	return account, through, nil
}
