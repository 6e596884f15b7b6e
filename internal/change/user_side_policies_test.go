package change

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/planning"
)

const userSideAccount = access.AccountID("111122223333")

// networksFrom makes n networks that cannot be joined.
func networksFrom(t *testing.T, first, n int) []access.Entry {
	t.Helper()
	var es []access.Entry
	for i := range n {
		e, err := access.ParseEntry(fmt.Sprintf("%d.%d.%d.0/24", first, i/100, 2*(i%100)))
		if err != nil {
			t.Fatal(err)
		}
		es = append(es, e)
	}
	return es
}

func userSideState(lists map[string][]access.Entry, mappings ...access.Mapping) access.State {
	var s access.State
	for name, es := range lists {
		s.Allowlists = append(s.Allowlists, access.Allowlist{ID: "al-" + name, Name: name, Entries: es})
	}
	for i, m := range mappings {
		m.ID, m.Accounts = fmt.Sprintf("mp-%d", i), access.Selector{All: true}
		s.Mappings = append(s.Mappings, m)
	}
	s.Sort()
	return s
}

func mapsTo(role, list string, users ...string) access.Mapping {
	m := access.Mapping{Role: access.RoleName{Path: "/", Name: role}, Allowlists: []string{list}}
	for _, u := range users {
		m.Users = append(m.Users, access.UserName{Name: u})
	}
	return m
}

// userSideModel is one account to which operations are applied one by one.
type userSideModel struct {
	trust, inline, policies map[string]string
	attached                map[string][]string
}

func newUserSideModel() *userSideModel {
	return &userSideModel{map[string]string{}, map[string]string{}, map[string]string{}, map[string][]string{"alice": {billing}}}
}

const billing = "arn:aws:iam::aws:policy/job-function/Billing"

func (m *userSideModel) inventory() access.Inventory {
	inv := access.Inventory{Account: userSideAccount}
	for _, role := range []string{"Bob", "Deploy"} {
		inv.Roles = append(inv.Roles, access.LiveDocument{Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: role}, Exists: true, Document: m.trust[role]})
	}
	for _, u := range []string{"alice", "bob"} {
		inv.Users = append(inv.Users, access.LiveUser{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: u}, Exists: true, Document: m.inline[u]}, AttachedPolicies: m.attached[u]})
	}
	for name, doc := range m.policies {
		inv.Policies = append(inv.Policies, access.LiveDocument{Resource: access.Resource{Kind: access.ResourcePolicy, Path: access.UserSidePath, Name: name}, Exists: true, Document: doc})
	}
	return inv
}

// apply does one write as IAM would, and refuses what IAM refuses.
func (m *userSideModel) apply(t *testing.T, op access.PlannedOperation) {
	t.Helper()
	arn := op.Resource.ARN("aws", userSideAccount)
	switch op.Kind {
	case access.OpTrustPolicy:
		m.trust[op.Resource.Name] = op.After
	case access.OpUserPolicy, access.OpDeleteUserPolicy:
		m.inline[op.Resource.Name] = op.After
	case access.OpUserSidePolicy:
		m.policies[op.Resource.Name] = op.After
	case access.OpDeleteUserSidePolicy:
		for u, arns := range m.attached {
			if slices.Contains(arns, arn) {
				t.Errorf("%s is removed while it is attached to %s", op.Resource, u)
			}
		}
		delete(m.policies, op.Resource.Name)
	case access.OpAttachments:
		arns, err := access.Attachments(op.After)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range arns {
			if name := a[strings.LastIndex(a, "/")+1:]; a != billing && m.policies[name] == "" {
				t.Errorf("%s is attached before it is made", name)
			}
		}
		m.attached[op.Resource.Name] = arns
	}
}

// verdict decides for a user; another Allow of theirs is added when wild is set.
func (m *userSideModel) verdict(user, role, from string, wild bool) bool {
	docs := []string{m.inline[user]}
	for _, arn := range m.attached[user] {
		docs = append(docs, m.policies[arn[strings.LastIndex(arn, "/")+1:]])
	}
	if wild {
		docs = append(docs, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	}
	r := iam.Request{
		Principal: access.UserName{Account: userSideAccount, Path: "/", Name: user}, Role: access.RoleName{Path: "/", Name: role}, RoleAccount: userSideAccount,
		SourceIP: netip.MustParseAddr(from), SessionName: user, Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	}
	return iam.Evaluate(r, m.trust[role], docs).Verdict == iam.Allowed
}

// planBetween plans what leads from one state to another.
func planBetween(w planning.PlanInput, before, after access.State) (planning.Result, error) {
	c := planning.NewAffected(w.Accounts, before, after, nil, access.EditsBetween(before, after), w.Now)
	for {
		if p, more, err := planning.PlanChange(w, c); !more {
			return p, err
		}
	}
}

// push carries out a plan and looks at everybody after each write.
func (m *userSideModel) push(t *testing.T, before, after access.State) []access.PlannedOperation {
	t.Helper()
	w := planning.PlanInput{
		Accounts: []access.Account{{ID: userSideAccount, Name: "payments", State: access.AccountActive}}, Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Inventories: access.InventoriesOf(map[access.AccountID]access.Inventory{userSideAccount: m.inventory()}),
	}
	p, err := planBetween(w, before, after)
	if err != nil || len(p.Refusals) > 0 {
		t.Fatalf("planning: %v %v", err, p.Refusals)
	}
	var ops []access.PlannedOperation
	for target := range p.Plan.Targets() {
		ops = append(ops, target.Operations...)
	}
	end := newUserSideModel()
	for _, mine := range []struct{ from, to map[string]string }{{m.trust, end.trust}, {m.inline, end.inline}, {m.policies, end.policies}} {
		for k, v := range mine.from {
			mine.to[k] = v
		}
	}
	for u, arns := range m.attached {
		end.attached[u] = arns
	}
	begin := *end
	begin.trust, begin.inline, begin.policies, begin.attached = clone(m.trust), clone(m.inline), clone(m.policies), clone(m.attached)
	for _, op := range ops {
		end.apply(t, op)
	}
	for i, op := range ops {
		m.apply(t, op)
		m.between(t, &begin, end, fmt.Sprintf("after write %d of %d (%s %s)", i+1, len(ops), op.Kind, op.Resource))
	}
	return ops
}

func clone[V any](in map[string]V) map[string]V {
	out := make(map[string]V, len(in))
	for k, v := range in {
		out[k] = v
	}
	return out
}

// between checks that nobody is let in who is neither before nor after, and nobody kept
// out who is let in both before and after.
func (m *userSideModel) between(t *testing.T, begin, end *userSideModel, when string) {
	t.Helper()
	for _, user := range []string{"alice", "bob"} {
		for _, role := range []string{"Bob", "Deploy"} {
			for _, from := range []string{"20.0.0.9", "20.1.2.9", "21.0.4.9", "22.1.6.9", "23.0.0.9", "103.15.250.9", "8.8.8.8"} {
				if m.verdict(user, role, from, true) && !begin.verdict(user, role, from, true) && !end.verdict(user, role, from, true) {
					t.Errorf("%s %s gets %s from %s, though neither before nor after", when, user, role, from)
				}
				if !m.verdict(user, role, from, false) && begin.verdict(user, role, from, false) && end.verdict(user, role, from, false) {
					t.Errorf("%s %s is kept out of %s from %s, though let in before and after", when, user, role, from)
				}
			}
		}
	}
}

func kindsOf(ops []access.PlannedOperation) string {
	var kinds []string
	for _, op := range ops {
		kinds = append(kinds, string(op.Kind)+" "+op.Resource.Name)
	}
	return strings.Join(kinds, ", ")
}

// TestUserSidePoliciesAreWrittenInASafeOrder walks through the life of a list: short, long, much
// longer, other people, short again, gone.
func TestUserSidePoliciesAreWrittenInASafeOrder(t *testing.T) {
	short := networksFrom(t, 20, 3)
	long := networksFrom(t, 20, 180)
	longer := slices.Concat(networksFrom(t, 20, 180), networksFrom(t, 21, 180), networksFrom(t, 22, 180), networksFrom(t, 23, 100))
	moved := slices.Concat(networksFrom(t, 22, 180), networksFrom(t, 23, 180), networksFrom(t, 24, 180))
	of := func(es []access.Entry) map[string][]access.Entry { return map[string][]access.Entry{"l": es} }
	m, state := newUserSideModel(), access.State{}
	for _, step := range []struct {
		name string
		to   access.State
		want string // the writes; not looked at when empty
	}{
		{"short", userSideState(of(short), mapsTo("Bob", "l", "alice")), "trust_policy Bob, user_policy alice"},
		{"long", userSideState(of(long), mapsTo("Bob", "l", "alice")), "user_side_policy Portcullis-alice-1, attachments alice, trust_policy Bob, delete_user_policy alice"},
		{"somebody more", userSideState(of(long), mapsTo("Bob", "l", "alice", "bob")), "user_side_policy Portcullis-bob-1, attachments bob, trust_policy Bob"},
		{"a second role", userSideState(of(long), mapsTo("Bob", "l", "alice", "bob"), mapsTo("Deploy", "l", "alice")), "user_side_policy Portcullis-alice-1, trust_policy Deploy"},
		{"longer", userSideState(of(longer), mapsTo("Bob", "l", "alice", "bob"), mapsTo("Deploy", "l", "alice")), ""},
		{"somebody less", userSideState(of(longer), mapsTo("Bob", "l", "bob"), mapsTo("Deploy", "l", "alice")), ""},
		{"elsewhere", userSideState(of(moved), mapsTo("Bob", "l", "bob"), mapsTo("Deploy", "l", "alice")), ""},
		{"long again", userSideState(of(long), mapsTo("Bob", "l", "bob"), mapsTo("Deploy", "l", "alice", "bob")), ""},
		{"short again", userSideState(of(short), mapsTo("Bob", "l", "bob"), mapsTo("Deploy", "l", "alice", "bob")), ""},
		{"gone", userSideState(of(short)), ""},
	} {
		ops := m.push(t, state, step.to)
		if got := kindsOf(ops); step.want != "" && got != step.want {
			t.Errorf("%s: written are\n%s\nwant\n%s", step.name, got, step.want)
		}
		if t.Failed() {
			t.Fatalf("%s: %s", step.name, kindsOf(ops))
		}
		state = step.to
	}
	if len(m.policies) != 0 || len(m.attached["bob"]) != 0 || len(m.attached["alice"]) != 1 {
		t.Errorf("at the end there are policies %v and attachments %v", m.policies, m.attached)
	}
}

// TestASwapOnTheUsersSideIsRefused: there is no safe order for it in one step.
func TestASwapOnTheUsersSideIsRefused(t *testing.T) {
	lists := map[string][]access.Entry{"l": networksFrom(t, 20, 180)}
	m := newUserSideModel()
	before := userSideState(lists, mapsTo("Bob", "l", "alice"), mapsTo("Deploy", "l", "bob"))
	m.push(t, access.State{}, before)
	w := planning.PlanInput{Accounts: []access.Account{{ID: userSideAccount, Name: "payments", State: access.AccountActive}}, Inventories: access.InventoriesOf(map[access.AccountID]access.Inventory{userSideAccount: m.inventory()})}
	p, err := planBetween(w, before, userSideState(lists, mapsTo("Bob", "l", "bob"), mapsTo("Deploy", "l", "alice")))
	if err != nil || len(p.Refusals) == 0 || !strings.Contains(access.FieldsOf(p.Refusals[0])[0].Message, "separate change") {
		t.Errorf("refusals %v (%v), want one that asks for two changes", p.Refusals, err)
	}
}
