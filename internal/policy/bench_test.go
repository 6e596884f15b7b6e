package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/cidr"
	"portcullis.internal/portcullis/internal/iam"
)

// wholeOrganization has accounts × roles × users, all from one list of many entries.
func wholeOrganization(accounts, roles, users, entryCount int) Input {
	in := Input{Now: testNow}
	for i := range accounts {
		in.Accounts = append(in.Accounts, accesstest.InOU(access.Account{
			ID: access.AccountID(fmt.Sprintf("%012d", i+1)), Quotas: access.Quotas{TrustPolicy: 8192},
		}, fmt.Sprintf("Root/Unit%02d", i%20)))
	}
	list := access.Allowlist{ID: "al-1", Name: "office"}
	for i := range entryCount {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{12, byte(i / 128), byte(i % 128 * 2), 0}), 24)
		list.Entries = append(list.Entries, access.Entry{Kind: access.EntryCIDR, Prefix: p})
	}
	in.State.Allowlists = []access.Allowlist{list}
	for r := range roles {
		m := access.Mapping{ID: fmt.Sprintf("mp-%d", r), Role: access.RoleName{Path: "/", Name: fmt.Sprintf("Role%d", r)}, Accounts: access.Selector{All: true}, Allowlists: []string{"office"}}
		for u := range users {
			m.Users = append(m.Users, access.UserName{Path: "/", Name: fmt.Sprintf("user-name-%02d", u)})
		}
		in.State.Mappings = append(in.State.Mappings, m)
	}
	return in
}

func compileAll(b *testing.B, in Input) (documents int) {
	c, err := NewCompiler(in)
	if err != nil {
		b.Fatal(err)
	}
	for _, id := range c.Accounts() {
		docs, err := c.Account(id)
		if err != nil {
			b.Fatal(err)
		}
		documents += len(docs.Roles) + len(docs.Users)
	}
	return documents
}

// BenchmarkCompile compiles a whole organization: 5 roles × 10 users in each account,
// 200 entries. The time per account must not grow.
func BenchmarkCompile(b *testing.B) {
	for _, accounts := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			in := wholeOrganization(accounts, 5, 10, 200)
			b.ReportAllocs()
			for b.Loop() {
				compileAll(b, in)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*accounts), "µs/account")
		})
	}
}

// BenchmarkCompileEntries grows the allowlist, whose cover is computed once.
func BenchmarkCompileEntries(b *testing.B) {
	for _, n := range []int{2, 20, 200} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			in := wholeOrganization(1_000, 5, 10, n)
			b.ReportAllocs()
			for b.Loop() {
				compileAll(b, in)
			}
		})
	}
}

// BenchmarkCompileUsers grows the users of one role.
func BenchmarkCompileUsers(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("users=%d", n), func(b *testing.B) {
			in := wholeOrganization(100, 1, n, 20)
			for i := range in.Accounts {
				in.Accounts[i].Quotas.TrustPolicy = 100_000
			}
			b.ReportAllocs()
			for b.Loop() {
				compileAll(b, in)
			}
		})
	}
}

// BenchmarkCompileGroups grows the users of one role who each have an allowlist of their
// own, so that each is a group, and BenchmarkCompileShared those of accounts of their own.
func BenchmarkCompileGroups(b *testing.B) {
	for _, n := range []int{10, 100, 1_000} {
		b.Run(fmt.Sprintf("groups=%d", n), func(b *testing.B) {
			in := wholeOrganization(1, 0, 0, 0)
			in.Accounts[0].Quotas.TrustPolicy = 1_000_000
			for i := range n {
				list := access.Allowlist{ID: fmt.Sprintf("al-%d", i), Name: fmt.Sprintf("list-%d", i), Entries: []access.Entry{{Kind: access.EntryCIDR, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{12, byte(i >> 8), byte(i), 7}), 32)}}}
				in.State.Allowlists = append(in.State.Allowlists, list)
				in.State.Mappings = append(in.State.Mappings, access.Mapping{
					ID: fmt.Sprintf("mp-%d", i), Role: access.RoleName{Path: "/", Name: "Role0"}, Users: []access.UserName{{Path: "/", Name: fmt.Sprintf("user-%d", i)}},
					Accounts: access.Selector{All: true}, Allowlists: []string{list.Name},
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				compileAll(b, in)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/group")
		})
	}
}

func BenchmarkCompileShared(b *testing.B) {
	for _, n := range []int{10, 100, 1_000} {
		b.Run(fmt.Sprintf("accounts=%d", n), func(b *testing.B) {
			in := wholeOrganization(n, 1, 0, 20)
			in.State.Mappings[0].Accounts = access.Selector{IDs: []access.AccountID{in.Accounts[0].ID}}
			for i, a := range in.Accounts {
				in.State.Mappings[0].Users = append(in.State.Mappings[0].Users, access.UserName{Account: a.ID, Path: "/", Name: fmt.Sprintf("user-%d", i)})
			}
			in.Accounts[0].Quotas.TrustPolicy = 1_000_000
			b.ReportAllocs()
			for b.Loop() {
				compileAll(b, in)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/account")
		})
	}
}

// BenchmarkRenderDocuments writes every document out as well.
func BenchmarkRenderDocuments(b *testing.B) {
	in := wholeOrganization(1_000, 5, 10, 200)
	b.ReportAllocs()
	for b.Loop() {
		c, err := NewCompiler(in)
		if err != nil {
			b.Fatal(err)
		}
		written := 0
		for _, id := range c.Accounts() {
			docs, err := c.Account(id)
			if err != nil {
				b.Fatal(err)
			}
			for _, d := range docs.Roles {
				written += len(d.JSON())
			}
		}
		b.SetBytes(int64(written))
	}
}

func BenchmarkCover(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("prefixes=%d", n), func(b *testing.B) {
			ps := make([]netip.Prefix, n)
			for i := range ps {
				x := uint32(i) * 2654435761
				ps[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(x >> 24), byte(x >> 16), byte(x >> 8), byte(x)}), 24).Masked()
			}
			b.ReportAllocs()
			for b.Loop() {
				cidr.Cover(ps)
			}
		})
	}
}

// eightKilobytes are two spellings of one document of 8 KB.
func eightKilobytes() (string, string) {
	var users, nets []string
	for i := range 100 {
		users = append(users, fmt.Sprintf(`"arn:aws:iam::111122223333:user/user-%03d"`, i))
	}
	for i := range 200 {
		nets = append(nets, fmt.Sprintf(`"12.%d.%d.0/24"`, i%8, i))
	}
	write := func(users, nets []string) string {
		return doc(`{"Sid":"A","Effect":"Allow","Principal":{"AWS":[`+strings.Join(users, ",")+`]},"Action":"sts:AssumeRole"}`,
			`{"Sid":"B","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":[`+strings.Join(nets, ",")+`]}}}`)
	}
	a := write(users, nets)
	for i, j := 0, len(users)-1; i < j; i, j = i+1, j-1 {
		users[i], users[j] = users[j], users[i]
	}
	return a, write(users, nets)
}

func BenchmarkEqual(b *testing.B) {
	x, y := eightKilobytes()
	if !iam.Equal(x, y, nil) {
		b.Fatal("the documents differ")
	}
	b.SetBytes(int64(len(x) + len(y)))
	b.ReportAllocs()
	for b.Loop() {
		iam.Equal(x, y, nil)
	}
}

// BenchmarkDecide decides over a parsed document with 10 users and 200 networks.
func BenchmarkDecide(b *testing.B) {
	in := wholeOrganization(1, 1, 10, 200)
	c, err := NewCompiler(in)
	if err != nil {
		b.Fatal(err)
	}
	docs, err := c.Account("000000000001")
	if err != nil {
		b.Fatal(err)
	}
	trust, own := iam.ParsePolicy(docs.Roles[0].JSON()), []*iam.Policy{iam.ParsePolicy(docs.Users[0].JSON())}
	for name, addr := range map[string]string{"allowed": "12.0.100.7", "denied": "8.8.8.8"} {
		b.Run(name, func(b *testing.B) {
			r := iam.Request{Principal: access.UserName{Account: "000000000001", Path: "/", Name: "user-name-05"}, Role: access.RoleName{Path: "/", Name: "Role0"}, RoleAccount: "000000000001", SourceIP: netip.MustParseAddr(addr), Now: testNow}
			b.ReportAllocs()
			for b.Loop() {
				iam.Decide(r, trust, own)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}

// BenchmarkEvaluate decides over the documents as text, like BenchmarkDecide: the same
// documents each time, and ten thousand in turn, most of which have to be parsed.
func BenchmarkEvaluate(b *testing.B) {
	in := wholeOrganization(1, 1, 10, 200)
	docs, err := mustCompilerB(b, in).Account("000000000001")
	if err != nil {
		b.Fatal(err)
	}
	trust, own := docs.Roles[0].JSON(), []string{docs.Users[0].JSON()}
	large := iam.Request{Principal: access.UserName{Account: "000000000001", Path: "/", Name: "user-name-05"}, Role: access.RoleName{Path: "/", Name: "Role0"}, RoleAccount: "000000000001", SourceIP: netip.MustParseAddr("12.0.100.7"), Now: testNow}
	var many []string
	for i := range 10_000 {
		many = append(many, strings.Replace(articleTrust, "103.15.250.0/24", fmt.Sprintf("103.15.%d.%d/32", i/250, i%250), 1))
	}
	for _, bc := range []struct {
		name  string
		req   iam.Request
		trust []string
		own   []string
	}{
		{"200-networks", large, []string{trust}, own},
		{"article", aliceFrom("12.148.73.255"), []string{articleTrust}, []string{articleUser}},
		{"10000-documents", aliceFrom("12.148.73.255"), many, []string{articleUser}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				iam.Evaluate(bc.req, bc.trust[i%len(bc.trust)], bc.own)
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}

func mustCompilerB(b *testing.B, in Input) *Compiler {
	b.Helper()
	c, err := NewCompiler(in)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkDiff edits one allowlist that every mapping uses, in organizations that grow.
func BenchmarkDiff(b *testing.B) {
	for _, accounts := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			before := wholeOrganization(accounts, 5, 10, 200)
			after := before
			list := before.State.Allowlists[0]
			list.Entries = append(list.Entries[:len(list.Entries):len(list.Entries)], access.Entry{Kind: access.EntryCIDR, Prefix: netip.MustParsePrefix("9.9.9.0/24")})
			after.State.Allowlists = []access.Allowlist{list}
			b.ReportAllocs()
			for b.Loop() {
				if im, err := Diff(before, after); err != nil || len(im.Gained) != 50 {
					b.Fatal(len(im.Gained), err)
				}
			}
		})
	}
}
