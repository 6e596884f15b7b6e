package drift_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// tree is a sandbox organization, and a console that reads it over the wire.
type tree struct {
	t     *testing.T
	org   *sandbox.Organization
	store *store.Store
	drift *drift.Service
}

func newTree(t *testing.T) *tree {
	t.Helper()
	org, err := sandbox.New(sandbox.Config{Accounts: 12, PageSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := org.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	keys := org.Credentials()[0]
	cloud, err := aws.New(t.Context(), aws.Config{
		Endpoint: "http://" + addr, AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey,
		IAMRate: -1, STSRate: -1, OrganizationsRate: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := storetest.New(t)
	return &tree{t, org, s, drift.New(drift.Config{Store: s, Cloud: cloud})}
}

func (w *tree) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *tree) create(parent, name string) string {
	w.t.Helper()
	id, err := w.org.CreateOU(parent, name)
	w.must(err)
	return id
}

// move puts an account of the sandbox, known by its name, into an OU.
func (w *tree) move(name, ou string) {
	w.t.Helper()
	accounts := w.org.Accounts()
	i := slices.IndexFunc(accounts, func(a sandbox.AccountSummary) bool { return a.Name == name })
	if !w.org.MoveAccount(accounts[i].ID, ou) {
		w.t.Fatalf("%s was not moved", name)
	}
}

// reached names the accounts that a selector reaches after another reading of the organization.
func (w *tree) reached(s access.Selector) []string {
	w.t.Helper()
	w.must(w.drift.ReadOrganization(w.t.Context()))
	accounts, err := w.store.Accounts(w.t.Context())
	w.must(err)
	var names []string
	access.Accounts(accounts).Each(s, func(a access.Account) { names = append(names, a.Name) })
	slices.Sort(names)
	return names
}

func (w *tree) equal(what string, want, got any) {
	w.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func (w *tree) path(id string) string {
	w.t.Helper()
	ous, err := w.store.OUTree(w.t.Context())
	w.must(err)
	return ous.LabelWithID(id)
}

// A selector of Root/CI must not reach the accounts of an OU that is named CI/CD.
func TestOUWithASlashIsNotBelowAnother(t *testing.T) {
	w := newTree(t)
	ci, slash := w.create(w.org.RootID(), "CI"), w.create(w.org.RootID(), "CI/CD")
	w.move("network", ci)
	w.move("identity", slash)
	w.equal("CI", []string{"network"}, w.reached(access.Selector{OUs: []string{ci}}))
	w.equal("CI/CD", []string{"identity"}, w.reached(access.Selector{OUs: []string{slash}}))
	w.equal("path", `Root/"CI/CD" (`+slash+`)`, w.path(slash))
	ous, err := w.store.OUTree(t.Context())
	w.must(err)
	resolved, err := ous.Resolve("ous", `Root/"CI/CD"`)
	w.must(err)
	w.equal("typed path", slash, resolved)
}

// Two OUs whose names joined by slashes are the same text must not fail the sync.
func TestSyncOfOUsThatReadAlike(t *testing.T) {
	w := newTree(t)
	slash := w.create(w.org.RootID(), "Shared/EU")
	below := w.create(w.create(w.org.RootID(), "Shared"), "EU")
	w.move("network", slash)
	w.move("identity", below)
	for range 2 { // the second reading replaces the rows of the first
		w.equal("Shared/EU", []string{"network"}, w.reached(access.Selector{OUs: []string{slash}}))
		w.equal("EU below Shared", []string{"identity"}, w.reached(access.Selector{OUs: []string{below}}))
	}
	w.equal("one path", `Root/"Shared/EU" (`+slash+`)`, w.path(slash))
	w.equal("the other path", "Root/Shared/EU ("+below+")", w.path(below))
}

// A rename changes the path and not the reach. A move of an account changes the reach. A deletion is shown.
func TestSyncAfterRenameMoveAndDeletion(t *testing.T) {
	w := newTree(t)
	unit := w.create(w.org.RootID(), "Build")
	team := w.create(unit, "Team")
	w.move("network", team)
	all := access.Selector{OUs: []string{unit}}
	w.equal("before", []string{"network"}, w.reached(all))

	w.must(w.org.RenameOU(unit, "CI/CD"))
	w.equal("after the rename", []string{"network"}, w.reached(all))
	w.equal("path", `Root/"CI/CD" (`+unit+`)`, w.path(unit))
	w.equal("path below", `Root/"CI/CD"/Team (`+team+`)`, w.path(team))
	accounts, err := w.store.Accounts(t.Context())
	w.must(err)
	i := slices.IndexFunc(accounts, func(a access.Account) bool { return a.Name == "network" })
	w.equal("path of the account", `Root/"CI/CD"/Team`, accounts[i].OU)

	w.move("network", w.org.RootID())
	w.move("identity", unit)
	w.equal("after the moves", []string{"identity"}, w.reached(all))

	w.must(w.org.DeleteOU(team))
	w.equal("after the deletion", []string{"identity"}, w.reached(all))
	w.equal("deleted", `Root/"CI/CD"/Team (`+team+`, no longer in the organization)`, w.path(team))
}
