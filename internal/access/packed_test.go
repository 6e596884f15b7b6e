package access_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
)

// Ids of which one begins as another does, and texts in which they stand within others:
// whatever holds an account's id comes back as it was.
var (
	packedAccounts = []access.AccountID{"111111111111", "111111111112", "000000000000", "222222222222"}
	packedTexts    = []string{"", "{}", `{"a":"arn:aws:iam::111111111111:user/x"}`, `{"a":"111111111111111111111112"}`, `{"b":"222222222222 ü <\u0000>"}`}
)

func drawText(t *rapid.T, what string) string { return rapid.SampledFrom(packedTexts).Draw(t, what) }

func drawTarget(t *rapid.T, id access.AccountID) access.PlannedTarget {
	target := access.PlannedTarget{Account: id, AccountName: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"), OU: "Root", Notes: []string{string(id)}}
	for range rapid.IntRange(0, 3).Draw(t, "operations") {
		target.Operations = append(target.Operations, access.PlannedOperation{
			Kind:     rapid.SampledFrom([]access.OperationKind{access.OpTrustPolicy, access.OpUserPolicy}).Draw(t, "kind"),
			Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: rapid.SampledFrom([]string{"Bob", "111111111111"}).Draw(t, "resource")},
			Before:   drawText(t, "before"), BeforeKnown: rapid.Bool().Draw(t, "known"), After: drawText(t, "after"),
			OursBefore: drawText(t, "ours before"), OursAfter: drawText(t, "ours after"), Size: rapid.IntRange(0, 1).Draw(t, "size"), Note: drawText(t, "note"),
		})
	}
	return target
}

func TestAPlanGivesBackWhatWasPutIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []access.PlannedTarget
		for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(packedAccounts), 0, len(packedAccounts), rapid.ID).Draw(t, "accounts") {
			want = append(want, drawTarget(t, id))
		}
		plan := access.NewPlan("digest", want...)
		if d := cmp.Diff(want, slices.Collect(plan.Targets()), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("put in (-) and given back (+):\n%s", d)
		}
		operations := 0
		for i, target := range want {
			operations += len(target.Operations)
			for seq, op := range target.Operations {
				if d := cmp.Diff(op, plan.Operation(i, seq)); d != "" {
					t.Fatalf("operation %d of target %d (-put in +given back):\n%s", seq, i, d)
				}
			}
			of := plan.Of(target.Account)
			if d := cmp.Diff([]access.PlannedTarget{target}, slices.Collect(of.Targets()), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("the plan of one account (-put in +given back):\n%s", d)
			}
		}
		if plan.Len() != len(want) || plan.Operations() != operations {
			t.Fatalf("%d targets with %d operations, want %d with %d", plan.Len(), plan.Operations(), len(want), operations)
		}
		grouped := 0
		for op, targets := range plan.Groups() {
			grouped += len(targets)
			if !slices.Contains(want[targets[0]].Operations, op) {
				t.Fatalf("%+v is said to be the first target's, which has %+v", op, want[targets[0]].Operations)
			}
		}
		if grouped != operations {
			t.Fatalf("%d operations are grouped, want %d", grouped, operations)
		}
	})
}

func drawLive(t *rapid.T, kind access.ResourceKind, names ...string) []access.LiveUser {
	var live []access.LiveUser
	for _, name := range names {
		if !rapid.Bool().Draw(t, name) {
			continue
		}
		u := access.LiveUser{LiveDocument: access.LiveDocument{
			Resource: access.Resource{Kind: kind, Path: "/", Name: name}, ID: rapid.SampledFrom([]string{"AROA1", "AROA2"}).Draw(t, "id"), Exists: true, Document: drawText(t, "document"),
		}}
		if kind == access.ResourceUser {
			u.AttachedPolicies = []string{"arn:aws:iam::" + string(rapid.SampledFrom(packedAccounts).Draw(t, "attached")) + ":policy/p"}
			u.Groups = rapid.SampledFrom([][]string{nil, {"g"}, {"g", "h"}}).Draw(t, "groups")
			u.OtherInlineSize = rapid.IntRange(0, 1).Draw(t, "other")
		}
		live = append(live, u)
	}
	return live
}

func documentsOfUsers(users []access.LiveUser) []access.LiveDocument {
	var docs []access.LiveDocument
	for _, u := range users {
		docs = append(docs, u.LiveDocument)
	}
	return docs
}

func TestInventoriesGiveBackWhatWasPutIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[access.AccountID]access.Inventory{}
		got := &access.Inventories{}
		for range rapid.IntRange(0, 6).Draw(t, "readings") {
			id := rapid.SampledFrom(packedAccounts).Draw(t, "account")
			want[id] = access.Inventory{
				Account: id, ReadAt: time.Unix(int64(rapid.IntRange(0, 9).Draw(t, "read")), 0), Quotas: access.Quotas{TrustPolicy: rapid.IntRange(0, 1).Draw(t, "quota")},
				Roles: documentsOfUsers(drawLive(t, access.ResourceRole, "Bob", "Eve")), Users: drawLive(t, access.ResourceUser, "alice", "bob"),
				Policies: documentsOfUsers(drawLive(t, access.ResourcePolicy, "Portcullis-alice-1")),
			}
			got.Put(want[id])
		}
		if d := cmp.Diff(want, maps.Collect(got.All()), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("put in (-) and given back (+):\n%s", d)
		}
		for _, id := range packedAccounts {
			checkLookups(t, got, id, want[id])
		}
	})
}

func checkLookups(t *rapid.T, got *access.Inventories, id access.AccountID, want access.Inventory) {
	if got.Has(id) != (want.Account != "") || got.Quotas(id) != want.Quotas || !got.ReadAt(id).Equal(want.ReadAt) {
		t.Fatalf("account %s is known to be %v, %+v, read at %s; want %+v", id, got.Has(id), got.Quotas(id), got.ReadAt(id), want)
	}
	for _, name := range []string{"Bob", "Eve", "nobody"} {
		role, ok := want.Role(access.RoleName{Path: "/", Name: name})
		found, has := got.Role(id, access.RoleName{Name: name})
		if has != ok || found != role || got.HasRole(id, access.RoleName{Name: name}) != ok {
			t.Fatalf("role %s of account %s: %+v %v, want %+v %v", name, id, found, has, role, ok)
		}
	}
	for _, name := range []string{"alice", "bob", "nobody"} {
		user, ok := want.User("/", name)
		found, has := got.User(id, "/", name)
		if d := cmp.Diff(user, found); d != "" || has != ok || got.HasUser(access.UserName{Account: id, Name: name}) != ok {
			t.Fatalf("user %s of account %s (-want +got): %v, want %v\n%s", name, id, has, ok, d)
		}
	}
}

// Nothing is known by nobody.
func TestNoInventories(t *testing.T) {
	var none *access.Inventories
	if _, ok := none.Of("111111111111"); ok || none.Has("111111111111") || none.HasRole("111111111111", access.RoleName{Name: "Bob"}) || none.Len() != 0 {
		t.Error("something is known where nothing is")
	}
}

// What many accounts have in common is kept once: a plan of ten times as many accounts
// needs little more memory than their names.
func TestPlanSharesEqualAccounts(t *testing.T) {
	sized := func(n int) int {
		var p access.Plan
		for i := range n {
			id := access.AccountID(fmt.Sprintf("%012d", 100_000_000_000+i))
			doc := fmt.Sprintf(`{"Statement":[{"Principal":{"AWS":"arn:aws:iam::%s:user/alice"}}],"Padding":"%1000s"}`, id, "x")
			p.Add(access.PlannedTarget{Account: id, Operations: []access.PlannedOperation{{Kind: access.OpTrustPolicy, After: doc, OursAfter: doc}}})
		}
		return p.Bytes()
	}
	if few, many := sized(10), sized(1000); many > few+1000*200 {
		t.Errorf("1,000 accounts take %d bytes, 10 take %d", many, few)
	}
}
