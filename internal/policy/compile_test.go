package policy

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

func inventoryInput(t *testing.T) Input {
	in := articleInput(t)
	in.Accounts[0].ID = "444455556666"
	in.State.Mappings[0].Users = []access.UserName{{Name: "alice"}, {Name: "gone"}}
	in.Inventory = someInventory()
	return in
}

func TestMissingUserNeverBlocksTheRole(t *testing.T) {
	docs := compile(t, inventoryInput(t), "444455556666")
	if len(docs.Roles) != 1 || len(docs.Users) != 1 || strings.Contains(docs.Roles[0].JSON(), "gone") {
		t.Fatalf("got %+v, want the role and one user, without the missing one", docs)
	}
	if len(docs.Issues) != 1 || docs.Issues[0].Code != CodeUserUnknown {
		t.Errorf("issues %+v, want the missing user", docs.Issues)
	}
}

func TestMissingRoleIsLeftOut(t *testing.T) {
	in := inventoryInput(t)
	in.State.Mappings[0].Role.Name = "Eve"
	docs := compile(t, in, "444455556666")
	if len(docs.Roles)+len(docs.Users) != 0 {
		t.Errorf("got %+v, want no document for a role that does not exist", docs)
	}
	if len(docs.Issues) != 1 || docs.Issues[0].Code != CodeRoleUnknown {
		t.Errorf("issues %+v, want the missing role", docs.Issues)
	}
}

// inventoryOf is what is known of the one account that has been read.
func inventoryOf(t *testing.T, in Input) access.Inventory {
	t.Helper()
	inv, read := in.Inventory.Of("444455556666")
	if !read {
		t.Fatal("the account has not been read")
	}
	return inv
}

func TestSizeCountsWhatOthersWrote(t *testing.T) {
	in := inventoryInput(t)
	docs := compile(t, in, "444455556666")
	role := docs.Roles[0]
	merged, _, err := iam.Merge(inventoryOf(t, in).Roles[0].Document, role.Statements)
	if err != nil {
		t.Fatal(err)
	}
	if role.Size != iam.Size(merged) || role.Size <= iam.Size(role.JSON()) {
		t.Errorf("size %d, want that of the merged document, %d", role.Size, iam.Size(merged))
	}
	if got, want := docs.Users[0].Limit, 2048-1000; got != want {
		t.Errorf("the user's limit is %d, want %d: other inline policies count", got, want)
	}
}

// TestOthersAreNotRestrictedUnasked: where somebody else's statement admits people, the
// compiler does not save space with a Deny for everyone.
func TestOthersAreNotRestrictedUnasked(t *testing.T) {
	in := inventoryInput(t)
	for i := range 16 {
		name := fmt.Sprintf("a-rather-long-user-%02d", i)
		in.State.Mappings[0].Users = append(in.State.Mappings[0].Users, access.UserName{Name: name})
		inv := inventoryOf(t, in)
		inv.Users = append(inv.Users, access.LiveUser{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: name}, Exists: true}})
		in.Inventory.Put(inv)
	}
	role := compile(t, in, "444455556666").Roles[0]
	if role.Shape != ShapeNames || strings.Contains(role.JSON(), `"*"`) {
		t.Errorf("shape %s:\n%s\nwant names, without a Deny for everyone", role.Shape, iam.Pretty(role.JSON()))
	}
	inv := inventoryOf(t, in)
	inv.Roles = []access.LiveDocument{inv.Roles[0]}
	inv.Roles[0].Document = doc(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`)
	in.Inventory.Put(inv)
	if role := compile(t, in, "444455556666").Roles[0]; role.Shape != ShapeEveryone {
		t.Errorf("shape %s, want everyone where no other AWS principal is admitted", role.Shape)
	}
	in.Inventory = &access.Inventories{}
	if role := compile(t, in, "444455556666").Roles[0]; role.Shape == ShapeEveryone || role.Shape == ShapeNamesEveryone {
		t.Errorf("shape %s where the account's documents are not known", role.Shape)
	}
}

func TestQuotaOfTheInventoryCounts(t *testing.T) {
	in := inventoryInput(t)
	inv := inventoryOf(t, in)
	inv.Quotas.TrustPolicy = 4096
	in.Inventory.Put(inv)
	if got := compile(t, in, "444455556666").Roles[0].Limit; got != 4096 {
		t.Errorf("limit %d, want the quota that was read, 4096", got)
	}
}

func TestTooLongSaysWhatWouldHelp(t *testing.T) {
	in := articleInput(t)
	var keys []string
	for i := range 200 {
		keys = append(keys, fmt.Sprintf("9.%d.%d.%d/32", i%7, i, i))
	}
	keys = append(keys, "12.148.72.0/24", "12.148.73.0/25")
	in.State.Allowlists[0].Entries = entries(t, keys...)
	in.State.Mappings[0].Users[0].Account = "444455556666" // which keeps the list on the role's side
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Account("111122223333")
	if access.KindOf(err) != access.KindInvalid {
		t.Fatalf("err %v, want a refusal", err)
	}
	for _, part := range []string{"role Bob in account 111122223333", "the limit is 2048", "202 networks", "1 users", "replace 12.148.72.0/24 and 12.148.73.0/25 by 12.148.72.0/23, which adds up to 128 addresses", "L-C07B4B0D", "cannot move to user-side policies: user 444455556666:alice is in another account"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal does not say %q:\n%v", part, err)
		}
	}
}

func TestUserPolicyTooLong(t *testing.T) {
	in := articleInput(t)
	for i := range 60 {
		m := in.State.Mappings[0]
		m.ID, m.Role.Name = fmt.Sprintf("mp-%d", i+2), fmt.Sprintf("ARatherLongRoleName-%02d", i)
		in.State.Mappings = append(in.State.Mappings, m)
	}
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Account("111122223333"); err == nil || !strings.Contains(err.Error(), "user alice in account 111122223333 does not fit: it names 61 roles") {
		t.Errorf("err %v, want a refusal that names the user", err)
	}
}

func TestExplainOverTheLiveDocument(t *testing.T) {
	in := inventoryInput(t)
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	r := aliceFrom("8.8.8.8")
	r.RoleAccount, r.Principal.Account = "444455556666", ""
	d, err := c.Explain(r)
	if err != nil || d.Verdict != iam.Denied || d.Statement != "PortcullisDenyNetwork" {
		t.Errorf("%+v, %v; want alice denied by our Deny although the root is trusted", d, err)
	}
	r.RoleAccount = "777777777777"
	if _, err := c.Explain(r); access.KindOf(err) != access.KindInvalid {
		t.Errorf("err %v, want a refusal of an unknown account", err)
	}
}

func TestNewCompilerRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"unknown allowlist": {func(in *Input) { in.State.Mappings[0].Allowlists = []string{"x"} }, `"x", which does not exist`},
		"no user":           {func(in *Input) { in.State.Mappings[0].Users = nil }, "name at least one user"},
		"account twice":     {func(in *Input) { in.Accounts = append(in.Accounts, in.Accounts[0]) }, "listed twice"},
	} {
		in := articleInput(t)
		tc.change(&in)
		if _, err := NewCompiler(in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, tc.want)
		}
	}
}

func TestAccounts(t *testing.T) {
	in := impactInput(t)
	in.State.Mappings[1].Users = []access.UserName{{Account: "777777777777", Name: "dave"}}
	in.State.Mappings[1].Accounts = access.Selector{IDs: []access.AccountID{"111122220004"}}
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	want := []access.AccountID{"111122220000", "111122220001", "111122220002", "111122220004", "777777777777", "888888888888", "999999999999"}
	if diff := cmp.Diff(want, c.Accounts()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCompilerIsSafeForConcurrentUse(t *testing.T) {
	in := impactInput(t)
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, id := range c.Accounts() {
				if _, err := c.Account(id); err != nil {
					t.Error(err)
				}
			}
			c.Issues()
		})
	}
	wg.Wait()
}

// TestExplainTakesStaleStatementsAway: a mapping of whose users none exists compiles to
// nothing, so what Portcullis once wrote for others is not there any more once it is
// carried out.
func TestExplainTakesStaleStatementsAway(t *testing.T) {
	in := inventoryInput(t)
	in.State.Mappings[0].Users = []access.UserName{{Name: "gone"}}
	inv := inventoryOf(t, in)
	inv.Roles[0].Document = doc(`{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:user/alice"},"Action":"sts:AssumeRole"}`)
	in.Inventory.Put(inv)
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	r := aliceFrom("8.8.8.8")
	r.RoleAccount, r.Principal.Account = "444455556666", ""
	if d, err := c.Explain(r); err != nil || d.Verdict != iam.Denied || d.Statement != "PortcullisDenyAll" {
		t.Errorf("%+v, %v; want alice denied, whom no mapping names any more", d, err)
	}
}

// TestTooLongNamesTheLargestLists: of several allowlists the largest are named first.
func TestTooLongNamesTheLargestLists(t *testing.T) {
	in := articleInput(t)
	for name, n := range map[string]int{"small": 3, "large": 150, "middle": 60, "tiny": 1} {
		a := access.Allowlist{ID: "al-" + name, Name: name}
		for i := range n {
			a.Entries = append(a.Entries, entries(t, fmt.Sprintf("9.%d.%d.0/24", len(name), i*2%256))...)
		}
		in.State.Allowlists = append(in.State.Allowlists, a)
		in.State.Mappings[0].Allowlists = append(in.State.Mappings[0].Allowlists, name)
	}
	in.State.Mappings[0].Users[0].Account = "444455556666" // which keeps the list on the role's side
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Account("111122223333")
	if err == nil || !strings.Contains(err.Error(), "the largest allowlists are large (128 networks, ") || !strings.Contains(err.Error(), ", middle (60 networks, ") || strings.Contains(err.Error(), "tiny (") {
		t.Errorf("err %v, want the largest three allowlists", err)
	}
}

// TestRuleForEveryoneIsTheWeakest: a user who is not mapped must show MFA if every mapped
// user must, and it may be as old as that of any mapped user.
func TestRuleForEveryoneIsTheWeakest(t *testing.T) {
	open := &Networks{Prefixes: prefixes("8.8.8.0/24")}
	asks := func(age time.Duration) group { return group{rule: rule{nets: open, mfa: true, mfaAge: age}} }
	none, closed := group{rule: rule{nets: open}}, group{rule: rule{nets: &Networks{}, mfa: true, mfaAge: time.Second}}
	for _, tc := range []struct {
		groups []group
		mfa    bool
		age    time.Duration
	}{
		{[]group{asks(10 * time.Minute), asks(time.Hour)}, true, time.Hour},
		{[]group{asks(time.Hour), asks(10 * time.Minute)}, true, time.Hour},
		{[]group{asks(0), asks(10 * time.Minute)}, true, 0},
		{[]group{asks(10 * time.Minute), asks(0), asks(time.Hour)}, true, 0},
		{[]group{asks(10 * time.Minute), none}, false, 0},
		{[]group{closed, asks(10 * time.Minute)}, true, 10 * time.Minute},
		{[]group{closed}, false, 0},
	} {
		if got := weakest(tc.groups, open); got.mfa != tc.mfa || got.mfaAge != tc.age || got.nets != open {
			t.Errorf("of %+v the weakest is %+v, want MFA %t within %s", tc.groups, got, tc.mfa, tc.age)
		}
	}
}

// TestProtectedRolesAreNotWrittenWithOthers: nothing is written for them, nor may their
// users ask for them, where the account has other roles to write.
func TestProtectedRolesAreNotWrittenWithOthers(t *testing.T) {
	in := articleInput(t)
	in.Options.ProtectedRoles = []string{"Deploy"}
	m := in.State.Mappings[0]
	m.ID, m.Role.Name = "mp-2", "Deploy"
	in.State.Mappings = append(in.State.Mappings, m)
	docs := compile(t, in, "111122223333")
	if len(docs.Roles) != 1 || docs.Roles[0].Resource.Name != "Bob" || len(docs.Users) != 1 || strings.Contains(docs.Users[0].JSON(), "Deploy") {
		t.Errorf("got %+v, want documents for Bob only", docs)
	}
}

// TestUsersOfThePastDoNotExist: somebody who is kept in the inventory as gone is gone.
func TestUsersOfThePastDoNotExist(t *testing.T) {
	in := inventoryInput(t)
	inv := inventoryOf(t, in)
	inv.Users = append(inv.Users, access.LiveUser{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "gone"}}})
	in.Inventory.Put(inv)
	if docs := compile(t, in, "444455556666"); len(docs.Issues) != 1 || strings.Contains(docs.Roles[0].JSON(), "gone") {
		t.Errorf("got %+v, want the user left out", docs)
	}
}

func TestExplainAcrossPartitions(t *testing.T) {
	in := articleInput(t)
	in.Accounts = append(in.Accounts, access.Account{ID: "333333333333", Partition: "aws-cn"})
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	r := aliceFrom("103.15.250.7")
	r.Principal.Account = "333333333333"
	if d, err := c.Explain(r); err != nil || d.Verdict != iam.Denied || !strings.Contains(d.Sentence, "another partition") {
		t.Errorf("%+v, %v; want a denial for the partition", d, err)
	}
}

// TestTheQuotaIsFilledToTheLastCharacter: a document of just the quota's size fits.
func TestTheQuotaIsFilledToTheLastCharacter(t *testing.T) {
	in := articleInput(t)
	size := compile(t, in, "111122223333").Roles[0].Size
	in.Accounts[0].Quotas.TrustPolicy = size
	if role := compile(t, in, "111122223333").Roles[0]; role.Shape != ShapePair {
		t.Errorf("shape %s for a quota of just the size, want the pair", role.Shape)
	}
	in.Accounts[0].Quotas.TrustPolicy = size - 1
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	if docs, err := c.Account("111122223333"); err == nil && (docs.Roles[0].Shape == ShapePair || docs.Roles[0].Size >= size) {
		t.Errorf("shape %s with %d characters for a quota of %d", docs.Roles[0].Shape, docs.Roles[0].Size, size-1)
	}
}
