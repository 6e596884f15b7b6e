package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// sharedUsers is a role of a central account that users of many accounts assume: in
// each a deploy and an audit user, and in one of them carol.
func sharedUsers(t *testing.T) Input {
	in := articleInput(t)
	m := &in.State.Mappings[0]
	m.Users = nil
	for i := range 12 {
		id := access.AccountID(fmt.Sprintf("5555555555%02d", i))
		in.Accounts = append(in.Accounts, access.Account{ID: id, Name: "member"})
		m.Users = append(m.Users, access.UserName{Account: id, Path: "/ops/", Name: "deployment"}, access.UserName{Account: id, Path: "/", Name: "audit"})
	}
	m.Users = append(m.Users, access.UserName{Account: "555555555503", Path: "/", Name: "carol"})
	m.Accounts = access.Selector{IDs: []access.AccountID{in.Accounts[0].ID}}
	in.Inventory = access.InventoriesOf(map[access.AccountID]access.Inventory{in.Accounts[0].ID: {Roles: []access.LiveDocument{{
		Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Exists: true,
		Document: doc(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}`),
	}}}})
	return in
}

func sharedRole(t *testing.T) (Input, Compiled) {
	in := sharedUsers(t)
	return in, compile(t, in, in.Accounts[0].ID).Roles[0]
}

func TestPrincipalsAreChosenWhereAccountsShareUsers(t *testing.T) {
	in, role := sharedRole(t)
	if role.Shape != ShapePrincipals || role.Size > role.Limit {
		t.Fatalf("shape %s with %d of %d characters, want principals", role.Shape, role.Size, role.Limit)
	}
	allow := role.Statements[0]
	if len(allow.Principals) != 12 || !slices.Equal(allow.Conditions[0].Values, []string{
		"arn:aws:iam::*:user/audit", "arn:aws:iam::*:user/ops/deployment", "arn:aws:iam::555555555503:user/carol",
	}) {
		t.Errorf("principals %v, condition %+v; want 12 accounts, the shared users once, carol in her account", allow.Principals, allow.Conditions)
	}
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	task, _ := c.bind(in.Accounts[0], c.index[in.Accounts[0].ID], role.role(), []int{0})
	for _, shape := range []Shape{ShapePair, ShapeJoined} {
		if size := iam.DocumentSize(task.statements(shape)); size <= role.Limit {
			t.Errorf("shape %s would fit with %d characters; nothing should be given up", shape, size)
		}
	}
}

func (c Compiled) role() access.RoleName {
	return access.RoleName{Path: c.Resource.Path, Name: c.Resource.Name}
}

func askShared(in Input, user access.UserName, addr string) iam.Request {
	r := aliceFrom(addr)
	r.Principal, r.Role, r.RoleAccount = user, access.RoleName{Path: "/", Name: "Bob"}, in.Accounts[0].ID
	return r
}

func TestPrincipalsMeanTheirUsersOnly(t *testing.T) {
	in, role := sharedRole(t)
	trust := role.JSON()
	const inside = "103.15.250.7"
	for _, tc := range []struct {
		name string
		user access.UserName
		addr string
		want iam.Verdict
	}{
		{"a shared user", access.UserName{Account: "555555555511", Path: "/ops/", Name: "deployment"}, inside, iam.Allowed},
		{"from elsewhere", access.UserName{Account: "555555555511", Path: "/ops/", Name: "deployment"}, "8.8.8.8", iam.Denied},
		{"under another path", access.UserName{Account: "555555555511", Path: "/", Name: "deployment"}, inside, iam.Denied},
		{"in an account that is not mapped", access.UserName{Account: "999999999999", Path: "/ops/", Name: "deployment"}, inside, iam.Denied},
		{"carol", access.UserName{Account: "555555555503", Path: "/", Name: "carol"}, inside, iam.Allowed},
		{"another account's carol", access.UserName{Account: "555555555504", Path: "/", Name: "carol"}, inside, iam.Denied},
	} {
		if got := iam.Evaluate(askShared(in, tc.user, tc.addr), trust, []string{allowsAll}); got.Verdict != tc.want {
			t.Errorf("%s: %s (%s), want %s", tc.name, got.Verdict, got.Sentence, tc.want)
		}
		if got := iam.Evaluate(askShared(in, tc.user, tc.addr), trust, nil); got.Verdict != iam.Denied {
			t.Errorf("%s, without a policy of their own: %s, want denied", tc.name, got.Verdict)
		}
	}
}

// TestAccessOfAUserMadeAgain checks the documentation of the shapes: IAM
// stores a principal's unique id, so a user who is made again is another one to the pair
// and the same to shapes that match an ARN or name (docs/aws-facts.md, "Unique ids in principals").
func TestAccessOfAUserMadeAgain(t *testing.T) {
	alice := access.UserName{Account: "111122223333", Path: "/", Name: "alice"}
	task := roleTask{
		account: access.Account{ID: alice.Account},
		groups:  []bound{{users: []access.UserName{alice}, arns: []string{alice.ARN("aws")}, rule: rule{nets: newNetworks(nil, []access.Entry{entry(t, "203.0.113.0/24")}, testNow)}}},
	}
	r := aliceFrom("203.0.113.7")
	r.PrincipalID = "AIDANEW"
	for shape, want := range map[Shape]iam.Verdict{ShapePair: iam.Denied, ShapeJoined: iam.Denied, ShapePrincipals: iam.Allowed, ShapeNames: iam.Allowed} {
		stored := strings.ReplaceAll(iam.DocumentJSON(task.statements(shape)), `"AWS":"`+alice.ARN("aws")+`"`, `"AWS":"AIDAOLD"`)
		if got := iam.Evaluate(r, stored, []string{allowsAll}); got.Verdict != want {
			t.Errorf("shape %s: %s (%s), want %s", shape, got.Verdict, got.Sentence, want)
		}
	}
	moved := r
	moved.Principal.Path = "/left/"
	for shape, want := range map[Shape]iam.Verdict{ShapePrincipals: iam.Denied, ShapeNames: iam.Allowed} {
		if got := iam.Evaluate(moved, iam.DocumentJSON(task.statements(shape)), []string{allowsAll}); got.Verdict != want {
			t.Errorf("under another path, shape %s: %s (%s), want %s", shape, got.Verdict, got.Sentence, want)
		}
	}
}

func entry(t *testing.T, text string) access.Entry {
	t.Helper()
	e, err := access.ParseEntry(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPrincipalsTakePathsAsTheyAre(t *testing.T) {
	zoe := access.UserName{Account: "111122223333", Path: "/team-*/${aws:username}?/", Name: "zoe"}
	nets := newNetworks(nil, []access.Entry{entry(t, "203.0.113.0/24")}, testNow)
	task := roleTask{account: access.Account{ID: zoe.Account}, groups: []bound{{users: []access.UserName{zoe}, rule: rule{nets: nets}}}}
	trust := iam.DocumentJSON(task.statements(ShapePrincipals))
	for path, want := range map[string]iam.Verdict{zoe.Path: iam.Allowed, "/team-x/zoe?/": iam.Denied, "/team-a/${aws:username}?/": iam.Denied, "/team-*/zoe?/": iam.Denied, "/team-*/${aws:username}x/": iam.Denied} {
		r := aliceFrom("203.0.113.7")
		r.Principal = access.UserName{Account: zoe.Account, Path: path, Name: "zoe"}
		if got := iam.Evaluate(r, trust, []string{allowsAll}); got.Verdict != want {
			t.Errorf("path %s: %s (%s), want %s over %s", path, got.Verdict, got.Sentence, want, trust)
		}
	}
}

// TestPrincipalsAreReadBack: key names ignore case and order counts for nothing, so what
// IAM returns is recognised as ours and written back as we write it.
func TestPrincipalsAreReadBack(t *testing.T) {
	_, role := sharedRole(t)
	ours, err := iam.Ours(strings.ReplaceAll(role.JSON(), "aws:PrincipalArn", "AWS:principalarn"))
	if err != nil {
		t.Fatal(err)
	}
	statements, err := iam.ParseStatements(ours)
	if err != nil {
		t.Fatal(err)
	}
	back := iam.DocumentJSON(statements)
	if !iam.Equal(back, role.JSON(), nil) || !strings.Contains(back, `"aws:PrincipalArn"`) {
		t.Errorf("read back as\n%s\nwant\n%s", back, role.JSON())
	}
}

// TestNamesOfSeveralAccountsShareAStatement: where the same names are mapped.
func TestNamesOfSeveralAccountsShareAStatement(t *testing.T) {
	in, role := sharedRole(t)
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	task, _ := c.bind(in.Accounts[0], c.index[in.Accounts[0].ID], role.role(), []int{0})
	got := task.statements(ShapeNames)
	if len(got) != 4 || len(got[0].Principals) != 11 || len(got[1].Principals) != 1 {
		t.Fatalf("%d statements: %s; want an Allow and a Deny for eleven accounts and for carol's", len(got), iam.Pretty(iam.DocumentJSON(got)))
	}
	if got := iam.Evaluate(askShared(in, access.UserName{Account: "555555555504", Path: "/", Name: "carol"}, "103.15.250.7"), iam.DocumentJSON(got), []string{allowsAll}); got.Verdict != iam.Denied {
		t.Errorf("another account's carol: %s (%s), want denied", got.Verdict, got.Sentence)
	}
}

// TestUserSideKeepsUnmappedOut: with enforcement for everyone and networks in user-side
// policies, mapped users get in as the state says, and no other caller gets in, whatever
// others allow them.
func TestUserSideKeepsUnmappedOut(t *testing.T) {
	verdicts := map[iam.Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := drawLong(t)
		for i := range s.Mappings {
			s.Mappings[i].Enforcement = access.EnforceEveryone
		}
		r := drawAimed(t, s)
		r.Principal = access.UserName{Account: r.RoleAccount, Path: "/", Name: "alice"}
		f := newUserSideFixture(t, s, r)
		if f.trust == "" || len(f.allPolicies[r.Principal]) == 0 {
			return
		}
		admitsAll := `{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"]}`
		trust := strings.Replace(f.trust, `"Statement":[`, `"Statement":[`+admitsAll+`,`, 1)
		want := verdictOf(f.m.allows(r))
		g := f.policies(t, r.Principal, 6144)
		if len(g.Policies) == 0 {
			return
		}
		if got := iam.Evaluate(r, f.trust, documentsOf(g)); got.Verdict != want {
			t.Fatalf("%s (%s), the state says %s for %+v over\n%s", got.Verdict, got.Sentence, want, r, iam.Pretty(f.trust))
		}
		verdicts[want]++
		for _, u := range []access.UserName{
			{Account: r.RoleAccount, Path: "/", Name: "stranger"},
			{Account: r.RoleAccount, Path: "/ops/", Name: "alice"},
			{Account: "888888888888", Path: "/", Name: "alice"},
		} {
			r := r
			r.Principal = u
			if got := iam.Evaluate(r, trust, []string{allowsAll}); got.Verdict != iam.Denied || u.Name == "stranger" && got.Statement != iam.SidPrefix+sidDenyUnmapped {
				t.Fatalf("%s: %s (%s), want kept out by the Deny for the unmapped over\n%s", u, got.Verdict, got.Sentence, iam.Pretty(trust))
			}
		}
	})
	if verdicts[iam.Allowed] == 0 || verdicts[iam.Denied] == 0 {
		t.Errorf("the generator misses: %v", verdicts)
	}
}

func TestAccountsOfUsersAreListedOnce(t *testing.T) {
	got := accountsOf([]access.UserName{{Account: "222222222222"}, {Account: "111111111111"}, {Account: "222222222222"}})
	if !slices.Equal(got, []access.AccountID{"111111111111", "222222222222"}) {
		t.Errorf("got %v", got)
	}
}

// longForEveryone is a role with a list too long for its trust policy, enforced on
// everyone, which trusts nobody else as yet.
func longForEveryone(t *testing.T, trust string) Input {
	in := articleInput(t)
	var keys []string
	for i := range 200 {
		keys = append(keys, fmt.Sprintf("9.%d.%d.0/24", i%7, i))
	}
	in.State.Allowlists[0].Entries = entries(t, keys...)
	in.State.Mappings[0].Enforcement = access.EnforceEveryone
	in.Inventory = access.InventoriesOf(map[access.AccountID]access.Inventory{"111122223333": {
		Roles: []access.LiveDocument{{Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Exists: true, Document: trust}},
		Users: []access.LiveUser{{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}, Exists: true}}},
	}})
	return in
}

// TestUserSideForEveryone: done if no other caller loses access by it. If callers do or may
// lose access, it is refused, and the refusal names them.
func TestUserSideForEveryone(t *testing.T) {
	service := doc(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`)
	in := longForEveryone(t, service)
	docs := compile(t, in, "111122223333")
	if role := docs.Roles[0]; role.Shape != ShapeUserSide || len(docs.UserSide) != 1 {
		t.Fatalf("shape %s with user-side policies of %d users, want ShapeUserSide", role.Shape, len(docs.UserSide))
	}
	merged, _, err := iam.Merge(service, docs.Roles[0].Statements)
	if err != nil {
		t.Fatal(err)
	}
	if bs, err := iam.Bypasses(strings.Replace(merged, `"Statement":[`, `"Statement":[{"Sid":"Later","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"},`, 1), iam.TrustContext{Account: home}); err != nil || len(bs) != 1 || !bs[0].Restricted {
		t.Errorf("bypasses %+v (%v), want one that is restricted", bs, err)
	}
	codes := map[string]string{}
	for _, i := range Lint(in) {
		codes[i.Code] = i.Message
	}
	if !strings.Contains(codes[CodeUnmappedShutOut], "role Bob") || !strings.Contains(codes[CodeThroughAccount], "111122223333") {
		t.Errorf("lint says %v, want both what users by name and the missing Deny for everyone give up", codes)
	}

	for name, tc := range map[string]struct {
		trust, want string
		unread      bool
	}{
		"somebody else is admitted": {trust: doc(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:role/Build"},"Action":"sts:AssumeRole"}`), want: "statements of others admit arn:aws:iam::999999999999:role/Build"},
		"the account is not known":  {unread: true, want: "not known; read the account first"},
	} {
		in := longForEveryone(t, tc.trust)
		if tc.unread {
			in.Inventory = &access.Inventories{}
		}
		c, err := NewCompiler(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Account("111122223333"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want a refusal that says %q", name, err, tc.want)
		}
	}
}

// TestPrincipalsOfSomeAccountsAreNotWrittenForAny: a user whom two of three accounts have
// is named in these, since any account would let in the third's user of that name.
func TestPrincipalsOfSomeAccountsAreNotWrittenForAny(t *testing.T) {
	var users []access.UserName
	for i, id := range []access.AccountID{"111111111111", "222222222222", "333333333333"} {
		users = append(users, access.UserName{Account: id, Path: "/", Name: "audit"})
		if i < 2 {
			users = append(users, access.UserName{Account: id, Path: "/", Name: "dave"})
		}
	}
	got := (&writer{}).principalARNs(users)
	if want := []string{"arn:aws:iam::*:user/audit", "arn:aws:iam::111111111111:user/dave", "arn:aws:iam::222222222222:user/dave"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
