package view

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/a-h/templ"

	"portcullis.internal/portcullis/internal/access"
)

func shellForBench() Shell {
	s := Shell{Title: "Accounts", Section: "accounts", Assets: "/assets/0123456789abcdef/", Here: "/accounts", Actor: access.Actor{Kind: access.ActorPerson, PersonID: 1, Name: "Edda", Email: "edda@example.com", Roles: []access.Role{access.RoleEditor}}}
	for i, icon := range []string{"home", "list", "link", "tree", "change", "rollout", "warning", "explain", "clock", "audit", "lock", "settings"} {
		s.Nav = append(s.Nav, NavItem{Section: icon, Label: "Item " + fmt.Sprint(i), URL: "/" + icon, Icon: icon})
	}
	return s
}

// BenchmarkLists draws pages of lists, of 50 rows each.
func BenchmarkLists(b *testing.B) {
	accounts := AccountsPage{Shell: shellForBench(), MaySync: true}
	allowlists := AllowlistsProps{Shell: shellForBench(), MayEdit: true}
	mappings := MappingsProps{Shell: shellForBench(), MayEdit: true}
	for i := range 50 {
		name := fmt.Sprintf("Unit-%d", i)
		accounts.OUs = append(accounts.OUs, access.OURow{OU: access.OU{ID: name, Name: name, Path: "Root/" + name}, Total: 100})
		accounts.Accounts.Items = append(accounts.Accounts.Items, access.Account{
			ID: access.AccountID(fmt.Sprint(100000000000 + i)), Name: fmt.Sprintf("account-%d", i), State: access.AccountActive, OU: "Root/" + name,
			Tags: map[string]string{"env": "prod"}, InventoryAt: time.Unix(1_800_000_000, 0), PushedRevision: 7,
		})
		allowlists.Page.Items = append(allowlists.Page.Items, access.AllowlistRow{ID: "al-" + name, Name: name, Description: "Office " + name, IPv4: 3, Mappings: 12, ChangedIn: 5})
		mappings.Page.Items = append(mappings.Page.Items, access.Mapping{
			ID: "mp-" + name, Role: access.RoleName{Path: "/", Name: "Admin"}, Users: []access.UserName{{Path: "/", Name: "ann"}, {Path: "/", Name: "bob"}},
			Accounts: access.Selector{IDs: []access.AccountID{"100000000001"}}, Allowlists: []string{"list-" + name}, RequireMFA: true,
		})
	}
	for _, page := range []struct {
		name  string
		drawn func() templ.Component
	}{
		{"accounts", func() templ.Component { return Accounts(accounts) }},
		{"allowlists", func() templ.Component { return Allowlists(allowlists) }},
		{"mappings", func() templ.Component { return Mappings(mappings) }},
		{"empty", func() templ.Component { return Accounts(AccountsPage{Shell: accounts.Shell}) }},
	} {
		b.Run(page.name, func(b *testing.B) {
			b.ReportAllocs()
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := page.drawn().Render(b.Context(), &out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(out.Len()), "bytes")
		})
	}
}
