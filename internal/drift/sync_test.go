package drift_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

var admin = access.Actor{Kind: access.ActorPerson, PersonID: 1, Name: "admin", Roles: []access.Role{access.RoleAdmin}}

func connect(t *testing.T) *aws.Cloud {
	t.Helper()
	_, cloud := startOrganization(t, 12)
	return cloud
}

func startOrganization(t *testing.T, accounts int) (*sandbox.Organization, *aws.Cloud) {
	t.Helper()
	cloud, org, _ := connectTo(t, accounts)
	return org, cloud
}

// connectTo starts an organization and connects the console to it.
func connectTo(t *testing.T, accounts int) (cloud *aws.Cloud, org *sandbox.Organization, endpoint string) {
	t.Helper()
	org, err := sandbox.New(sandbox.Config{Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := org.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	i := slices.IndexFunc(org.Credentials(), func(c sandbox.Credential) bool { return c.User == sandbox.ConsoleUser })
	keys := org.Credentials()[i]
	endpoint = "http://" + addr
	cloud, err = aws.New(t.Context(), aws.Config{
		Region: "us-east-1", Endpoint: endpoint, AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey,
		IAMRate: -1, STSRate: -1, OrganizationsRate: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return cloud, org, endpoint
}

func work(t *testing.T, st *store.Store, s *drift.Service) {
	t.Helper()
	workers := river.NewWorkers()
	if err := drift.Register(workers, s); err != nil {
		t.Fatal(err)
	}
	client, err := river.NewClient(riverpgxv5.New(st.Pool()), &river.Config{
		Queues: map[string]river.QueueConfig{jobs.QueueSync: {MaxWorkers: 8}}, Workers: workers,
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond, JobTimeout: drift.OrganizationTimeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.StopAndCancel(context.Background()); err != nil {
			t.Errorf("stopping the workers: %v", err)
		}
	})
}

// until polls, as nothing tells of an account that was read.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !reached() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited 30 s until %s", what)
		}
	}
}

func TestSyncReadsOrganizationAndAccounts(t *testing.T) {
	st := storetest.New(t)
	s := drift.New(drift.Config{Store: st, Cloud: connect(t)})
	work(t, st, s)
	if err := s.Sync(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	var all []access.Account
	until(t, "every account that can be targeted was read, or says why not", func() bool {
		var err error
		if all, err = st.Accounts(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(all) == 12 && !slices.ContainsFunc(all, func(a access.Account) bool {
			ok, _ := a.Targetable()
			return ok && a.InventoryAt.IsZero() && a.InventoryError == ""
		})
	})
	for _, a := range all {
		ok, _ := a.Targetable()
		switch {
		case a.Name == "acquired-shop":
			if !strings.Contains(a.InventoryError, "AssumeRole") || !a.InventoryAt.IsZero() {
				t.Errorf("%s says %q, want words on the role that cannot be assumed", a.Name, a.InventoryError)
			}
		case ok && (a.InventoryAt.IsZero() || a.InventoryError != ""):
			t.Errorf("%s was not read: %q", a.Name, a.InventoryError)
		}
	}
	checkRead(t, st, all)
}

func checkRead(t *testing.T, st *store.Store, all []access.Account) {
	t.Helper()
	i := slices.IndexFunc(all, func(a access.Account) bool { return a.Name == "identity" })
	found, err := st.Inventories(t.Context(), []access.AccountID{all[i].ID})
	if err != nil {
		t.Fatal(err)
	}
	inventory, _ := found.Of(all[i].ID)
	if bob, ok := inventory.Role(access.RoleName{Path: "/", Name: "Bob"}); !ok || bob.Document == "" || bob.ID == "" {
		t.Errorf("role Bob of the account identity was read as %+v", bob)
	}
	if _, ok := inventory.User("/", "alice"); !ok {
		t.Error("user alice of the account identity was not read")
	}
	if events, err := st.Audit(t.Context(), access.AuditFilter{Object: "organization"}); err != nil || len(events.Items) < 2 {
		t.Errorf("the audit log has %v of the sync (%v), want the request and the reading", events.Items, err)
	}
}

// An inventory that was read before a push would make the next plan report a foreign edit.
func TestInventoryReadBeforePushIsRefused(t *testing.T) {
	st, cloud := storetest.New(t), connect(t)
	s := drift.New(drift.Config{Store: st, Cloud: cloud})
	if err := s.ReadOrganization(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := st.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	account := all[slices.IndexFunc(all, func(a access.Account) bool { return a.Name == "identity" })]
	claim := claimTarget(t, st, account)
	outdated := drift.New(drift.Config{Store: st, Cloud: cloud})
	if err := outdated.ReadInventory(t.Context(), account.ID); access.KindOf(err) != access.KindConflict {
		t.Errorf("while the account is pushed to: %v, want a conflict", err)
	}
	began := time.Now()
	if _, err := st.FinishTarget(t.Context(), claim, nil, access.TargetResult{State: access.TargetSucceeded}, nil); err != nil {
		t.Fatal(err)
	}
	slow := drift.New(drift.Config{Store: st, Cloud: cloud, Now: func() time.Time { return began }})
	if err := slow.ReadInventory(t.Context(), account.ID); access.KindOf(err) != access.KindConflict {
		t.Errorf("after the account was pushed to: %v, want a conflict", err)
	}
	if err := s.ReadInventory(t.Context(), account.ID); err != nil {
		t.Errorf("read once more: %v", err)
	}
}

func claimTarget(t *testing.T, st *store.Store, a access.Account) access.Claim {
	t.Helper()
	op := access.PlannedOperation{
		Kind: access.OpDeleteUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}, BeforeKnown: true,
	}
	plan := access.NewPlan("test", access.PlannedTarget{Account: a.ID, AccountName: a.Name, OU: a.OU, Operations: []access.PlannedOperation{op}})
	r, err := st.StartRollout(t.Context(), access.Rollout{Title: "test", State: access.RolloutRunning, MaxInFlight: 1, CreatedAt: time.Now()}, plan, access.Staging{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claim, ok, err := st.ClaimTarget(t.Context(), r.ID, a.ID, time.Minute)
	if err != nil || !ok {
		t.Fatalf("claiming: %v, %v", ok, err)
	}
	return claim
}
