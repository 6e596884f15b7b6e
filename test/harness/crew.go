package harness

import (
	"net/http"
	"strings"
	"testing"
)

// Crew is a console with the three people that a change needs.
type Crew struct {
	*Console
	Editor, Approver, Operator Person

	signedIn map[string]*Visitor // by e-mail address
}

// DemoCrew is the crew of a demo.
func DemoCrew(c *Console) *Crew {
	return &Crew{Console: c, Editor: DemoPerson("editor"), Approver: DemoPerson("approver"), Operator: DemoPerson("operator")}
}

// NewCrew makes local accounts for a crew of a console that serves a database.
func NewCrew(c *Console, db *Database) *Crew {
	c.t.Helper()
	return &Crew{
		Console:  c,
		Editor:   AddPerson(c.t, db, "Edda", "editor"),
		Approver: AddPerson(c.t, db, "Arno", "approver"),
		Operator: AddPerson(c.t, db, "Olga", "operator"),
	}
}

// In is the same crew for a part of a test.
func (c *Crew) In(t testing.TB) *Crew {
	mine := *c
	mine.Console, mine.signedIn = c.Console.In(t), nil
	return &mine
}

// as is somebody of the crew, who has signed in and stays so, also when the console is
// started again: a password takes long to check, and is meant to.
func (c *Crew) as(p Person) *Visitor {
	c.t.Helper()
	if c.signedIn == nil {
		c.signedIn = map[string]*Visitor{}
	}
	v := c.signedIn[p.Email()]
	if v == nil || v.base != c.URL() {
		v = c.SignIn(p)
		c.signedIn[p.Email()] = v
	}
	return v
}

// Decide brings an editor's draft through review to its rollout, and returns the
// rollout's id.
func (c *Crew) Decide(draft *Page, title string) string {
	c.t.Helper()
	change := draft.Form("/edit").Fill("title", title).Fill("reason", "OPS-1: "+title).Submit("Submit for review").Want(http.StatusOK)
	c.as(c.Approver).Get(change.Path()).Want(http.StatusOK).Form("/review").Submit("Approve").Want(http.StatusOK)
	rollout := c.as(c.Operator).Get(change.Path()).Want(http.StatusOK).Form("/apply").Submit("Apply").Want(http.StatusOK)
	if !strings.HasPrefix(rollout.Path(), "/rollouts/") {
		c.t.Fatalf("applying leads to %s", rollout)
	}
	return rollout.ID()
}

// PushAgain has the desired state pushed once more to every account, and returns the
// rollout's id.
func (c *Crew) PushAgain() string {
	c.t.Helper()
	rollout := c.as(c.Operator).Get("/rollouts").Form("/rollouts").Submit().Want(http.StatusOK)
	return rollout.ID()
}

// AddAllowlist has the editor make an allowlist, and applies it.
func (c *Crew) AddAllowlist(name, lines string) {
	c.t.Helper()
	draft := c.as(c.Editor).Get("/allowlists/new").Form("/allowlists/new").Fill("name", name).Fill("lines", lines).Submit().Want(http.StatusOK)
	c.API(c.Editor).WaitForRollout(c.Decide(draft, "New allowlist "+name), readyWithin)
}

// AddEntries has the editor paste entries into an allowlist, and returns the page of the
// draft that they went to.
func (c *Crew) AddEntries(allowlist, lines string) *Page {
	c.t.Helper()
	page := c.as(c.Editor).Get("/allowlists").Follow(allowlist).Want(http.StatusOK)
	return page.Form("/entries").Fill("lines", lines).Submit().Want(http.StatusOK)
}

// Mapping is what is filled into the form of a new mapping. Users and Except are one a
// line; without OUs it reaches all accounts.
type Mapping struct {
	Role       string
	Users      string
	Allowlists []string
	OUs        string
	Except     string
	Draft      string // the change that it is to be part of; a new one when empty
}

// AddMapping has the editor compose a mapping, and returns the page of the draft.
func (c *Crew) AddMapping(m Mapping) *Page {
	c.t.Helper()
	return c.NewMapping(m).Want(http.StatusOK)
}

// NewMapping sends the form of a new mapping, which may be refused.
func (c *Crew) NewMapping(m Mapping) *Page {
	c.t.Helper()
	form := c.as(c.Editor).Get("/mappings/new").Want(http.StatusOK).Form("/mappings/new")
	form.Fill("role", m.Role).Fill("users", m.Users).Fill("allowlists", m.Allowlists...).Fill("except", m.Except)
	if m.OUs == "" {
		form.Fill("accounts", "all")
	} else {
		form.Fill("accounts", "ous").Fill("ous", m.OUs)
	}
	if m.Draft != "" {
		form.Fill("change", m.Draft)
	}
	return form.Submit()
}

// RemoveMapping has the editor remove the mapping of a role, and returns the page of the draft.
func (c *Crew) RemoveMapping(role string) *Page {
	c.t.Helper()
	type mapping struct{ ID, Role string }
	for _, m := range list[mapping](c.API(c.Editor), "/mappings") {
		if m.Role == role {
			page := c.as(c.Editor).Get("/mappings/" + m.ID + "/remove").Want(http.StatusOK)
			return page.Form("/remove").Submit().Want(http.StatusOK)
		}
	}
	c.t.Fatalf("there is no mapping of role %s", role)
	return nil
}
