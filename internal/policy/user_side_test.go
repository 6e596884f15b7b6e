package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/iam"
)

// drawLong gives a state's allowlists many more entries, so that users have
// several user-side policies, and leaves only users of the role's own account.
func drawLong(t *rapid.T) access.State {
	s := accesstest.DrawState(t)
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

// userSideFixture is one role in ShapeUserSide.
type userSideFixture struct {
	c           *Compiler
	m           model
	trust       string
	allPolicies map[access.UserName][]userSideRole
	a           access.Account
}

func newUserSideFixture(t *rapid.T, s access.State, r iam.Request) userSideFixture {
	c := mustCompiler(t, inputOf(s))
	account := c.index[r.RoleAccount]
	f := userSideFixture{c: c, m: newModel(s), a: c.accounts[account], allPolicies: map[access.UserName][]userSideRole{}}
	for _, role := range c.byRole(c.mappingsAt(account)) {
		task, _ := c.bind(f.a, account, role.role, role.mappings)
		task.alone = c.offline
		if ok, why := c.userSide(task); !ok {
			t.Fatalf("the role cannot be written in ShapeUserSide: %s", why)
		}
		compiled := Compiled{through: task.usersThroughUserSide(ShapeUserSide)}
		for u, g := range userSideUsers([]Compiled{compiled}) {
			f.allPolicies[u] = append(f.allPolicies[u], g...)
		}
		if role.role == r.Role {
			statements := task.statements(ShapeUserSide)
			checkSids(t, statements)
			f.trust = iam.DocumentJSON(statements)
		}
	}
	return f
}

// policies writes the user-side policies of a user, each of at most limit characters.
func (f userSideFixture) policies(t *rapid.T, u access.UserName, limit int) UserSidePolicies {
	groups := groupUserSide(f.a, f.allPolicies[u])
	parts := f.c.partsOf(groups, limit)
	g := UserSidePolicies{User: u}
	for i, p := range parts {
		ss := p.statements(groups)
		checkSids(t, ss)
		doc := iam.DocumentJSON(ss)
		if iam.DocumentSize(ss) != iam.Size(doc) || iam.Size(doc) > limit {
			t.Fatalf("part %d has %d characters, counted as %d, the limit is %d", i, iam.Size(doc), iam.DocumentSize(ss), limit)
		}
		g.Policies = append(g.Policies, Compiled{Resource: access.UserSidePolicy(u.Name, i+1), Statements: ss})
		g.Starts = append(g.Starts, p.region.from)
	}
	return g
}

func documentsOf(g UserSidePolicies) []string {
	var docs []string
	for _, p := range g.Policies {
		docs = append(docs, p.JSON())
	}
	return docs
}

const allowsAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// aimAtSeams moves a request to an address near a boundary of two policies now and then.
func aimAtSeams(t *rapid.T, r iam.Request, starts []netip.Addr) iam.Request {
	if len(starts) < 2 || r.SourceVPC+r.SourceVPCE != "" || rapid.Bool().Draw(t, "elsewhere") {
		return r
	}
	at := rapid.SampledFrom(starts[1:]).Draw(t, "seam")
	r.SourceIP = rapid.SampledFrom([]netip.Addr{before(at), at, at.Next()}).Draw(t, "near")
	return r
}

// TestUserSidePoliciesMeanTheState: whatever the parts, the decision is the model's; no other Allow
// of the user changes it; and where a part is missing nobody gets in through ours.
func TestUserSidePoliciesMeanTheState(t *testing.T) {
	verdicts, several := map[iam.Verdict]int{}, 0
	defer func() {
		if all := verdicts[iam.Allowed] + verdicts[iam.Denied]; verdicts[iam.Allowed] == 0 || several == 0 {
			t.Errorf("%d of %d requests were allowed, %d met several user-side policies; the generator misses", verdicts[iam.Allowed], all, several)
		}
	}()
	rapid.Check(t, func(t *rapid.T) {
		s := drawLong(t)
		r := drawAimed(t, s)
		r.Principal = access.UserName{Account: r.RoleAccount, Path: "/", Name: "alice"}
		f := newUserSideFixture(t, s, r)
		if f.trust == "" || len(f.allPolicies[r.Principal]) == 0 {
			return
		}
		limit := rapid.SampledFrom([]int{900, 1100, 6144}).Draw(t, "limit")
		g := f.policies(t, r.Principal, limit)
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
			if got := iam.Evaluate(r, f.trust, docs); got.Verdict != want {
				t.Fatalf("%s (%s), the state says %s for %+v\n%s\n%s", got.Verdict, got.Sentence, want, r, iam.Pretty(f.trust), strings.Join(docs, "\n"))
			}
			if got := iam.Evaluate(r, f.trust, append(slices.Clone(docs), allowsAll)); got.Verdict == iam.Allowed && !f.m.inside(allLists, r) {
				t.Fatalf("with another Allow: %s (%s) for %+v", got.Verdict, got.Sentence, r)
			}
			for i := range docs {
				if got := iam.Evaluate(r, f.trust, slices.Delete(slices.Clone(docs), i, i+1)); got.Verdict == iam.Allowed && want != iam.Allowed {
					t.Fatalf("without part %d: %s (%s), the state says %s for %+v", i, got.Verdict, got.Sentence, want, r)
				}
			}
		}
	})
}

var allLists = []string{"office", "vpn", "cloud"}

// TestUserSideChangesLeaveNoGap: while user-side policies replace others in WritingOrder,
// even a user with another Allow comes in only from where the old or the new one admits
// them, and whom both admit stays admitted.
func TestUserSideChangesLeaveNoGap(t *testing.T) {
	moved, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		all++
		r := drawAimed(t, accesstest.DrawState(t))
		r.RoleAccount, r.Partition, r.SourceIdentity, r.MFA, r.MFAAge = "111111111111", "aws", "", true, 0
		r.Principal = access.UserName{Account: r.RoleAccount, Path: "/", Name: "alice"}
		mapping := access.Mapping{ID: "mp-0", Role: r.Role, Users: []access.UserName{{Path: "/", Name: "alice"}}, Accounts: access.Selector{All: true}, Allowlists: allLists, Enforcement: access.EnforceMapped}
		old, now := drawLong(t), drawLong(t)
		old.Mappings, now.Mappings = []access.Mapping{mapping}, []access.Mapping{mapping}
		f, h := newUserSideFixture(t, old, r), newUserSideFixture(t, now, r)
		if len(f.allPolicies[r.Principal]) == 0 || len(h.allPolicies[r.Principal]) == 0 {
			return
		}
		a, b := f.policies(t, r.Principal, 900), h.policies(t, r.Principal, 900)
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
			got := iam.Evaluate(r, f.trust, append(slices.Clone(live), allowsAll))
			if got.Verdict == iam.Allowed && !was && !will {
				t.Fatalf("%s: %s (%s), though neither the old nor the new policies admit %s", when, got.Verdict, got.Sentence, r.SourceIP)
			}
			if got := iam.Evaluate(r, f.trust, live); was && will && got.Verdict != iam.Allowed {
				t.Fatalf("%s: %s (%s), though the old and the new policies admit %s", when, got.Verdict, got.Sentence, r.SourceIP)
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
	if moved == 0 {
		t.Errorf("%d of %d changes were between several policies each; the generator misses", moved, all)
	}
}

// TestRoundest: a region begins after what comes before it, never on its last address.
func TestRoundest(t *testing.T) {
	for _, tc := range []struct{ after, upTo, want string }{
		{"8.8.8.8", "8.8.8.9", "8.8.8.9"},
		{"8.8.8.7", "8.8.8.9", "8.8.8.8"},
		{"8.8.8.255", "9.9.9.0", "9.0.0.0"},
		{"8.255.255.255", "9.0.0.0", "9.0.0.0"},
		{"8.8.8.8", "2600::", "::"},
		{"2600::ffff", "2600:0:0:1::", "2600:0:0:1::"},
		{"9.0.0.0", "9.0.0.1", "9.0.0.1"},
	} {
		if got := roundest(netip.MustParseAddr(tc.after), netip.MustParseAddr(tc.upTo)); got != netip.MustParseAddr(tc.want) {
			t.Errorf("roundest(%s, %s) = %s, want %s", tc.after, tc.upTo, got, tc.want)
		}
	}
}

// TestUserSideNamesOwnAccountOnly: a user who assumes a role of their own account through
// user-side policies keeps the Allow on the role of the same name in another account.
func TestUserSideNamesOwnAccountOnly(t *testing.T) {
	in := long(t)
	in.Accounts = append(in.Accounts, accesstest.InOU(access.Account{ID: "444455556666"}, "Root/Dev"))
	in.State.Allowlists = append(in.State.Allowlists, access.Allowlist{ID: "al-short", Name: "short", Entries: entries(t, "8.8.8.0/24")})
	in.State.Mappings[0].Accounts = access.Selector{IDs: []access.AccountID{home}}
	in.State.Mappings = append(in.State.Mappings, access.Mapping{
		ID: "mp-2", Role: in.State.Mappings[0].Role, Users: []access.UserName{{Account: home, Name: "alice"}},
		Accounts: access.Selector{IDs: []access.AccountID{"444455556666"}}, Allowlists: []string{"short"},
	})
	docs := compile(t, in, home)
	if len(docs.UserSide) != 1 || len(docs.Users) != 1 {
		t.Fatalf("%d users with user-side policies and %d others, want alice's of both kinds", len(docs.UserSide), len(docs.Users))
	}
	own := docs.Users[0].JSON()
	if !strings.Contains(own, "arn:aws:iam::444455556666:role/Bob") || strings.Contains(own, "arn:aws:iam::111122223333:role/Bob") {
		t.Errorf("alice's own policy is %s, want it to name the role in the other account only", own)
	}
}

// TestClosedUsersGetTheirDenyOnly: whom nothing admits, nothing else is asked of.
func TestClosedUsersGetTheirDenyOnly(t *testing.T) {
	in := articleInput(t)
	in.State.Allowlists = append(in.State.Allowlists, access.Allowlist{ID: "al-none", Name: "none"})
	in.State.Mappings[0].RequireMFA = true
	in.State.Mappings = append(in.State.Mappings, access.Mapping{
		ID: "mp-2", Role: in.State.Mappings[0].Role, Users: []access.UserName{{Name: "bob"}}, Accounts: access.Selector{All: true}, Allowlists: []string{"none"},
		RequireMFA: true, MFAMaxAge: time.Hour, SessionName: access.NamingUsername, SourceIdentity: access.NamingUsername,
	})
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	task, _ := c.bind(c.accounts[0], 0, access.RoleName{Path: "/", Name: "Bob"}, []int{0, 1})
	for _, shape := range []Shape{ShapePair, ShapeJoined, ShapePrincipals, ShapeNames} {
		about := 0
		for _, s := range task.statements(shape) {
			if strings.Contains(iam.DocumentJSON([]iam.Statement{s}), `bob"`) {
				about++
				if s.Effect != iam.EffectDeny || len(s.Conditions) > 0 && (shape == ShapePair || shape == ShapeJoined) {
					t.Errorf("%s: statement %s is about bob", shape, s.Sid)
				}
			}
		}
		if about != 1 {
			t.Errorf("%s: %d statements are about bob, want one Deny", shape, about)
		}
	}
}

// TestUserSideOfTwoRolesWithDisjointLists: in a region of the one role's networks the other has
// none, and the Deny of the one strikes nobody who comes from the networks of the other.
func TestUserSideOfTwoRolesWithDisjointLists(t *testing.T) {
	in := long(t)
	var keys []string
	for i := range 500 {
		keys = append(keys, fmt.Sprintf("12.%d.%d.0/24", i/100, i%100*2))
	}
	in.State.Allowlists = append(in.State.Allowlists, access.Allowlist{ID: "al-far", Name: "far", Entries: entries(t, keys...)})
	far := in.State.Mappings[0]
	far.ID, far.Role.Name, far.Allowlists = "mp-2", "Eve", []string{"far"}
	in.State.Mappings = append(in.State.Mappings, far)
	in.Accounts[0].Quotas.Attachments = 20
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	for addr, opens := range map[string]string{
		"9.0.0.7": "Bob", "9.2.98.255": "Bob", "9.4.198.255": "Bob", "12.0.0.7": "Eve", "12.3.0.1": "Eve", "12.4.198.255": "Eve",
		"9.0.1.0": "", "10.0.0.1": "", "12.4.199.0": "", "200.0.0.1": "", "2600::1": "", "": "",
	} {
		for _, role := range []string{"Bob", "Eve"} {
			r := aliceFrom(addr)
			r.Role.Name = role
			if got, err := c.Explain(r); err != nil || got.Verdict != verdictOf(role == opens) {
				t.Errorf("%s from %q: %s (%s), %v", role, addr, got.Verdict, got.Sentence, err)
			}
		}
	}
	docs := compile(t, in, home)
	if len(docs.UserSide) != 1 || len(docs.UserSide[0].Policies) < 2 {
		t.Fatalf("user-side policies %+v, want several of one user", docs.UserSide)
	}
	for _, p := range docs.UserSide[0].Policies {
		if strings.Contains(p.JSON(), iam.SidPrefix+"AllowNoAddress") {
			t.Error("calls without a source address are allowed something, where no VPC or endpoint is listed")
		}
	}
}

// TestUserSideFillsPolicyToTheLastCharacter: what just fits is one policy.
func TestUserSideFillsPolicyToTheLastCharacter(t *testing.T) {
	in := long(t)
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	_, through, err := c.throughUserSide(access.UserName{Account: home, Path: "/", Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	groups := groupUserSide(c.accounts[0], through)
	whole := userSidePart{region: everywhere, whole: true, first: true}
	whole.fill(groups)
	size := iam.DocumentSize(whole.statements(groups))
	if parts := cutParts(groups, size); len(parts) != 1 {
		t.Errorf("%d parts for a limit of just the size, want one", len(parts))
	}
	parts := cutParts(groups, size-1)
	if len(parts) < 2 {
		t.Fatalf("%d parts for a limit of one character less, want several", len(parts))
	}
	// The same for a part: with the size of the first as the limit it is the same again.
	first := iam.DocumentSize(parts[0].statements(groups))
	if again := cutParts(groups, first); len(again) == 0 || again[0].region != parts[0].region {
		t.Errorf("the first part is %+v, and with its very size as the limit %+v", parts[0].region, again)
	}
}

// TestRegionOfPrefixesThatReachIntoIt: a region that begins within a prefix has its
// addresses, too.
func TestRegionOfPrefixesThatReachIntoIt(t *testing.T) {
	addr := netip.MustParseAddr
	cover := prefixes("9.0.0.0/24", "12.0.0.0/8", "13.0.0.0/24", "2600::/16")
	for _, tc := range []struct {
		from, to string
		want     []string
	}{
		{"12.148.72.0", "12.148.74.0", []string{"12.0.0.0/8"}},
		{"12.0.0.0", "12.148.74.0", []string{"12.0.0.0/8"}},
		{"9.0.0.255", "12.0.0.1", []string{"9.0.0.0/24", "12.0.0.0/8"}},
		{"9.0.1.0", "12.0.0.0", nil},
		{"12.255.255.255", "::", []string{"12.0.0.0/8", "13.0.0.0/24"}},
		{"2600:1::", "", []string{"2600::/16"}},
		{"2601::", "", nil},
	} {
		r := region{from: addr(tc.from)}
		if tc.to != "" {
			r.to = addr(tc.to)
		}
		if got := nilIfEmpty(prefixStrings(r.of(cover))); !slices.Equal(got, tc.want) {
			t.Errorf("from %s to %s: %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
}

func TestNetworksDifferInEndpoints(t *testing.T) {
	n := func(vpcs, vpces string) *Networks { return &Networks{VPCs: []string{vpcs}, VPCEs: []string{vpces}} }
	if a := n("vpc-1", "vpce-1"); !a.sameAs(n("vpc-1", "vpce-1")) || a.sameAs(n("vpc-2", "vpce-1")) || a.sameAs(n("vpc-1", "vpce-2")) {
		t.Error("networks are the same where VPCs and endpoints are, and nowhere else")
	}
}
