package store_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestUserSidePoliciesInTheInventory: a user-side policy that a push read back is added to the
// inventory, and attachments leave the rest of the user alone.
func TestUserSidePoliciesInTheInventory(t *testing.T) {
	ctx, s := t.Context(), storetest.New(t)
	r := start(t, s, 1, 1, 0)
	id := accountID(0)
	part, other := access.UserSidePolicy("alice", 1), access.UserSidePolicy("alice", 2)
	alice := access.Resource{Kind: access.ResourceUser, Path: "/ops/", Name: "alice"}
	i := access.Inventory{
		Account: id, ReadAt: t0, Quotas: access.Quotas{TrustPolicy: 2048, UserPolicy: 2048, ManagedPolicy: 6144, Attachments: 12},
		Users: []access.LiveUser{{LiveDocument: access.LiveDocument{Resource: alice, ID: "AIDA", Exists: true, Document: `{"mine":1}`}, Groups: []string{"g"}, AttachedPolicies: []string{other.ARN("aws", id)}}},
		Policies: []access.LiveDocument{
			{Resource: part, ID: "ANPA1", Exists: true, Document: `{"old":1}`}, {Resource: other, ID: "ANPA2", Exists: true, Document: `{"other":1}`},
		},
	}
	if err := s.SaveInventory(ctx, i); err != nil {
		t.Fatal(err)
	}
	attached := alice
	attached.Kind = access.ResourceAttachments
	arns := []string{part.ARN("aws", id), "arn:aws:iam::aws:policy/ReadOnlyAccess"}
	live := []access.LiveDocument{
		{Resource: part, ID: "ANPA1", Exists: true, Document: `{"new":1}`},
		{Resource: other},
		{Resource: attached, ID: "AIDA", Exists: true, Document: access.AttachmentsDocument(arns)},
	}
	must[access.Rollout](t)(s.FinishTarget(ctx, claim(t, s, r, id), nil, access.TargetResult{State: access.TargetSucceeded, Live: live}, nil))
	want := i
	want.Policies = live[:1]
	want.Users[0].AttachedPolicies = []string{arns[0], arns[1]}
	if arns[1] < arns[0] {
		want.Users[0].AttachedPolicies = []string{arns[1], arns[0]}
	}
	got := must[*access.Inventories](t)(s.Inventories(ctx, []access.AccountID{id}))
	diff(t, "inventory", want, known(got)[id])
	if a := must[access.Account](t)(s.Account(ctx, id)); a.Quotas.Attachments != 12 {
		t.Errorf("quotas %+v", a.Quotas)
	}
}

// TestUserSideRowsFitTogether: the database refuses a kind on another kind of resource, and a
// removal that leaves a document.
func TestUserSideRowsFitTogether(t *testing.T) {
	ctx, s := t.Context(), storetest.New(t)
	start(t, s, 1, 1, 0)
	for _, table := range []string{"operations", "plan_operations"} {
		for set, ok := range map[string]bool{
			"kind = 'user_side_policy', resource_kind = 'policy'":                          true,
			"kind = 'attachments', resource_kind = 'attachments'":                          true,
			"kind = 'delete_user_side_policy', resource_kind = 'policy', after_doc = NULL": true,
			"kind = 'delete_user_side_policy', resource_kind = 'policy'":                   false,
			"kind = 'user_side_policy', resource_kind = 'policy', after_doc = NULL":        false,
			"kind = 'user_side_policy', resource_kind = 'user'":                            false,
			"kind = 'attachments', resource_kind = 'user'":                                 false,
			"kind = 'trust_policy', resource_kind = 'policy'":                              false,
			"kind = 'drop_everything', resource_kind = 'policy'":                           false,
		} {
			tx, err := s.Pool().Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			// The triggers refuse every edit of these rows; this test is about the CHECKs behind them.
			if _, err := tx.Exec(ctx, "ALTER TABLE "+table+" DISABLE TRIGGER USER"); err != nil {
				t.Fatal(err)
			}
			_, err = tx.Exec(ctx, "UPDATE "+table+" SET "+set)
			var refused *pgconn.PgError
			if errors.As(err, &refused); (err == nil) != ok || !ok && (refused == nil || refused.Code != "23514") {
				t.Errorf("%s: %s: %v, want it accepted: %v", table, set, err, ok)
			}
			if err := tx.Rollback(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
}
