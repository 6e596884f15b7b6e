package policy

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// Part names the roles and users of an account whose documents somebody asks for. A nil
// Part asks for all of them.
type Part struct {
	Roles map[access.RoleName]bool
	Users map[access.UserName]bool // with their account
}

func (p *Part) role(r access.RoleName) bool { return p == nil || p.Roles[r] }
func (p *Part) user(u access.UserName) bool { return p == nil || p.Users[u] }

// empty reports whether nothing is asked for.
func (p *Part) empty() bool { return p != nil && len(p.Roles)+len(p.Users) == 0 }

// Part compiles some of the documents of one account, each as Account does. A document
// that was not asked for does not get in the way where it does not fit.
func (c *Compiler) Part(id access.AccountID, p *Part) (Documents, error) {
	if p.empty() {
		return Documents{Account: id}, nil
	}
	docs, through, err := c.roles(id, p)
	if err != nil {
		return Documents{}, err
	}
	userSide := userSideUsers(through)
	if err := c.users(id, &docs, userSide, p); err != nil {
		return Documents{}, err
	}
	for u := range userSide {
		if !p.user(u) {
			delete(userSide, u)
		}
	}
	if len(userSide) > 0 {
		if docs.UserSide, err = c.allUserSidePolicies(c.index[id], userSide); err != nil {
			return Documents{}, err
		}
	}
	return docs, nil
}

// roles compiles the trust policies of one account. Those that were not asked for are
// compiled only where they decide what a user holds who was: they are among compiled,
// and not in the documents.
func (c *Compiler) roles(id access.AccountID, p *Part) (docs Documents, compiled []Compiled, err error) {
	docs = Documents{Account: id}
	account, ok := c.index[id]
	if !ok {
		return docs, nil, nil
	}
	for _, r := range c.byRole(c.mappingsAt(account)) {
		asked := p.role(r.role)
		if !asked && !c.affects(r, id, p) {
			continue
		}
		if !c.knownOf(id).hasRole(r.role) {
			docs.Issues = append(docs.Issues, c.missingRole(r.role, id))
			continue
		}
		one, issues, err := c.role(account, r.role, r.mappings)
		switch {
		case err != nil && asked:
			return Documents{}, nil, err
		case err != nil || len(one.Statements) == 0:
			docs.Issues = append(docs.Issues, issues...)
			continue
		}
		compiled = append(compiled, one)
		if asked {
			docs.Issues = append(docs.Issues, issues...)
			docs.Roles = append(docs.Roles, one)
		}
	}
	return docs, compiled, nil
}

// affects reports whether a role is mapped to a user of the part.
func (c *Compiler) affects(r roleMappings, id access.AccountID, p *Part) bool {
	return len(p.Users) > 0 && slices.ContainsFunc(r.mappings, func(i int) bool {
		return slices.ContainsFunc(c.mappings[i].Users, func(u access.UserName) bool { return p.user(u.In(id)) })
	})
}

// Through returns the users who assume a role of these documents through user-side
// policies, with their account.
func (d Documents) Through() []access.UserName {
	var users []access.UserName
	for _, r := range d.Roles {
		for _, t := range r.through {
			users = append(users, t.user)
		}
	}
	return users
}
