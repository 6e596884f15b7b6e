package policy

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/iam"
)

// someAddrs are addresses within and outside accesstest.CIDRs.
var someAddrs = []string{
	"", "103.15.250.1", "103.15.250.200", "103.15.251.9", "12.148.72.7", "12.148.73.255", "12.148.74.0", "8.8.8.8", "1.2.3.4",
	"2600:1f00::1", "2600:1f00:1::1", "2a00:5::1", "2b00::1", "::ffff:8.8.8.8",
}

func drawRequest(t *rapid.T) iam.Request {
	account := rapid.SampledFrom(accesstest.Accounts).Draw(t, "account")
	r := iam.Request{
		Role:        rapid.SampledFrom(accesstest.Roles).Draw(t, "role"),
		RoleAccount: account.ID,
		Partition:   account.PartitionOrDefault(),
		Principal:   rapid.SampledFrom(accesstest.Users).Draw(t, "user").In(account.ID),
		SourceVPC:   rapid.SampledFrom(append(accesstest.VPCs, "", "", "vpc-33333333")).Draw(t, "vpc"),
		MFA:         rapid.Bool().Draw(t, "mfa"),
		MFAAge:      rapid.SampledFrom([]time.Duration{0, 10 * time.Minute, 11 * time.Minute, time.Hour, 2 * time.Hour}).Draw(t, "age"),
		SessionName: rapid.SampledFrom([]string{"", "alice", "bob", "carol", "dave"}).Draw(t, "session"),
		Now:         testNow,
	}
	if r.SourceVPC != "" {
		r.SourceVPCE = rapid.SampledFrom(append(accesstest.VPCEs, "vpce-33333333")).Draw(t, "vpce")
	}
	if rapid.Bool().Draw(t, "own session") {
		r.SessionName = r.Principal.Name
	}
	if rapid.Bool().Draw(t, "own identity") {
		r.SourceIdentity = r.Principal.Name
	}
	if a := rapid.SampledFrom(someAddrs).Draw(t, "address"); a != "" {
		r.SourceIP = netip.MustParseAddr(a)
	}
	return r
}

// drawAimed draws a request that has a good chance to be allowed: by a mapped user, from
// an entry of one of the mapping's lists, mostly with what conditions ask for.
func drawAimed(t *rapid.T, s access.State) iam.Request {
	r := drawRequest(t)
	m := rapid.SampledFrom(s.Mappings).Draw(t, "aim")
	for _, a := range accesstest.Accounts {
		if m.Accounts.Matches(a) {
			r.RoleAccount, r.Partition = a.ID, a.PartitionOrDefault()
			break
		}
	}
	r.Role = m.Role
	r.Principal = rapid.SampledFrom(m.Users).Draw(t, "mapped user").In(r.RoleAccount)
	r.MFA, r.SessionName, r.SourceIdentity = true, r.Principal.Name, ""
	r.MFAAge = rapid.SampledFrom([]time.Duration{5 * time.Minute, 5 * time.Minute, 20 * time.Minute}).Draw(t, "recent")
	for _, x := range s.Mappings {
		if x.SourceIdentity == access.NamingUsername && x.Role == r.Role {
			r.SourceIdentity = rapid.SampledFrom([]string{r.Principal.Name, ""}).Draw(t, "identity")
		}
	}
	switch rapid.IntRange(0, 7).Draw(t, "flaw") {
	case 0:
		r.MFA = false
	case 1:
		r.MFAAge = 2 * time.Hour
	case 2:
		r.SessionName = "somebody"
	}
	aimAt(t, s, m, &r)
	return r
}

func aimAt(t *rapid.T, s access.State, m access.Mapping, r *iam.Request) {
	list := rapid.SampledFrom(m.Allowlists).Draw(t, "list")
	for _, a := range s.Allowlists {
		if a.Name != list || len(a.Entries) == 0 {
			continue
		}
		e := rapid.SampledFrom(a.Entries).Draw(t, "from")
		r.SourceVPC, r.SourceVPCE = "", ""
		switch e.Kind {
		case access.EntryVPC:
			r.SourceVPC = e.Endpoint
		case access.EntryVPCE:
			r.SourceVPCE = e.Endpoint
		default:
			r.SourceIP = e.Prefix.Addr()
		}
	}
}

// model is the meaning of a state, said without documents: the joined allowlists and the
// stricter conditions of the mappings that reach user and role in the account.
type model struct {
	state    access.State
	accounts map[access.AccountID]access.Account
}

func newModel(s access.State) model {
	m := model{state: s, accounts: map[access.AccountID]access.Account{}}
	for _, a := range accesstest.Accounts {
		m.accounts[a.ID] = a
	}
	return m
}

func (m model) reaching(r iam.Request) []access.Mapping {
	var ms []access.Mapping
	for _, x := range m.state.Mappings {
		if x.Role == r.Role && x.Accounts.Matches(m.accounts[r.RoleAccount]) {
			ms = append(ms, x)
		}
	}
	return ms
}

func (m model) allows(r iam.Request) bool {
	if a, ok := m.accounts[r.Principal.Account]; ok && a.PartitionOrDefault() != r.Partition {
		return false
	}
	mapped, inside, sourceWanted := false, false, false
	for _, x := range m.reaching(r) {
		for _, u := range x.Users {
			if u.In(r.RoleAccount) != r.Principal {
				continue
			}
			mapped = true
			inside = inside || m.inside(x.Allowlists, r)
			if x.RequireMFA && !r.MFA || x.MFAMaxAge > 0 && r.MFAAge > x.MFAMaxAge {
				return false
			}
			if x.SessionName == access.NamingUsername && r.SessionName != r.Principal.Name {
				return false
			}
			if x.SourceIdentity == access.NamingUsername {
				sourceWanted = true
				if r.SourceIdentity != r.Principal.Name {
					return false
				}
			}
		}
	}
	// Setting a source identity takes a permission of its own, which only those have of
	// whom it is asked.
	return mapped && inside && (r.SourceIdentity == "" || sourceWanted)
}

func (m model) inside(lists []string, r iam.Request) bool {
	for _, a := range m.state.Allowlists {
		for _, name := range lists {
			if a.Name != name {
				continue
			}
			for _, e := range a.Entries {
				live := e.Expires.IsZero() || r.Now.Before(e.Expires)
				if live && m.admits(e, r) {
					return true
				}
			}
		}
	}
	return false
}

func (m model) admits(e access.Entry, r iam.Request) bool {
	switch through := r.SourceVPC != "" || r.SourceVPCE != ""; e.Kind {
	case access.EntryVPC:
		return e.Endpoint == r.SourceVPC
	case access.EntryVPCE:
		return e.Endpoint == r.SourceVPCE
	default:
		return !through && r.SourceIP.IsValid() && e.Prefix.Contains(r.SourceIP.Unmap())
	}
}

func verdictOf(allowed bool) iam.Verdict {
	if allowed {
		return iam.Allowed
	}
	return iam.Denied
}

func mustCompiler(t *rapid.T, in Input) *Compiler {
	c, err := NewCompiler(in)
	if err != nil {
		t.Fatalf("NewCompiler: %v", err)
	}
	return c
}

func inputOf(s access.State) Input {
	accounts := make([]access.Account, len(accesstest.Accounts))
	copy(accounts, accesstest.Accounts)
	for i := range accounts {
		accounts[i].Quotas.TrustPolicy, accounts[i].Quotas.UserPolicy = 100_000, 100_000
	}
	return Input{State: s, Accounts: accounts, Now: testNow}
}

// TestDocumentsMeanTheState: for random states and callers, the decision over the
// documents is the model's, in every shape.
func TestDocumentsMeanTheState(t *testing.T) {
	verdicts := map[iam.Verdict]int{}
	defer func() {
		// A generator that never hits the mark would prove nothing.
		if all := verdicts[iam.Allowed] + verdicts[iam.Denied]; verdicts[iam.Allowed] == 0 || verdicts[iam.Denied] == 0 {
			t.Errorf("%d of %d requests were allowed; the generator misses", verdicts[iam.Allowed], all)
		}
	}()
	rapid.Check(t, func(t *rapid.T) {
		state := accesstest.DrawState(t)
		c := mustCompiler(t, inputOf(state))
		m := newModel(state)
		for i := range 12 {
			r := drawAimed(t, state)
			if i%3 == 0 {
				r = drawRequest(t)
			}
			want := verdictOf(m.allows(r))
			verdicts[want]++
			got, err := c.Explain(r)
			if err != nil {
				t.Fatal(err)
			}
			if got.Verdict != want {
				t.Fatalf("Explain(%+v) = %s (%s), the state says %s", r, got.Verdict, got.Sentence, want)
			}
			checkShapes(t, c, r, want)
		}
	})
}

// checkShapes decides the request over each shape of the role's document.
func checkShapes(t *rapid.T, c *Compiler, r iam.Request, want iam.Verdict) {
	account := c.index[r.RoleAccount]
	var mappings []int
	for _, i := range c.mappingsAt(account) {
		if c.mappings[i].Role == r.Role {
			mappings = append(mappings, i)
		}
	}
	if len(mappings) == 0 {
		return
	}
	own, err := c.policiesFor(r.Principal)
	if err != nil {
		t.Fatal(err)
	}
	task, _ := c.bind(c.accounts[account], account, r.Role, mappings)
	for _, shape := range []Shape{ShapePair, ShapeJoined, ShapeEveryone, ShapePrincipals, ShapePrincipalsEveryone, ShapeNames, ShapeNamesEveryone} {
		statements := task.statements(shape)
		if len(statements) == 0 {
			continue
		}
		trust := iam.DocumentJSON(statements)
		if got, want := iam.DocumentSize(statements), iam.Size(trust); got != want {
			t.Fatalf("shape %s: size %d, the document has %d", shape, got, want)
		}
		checkSids(t, statements)
		got := iam.Evaluate(r, trust, own)
		if got.Verdict != want {
			t.Fatalf("shape %s: %s (%s), the state says %s for %+v\n%s", shape, got.Verdict, got.Sentence, want, r, iam.Pretty(trust))
		}
	}
}

func checkSids(t *rapid.T, statements []iam.Statement) {
	seen := map[string]bool{}
	for _, s := range statements {
		if seen[s.Sid] || !sidPattern.MatchString(s.Sid) {
			t.Fatalf("Sid %q is used twice or is not allowed", s.Sid)
		}
		seen[s.Sid] = true
	}
}

// TestEveryoneRestrictsUnmappedUsers: a user whom only a statement of others admits gets in
// from the union of the mapped networks if enforcement is everyone, and from anywhere if it
// is not.
func TestEveryoneRestrictsUnmappedUsers(t *testing.T) {
	const stranger = "stranger"
	rapid.Check(t, func(t *rapid.T) {
		state := accesstest.DrawState(t)
		c := mustCompiler(t, inputOf(state))
		m := newModel(state)
		r := drawAimed(t, state)
		r.Principal = access.UserName{Account: r.RoleAccount, Path: "/", Name: stranger}
		r.SourceIdentity = ""
		r.MFA, r.MFAAge = true, 0 // MFA has a test of its own
		trust, err := c.trustFor(c.index[r.RoleAccount], r.Role, r.Principal)
		if err != nil {
			t.Fatal(err)
		}
		everyone, inside := false, false
		for _, x := range m.reaching(r) {
			everyone = everyone || x.Enforcement == access.EnforceEveryone
			inside = inside || m.inside(x.Allowlists, r)
		}
		foreign := `{"Version":"2012-10-17","Statement":[{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"` + r.Principal.ARN(r.Partition) + `"},"Action":"sts:AssumeRole"}]}`
		ours, err := iam.ParseStatements(mustOurs(t, trust))
		if err != nil {
			t.Fatal(err)
		}
		merged, _, err := iam.Merge(foreign, ours)
		if err != nil {
			t.Fatal(err)
		}
		want := verdictOf(!everyone || inside)
		if got := iam.Evaluate(r, merged, nil); got.Verdict != want {
			t.Fatalf("%s (%s), want %s for %+v over\n%s", got.Verdict, got.Sentence, want, r, iam.Pretty(merged))
		}
	})
}

func mustOurs(t *rapid.T, doc string) string {
	ours, err := iam.Ours(doc)
	if err != nil {
		t.Fatal(err)
	}
	return ours
}

// TestCompilingIsDeterministic: the order in which the state lists things makes no
// difference to the bytes.
func TestCompilingIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := accesstest.DrawState(t)
		shuffled := access.State{
			Allowlists: rapid.Permutation(state.Allowlists).Draw(t, "allowlists"),
			Mappings:   rapid.Permutation(state.Mappings).Draw(t, "mappings"),
		}
		for i := range shuffled.Mappings {
			shuffled.Mappings[i].Users = rapid.Permutation(shuffled.Mappings[i].Users).Draw(t, "users")
		}
		a, b := mustCompiler(t, inputOf(state)), mustCompiler(t, inputOf(shuffled))
		for _, id := range a.Accounts() {
			if x, y := printed(t, a, id), printed(t, b, id); x != y {
				t.Fatalf("account %s:\n%s\n%s", id, x, y)
			}
		}
	})
}

func printed(t *rapid.T, c *Compiler, id access.AccountID) string {
	docs, err := c.Account(id)
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, d := range append(docs.Roles, docs.Users...) {
		out += d.Resource.String() + " " + d.JSON() + "\n"
	}
	return out
}
