package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"portcullis/internal/access"
)

// drawLong gives a state's allowlists many more entries, so that gates have several
// parts, and leaves only users of the role's own account.
func drawLong(t *rapid.T) access.State {
	s := drawState(t)
	for i := range s.Allowlists {
		a := &s.Allowlists[i]
		for _, p := range drawPrefixes(t) {
			e, err := access.ParseEntry(p.String())
			if err != nil || slices.ContainsFunc(a.Entries, func(o access.Entry) bool { return o.Key() == e.Key() }) {
				continue
			}
			a.Entries = append(a.Entries, e)
		}
	}
	for i := range s.Mappings {
		s.Mappings[i].Enforcement = access.EnforceMapped
		s.Mappings[i].Users = []access.UserName{{Path: "/", Name: "alice"}, {Path: "/ops/", Name: "carol"}}[:1+i%2]
	}
	return s
}

func drawPrefixes(t *rapid.T) []netip.Prefix {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) netip.Prefix {
		if rapid.IntRange(0, 3).Draw(t, "family") == 0 {
			a := netip.AddrFrom16([16]byte{0x26, rapid.Byte().Draw(t, "b"), rapid.Byte().Draw(t, "c"), 1})
			return netip.PrefixFrom(a, rapid.IntRange(24, 128).Draw(t, "bits")).Masked()
		}
		a := netip.AddrFrom4([4]byte{byte(rapid.IntRange(11, 99).Draw(t, "a")), rapid.Byte().Draw(t, "b"), rapid.Byte().Draw(t, "c"), rapid.Byte().Draw(t, "d")})
		return netip.PrefixFrom(a, rapid.IntRange(12, 32).Draw(t, "bits")).Masked()
	}), 20, 60).Draw(t, "prefixes")
}

// gateFixture is one role written on the users' side.
type gateFixture struct {
	c     *Compiler
	m     model
	trust string
	gates map[access.UserName][]gated
	a     access.Account
}

func newGateFixture(t *rapid.T, s access.State, r Request) gateFixture {
	c := mustCompiler(t, inputOf(s))
	account := c.index[r.RoleAccount]
	f := gateFixture{c: c, m: newModel(s), a: c.accounts[account], gates: map[access.UserName][]gated{}}
	for _, role := range c.byRole(c.mappingsAt(account)) {
		task, _ := c.bind(f.a, account, role.role, role.mappings)
		task.alone = c.offline
		if ok, why := c.userSide(task); !ok {
			t.Fatalf("the role cannot be written on the users' side: %s", why)
		}
		compiled := Compiled{through: task.throughGates(ShapeUserSide)}
		for u, g := range gatedUsers([]Compiled{compiled}) {
			f.gates[u] = append(f.gates[u], g...)
		}
		if role.role == r.Role {
			statements := task.statements(ShapeUserSide)
			checkSids(t, statements)
			f.trust = documentJSON(statements)
		}
	}
	return f
}

// gate writes the gate of a user in policies of so many characters.
func (f gateFixture) gate(t *rapid.T, u access.UserName, limit int) Gate {
	groups := groupGated(f.a, f.gates[u])
	parts := f.c.partsOf(groups, limit)
	g := Gate{User: u}
	for i, p := range parts {
		ss := p.statements(groups)
		checkSids(t, ss)
		doc := documentJSON(ss)
		if documentSize(ss) != Size(doc) || Size(doc) > limit {
			t.Fatalf("part %d has %d characters, counted as %d, the limit is %d", i, Size(doc), documentSize(ss), limit)
		}
		g.Policies = append(g.Policies, Compiled{Resource: access.GatePolicy(u.Name, i+1), Statements: ss})
		g.Starts = append(g.Starts, p.region.from)
	}
	return g
}

func documentsOf(g Gate) []string {
	var docs []string
	for _, p := range g.Policies {
		docs = append(docs, p.JSON())
	}
	return docs
}

const allowsAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// aimAtSeams moves a request to an address near a boundary of a gate now and then.
func aimAtSeams(t *rapid.T, r Request, starts []netip.Addr) Request {
	if len(starts) < 2 || r.SourceVPC+r.SourceVPCE != "" || rapid.Bool().Draw(t, "elsewhere") {
		return r
	}
	at := rapid.SampledFrom(starts[1:]).Draw(t, "seam")
	r.SourceIP = rapid.SampledFrom([]netip.Addr{before(at), at, at.Next()}).Draw(t, "near")
	return r
}

// TestGatesMeanTheState: whatever the parts, the decision is the model's; no other Allow
// of the user changes it; and where a part is missing nobody gets in through ours.
func TestGatesMeanTheState(t *testing.T) {
	verdicts, several := map[Verdict]int{}, 0
	defer func() {
		if all := verdicts[Allowed] + verdicts[Denied]; verdicts[Allowed]*12 < all || several*8 < all {
			t.Errorf("%d of %d requests were allowed, %d met a gate of several parts; the generator misses", verdicts[Allowed], all, several)
		}
	}()
	rapid.Check(t, func(t *rapid.T) {
		s := drawLong(t)
		r := drawAimed(t, s)
		r.Principal = access.UserName{Account: r.RoleAccount, Path: "/", Name: "alice"}
		f := newGateFixture(t, s, r)
		if f.trust == "" || len(f.gates[r.Principal]) == 0 {
			return
		}
		limit := rapid.SampledFrom([]int{900, 1100, 6144}).Draw(t, "limit")
		g := f.gate(t, r.Principal, limit)
		if len(g.Policies) == 0 {
			return // not even the least fits
		}
		for range 6 {
			r := aimAtSeams(t, r, g.Starts)
			want := verdictOf(f.m.allows(r))
			verdicts[want]++
			if len(g.Policies) > 1 {
				several++
			}
			docs := documentsOf(g)
			if got := Evaluate(r, f.trust, docs); got.Verdict != want {
				t.Fatalf("%s (%s), the state says %s for %+v\n%s\n%s", got.Verdict, got.Sentence, want, r, Pretty(f.trust), strings.Join(docs, "\n"))
			}
			if got := Evaluate(r, f.trust, append(slices.Clone(docs), allowsAll)); got.Verdict == Allowed && !f.m.inside(allLists, r) {
				t.Fatalf("with another Allow: %s (%s) for %+v", got.Verdict, got.Sentence, r)
			}
			for i := range docs {
				if got := Evaluate(r, f.trust, slices.Delete(slices.Clone(docs), i, i+1)); got.Verdict == Allowed && want != Allowed {
					t.Fatalf("without part %d: %s (%s), the state says %s for %+v", i, got.Verdict, got.Sentence, want, r)
				}
			}
		}
	})
}

var allLists = []string{"office", "vpn", "cloud"}

// TestGateChangesLeaveNoGap: while one gate replaces another in the order of writing,
// even a user with another Allow comes in only from where the old or the new one admits
// them, and whom both admit stays admitted.
func TestGateChangesLeaveNoGap(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		r := drawAimed(t, drawState(t))
		r.RoleAccount, r.Partition, r.SourceIdentity, r.MFA, r.MFAAge = "111111111111", "aws", "", true, 0
		r.Principal = access.UserName{Account: r.RoleAccount, Path: "/", Name: "alice"}
		mapping := access.Mapping{ID: "mp-0", Role: r.Role, Users: []access.UserName{{Path: "/", Name: "alice"}}, Accounts: access.Selector{All: true}, Allowlists: allLists, Enforcement: access.EnforceMapped}
		old, now := drawLong(t), drawLong(t)
		old.Mappings, now.Mappings = []access.Mapping{mapping}, []access.Mapping{mapping}
		f, h := newGateFixture(t, old, r), newGateFixture(t, now, r)
		if len(f.gates[r.Principal]) == 0 || len(h.gates[r.Principal]) == 0 {
			return
		}
		a, b := f.gate(t, r.Principal, 900), h.gate(t, r.Principal, 900)
		if len(a.Policies) == 0 || len(b.Policies) == 0 {
			return
		}
		if len(a.Policies) > 1 && len(b.Policies) > 1 {
			moved++
		}
		r = aimAtSeams(t, r, slices.Concat(a.Starts, b.Starts[1:]))
		was, will := f.m.inside(allLists, r), h.m.inside(allLists, r)
		live := documentsOf(a)
		for len(live) < len(b.Policies) {
			live = append(live, "")
		}
		check := func(when string) {
			got := Evaluate(r, f.trust, append(slices.Clone(live), allowsAll))
			if got.Verdict == Allowed && !was && !will {
				t.Fatalf("%s: %s (%s), though neither the old nor the new gate admits %s", when, got.Verdict, got.Sentence, r.SourceIP)
			}
			if got := Evaluate(r, f.trust, live); was && will && got.Verdict != Allowed {
				t.Fatalf("%s: %s (%s), though both gates admit %s", when, got.Verdict, got.Sentence, r.SourceIP)
			}
		}
		for _, i := range b.WritingOrder(a) {
			live[i] = b.Policies[i].JSON()
			check(fmt.Sprintf("after part %d of %d in place of %d", i, len(b.Policies), len(a.Policies)))
		}
		for i := len(b.Policies); i < len(a.Policies); i++ {
			live[i] = ""
			check(fmt.Sprintf("after part %d was detached", i))
		}
	})
	if moved < 10 {
		t.Errorf("only %d changes were between gates of several parts; the generator misses", moved)
	}
}
