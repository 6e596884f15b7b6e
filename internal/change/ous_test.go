package change_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

func ousMapping(ous ...string) access.Mapping {
	return access.Mapping{
		Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "carol"}},
		Accounts: access.Selector{OUs: ous}, Allowlists: []string{"office"},
	}
}

func ousRule(ous ...string) access.ReviewRule {
	return access.ReviewRule{Name: "CI", Scope: access.RuleScope{OUs: ous}, Need: []access.Requirement{{Count: 1}}}
}

const ousScenario = `
allowlists: [{name: office, entries: [12.148.72.0/23]}, {name: vpn, entries: [85.214.39.16/28]}]
mappings:
  - {role: Bob, users: [carol], accounts: {ous: [Root/Prod], except: ['Root/"CI/CD"']}, allowlists: [office]}
`

// Whichever way a path comes in, the change keeps the id, so that a rename in AWS cannot alter a reviewed mapping.
func TestOUPathBecomesIDAtEveryEntrance(t *testing.T) {
	d := newDesk(t)
	d.base()
	ctx := t.Context()
	m := ousMapping("Root/Prod")
	m.Accounts.Except = []string{`Root/"CI/CD"`}
	add := access.Edit{Op: access.EditAddMapping, ID: "mp-ous", Mapping: &m}
	desired := change.Desired{Allowlists: []access.Allowlist{{Name: "office"}}, Mappings: []access.Mapping{m}}
	for name, make := range map[string]func() (access.Change, error){
		"a form": func() (access.Change, error) { return d.SaveMapping(ctx, d.editor, 0, m) },
		"edits":  func() (access.Change, error) { return d.AddEdits(ctx, d.editor, 0, "Add", []access.Edit{add}) },
		"a draft": func() (access.Change, error) {
			return d.Draft(ctx, d.editor, change.Input{Title: "Add", Edits: []access.Edit{add}})
		},
		"proposed edits": func() (access.Change, error) {
			return d.Propose(ctx, d.editor, change.Head, change.Proposal{Title: "Add", Edits: []access.Edit{add}})
		},
		"a desired state": func() (access.Change, error) {
			return d.Propose(ctx, d.editor, change.Head, change.Proposal{Title: "Add", Desired: &desired})
		},
		"a scenario": func() (access.Change, error) { return d.ImportScenario(ctx, d.editor, "Add", "", ousScenario) },
	} {
		c, err := make()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ofOUs := func(e access.Edit) bool { return e.Mapping != nil && len(e.Mapping.Accounts.OUs) > 0 }
		i := slices.IndexFunc(c.Edits, ofOUs)
		if i < 0 {
			t.Errorf("%s: no mapping of an OU among %+v", name, c.Edits)
			continue
		}
		want := access.Selector{OUs: []string{prodOU}, Except: []string{"ou-ab12-cicd0000"}}
		if diff := cmp.Diff(want, c.Edits[i].Mapping.Accounts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	c, err := d.SaveRule(ctx, d.editor, 0, ousRule(`Root/"CI/CD"`))
	if err != nil || !slices.Equal(c.Edits[0].Rule.Scope.OUs, []string{"ou-ab12-cicd0000"}) {
		t.Errorf("a rule: %v, %+v", err, c.Edits)
	}
}

func TestUnknownOUPathNamesCandidates(t *testing.T) {
	d := newDesk(t)
	d.base()
	ctx := t.Context()
	m := ousMapping("Root/CI/CD")
	add := access.Edit{Op: access.EditAddMapping, ID: "mp-ous", Mapping: &m}
	for field, make := range map[string]func() (access.Change, error){
		"accounts/ous": func() (access.Change, error) { return d.SaveMapping(ctx, d.editor, 0, m) },
		"edits/0/mapping/accounts/ous": func() (access.Change, error) {
			return d.Draft(ctx, d.editor, change.Input{Title: "Add", Edits: []access.Edit{add}})
		},
		"scenario": func() (access.Change, error) {
			return d.ImportScenario(ctx, d.editor, "Add", "", strings.Replace(ousScenario, "Root/Prod", "Root/CI/CD", 1))
		},
		"scope/ous": func() (access.Change, error) {
			return d.SaveRule(ctx, d.editor, 0, ousRule("Root/CI/CD"))
		},
	} {
		_, err := make()
		fields := access.FieldsOf(err)
		const candidate = `it may be Root/"CI/CD" (ou-ab12-cicd0000)`
		if len(fields) != 1 || fields[0].Field != field || !strings.Contains(fields[0].Message, candidate) {
			t.Errorf("%s: %v, %+v", field, err, fields)
		}
	}
}

// organizationWith saves the desk's company with other OUs.
func (d *desk) organizationWith(alter func(*access.Organization)) {
	d.t.Helper()
	o := access.Organization{ID: "o-1", ManagementAccountID: "999999999999"}
	var err error
	o.Accounts, err = d.store.Accounts(d.t.Context())
	d.must(err)
	o.Accounts = slices.Clone(o.Accounts)
	tree, err := d.store.OUTree(d.t.Context())
	d.must(err)
	o.OUs = slices.Clone(tree.List())
	alter(&o)
	tree = access.NewOUs(o.OUs)
	for i := range o.Accounts {
		tree.Place(&o.Accounts[i], o.Accounts[i].OUID())
	}
	d.must(d.store.SaveOrganization(d.t.Context(), o, false, nil))
}

func TestRenamedOUKeepsItsReachAndShowsItsName(t *testing.T) {
	d := newDesk(t)
	d.base()
	m := ousMapping(prodOU)
	c := d.approve(d.submit("Map", access.Edit{Op: access.EditAddMapping, ID: "mp-ous", Mapping: &m}))
	before, err := d.View(t.Context(), d.viewer, c.ID)
	d.must(err)
	d.organizationWith(func(o *access.Organization) {
		i := slices.IndexFunc(o.OUs, func(ou access.OU) bool { return ou.ID == prodOU })
		o.OUs[i].Name, o.OUs[i].Path = "A/B", `Root/"A/B"`
	})
	after, err := d.View(t.Context(), d.viewer, c.ID)
	d.must(err)
	same := after.Digest == before.Digest && after.Targets == before.Targets
	if after.State != access.ChangeApproved || !same || after.Targets == 0 {
		t.Errorf("%s with %d targets, was %s with %d", after.State, after.Targets, before.State, before.Targets)
	}
	if text := after.OUs.DescribeWithIDs(m.Accounts); text != `OU Root/"A/B" (ou-ab12-prod0000)` {
		t.Errorf("shown as %s", text)
	}
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Errorf("applying after the rename: %v", err)
	}
}

func TestMovedAccountChangesReach(t *testing.T) {
	d := newDesk(t)
	d.base()
	m := ousMapping("ou-ab12-cicd0000")
	reached := func() int {
		t.Helper()
		accounts, err := d.store.Accounts(t.Context())
		d.must(err)
		n := 0
		access.Accounts(accounts).Each(m.Accounts, func(access.Account) { n++ })
		return n
	}
	if n := reached(); n != 0 {
		t.Errorf("%d accounts before", n)
	}
	d.organizationWith(func(o *access.Organization) { o.Accounts[0].OUIDs = []string{"r-ab12", "ou-ab12-cicd0000"} })
	if n := reached(); n != 1 {
		t.Errorf("%d accounts after one was moved, want 1", n)
	}
}

func TestDeletedOUIsShownWithItsLastPath(t *testing.T) {
	d := newDesk(t)
	d.base()
	m := ousMapping(prodOU)
	m.Accounts.Except = []string{"ou-ab12-cicd0000"}
	c := d.draftOf("Map", access.Edit{Op: access.EditAddMapping, ID: "mp-ous", Mapping: &m})
	d.organizationWith(func(o *access.Organization) {
		o.OUs = slices.DeleteFunc(o.OUs, func(ou access.OU) bool { return ou.ID == "ou-ab12-cicd0000" })
	})
	v, err := d.View(t.Context(), d.viewer, c.ID)
	d.must(err)
	want := `OU Root/Prod (ou-ab12-prod0000), except Root/"CI/CD" (ou-ab12-cicd0000, no longer in the organization)`
	if got := v.OUs.DescribeWithIDs(m.Accounts); got != want {
		t.Errorf("shown as %s, want %s", got, want)
	}
	var codes []string
	for _, i := range v.Issues {
		codes = append(codes, i.Code)
	}
	if !slices.Contains(codes, "ou_unknown") {
		t.Errorf("issues %v, want the deleted OU among them", codes)
	}
	// A mapping that names the OU can still be edited.
	m.Users = append(m.Users, access.UserName{Path: "/", Name: "alice"})
	if _, err := d.SaveMapping(t.Context(), d.editor, 0, m); err != nil {
		t.Errorf("editing a mapping that names a deleted OU: %v", err)
	}
}

func TestAccountsOfOUByIDOrPath(t *testing.T) {
	d := newDesk(t)
	for _, ou := range []string{prodOU, "Root/Prod", "Root"} {
		page, err := d.AccountPage(t.Context(), d.viewer, ou, access.PageQuery{})
		if err != nil || page.Total != 4 {
			t.Errorf("%s: %d accounts, %v", ou, page.Total, err)
		}
	}
	_, err := d.AccountPage(t.Context(), d.viewer, "Root/Pro", access.PageQuery{})
	if access.KindOf(err) != access.KindInvalid {
		t.Errorf("an unknown path: %v", err)
	}
}
