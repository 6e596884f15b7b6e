package store_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func company() access.Organization {
	ous := []access.OU{
		{ID: "r", Name: "Root", Path: "Root"},
		{ID: "p", ParentID: "r", Name: "Prod", Path: "Root/Prod"},
		{ID: "pp", ParentID: "p", Name: "Pay", Path: "Root/Prod/Pay"},
		{ID: "p2", ParentID: "r", Name: "Prod_2", Path: "Root/Prod_2"},
	}
	acc := func(id access.AccountID, name, ou string, state access.AccountState) access.Account {
		a := access.Account{
			ID: id, Name: name, Email: name + "@example.com", State: state, Partition: "aws",
			Tags: map[string]string{"env": "prod", "team": name},
		}
		access.NewOUs(ous).Place(&a, ou)
		return a
	}
	return access.Organization{
		ID: "o-1", ManagementAccountID: "100000000001",
		OUs: ous,
		Accounts: []access.Account{
			acc("100000000001", "management", "r", access.AccountActive), acc("100000000004", "alpha", "p", access.AccountActive),
			acc("100000000003", "beta", "pp", access.AccountActive), acc("100000000002", "gamma", "p2", access.AccountSuspended),
		},
	}
}

func TestOrganizationIsReplaced(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	o := company()
	if err := s.SaveOrganization(ctx, o, true, []access.AuditEvent{event("organization.read", "organization")}); err != nil {
		t.Fatal(err)
	}
	if n := waitingJobs(t, s, jobs.ReadInventory{}.Kind()); n != 2 {
		t.Errorf("%d inventories asked for, want those of the two accounts that can be read", n)
	}
	version := must[int64](t)(s.InventoryVersion(ctx))
	if err := s.SaveOrganization(ctx, o, true, nil); err != nil {
		t.Fatal(err)
	}
	if n := waitingJobs(t, s, jobs.ReadInventory{}.Kind()); n != 2 {
		t.Errorf("%d jobs after a second time, want no more: they wait already", n)
	}
	if now := must[int64](t)(s.InventoryVersion(ctx)); now != version {
		t.Errorf("version %d after %d, though nothing changed", now, version)
	}
	o.Accounts = o.Accounts[:3]
	o.Accounts[1].Name = "alpha two"
	o.Accounts[1].Quotas.TrustPolicy = 4096
	o.OUs = o.OUs[:3]
	if err := s.SaveOrganization(ctx, o, false, nil); err != nil {
		t.Fatal(err)
	}
	o.Accounts[1].Quotas = access.Quotas{} // Organizations knows no quotas
	if err := s.SaveOrganization(ctx, o, false, nil); err != nil {
		t.Fatal(err)
	}
	got := must[[]access.Account](t)(s.Accounts(ctx))
	var brief []string
	for _, a := range got {
		brief = append(brief, string(a.ID)+" "+a.Name+" "+string(a.State))
	}
	diff(t, "accounts", []string{"100000000001 management ACTIVE", "100000000002 gamma CLOSED", "100000000003 beta ACTIVE", "100000000004 alpha two ACTIVE"}, brief)
	if !got[0].Management || got[3].Quotas.TrustPolicy != 4096 || got[3].Tags["team"] != "alpha" || got[3].SyncedAt.IsZero() {
		t.Errorf("accounts %+v", got)
	}
	diff(t, "one", got[3], must[access.Account](t)(s.Account(ctx, "100000000004")))
	_, err := s.Account(ctx, "999999999999")
	wantKind(t, err, access.KindNotFound, "999999999999")
}

func TestOUs(t *testing.T) {
	s := storetest.New(t)
	if err := s.SaveOrganization(t.Context(), company(), false, nil); err != nil {
		t.Fatal(err)
	}
	ous := company().OUs
	diff(t, "ous", []access.OURow{{OU: ous[0], Direct: 1, Total: 4}, {OU: ous[1], Direct: 1, Total: 2}, {OU: ous[2], Direct: 1, Total: 1}, {OU: ous[3], Direct: 1, Total: 1}}, must[[]access.OURow](t)(s.OUs(t.Context())))
	totals := must[access.Totals](t)(s.Totals(t.Context()))
	diff(t, "totals", access.Totals{Accounts: 4, OUs: 4}, totals)
}

func TestAccountPage(t *testing.T) {
	s := storetest.New(t)
	if err := s.SaveOrganization(t.Context(), company(), false, nil); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		ou, search string
		want       []string
	}{
		{"", "", []string{"alpha", "beta", "gamma", "management"}},
		{"p", "", []string{"alpha", "beta"}}, // and not p2
		{"p2", "", []string{"gamma"}},
		{"", "0003", []string{"beta"}},
		{"", "team=gam", []string{"gamma"}},
		{"p", "ALPHA", []string{"alpha"}},
		{"", "%", nil},
	}
	for _, tt := range tests {
		got := pages(t, func(q access.PageQuery) access.Page[access.Account] {
			q.Search = tt.search
			return must[access.Page[access.Account]](t)(s.AccountPage(t.Context(), tt.ou, q))
		}, 1, func(a access.Account) string { return a.Name })
		diff(t, tt.ou+" "+tt.search, tt.want, got)
	}
}

func TestInventories(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	if err := s.SaveOrganization(ctx, company(), false, nil); err != nil {
		t.Fatal(err)
	}
	const id = access.AccountID("100000000004")
	version := must[int64](t)(s.InventoryVersion(ctx))
	risen := func(what string) {
		t.Helper()
		now := must[int64](t)(s.InventoryVersion(ctx))
		if now <= version {
			t.Errorf("the version did not rise with %s", what)
		}
		version = now
	}
	i := access.Inventory{
		Account: id, ReadAt: t0, Quotas: access.Quotas{TrustPolicy: 4096, UserPolicy: 2048, ManagedPolicy: 6144, Attachments: 20},
		Roles: []access.LiveDocument{{Resource: access.Resource{Kind: access.ResourceRole, Path: "/a/b/", Name: "R+=,.@-_"}, ID: "AROA", Exists: true, Document: `{"a":"ü"}`}},
		Users: []access.LiveUser{{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "u"}, ID: "AIDA", Exists: true}, Groups: []string{"g"}}},
	}
	if err := s.SaveInventory(ctx, i); err != nil {
		t.Fatal(err)
	}
	risen("an inventory")
	got := must[*access.Inventories](t)(s.Inventories(ctx, []access.AccountID{id, "100000000003"}))
	diff(t, "inventories", map[access.AccountID]access.Inventory{id: i}, known(got))
	if err := s.InventoryFailed(ctx, id, "the role cannot be assumed"); err != nil {
		t.Fatal(err)
	}
	risen("a failure")
	a := must[access.Account](t)(s.Account(ctx, id))
	if a.InventoryError != "the role cannot be assumed" || !a.InventoryAt.Equal(t0) || a.Quotas.TrustPolicy != 4096 {
		t.Errorf("account %+v", a)
	}
	if n := must[*access.Inventories](t)(s.Inventories(ctx, []access.AccountID{id})).Len(); n != 1 {
		t.Error("a failure lost the inventory")
	}
	if totals := must[access.Totals](t)(s.Totals(ctx)); totals.Unreadable != 1 {
		t.Errorf("%d unreadable, want 1", totals.Unreadable)
	}
	i.Account = "999999999999"
	wantKind(t, s.SaveInventory(ctx, i), access.KindNotFound, "999999999999")
	wantKind(t, s.InventoryFailed(ctx, "999999999999", "x"), access.KindNotFound, "999999999999")
}

func TestAPushDoesNotMakeAnUnreadAccountLookRead(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	live := []access.LiveDocument{{Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Exists: true, Document: "{}"}}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), claim(t, s, r, accountID(0)), nil, access.TargetResult{State: access.TargetSucceeded, Live: live}, nil))
	if got := must[*access.Inventories](t)(s.Inventories(t.Context(), []access.AccountID{accountID(0)})); got.Len() != 0 {
		t.Errorf("got %+v, want none", known(got))
	}
}

func TestAccountsSeesEveryCommit(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 2)
	other := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: s.Pool().Config().ConnString()}))
	defer other.Close()
	must[[]access.Account](t)(s.Accounts(t.Context())) // kept
	if err := other.InventoryFailed(t.Context(), accountID(1), "why"); err != nil {
		t.Fatal(err)
	}
	if got := must[[]access.Account](t)(s.Accounts(t.Context())); got[1].InventoryError != "why" {
		t.Error("what another replica saved is not seen")
	}
}

func TestRequestSyncOnce(t *testing.T) {
	s := storetest.New(t)
	errs := make(chan error)
	const n = 5
	for range n {
		go func() { errs <- s.RequestSync(t.Context(), event("organization.sync", "organization")) }()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := waitingJobs(t, s, jobs.SyncOrganization{}.Kind()); got != 1 {
		t.Errorf("%d jobs, want 1", got)
	}
	if _, err := s.Pool().Exec(t.Context(), "UPDATE river_job SET state = 'completed', finalized_at = $1", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.RequestSync(t.Context(), event("organization.sync", "organization")); err != nil {
		t.Fatal(err)
	}
	if got := waitingJobs(t, s, jobs.SyncOrganization{}.Kind()); got != 2 {
		t.Errorf("%d jobs after the first was done, want another", got)
	}
}

func TestTwoReplicasSaveTheOrganizationAtOnce(t *testing.T) {
	s := storetest.New(t)
	errs := make(chan error)
	const n = 4
	for range n {
		go func() { errs <- s.SaveOrganization(t.Context(), company(), true, nil) }()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if ous := must[[]access.OURow](t)(s.OUs(t.Context())); len(ous) != 4 {
		t.Errorf("%d organizational units, want 4", len(ous))
	}
}

func TestInventoryReadBeforePushIsRefused(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 2, 2, 0)
	save := func(account int, readAt time.Time) error {
		return s.SaveInventory(t.Context(), access.Inventory{Account: accountID(account), ReadAt: readAt})
	}
	before := time.Now().Add(-time.Minute)
	if err := save(0, before); err != nil {
		t.Errorf("before any push: %v", err)
	}
	c := claim(t, s, r, accountID(0))
	wantKind(t, save(0, time.Now()), access.KindConflict, "Read it again")
	must[access.Rollout](t)(s.FinishTarget(t.Context(), c, nil, access.TargetResult{State: access.TargetSucceeded}, nil))
	wantKind(t, save(0, before), access.KindConflict, "Read it again")
	if err := save(0, time.Now().Add(time.Second)); err != nil {
		t.Errorf("read after the push: %v", err)
	}
	if err := save(1, before); err != nil {
		t.Errorf("another account: %v", err)
	}
}

// AWS allows a slash in the name of an OU, and moves and renames OUs between two readings. None of it may make a
// reading fail, and an OU that is gone keeps its last path.
func TestOUsAreKeptByID(t *testing.T) {
	s := storetest.New(t)
	save := func(ous ...access.OU) {
		t.Helper()
		if err := s.SaveOrganization(t.Context(), access.Organization{ID: "o-1", OUs: ous}, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	root := access.OU{ID: "r-ab12", Name: "Root", Path: "Root"}
	one := access.OU{ID: "ou-ab12-one00000", ParentID: "r-ab12", Name: "EU", Path: "Root/EU"}
	two := access.OU{ID: "ou-ab12-two00000", ParentID: "r-ab12", Name: "EU", Path: "Root/EU"}
	save(root, one, two)
	if ous := must[[]access.OURow](t)(s.OUs(t.Context())); len(ous) != 3 {
		t.Errorf("%d OUs, want both of the same path", len(ous))
	}
	one.Name, one.Path = "APAC", "Root/APAC"
	save(root, one)
	tree := must[*access.OUs](t)(s.OUTree(t.Context()))
	diff(t, "labels", []string{"Root/APAC", "Root/EU (no longer in the organization)"}, []string{tree.Label(one.ID), tree.Label(two.ID)})
	if ous := must[[]access.OURow](t)(s.OUs(t.Context())); len(ous) != 2 {
		t.Errorf("%d OUs, want only those that exist", len(ous))
	}
	gone, _ := tree.Find(two.ID)
	save(root, one)
	if again, _ := must[*access.OUs](t)(s.OUTree(t.Context())).Find(two.ID); again.GoneAt.IsZero() || !again.GoneAt.Equal(gone.GoneAt) {
		t.Errorf("gone since %v, then %v: want the time of the first reading without it", gone.GoneAt, again.GoneAt)
	}
	save(root, one, two)
	if back, _ := must[*access.OUs](t)(s.OUTree(t.Context())).Find(two.ID); back.Gone() {
		t.Error("an OU that is listed again is still gone")
	}
}

// The OU of an account decides which mappings reach it, so a move raises the version that caches depend on.
func TestMovedAccountRaisesVersion(t *testing.T) {
	s := storetest.New(t)
	o := organization(t, s, 1)
	version := must[int64](t)(s.InventoryVersion(t.Context()))
	o.Accounts[0].OUIDs = []string{"r-ab12"}
	if err := s.SaveOrganization(t.Context(), o, false, nil); err != nil {
		t.Fatal(err)
	}
	if now := must[int64](t)(s.InventoryVersion(t.Context())); now <= version {
		t.Error("the version did not rise")
	}
	diff(t, "ids", []string{"r-ab12"}, must[[]access.Account](t)(s.Accounts(t.Context()))[0].OUIDs)
	diff(t, "one", []string{"r-ab12"}, must[access.Account](t)(s.Account(t.Context(), accountID(0))).OUIDs)
}
