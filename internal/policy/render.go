package policy

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"portcullis/internal/access"
)

// Render prints the documents of a scenario as JSON: accounts, in each the roles' trust
// policies and the users' policies, all in order; the same input gives the same bytes.
// An account narrows it to one; "" prints all that receive a document.
func Render(s Scenario, account access.AccountID, now time.Time) ([]byte, error) {
	c, err := NewCompiler(Input{State: s.State, Accounts: s.Accounts, Now: now, Positions: s.Positions})
	if err != nil {
		return nil, err
	}
	if err := c.refusals(); err != nil {
		return nil, err
	}
	ids := c.Accounts()
	if account != "" {
		if ids, err = c.only(account); err != nil {
			return nil, err
		}
	}
	accounts := tree{kind: '{'}
	for _, id := range ids {
		docs, err := c.Account(id)
		if err != nil {
			return nil, c.locate(err, id)
		}
		one := tree{kind: '{'}
		one.put("roles", documentsTree(docs.Roles))
		one.put("users", documentsTree(docs.Users))
		if len(docs.Gates) > 0 {
			gates := c.gatesTree(id, docs.Gates)
			one.put("policies", gates.policies)
			one.put("attachments", gates.attachments)
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

func documentsTree(cs []Compiled) tree {
	t := tree{kind: '{'}
	for _, c := range cs {
		name := access.RoleName{Path: c.Resource.Path, Name: c.Resource.Name}
		t.put(name.String(), literalOf(c.JSON()))
	}
	return t
}

type gatesTree struct{ policies, attachments tree }

// gatesTree shows the managed policies of the users' gates, and what is to be attached.
func (c *Compiler) gatesTree(id access.AccountID, gates []Gate) gatesTree {
	t := gatesTree{tree{kind: '{'}, tree{kind: '{'}}
	var all []Compiled
	for _, g := range gates {
		all = append(all, g.Policies...)
		t.attachments.put(access.UserName{Path: g.User.Path, Name: g.User.Name}.String(), stringsTree(g.Attachments(c.accounts[c.index[id]]), func(s string) string { return s }))
	}
	t.policies = documentsTree(all)
	return t
}

// only checks that an account is one that the scenario knows.
func (c *Compiler) only(id access.AccountID) ([]access.AccountID, error) {
	_, listed := c.index[id]
	if _, cross := c.cross[id]; !listed && !cross {
		return nil, access.Invalid("account", "account %s is not in the scenario; add it under accounts, or correct the id", id)
	}
	return []access.AccountID{id}, nil
}

// refusals are the issues that make a document impossible.
func (c *Compiler) refusals() error {
	for _, i := range c.Issues() {
		if i.Severity != SeverityError {
			continue
		}
		message := i.Message + "; " + i.Advice
		if i.Position != "" {
			message = i.Position + ": " + message
		}
		return access.Errorf(access.KindInvalid, "%s", message)
	}
	return nil
}

// locate puts the position of a mapping in the scenario before the refusal of a
// document: the first mapping whose role the message names.
func (c *Compiler) locate(err error, id access.AccountID) error {
	message := access.MessageOf(err)
	for i := range c.mappings {
		p := &c.mappings[i]
		if pos := c.positions["mapping/"+p.ID]; pos != "" && strings.Contains(message, "role "+p.Role.String()+" in account "+string(id)) {
			return access.Errorf(access.KindOf(err), "%s: %s", pos, message)
		}
	}
	return err
}
