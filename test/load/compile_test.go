package load

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// large is a desired state for so many accounts: five roles, each with five users, in
// every account, from two allowlists.
func large(accounts int) policy.Input {
	in := policy.Input{Now: time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)}
	for i := range accounts {
		in.Accounts = append(in.Accounts, access.Account{
			ID: access.AccountID(fmt.Sprintf("%012d", 100_000_000_000+i)), Name: fmt.Sprint("account-", i),
			State: access.AccountActive, OU: fmt.Sprintf("Root/Unit-%d", i%50),
		})
	}
	in.State.Allowlists = []access.Allowlist{list("office", 103, 6), list("vpn", 12, 4)}
	for i := range 5 {
		m := access.Mapping{ID: fmt.Sprint("mp-", i), Role: access.RoleName{Path: "/", Name: fmt.Sprint("Role", i)}, Accounts: access.Selector{All: true}, Allowlists: []string{"office", "vpn"}[:1+i%2]}
		for u := range 5 {
			m.Users = append(m.Users, access.UserName{Path: "/", Name: fmt.Sprint("user", u)})
		}
		in.State.Mappings = append(in.State.Mappings, m)
	}
	return in
}

func list(name string, first byte, entries int) access.Allowlist {
	a := access.Allowlist{ID: "al-" + name, Name: name}
	for i := range entries {
		a.Entries = append(a.Entries, access.Entry{Kind: access.EntryCIDR, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{first, byte(10 * i), 0, 0}), 24)})
	}
	return a
}

func measureCompile(t *testing.T, r *report) {
	s := r.section(t, "Compiling the whole organization", "Five roles with five users each in every account, two allowlists; every document compiled, one processor.")
	for _, accounts := range []int{100, 1_000, 10_000} {
		in := large(accounts)
		took, allocated, kept, documents, bytes := compileAll(t, in)
		goal := ""
		if accounts == 10_000 {
			goal = "the same per account as for 100"
		}
		s.add(fmt.Sprintf("%d accounts × 5 roles: time", accounts), goal, "%s (%.0f µs an account)", seconds(took), float64(took.Microseconds())/float64(accounts))
		s.add(fmt.Sprintf("%d accounts × 5 roles: memory allocated", accounts), "", "%s for %d documents of %s, of which %s are kept", mebibytes(allocated), documents, mebibytes(bytes), mebibytes(kept))
	}
}

// compileAll makes every document once, as a rollout does: none is kept.
func compileAll(t *testing.T, in policy.Input) (took time.Duration, allocated, kept int64, documents int, bytes int64) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	c, err := policy.NewCompiler(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range c.Accounts() {
		docs, err := c.Account(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range append(docs.Roles, docs.Users...) {
			documents++
			bytes += int64(len(d.JSON()))
		}
	}
	took = time.Since(began)
	runtime.ReadMemStats(&after)
	allocated = int64(after.TotalAlloc - before.TotalAlloc)
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept = max(0, int64(after.HeapAlloc)-int64(before.HeapAlloc))
	runtime.KeepAlive(c)
	runtime.KeepAlive(in)
	if want := len(in.Accounts) * 10; documents != want {
		t.Fatalf("%d documents, want %d", documents, want)
	}
	return took, allocated, kept, documents, bytes
}
