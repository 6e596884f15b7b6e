package web_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

// desired is the part of the fake service that holds allowlists and mappings.
type desired struct {
	allowlists []access.AllowlistRow
	entries    []access.Entry
	next       string // cursor of the next page of entries
	asked      access.PageQuery
	mappings   []access.Mapping
	mapping    access.MappingQuery
	drafts     []access.Change
	containing []access.Containing
	saved      access.Mapping
	savedList  access.Allowlist
	savedEntry access.Entry
	question   change.ExplainRequest
	answer     change.Explanation
	overview   change.Overview
	panics     bool // in place of an overview
}

func (identity) SignOut(context.Context, access.Actor) error { return nil }

func (f *changes) Overview(context.Context, access.Actor) (change.Overview, error) {
	if f.desired.panics {
		panic("out of luck")
	}
	return f.desired.overview, nil
}

func (f *changes) Allowlists(_ context.Context, _ access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error) {
	f.desired.asked = q
	return access.Page[access.AllowlistRow]{Items: f.desired.allowlists, Total: len(f.desired.allowlists)}, nil
}

func (f *changes) Allowlist(_ context.Context, _ access.Actor, id string, q access.PageQuery) (change.AllowlistView, error) {
	f.desired.asked = q
	for _, a := range f.desired.allowlists {
		if a.ID == id {
			return change.AllowlistView{
				AllowlistRow: a, Entries: access.Page[access.Entry]{Items: f.desired.entries, Next: f.desired.next, Total: -1},
				Mappings: access.Page[access.Mapping]{Items: f.desired.mappings}, Drafts: f.desired.drafts,
			}, nil
		}
	}
	return change.AllowlistView{}, access.Errorf(access.KindNotFound, "There is no allowlist %s.", id)
}

func (f *changes) CheckAddress(_ context.Context, _ access.Actor, addr string) ([]access.Containing, error) {
	if _, err := netip.ParseAddr(addr); err != nil {
		return nil, access.Invalid("address", "%q is not an address", addr)
	}
	return f.desired.containing, nil
}

func (f *changes) Mappings(_ context.Context, _ access.Actor, q access.MappingQuery) (access.Page[access.Mapping], error) {
	f.desired.mapping = q
	return access.Page[access.Mapping]{Items: f.desired.mappings, Total: len(f.desired.mappings)}, nil
}

func (f *changes) Mapping(_ context.Context, _ access.Actor, id string) (access.Mapping, error) {
	i := slices.IndexFunc(f.desired.mappings, func(m access.Mapping) bool { return m.ID == id })
	if i < 0 {
		return access.Mapping{}, access.Errorf(access.KindNotFound, "There is no mapping %s.", id)
	}
	return f.desired.mappings[i], nil
}

func (f *changes) Drafts(context.Context, access.Actor) ([]access.Change, error) {
	return f.desired.drafts, nil
}

func (f *changes) AddEntries(
	_ context.Context, _ access.Actor, id int64, list string, n change.NewEntries,
) (access.Change, error) {
	if !n.Expires.IsZero() || n.Emergency {
		until := n.Expires.Format(time.RFC3339)
		return access.Change{ID: 12}, f.note("add to %s until %s emergency %v", list, until, n.Emergency)
	}
	entries, err := access.ParseEntries(n.Text)
	if err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: 12, Voided: f.voided}, f.note("add %d to %s in %d", len(entries), list, id)
}

func (f *changes) RemoveEntries(_ context.Context, _ access.Actor, id int64, list string, keys []string) (access.Change, error) {
	if len(keys) == 0 {
		return access.Change{}, access.Invalid("keys", "choose the entries to remove")
	}
	return access.Change{ID: 12}, f.note("remove %s from %s in %d", strings.Join(keys, ","), list, id)
}

func (f *changes) SaveEntry(_ context.Context, _ access.Actor, id int64, list string, e access.Entry) (access.Change, error) {
	f.desired.savedEntry = e
	return access.Change{ID: 12}, f.note("save entry %s of %s in %d", e.Key(), list, id)
}

func (f *changes) SaveAllowlist(_ context.Context, _ access.Actor, id int64, a access.Allowlist) (access.Change, error) {
	f.desired.savedList = a
	if err := access.CheckName(a.Name); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: 12}, f.note("save allowlist %q in %d", a.ID, id)
}

func (f *changes) RemoveAllowlist(_ context.Context, _ access.Actor, id int64, list string) (access.Change, error) {
	return access.Change{ID: 12}, f.note("remove allowlist %s in %d", list, id)
}

func (f *changes) SaveMapping(_ context.Context, _ access.Actor, id int64, m access.Mapping) (access.Change, error) {
	f.desired.saved = m
	return access.Change{ID: 12}, f.note("save mapping %q in %d", m.ID, id)
}

func (f *changes) RemoveMapping(_ context.Context, _ access.Actor, id int64, mapping string) (access.Change, error) {
	return access.Change{ID: 12}, f.note("remove mapping %s in %d", mapping, id)
}

func (f *changes) Explain(_ context.Context, _ access.Actor, r change.ExplainRequest) (change.Explanation, error) {
	f.desired.question = r
	return f.desired.answer, f.refuse
}

// entry reads an entry that a test needs.
func entry(t *testing.T, key, note string) access.Entry {
	t.Helper()
	e, err := access.ParseEntry(key)
	if err != nil {
		t.Fatal(err)
	}
	e.Note = note
	return e
}

// office is a console with one allowlist of two entries, and one mapping that uses it.
func office(t *testing.T) *console {
	t.Helper()
	c := newConsole(t)
	c.changes.desired = desired{
		allowlists: []access.AllowlistRow{{ID: "al-1", Name: "office", Description: "The offices", Entries: 2, IPv4: 2, Mappings: 1, ChangedIn: 3}},
		entries:    []access.Entry{entry(t, "12.148.72.0/23", "data centre"), entry(t, "103.15.250.0/24", "head office")},
		mappings: []access.Mapping{{
			ID: "mp-1", Role: access.RoleName{Path: "/team-a/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}, {Account: "444455556666", Path: "/ops/", Name: "dave"}},
			Accounts: access.Selector{OUs: []string{"Root/Prod"}, Except: []string{"111122223333"}}, Allowlists: []string{"office"}, RequireMFA: true,
		}},
		drafts: []access.Change{{ID: 12, Title: "New office"}},
	}
	return c
}

// did fails unless exactly this was asked of the service.
func (c *console) did(want ...string) {
	c.t.Helper()
	if !slices.Equal(c.changes.did, want) {
		c.t.Errorf("asked of the service: %q, want %q", c.changes.did, want)
	}
}

// went fails unless the answer sends the browser on to an address.
func (c *console) went(a answer, to string) {
	c.t.Helper()
	if a.status != 303 || a.header.Get("Location") != to {
		c.t.Errorf("status %d to %q, want 303 to %q", a.status, a.header.Get("Location"), to)
	}
}
