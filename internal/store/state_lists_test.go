package store_test

import (
	"fmt"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// desired applies a state with two allowlists and three mappings.
func desired(t *testing.T) *store.Store {
	t.Helper()
	s := storetest.New(t)
	entries := func(keys ...string) []access.Entry {
		var list []access.Entry
		for i, k := range keys {
			e := entry(t, k)
			e.Note = fmt.Sprint("note ", i)
			list = append(list, e)
		}
		return list
	}
	mapping := func(id, path, role string, lists []string, users ...string) access.Edit {
		m := access.Mapping{Role: access.RoleName{Path: path, Name: role}, Accounts: access.Selector{All: true}, Allowlists: lists}
		for _, u := range users {
			m.Users = append(m.Users, must[access.UserName](t)(access.ParseUserName(u)))
		}
		return access.Edit{Op: access.EditAddMapping, ID: id, Mapping: &m}
	}
	edits := []access.Edit{
		{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office", Description: "All offices", Entries: entries(
			"vpce-0a1b2c3d", "103.15.250.0/24", "12.148.0.0/16", "12.148.72.0/23", "2001:db8::/32", "vpc-0a1b2c3d", "9.9.9.9")}},
		{Op: access.EditAddAllowlist, ID: "a2", Allowlist: &access.Allowlist{Name: "data_centre", Entries: entries("12.148.72.0/24")}},
		mapping("m1", "/", "Bob", []string{"office", "data_centre"}, "alice", "444455556666:ops/dave"),
		mapping("m2", "/team-a/", "Bob", []string{"office"}, "ops/alice"),
		mapping("m3", "/", "Admin", []string{"office"}, "alice"),
	}
	must[access.Rollout](t)(apply(t.Context(), s, approve(t, s, edits, access.Plan{}), 1, 1))
	return s
}

func TestAllowlistRows(t *testing.T) {
	s := desired(t)
	e := entry(t, "8.8.8.8/32")
	edits := []access.Edit{{Op: access.EditRemoveEntry, ID: "a1", Key: "9.9.9.9/32"}, {Op: access.EditAddEntry, ID: "a2", Entry: &e}}
	must[access.Rollout](t)(apply(t.Context(), s, approve(t, s, edits, access.Plan{}), 1, 1))
	centre := access.AllowlistRow{ID: "a2", Name: "data_centre", Entries: 2, IPv4: 2, Mappings: 1, ChangedIn: 2}
	office := access.AllowlistRow{ID: "a1", Name: "office", Description: "All offices", Entries: 6, IPv4: 3, IPv6: 1, Endpoints: 2, Mappings: 3, ChangedIn: 2}
	got := must[access.Page[access.AllowlistRow]](t)(s.Allowlists(t.Context(), access.PageQuery{}))
	diff(t, "rows", access.Page[access.AllowlistRow]{Items: []access.AllowlistRow{centre, office}, Total: 2}, got)
	diff(t, "one", office, must[access.AllowlistRow](t)(s.Allowlist(t.Context(), "a1")))
	_, err := s.Allowlist(t.Context(), "nope")
	wantKind(t, err, access.KindNotFound, "nope")
	names := pages(t, func(q access.PageQuery) access.Page[access.AllowlistRow] {
		return must[access.Page[access.AllowlistRow]](t)(s.Allowlists(t.Context(), q))
	}, 1, func(r access.AllowlistRow) string { return r.Name })
	diff(t, "paged", []string{"data_centre", "office"}, names)
	for search, want := range map[string]int{"OFFICES": 1, "_": 1, "%": 0, "zzz": 0} {
		if got := must[access.Page[access.AllowlistRow]](t)(s.Allowlists(t.Context(), access.PageQuery{Search: search})); len(got.Items) != want || got.Total != want {
			t.Errorf("searching %q found %d of %d, want %d", search, len(got.Items), got.Total, want)
		}
	}
}

func TestEntriesOfAnAllowlist(t *testing.T) {
	s := desired(t)
	want := must[access.State](t)(s.State(t.Context(), 1)).Allowlists[1].Entries
	entries := func(q access.PageQuery) access.Page[access.Entry] {
		_, page, err := s.AllowlistAt(t.Context(), 1, "a1", q)
		return must[access.Page[access.Entry]](t)(page, err)
	}
	for _, n := range []int{1, 2, 3, 100} {
		got := pages(t, entries, n, func(e access.Entry) access.Entry { return e })
		diff(t, fmt.Sprintf("pages of %d", n), want, got)
	}
	for search, count := range map[string]int{"12.148.72.9": 2, "note 3": 1, "vpc": 2, "2001:db8::7": 1, "148": 2, "%": 0} {
		if got := entries(access.PageQuery{Search: search}); len(got.Items) != count {
			t.Errorf("searching %q found %d, want %d", search, len(got.Items), count)
		}
	}
}

func TestContaining(t *testing.T) {
	s := desired(t)
	tests := []struct {
		addr string
		want []string
	}{
		{"12.148.72.9", []string{"data_centre 12.148.72.0/24", "office 12.148.72.0/23", "office 12.148.0.0/16"}},
		{"::ffff:9.9.9.9", []string{"office 9.9.9.9/32"}},
		{"2001:db8:1::1", []string{"office 2001:db8::/32"}},
		{"8.8.8.8", nil},
	}
	for _, tt := range tests {
		var got []string
		for _, c := range must[[]access.Containing](t)(s.Containing(t.Context(), tt.addr)) {
			got = append(got, c.Allowlist+" "+c.Entry.Key())
		}
		diff(t, tt.addr, tt.want, got)
	}
	_, err := s.Containing(t.Context(), "office")
	wantKind(t, err, access.KindInvalid, "not an address")
}

func TestMappingLists(t *testing.T) {
	s := desired(t)
	want := must[access.State](t)(s.State(t.Context(), 1)).Mappings
	got := pages(t, func(q access.PageQuery) access.Page[access.Mapping] {
		return must[access.Page[access.Mapping]](t)(s.Mappings(t.Context(), access.MappingQuery{PageQuery: q}))
	}, 2, func(m access.Mapping) access.Mapping { return m })
	diff(t, "paged", want, got)
	tests := []struct {
		name string
		q    access.MappingQuery
		want []string
	}{
		{"allowlist", access.MappingQuery{Allowlist: "data_centre"}, []string{"m1"}},
		{"role", access.MappingQuery{Role: "Bob"}, []string{"m1"}},
		{"role with its path", access.MappingQuery{Role: "/team-a/Bob"}, []string{"m2"}},
		{"user", access.MappingQuery{User: "alice"}, []string{"m3", "m1"}},
		{"user with a path", access.MappingQuery{User: "ops/alice"}, []string{"m2"}},
		{"user of another account", access.MappingQuery{User: "444455556666:ops/dave"}, []string{"m1"}},
		{"search", access.MappingQuery{PageQuery: access.PageQuery{Search: "DAVE"}}, []string{"m1"}},
		{"search an allowlist", access.MappingQuery{PageQuery: access.PageQuery{Search: "CENTRE"}}, []string{"m1"}},
		{"all of it", access.MappingQuery{Allowlist: "office", User: "alice", Role: "Admin"}, []string{"m3"}},
	}
	for _, tt := range tests {
		var ids []string
		for _, m := range must[access.Page[access.Mapping]](t)(s.Mappings(t.Context(), tt.q)).Items {
			ids = append(ids, m.ID)
		}
		diff(t, tt.name, tt.want, ids)
	}
	_, err := s.Mappings(t.Context(), access.MappingQuery{User: "a b"})
	wantKind(t, err, access.KindInvalid, "not a user")
	diff(t, "one", want[1], must[access.Mapping](t)(s.Mapping(t.Context(), "m1")))
	_, err = s.Mapping(t.Context(), "m9")
	wantKind(t, err, access.KindNotFound, "m9")
}
