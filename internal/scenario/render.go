package scenario

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// Render prints the documents of a scenario as JSON: accounts, in each the roles' trust
// policies and the users' policies, all in order; the same input gives the same bytes.
// An account narrows it to one; "" prints all that receive a document.
func Render(s Scenario, account access.AccountID, now time.Time) ([]byte, error) {
	c, err := policy.NewCompiler(policy.Input{
		State: s.State, Accounts: s.Accounts, OUs: s.OUs, Now: now, Positions: s.Positions,
	})
	if err != nil {
		return nil, err
	}
	if err := c.Refusal(); err != nil {
		return nil, err
	}
	ids := c.Accounts()
	if account != "" {
		if ids, err = c.Only(account); err != nil {
			return nil, err
		}
	}
	accounts := tree{kind: '{'}
	for _, id := range ids {
		docs, err := c.Account(id)
		if err != nil {
			return nil, c.Locate(err)
		}
		one := tree{kind: '{'}
		one.put("roles", documentsTree(docs.Roles))
		one.put("users", documentsTree(docs.Users))
		if len(docs.UserSide) > 0 {
			userSide := treeOfUserSide(s, id, docs.UserSide)
			one.put("policies", userSide.policies)
			one.put("attachments", userSide.attachments)
		}
		accounts.put(string(id), one)
	}
	root := tree{kind: '{'}
	root.put("accounts", accounts)
	var compact, b bytes.Buffer
	root.json(&compact)
	if err := json.Indent(&b, compact.Bytes(), "", "  "); err != nil {
		return nil, access.Wrap(access.KindInternal, err, "printing documents")
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func documentsTree(cs []policy.Compiled) tree {
	t := tree{kind: '{'}
	for _, c := range cs {
		name := access.RoleName{Path: c.Resource.Path, Name: c.Resource.Name}
		t.put(name.String(), literalOf(c.JSON()))
	}
	return t
}

type userSideTree struct{ policies, attachments tree }

// treeOfUserSide shows user-side policies, and the policies to be attached.
func treeOfUserSide(s Scenario, id access.AccountID, userSide []policy.UserSidePolicies) userSideTree {
	t := userSideTree{tree{kind: '{'}, tree{kind: '{'}}
	i := slices.IndexFunc(s.Accounts, func(a access.Account) bool { return a.ID == id })
	var all []policy.Compiled
	for _, g := range userSide {
		all = append(all, g.Policies...)
		t.attachments.put(access.UserName{Path: g.User.Path, Name: g.User.Name}.String(), stringsTree(g.Attachments(s.Accounts[i]), func(s string) string { return s }))
	}
	t.policies = documentsTree(all)
	return t
}
