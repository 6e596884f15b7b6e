package change

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/planning"
)

// company is an organization with ten mappings in each account, and one that reaches all
// of them, from the list "review".
type company struct {
	accounts access.Accounts
	state    access.State
}

const companyLists = 1000

func newCompany(accounts int) company {
	c := company{}
	list := func(name string, octet, n int) access.Allowlist {
		a := access.Allowlist{ID: "al-" + name, Name: name}
		for i := range n {
			ip := netip.AddrFrom4([4]byte{byte(octet + i>>15), byte(i >> 7), byte(i << 1), 0})
			a.Entries = append(a.Entries, access.Entry{Kind: access.EntryCIDR, Prefix: netip.PrefixFrom(ip, 24)})
		}
		return a
	}
	c.state.Allowlists = append(c.state.Allowlists, list("review", 70, 3), list("large", 50, 10_000))
	for i := range companyLists {
		c.state.Allowlists = append(c.state.Allowlists, list(fmt.Sprintf("list-%d", i), 80+i%100, 3))
	}
	for i := range accounts {
		id := access.AccountID(fmt.Sprintf("%012d", 100_000_000_000+i))
		c.accounts = append(c.accounts, access.Account{ID: id, Name: fmt.Sprintf("account-%d", i), State: access.AccountActive, OU: fmt.Sprintf("Root/Unit-%d", i%50)})
		for r := range 10 {
			c.state.Mappings = append(c.state.Mappings, c.mapping(len(c.state.Mappings), fmt.Sprintf("Role%d", r), access.Selector{IDs: []access.AccountID{id}}))
		}
	}
	all := c.mapping(len(c.state.Mappings), "Review", access.Selector{All: true})
	all.ID, all.Allowlists = "mp-review", []string{"review"}
	c.state.Mappings = append(c.state.Mappings, all)
	c.state.Sort()
	return c
}

func (c company) mapping(i int, role string, at access.Selector) access.Mapping {
	m := access.Mapping{ID: fmt.Sprintf("mp-%d", i), Role: access.RoleName{Path: "/", Name: role}, Accounts: at, Allowlists: []string{fmt.Sprintf("list-%d", i%companyLists)}}
	for u := range 2 {
		m.Users = append(m.Users, access.UserName{Path: "/", Name: fmt.Sprintf("user%d", (i+u)%5)})
	}
	return m.OrDefault()
}

// know answers as the database would, with only what is asked for.
func (c company) know(q access.InventoryQuery) map[access.AccountID]access.Inventory {
	known := make(map[access.AccountID]access.Inventory, len(q.Accounts))
	for _, id := range q.Accounts {
		inv := access.Inventory{Account: id}
		for _, r := range q.Roles {
			doc := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"sts:AssumeRole"}]}`, id)
			inv.Roles = append(inv.Roles, access.LiveDocument{Resource: access.Resource{Kind: access.ResourceRole, Path: r.Path, Name: r.Name}, Exists: true, Document: doc})
		}
		for _, u := range q.Users {
			inv.Users = append(inv.Users, access.LiveUser{LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: u.Path, Name: u.Name}, Exists: true}})
		}
		known[id] = inv
	}
	return known
}

func (c company) plan(b *testing.B, edits ...access.Edit) planning.Result {
	b.Helper()
	w := planning.PlanInput{Accounts: c.accounts, Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	next, err := c.state.Apply(edits)
	if err != nil {
		b.Fatal(err)
	}
	about := planning.NewAffected(w.Accounts, c.state, next, nil, edits, w.Now)
	for {
		w.Inventories = access.InventoriesOf(c.know(about.Query))
		p, more, err := planning.PlanChange(w, about)
		if err != nil {
			b.Fatal(err)
		}
		if !more {
			return p
		}
	}
}

// BenchmarkPlan plans changes that touch little and much, in organizations that grow.
func BenchmarkPlan(b *testing.B) {
	entry := access.Entry{Kind: access.EntryCIDR, Prefix: netip.MustParsePrefix("9.9.9.9/32")}
	add := func(list string) access.Edit {
		return access.Edit{Op: access.EditAddEntry, ID: "al-" + list, Key: entry.Key(), Entry: &entry}
	}
	for _, accounts := range []int{50, 500, 5000} {
		c := newCompany(accounts)
		m := c.state.Mappings[len(c.state.Mappings)/2]
		m.RequireMFA, m.Users = true, m.Users[:1]
		all, _ := c.state.Mapping("mp-review")
		all.Users = append(all.Users[:2:2], access.UserName{Path: "/", Name: "user4"})
		for _, change := range []struct {
			name string
			edit access.Edit
		}{
			{"a list of few accounts", add("list-7")},
			{"the largest list", add("large")},
			{"one mapping", access.Edit{Op: access.EditUpdateMapping, ID: m.ID, Mapping: &m}},
			{"a list of all accounts", add("review")},
			{"a mapping of all accounts", access.Edit{Op: access.EditUpdateMapping, ID: all.ID, Mapping: &all}},
		} {
			b.Run(fmt.Sprintf("%s/%d accounts", change.name, accounts), func(b *testing.B) {
				b.ReportAllocs()
				var p planning.Result
				for b.Loop() {
					p = c.plan(b, change.edit)
				}
				b.ReportMetric(float64(p.Plan.Operations()), "writes")
			})
		}
	}
}
