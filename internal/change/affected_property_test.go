package change

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/order"
	"portcullis.internal/portcullis/internal/planning"
	"portcullis.internal/portcullis/internal/policy"
)

// The universe is small, so that edits meet mappings, users and accounts often.
var (
	drawnAccounts = access.Accounts{
		accesstest.InOU(access.Account{ID: "111111111111", Name: "one", State: access.AccountActive, Tags: map[string]string{"env": "prod"}}, "Root/Prod"),
		accesstest.InOU(access.Account{ID: "222222222222", Name: "two", State: access.AccountActive, Quotas: access.Quotas{TrustPolicy: 900, UserPolicy: 500}}, "Root/Prod/Pay"),
		accesstest.InOU(access.Account{ID: "333333333333", Name: "three", State: access.AccountActive}, "Root/Dev"),
		accesstest.InOU(access.Account{ID: "444444444444", Name: "four", State: access.AccountActive, Partition: "aws-cn"}, "Root/Dev"),
	}
	drawnSelectors = []access.Selector{
		{All: true},
		{All: true, Except: []string{"222222222222"}},
		{IDs: []access.AccountID{"111111111111"}},
		{IDs: []access.AccountID{"222222222222", "333333333333"}},
		{OUs: []string{"Root/Prod"}},
		{Tags: map[string]string{"env": "prod"}},
	}
	drawnUsers = []access.UserName{
		{Path: "/", Name: "alice"},
		{Path: "/", Name: "bob"},
		{Path: "/ops/", Name: "carol"},
		{Account: "111111111111", Path: "/", Name: "alice"},
		{Account: "222222222222", Path: "/", Name: "dave"},
		{Account: "999999999999", Path: "/", Name: "erin"},
	}
	drawnRoles = []access.RoleName{{Path: "/", Name: "Bob"}, {Path: "/", Name: "bob"}, {Path: "/team/", Name: "Ops"}, {Path: "/", Name: "Admin"}}
	drawnLists = []string{"cloud", "long", "office", "vpn"}
	drawnNow   = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

func drawEntry(t *rapid.T) access.Entry {
	e := access.Entry{Kind: access.EntryCIDR, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{20, 0, byte(2 * rapid.IntRange(0, 5).Draw(t, "net")), 0}), 24), Note: rapid.SampledFrom([]string{"", "n"}).Draw(t, "note")}
	if rapid.IntRange(0, 5).Draw(t, "expires") == 0 {
		e.Expires = drawnNow.Add(rapid.SampledFrom([]time.Duration{-time.Hour, time.Hour}).Draw(t, "when"))
	}
	return e
}

func drawMapping(t *rapid.T, id string) access.Mapping {
	return access.Mapping{
		ID: id, Role: rapid.SampledFrom(drawnRoles).Draw(t, "role"), Accounts: rapid.SampledFrom(drawnSelectors).Draw(t, "accounts"),
		Users:          rapid.SliceOfNDistinct(rapid.SampledFrom(drawnUsers), 1, 3, access.UserName.String).Draw(t, "users"),
		Allowlists:     rapid.SliceOfNDistinct(rapid.SampledFrom(drawnLists), 1, 2, rapid.ID).Draw(t, "lists"),
		RequireMFA:     rapid.Bool().Draw(t, "mfa"),
		SourceIdentity: rapid.SampledFrom([]access.Naming{access.NamingAny, access.NamingAny, access.NamingUsername}).Draw(t, "identity"),
		Enforcement:    rapid.SampledFrom([]access.Enforcement{access.EnforceMapped, access.EnforceMapped, access.EnforceEveryone}).Draw(t, "enforcement"),
	}.OrDefault()
}

// longList does not fit into a trust policy: the Deny for it moves to the users' side.
func longList(n int) []access.Entry {
	var es []access.Entry
	for i := range n {
		es = append(es, access.Entry{Kind: access.EntryCIDR, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{30, byte(i >> 7), byte(i << 1), 0}), 24)})
	}
	return es
}

func drawState(t *rapid.T) access.State {
	var s access.State
	for _, name := range drawnLists {
		a := access.Allowlist{ID: "al-" + name, Name: name}
		if name == "long" {
			a.Entries = longList(rapid.SampledFrom([]int{2, 2, 140}).Draw(t, "long"))
		} else {
			a.Entries = rapid.SliceOfNDistinct(rapid.Custom(drawEntry), 0, 3, access.Entry.Key).Draw(t, "entries")
		}
		access.SortEntries(a.Entries)
		s.Allowlists = append(s.Allowlists, a)
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "mappings") {
		s.Mappings = append(s.Mappings, drawMapping(t, fmt.Sprint("mp-", i)))
	}
	s.Sort()
	return s
}

// drawEdits draws one to three edits that fit a state.
func drawEdits(t *rapid.T, s access.State) ([]access.Edit, access.State) {
	next := s
	for range rapid.IntRange(1, 3).Draw(t, "edits") {
		e := drawEdit(t, next)
		if after, err := next.Apply([]access.Edit{e}); err == nil {
			next = after
		}
	}
	return access.EditsBetween(s, next), next
}

func drawEdit(t *rapid.T, s access.State) access.Edit {
	a := rapid.SampledFrom(s.Allowlists).Draw(t, "list")
	switch kind := rapid.IntRange(0, 7).Draw(t, "edit"); {
	case kind == 0:
		m := drawMapping(t, fmt.Sprint("mp-new", len(s.Mappings)))
		return access.Edit{Op: access.EditAddMapping, ID: m.ID, Mapping: &m}
	case kind == 1 && len(s.Mappings) > 0:
		return access.Edit{Op: access.EditRemoveMapping, ID: rapid.SampledFrom(s.Mappings).Draw(t, "mapping").ID}
	case kind <= 3 && len(s.Mappings) > 0:
		was := rapid.SampledFrom(s.Mappings).Draw(t, "mapping")
		m := drawMapping(t, was.ID)
		drawn := m
		switch rapid.IntRange(0, 3).Draw(t, "one field") {
		case 0:
			m = was
			m.Users = drawn.Users
		case 1:
			m = was
			m.SourceIdentity = drawn.SourceIdentity
		case 2:
			m = was
			m.Accounts = drawn.Accounts
		}
		return access.Edit{Op: access.EditUpdateMapping, ID: m.ID, Mapping: &m}
	case kind == 4:
		return access.Edit{Op: access.EditUpdateAllowlist, ID: a.ID, Allowlist: &access.Allowlist{Name: a.Name + "x"}}
	case kind == 5 && len(a.Entries) > 0:
		return access.Edit{Op: access.EditRemoveEntry, ID: a.ID, Key: rapid.SampledFrom(a.Entries).Draw(t, "entry").Key()}
	case kind == 6 && len(a.Entries) > 0:
		e := rapid.SampledFrom(a.Entries).Draw(t, "entry")
		e.Note, e.Expires = "other", rapid.SampledFrom([]time.Time{e.Expires, {}, drawnNow.Add(-time.Minute)}).Draw(t, "expiry")
		return access.Edit{Op: access.EditUpdateEntry, ID: a.ID, Key: e.Key(), Entry: &e}
	default:
		e := drawEntry(t)
		return access.Edit{Op: access.EditAddEntry, ID: a.ID, Key: e.Key(), Entry: &e}
	}
}

// drawInventories draws what is known of the accounts: some are not known, and some roles
// and users do not exist.
func drawInventories(t *rapid.T) map[access.AccountID]access.Inventory {
	known := map[access.AccountID]access.Inventory{}
	for _, a := range drawnAccounts {
		if rapid.IntRange(0, 5).Draw(t, "unread") == 0 {
			continue
		}
		inv := access.Inventory{Account: a.ID}
		doc := rapid.SampledFrom([]string{
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
			`{"Version":"2012-10-17","Statement":[{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + string(a.ID) + `:root"},"Action":"sts:AssumeRole"}]}`,
			keepsOut(a.ID),
		}).Draw(t, "document")
		for _, r := range drawnRoles {
			if rapid.IntRange(0, 7).Draw(t, "no role") > 0 {
				inv.Roles = append(inv.Roles, access.LiveDocument{Resource: access.Resource{Kind: access.ResourceRole, Path: r.Path, Name: r.Name}, Exists: true, Document: doc})
			}
		}
		for _, u := range slices.Concat(drawnUsers, keptOutUsers) {
			if rapid.IntRange(0, 7).Draw(t, "no user") == 0 || (u.Account != "" && u.Account != a.ID) {
				continue
			}
			user := access.LiveUser{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: u.Path, Name: u.Name}, Exists: true}}
			if rapid.IntRange(0, 4).Draw(t, "groups") == 0 {
				user.Groups = []string{"admins"}
			}
			inv.Users = append(inv.Users, user)
		}
		known[a.ID] = inv
	}
	return known
}

// keptOutUsers are in keepsOut, and in no mapping.
var keptOutUsers = []access.UserName{{Path: "/", Name: "zoe"}, {Account: "222222222222", Path: "/ops/", Name: "yan"}}

// keepsOut is a trust policy that keeps users out who were removed from the role, as statements of others would let them in.
func keepsOut(id access.AccountID) string {
	return `{"Version":"2012-10-17","Statement":[` +
		`{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::` + string(id) + `:root","arn:aws:iam::222222222222:root"]},"Action":"sts:AssumeRole"},` +
		`{"Sid":"PortcullisDenyRevoked","Effect":"Deny","Principal":{"AWS":["arn:aws:iam::` + string(id) + `:user/zoe","arn:aws:iam::222222222222:user/ops/yan"]},"Action":"sts:AssumeRole"}]}`
}

// selectInventories leaves of what is known only what a query names.
func selectInventories(known map[access.AccountID]access.Inventory, q access.InventoryQuery) map[access.AccountID]access.Inventory {
	part := map[access.AccountID]access.Inventory{}
	for _, id := range q.Accounts {
		whole, ok := known[id]
		if !ok {
			continue
		}
		inv := whole
		inv.Roles, inv.Users, inv.Policies = nil, nil, nil
		for _, d := range whole.Roles {
			if slices.Contains(q.Roles, access.RoleName{Path: d.Resource.Path, Name: d.Resource.Name}) {
				inv.Roles = append(inv.Roles, d)
			}
		}
		for _, u := range whole.Users {
			if slices.Contains(q.Users, access.UserName{Path: u.Resource.Path, Name: u.Resource.Name}) {
				inv.Users = append(inv.Users, u)
			}
		}
		if q.Policies {
			inv.Policies = whole.Policies
		}
		part[id] = inv
	}
	return part
}

// TestPlanOfAPartIsThePlanOfTheWhole: what is planned from the part of the states that a
// change has to do with is what follows from both whole states and everything that is
// known. An account in which a document of one of the whole states does not fit is left
// out of the comparison: the whole says nothing of its other documents.
func TestPlanOfAPartIsThePlanOfTheWhole(t *testing.T) {
	compared, userSide := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		base, known := drawState(t), drawInventories(t)
		edits, next := drawEdits(t, base)
		w := planning.PlanInput{Accounts: drawnAccounts, Now: drawnNow, Inventories: access.InventoriesOf(known)}
		applyUserSide(known, compilerOf(t, w.PolicyInput(base)))
		got := planPart(t, w, known, base, next, edits)
		w.Inventories = access.InventoriesOf(known)
		whole := planning.Planner{Inventories: w.Inventories, Accounts: drawnAccounts}
		was, is := w.PolicyInput(base), w.PolicyInput(next)
		whole.Before, whole.After = compilerOf(t, was), compilerOf(t, is)
		unfit := map[access.AccountID]bool{}
		var want []access.PlannedTarget
		whole.Compile(drawnAccounts.IDs(), func(c planning.CompiledAccount) {
			if c.Fails != nil || c.FailsBefore != nil || len(c.Refusals) > 0 {
				unfit[c.Account.ID] = true
			} else if len(c.Target.Operations) > 0 {
				want = append(want, c.Target)
				compared++
			}
			userSide += len(c.Before.UserSide) + len(c.After.UserSide)
		})
		arranged := access.NewPlan("", want...)
		order.Arrange(order.Reading{Accounts: drawnAccounts, Inventories: w.Inventories}, &arranged)
		want = slices.Collect(arranged.Targets())
		targets := slices.DeleteFunc(slices.Collect(got.Plan.Targets()), func(t access.PlannedTarget) bool { return unfit[t.Account] })
		compare := cmp.Options{cmpopts.EquateEmpty()}
		if len(unfit) > 0 { // what other accounts require of these is not known
			compare = append(compare, cmpopts.IgnoreFields(access.PlannedOperation{}, "Requires"))
		}
		if diff := cmp.Diff(want, targets, compare); diff != "" {
			t.Fatalf("the plan of the whole (-) and of the part (+):\n%s\n%+v\n%+v\n%+v", diff, want, base.Mappings, edits)
		}
		impact, err := policy.Diff(was, is)
		if err != nil {
			t.Fatal(err)
		}
		edited := planning.TouchedBy(edits).Mappings // another name of an allowlist is no edit of a mapping
		impact.Mappings = slices.DeleteFunc(impact.Mappings, func(m policy.MappingChange) bool { return !edited[m.ID] })
		if diff := cmp.Diff(impact, got.Impact, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Fatalf("the impact of the whole (-) and of the part (+):\n%s", diff)
		}
		if len(unfit) == 0 {
			before, after := lintOfParts(was), lintOfParts(is)
			compareIssues(t, before, after, got.Issues)
			compareCleared(t, before, after, got.Cleared)
		}
	})
	if compared == 0 || userSide == 0 {
		t.Errorf("%d targets and %d user-side policies were compared: the universe is too dull", compared, userSide)
	}
}

// TestPushOfSomeAccountsIsThatOfAll: the documents of some accounts, planned from what is
// known of these and what decides on their roles and users elsewhere, are those that
// follow from everything that is known.
func TestPushOfSomeAccountsIsThatOfAll(t *testing.T) {
	compared, userSide := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		state, known := drawState(t), drawInventories(t)
		w := planning.PlanInput{Accounts: drawnAccounts, Now: drawnNow, Inventories: access.InventoriesOf(known)}
		applyUserSide(known, compilerOf(t, w.PolicyInput(state)))
		w.Inventories = access.InventoriesOf(known)
		ids := rapid.SliceOfNDistinct(rapid.SampledFrom(drawnAccounts.IDs()), 1, 2, rapid.ID).Draw(t, "pushed")
		want, _, err := planning.PlanWhole(w, state, ids...)
		if err != nil {
			t.Fatal(err)
		}
		got := planning.Result{}
		c := planning.AffectedIn(w, state, ids)
		for more := true; more; {
			part := selectInventories(known, c.Query)
			for _, id := range ids {
				if inv, read := known[id]; read {
					part[id] = inv
				}
			}
			w.Inventories = access.InventoriesOf(part)
			var through []access.UserName
			if got, through, err = planning.PlanWhole(w, state, ids...); err != nil {
				t.Fatal(err)
			}
			more = c.WithUsers(through)
			more = c.WithLeaving(got.Leaving) || more
			userSide += len(through)
		}
		if diff := cmp.Diff(slices.Collect(want.Plan.Targets()), slices.Collect(got.Plan.Targets()), cmpopts.EquateEmpty()); diff != "" || want.Plan.Documents != got.Plan.Documents {
			t.Fatalf("%v from all that is known (-) and from what decides (+):\n%s\n%+v", ids, diff, state.Mappings)
		}
		compared += got.Plan.Len()
	})
	if compared == 0 || userSide == 0 {
		t.Errorf("%d targets and %d restricted users were compared: the universe is too dull", compared, userSide)
	}
}

// applyUserSide puts the user-side policies of a state into the inventories, as after a push.
func applyUserSide(known map[access.AccountID]access.Inventory, c *policy.Compiler) {
	for _, a := range drawnAccounts {
		inv, read := known[a.ID]
		docs, err := c.Account(a.ID)
		if err != nil || !read {
			continue
		}
		for _, g := range docs.UserSide {
			for i, u := range inv.Users {
				if u.Resource.Path == g.User.Path && u.Resource.Name == g.User.Name {
					inv.Users[i].AttachedPolicies = g.Attachments(a)
				}
			}
			for _, p := range g.Policies {
				inv.Policies = append(inv.Policies, access.LiveDocument{Resource: p.Resource, Exists: true, Document: p.JSON()})
			}
		}
		known[a.ID] = inv
	}
}

func planPart(t *rapid.T, w planning.PlanInput, known map[access.AccountID]access.Inventory, base, next access.State, edits []access.Edit) planning.Result {
	c := planning.NewAffected(w.Accounts, base, next, nil, edits, w.Now)
	for {
		w.Inventories = access.InventoriesOf(selectInventories(known, c.Query))
		p, more, err := planning.PlanChange(w, c)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return p
		}
	}
}

func compilerOf(t *rapid.T, in policy.Input) *policy.Compiler {
	c, err := policy.NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lintOfParts returns the lint issues of a state, without those that need all mappings of a user,
// which lint reports of a whole state only.
func lintOfParts(in policy.Input) []policy.Issue {
	return slices.DeleteFunc(policy.Lint(in), func(i policy.Issue) bool { return i.Code == policy.CodeUserWithoutAccess })
}

// said is what an issue is about, whatever it says of it.
type said struct{ code, object string }

// about treats users who do not exist and users of another partition as the same: lint reports one
// issue of a user who is both in different places.
func about(i policy.Issue) said {
	if i.Code == policy.CodePartition {
		i.Code = policy.CodeUserUnknown
	}
	return said{i.Code, i.Object}
}

// inPlaces are the codes of issues that list all their places once. The whole state names all
// places, and the issues that a change brings name only the new ones.
var inPlaces = []string{policy.CodeNearQuota, policy.CodeUserUnknown, policy.CodePartition, policy.CodeThroughAccount, policy.CodeUnmappedShutOut}

// compareIssues compares the issues that a change brings with the issues of the whole states: every
// one is an issue of the state after, none had the same text as often before, and none that is new
// after is missing.
func compareIssues(t *rapid.T, before, after, brought []policy.Issue) {
	all := func(issues []policy.Issue) map[said]bool {
		m := map[said]bool{}
		for _, i := range issues {
			m[about(i)] = true
		}
		return m
	}
	was, is, got := all(before), all(after), all(brought)
	for _, i := range brought {
		if slices.Contains(inPlaces, i.Code) {
			if !is[about(i)] {
				t.Fatalf("%+v is no issue of the state after", i)
			}
			continue
		}
		if now, then := times(after, i), times(before, i); now <= then {
			t.Fatalf("%+v: said %d times after, %d times before", i, now, then)
		}
	}
	for _, i := range after {
		if key := about(i); !was[key] && !got[key] {
			t.Fatalf("not said: %+v", i)
		}
	}
}

// compareCleared compares the issues that a change clears with the issues of the whole states: each
// was an issue before, does not have the same text as often after, and every issue that is gone
// after is there, except those of foreign statements in AWS.
func compareCleared(t *rapid.T, before, after, cleared []policy.Issue) {
	is, got := map[said]bool{}, map[said]bool{}
	for _, i := range after {
		is[about(i)] = true
	}
	for _, i := range cleared {
		got[about(i)] = true
		if !slices.Contains(inPlaces, i.Code) && times(before, i) <= times(after, i) {
			t.Fatalf("%+v: said %d times before, %d times after", i, times(before, i), times(after, i))
		}
	}
	for _, i := range before {
		ofOthers := i.Code == policy.CodeBypass || i.Code == policy.CodeUserHoldsMore || i.Code == policy.CodeFederatedAccess
		if key := about(i); i.Severity != policy.SeverityInfo && !ofOthers && !is[key] && !got[key] {
			t.Fatalf("not said to go away: %+v", i)
		}
	}
}

// times counts an issue: two mappings of one role in the same accounts have one title.
func times(issues []policy.Issue, of policy.Issue) int {
	n := 0
	for _, i := range issues {
		if i == of {
			n++
		}
	}
	return n
}
