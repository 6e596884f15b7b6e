package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
)

var (
	editor   = access.Actor{Kind: access.ActorPerson, PersonID: 1, Name: "Edi Editor", Email: "editor@example.com", Roles: []access.Role{access.RoleEditor}}
	approver = access.Actor{Kind: access.ActorPerson, PersonID: 2, Name: "Appo Approver", Email: "approver@example.com", Roles: []access.Role{access.RoleApprover}}
	operator = access.Actor{Kind: access.ActorPerson, PersonID: 3, Name: "Opa Operator", Email: "operator@example.com", Roles: []access.Role{access.RoleOperator}}
	t0       = time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)
	lease    = time.Minute
	snooze   = 30 * time.Second
)

func event(action, object string) access.AuditEvent {
	return access.NewAuditEvent(editor, t0, action, object, map[string]any{"n": 1})
}

func diff(t *testing.T, what string, want, got any, opts ...cmp.Option) {
	t.Helper()
	opts = append(opts, cmpopts.EquateEmpty(), cmpopts.EquateComparable(access.Entry{}.Prefix))
	if d := cmp.Diff(want, got, opts...); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func wantKind(t *testing.T, err error, kind access.Kind, text string) {
	t.Helper()
	if err == nil || access.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%s), want %s with %q", err, access.KindOf(err), kind, text)
	}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func entry(t *testing.T, s string) access.Entry {
	t.Helper()
	return must[access.Entry](t)(access.ParseEntry(s))
}

func accountID(i int) access.AccountID { return access.AccountID(fmt.Sprintf("1111222%05d", i)) }

// prodOU is the OU of the accounts that organization saves.
const prodOU = "ou-ab12-prod0000"

// organization saves n accounts in two OUs.
func organization(t testing.TB, s *store.Store, n int) access.Organization {
	t.Helper()
	o := access.Organization{ID: "o-1", OUs: []access.OU{
		{ID: "r-ab12", Name: "Root", Path: "Root"}, {ID: prodOU, ParentID: "r-ab12", Name: "Prod", Path: "Root/Prod"},
	}}
	for i := range n {
		o.Accounts = append(o.Accounts, access.Account{
			ID: accountID(i), Name: fmt.Sprintf("team-%03d", i), Email: fmt.Sprintf("t%d@example.com", i), State: access.AccountActive,
			OU: "Root/Prod", OUIDs: []string{"r-ab12", prodOU}, Tags: map[string]string{"env": "prod"},
		})
	}
	if err := s.SaveOrganization(t.Context(), o, false, nil); err != nil {
		t.Fatal(err)
	}
	return o
}

// planned is a plan as it can be compared.
type planned struct {
	Documents string
	Targets   []access.PlannedTarget
}

func unpack(p access.Plan) planned { return planned{p.Documents, slices.Collect(p.Targets())} }

func known(i *access.Inventories) map[access.AccountID]access.Inventory { return maps.Collect(i.All()) }

// planFor plans a trust policy and a user policy in each of n accounts.
func planFor(n int) access.Plan {
	p := access.Plan{Documents: "docs"}
	for i := range n {
		p.Add(access.PlannedTarget{
			Account: accountID(i), AccountName: fmt.Sprintf("team-%03d", i), OU: "Root/Prod", Notes: []string{"note"},
			Operations: []access.PlannedOperation{
				{
					Kind: access.OpTrustPolicy, Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"},
					Before: `{"before":1}`, BeforeKnown: true, After: fmt.Sprintf(`{"after":%d}`, i), OursBefore: "[]", OursAfter: `[1]`, Size: 11, Limit: 2048, Note: "op note",
				},
				{
					Kind: access.OpUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/ops/", Name: "alice"},
					BeforeKnown: true, After: `{"user":1}`, OursAfter: `[2]`, Size: 10, Limit: 2048,
				},
			},
		})
	}
	return p
}

// hire gives the approver a row among the people: only who is there now counts.
func hire(t testing.TB, s *store.Store) {
	t.Helper()
	for _, sql := range []string{
		"INSERT INTO people (id, email, name, password_hash, created_at) OVERRIDING SYSTEM VALUE VALUES (2, 'approver@example.com', 'Appo Approver', '', now()) ON CONFLICT DO NOTHING",
		"INSERT INTO person_roles VALUES (2, 'approver') ON CONFLICT DO NOTHING",
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

// approve makes a change of the edits and brings it to approved.
func approve(t testing.TB, s *store.Store, edits []access.Edit, plan access.Plan) access.Change {
	t.Helper()
	hire(t, s)
	ctx := t.Context()
	head := must[int64](t)(s.Head(ctx))
	c := must[access.Change](t)(s.CreateChange(ctx, access.Change{
		Title: "Open the new office", Reason: "We have moved", State: access.ChangeDraft, Author: editor.Ref(), Base: head, Edits: edits, Version: 1, CreatedAt: t0, UpdatedAt: t0,
	}, event("change.draft", "")))
	must[access.Change](t)(s.UpdateChange(ctx, c.ID, func(c *access.Change) (access.ChangeDecision, error) {
		return access.ChangeDecision{Plan: &plan, Events: []access.AuditEvent{event("change.submit", access.ChangeObject(c.ID))}}, c.Submit(plan.Documents, t0)
	}))
	return must[access.Change](t)(s.UpdateChange(ctx, c.ID, func(c *access.Change) (access.ChangeDecision, error) {
		return access.ChangeDecision{}, c.Review(approver, access.VerdictApprove, c.Digest, "fine", t0)
	}))
}

// digestsOf are the digests of the plan of a change.
func digestsOf(t testing.TB, s *store.Store, change int64) access.TargetDigests {
	t.Helper()
	digests, _ := must[access.Plan](t)(s.Plan(t.Context(), change)).Digests()
	return digests
}

func apply(ctx context.Context, s *store.Store, c access.Change, maxInFlight, maxFailures int) (access.Rollout, error) {
	plan, err := s.Plan(ctx, c.ID)
	if err != nil {
		return access.Rollout{}, err
	}
	digests, _ := plan.Digests()
	return s.ApplyChange(ctx, c.ID, func(c *access.Change, head int64) (access.Application, error) {
		if err := c.Apply(c.Digest, head+1, t0); err != nil {
			return access.Application{}, err
		}
		return access.Application{
			Rollout: access.Rollout{Title: c.Title, State: access.RolloutRunning, MaxInFlight: maxInFlight, MaxFailures: maxFailures, StartedBy: operator.Ref(), CreatedAt: t0, StartedAt: t0},
			Events:  []access.AuditEvent{event("change.apply", access.ChangeObject(c.ID))},
			Digests: digests,
		}, nil
	})
}

// start makes a rollout over n accounts with the edit of one allowlist.
func start(t testing.TB, s *store.Store, n, maxInFlight, maxFailures int) access.Rollout {
	t.Helper()
	organization(t, s, n)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(n))
	return must[access.Rollout](t)(apply(t.Context(), s, c, maxInFlight, maxFailures))
}

func claim(t testing.TB, s *store.Store, r access.Rollout, account access.AccountID) access.Claim {
	t.Helper()
	c, ok, err := s.ClaimTarget(t.Context(), r.ID, account, lease)
	if err != nil || !ok {
		t.Fatalf("ClaimTarget(%s) = %v, %v; want a claim", account, ok, err)
	}
	return c
}

// push claims a target and ends it in a state.
func push(t *testing.T, s *store.Store, r access.Rollout, account access.AccountID, state access.TargetState) access.Rollout {
	t.Helper()
	return must[access.Rollout](t)(s.FinishTarget(t.Context(), claim(t, s, r, account), nil, access.TargetResult{State: state}, nil))
}

func waitingJobs(t *testing.T, s *store.Store, kind string) int {
	t.Helper()
	var n int
	if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM river_job WHERE kind = $1", kind).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func wantText(t *testing.T, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) {
		t.Errorf("got %q, want it to contain %q", got, part)
	}
}
