package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestEveryRevisionIsTheFoldOfItsEdits applies random changes and then asks for every
// revision of the past, from a store that remembers nothing. Each run goes on in the same
// database, from a revision that removes everything.
func TestEveryRevisionIsTheFoldOfItsEdits(t *testing.T) {
	url := storetest.NewURL(t)
	s := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: url, MaxConns: 4}))
	defer s.Close()
	rapid.Check(t, func(rt *rapid.T) {
		want := []access.State{emptyHead(t, s)}
		for range rapid.IntRange(1, 3).Draw(rt, "revisions") {
			before := want[len(want)-1]
			if edits := drawEdits(rt, before); len(edits) > 0 {
				want = append(want, revise(t, s, before, edits))
			}
		}
		fresh := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: url, MaxConns: 1}))
		defer fresh.Close()
		for _, w := range want {
			diff(t, fmt.Sprintf("state at %d, read anew", w.Revision), w, must[access.State](t)(fresh.State(t.Context(), w.Revision)))
			diff(t, fmt.Sprintf("state at %d, as it was kept", w.Revision), w, must[access.State](t)(s.State(t.Context(), w.Revision)))
		}
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// revise applies edits to the head and returns what the domain says comes of it.
func revise(t *testing.T, s *store.Store, before access.State, edits []access.Edit) access.State {
	t.Helper()
	after := must[access.State](t)(before.Apply(edits))
	after.Revision++
	must[access.Rollout](t)(apply(t.Context(), s, approve(t, s, edits, access.Plan{Documents: "d"}), 1, 1))
	return after
}

// emptyHead makes the head a revision that holds nothing.
func emptyHead(t *testing.T, s *store.Store) access.State {
	t.Helper()
	head := must[access.State](t)(s.State(t.Context(), must[int64](t)(s.Head(t.Context()))))
	var edits []access.Edit
	for _, m := range head.Mappings {
		edits = append(edits, access.Edit{Op: access.EditRemoveMapping, ID: m.ID})
	}
	for _, a := range head.Allowlists {
		edits = append(edits, access.Edit{Op: access.EditRemoveAllowlist, ID: a.ID})
	}
	if len(edits) == 0 {
		return head
	}
	return revise(t, s, head, edits)
}

var (
	someKeys  = []string{"103.15.250.0/24", "12.148.72.0/23", "12.148.0.0/16", "8.8.8.8/32", "2001:db8::/32", "2001:db8:1::/48", "vpc-0a1b2c3d", "vpce-0a1b2c3d", "vpce-0a1b2c3d4e5f60718"}
	someNames = []string{"office", "vpn", "data centre"}
)

// drawEdits draws edits that fit, by keeping those that the domain accepts.
func drawEdits(rt *rapid.T, state access.State) []access.Edit {
	var edits []access.Edit
	for range rapid.IntRange(1, 8).Draw(rt, "edits") {
		e := drawEdit(rt)
		if _, err := state.Apply(append(slices.Clone(edits), e)); err == nil {
			edits = append(edits, e)
		}
	}
	return edits
}

func drawEdit(rt *rapid.T) access.Edit {
	list := rapid.SampledFrom([]string{"l1", "l2", "l3"}).Draw(rt, "list")
	mapping := rapid.SampledFrom([]string{"m1", "m2"}).Draw(rt, "mapping")
	op := rapid.SampledFrom([]access.EditOp{
		access.EditAddAllowlist, access.EditUpdateAllowlist, access.EditRemoveAllowlist, access.EditAddEntry, access.EditUpdateEntry,
		access.EditRemoveEntry, access.EditAddMapping, access.EditUpdateMapping, access.EditRemoveMapping,
	}).Draw(rt, "op")
	switch op {
	case access.EditAddAllowlist, access.EditUpdateAllowlist:
		a := access.Allowlist{Name: rapid.SampledFrom(someNames).Draw(rt, "name"), Description: rapid.SampledFrom([]string{"", "x"}).Draw(rt, "description")}
		if op == access.EditAddAllowlist && rapid.Bool().Draw(rt, "with entries") {
			a.Entries = []access.Entry{drawEntry(rt)}
		}
		return access.Edit{Op: op, ID: list, Allowlist: &a}
	case access.EditAddEntry, access.EditUpdateEntry:
		e := drawEntry(rt)
		return access.Edit{Op: op, ID: list, Entry: &e}
	case access.EditRemoveEntry:
		return access.Edit{Op: op, ID: list, Key: rapid.SampledFrom(someKeys).Draw(rt, "key")}
	case access.EditAddMapping, access.EditUpdateMapping:
		m := drawMapping(rt)
		return access.Edit{Op: op, ID: mapping, Mapping: &m}
	case access.EditRemoveMapping:
		return access.Edit{Op: op, ID: mapping}
	default:
		return access.Edit{Op: op, ID: list}
	}
}

func drawEntry(rt *rapid.T) access.Entry {
	e, err := access.ParseEntry(rapid.SampledFrom(someKeys).Draw(rt, "entry"))
	if err != nil {
		rt.Fatal(err)
	}
	e.Note = rapid.SampledFrom([]string{"", "note"}).Draw(rt, "note")
	e.Ticket = rapid.SampledFrom([]string{"", "SEC-1"}).Draw(rt, "ticket")
	if rapid.Bool().Draw(rt, "expires") {
		e.Expires = t0.Add(time.Hour)
	}
	return e
}

func drawMapping(rt *rapid.T) access.Mapping {
	m := access.Mapping{
		Role:       access.RoleName{Path: rapid.SampledFrom([]string{"/", "/team-a/"}).Draw(rt, "path"), Name: rapid.SampledFrom([]string{"Bob", "Admin"}).Draw(rt, "role")},
		Users:      rapid.SliceOfNDistinct(rapid.SampledFrom([]access.UserName{{Name: "alice"}, {Name: "dave", Path: "/ops/"}, {Account: "444455556666", Name: "carol"}}), 1, 3, rapid.ID).Draw(rt, "users"),
		Allowlists: rapid.SliceOfNDistinct(rapid.SampledFrom(someNames), 1, 2, rapid.ID).Draw(rt, "allowlists"),
		Accounts:   access.Selector{All: true, Except: []string{"Root/Test"}},
		RequireMFA: rapid.Bool().Draw(rt, "mfa"),
	}
	if m.RequireMFA {
		m.MFAMaxAge = rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(rt, "age")
	}
	if rapid.Bool().Draw(rt, "by tag") {
		m.Accounts = access.Selector{Tags: map[string]string{"env": "prod"}}
	}
	return m
}

func TestStateBeyondTheHead(t *testing.T) {
	s := storetest.New(t)
	diff(t, "state 0", access.State{}, must[access.State](t)(s.State(t.Context(), 0)))
	for _, n := range []int64{1, -1} {
		_, err := s.State(t.Context(), n)
		wantKind(t, err, access.KindNotFound, "newest is 0")
	}
}

func TestRevisionAt(t *testing.T) {
	s := storetest.New(t)
	for i, at := range []time.Time{t0, t0.Add(time.Hour)} {
		c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: fmt.Sprint("a", i), Allowlist: &access.Allowlist{Name: fmt.Sprint("list", i)}}}, access.Plan{})
		must[access.Rollout](t)(s.ApplyChange(t.Context(), c.ID, func(c *access.Change, head int64) (access.Application, error) {
			return access.Application{Rollout: access.Rollout{MaxInFlight: 1, StartedBy: operator.Ref()}}, c.Apply(c.Digest, head+1, at)
		}))
	}
	for _, tt := range []struct {
		at   time.Time
		want int64
	}{{t0.Add(-time.Second), 0}, {t0, 1}, {t0.Add(time.Minute), 1}, {t0.Add(time.Hour), 2}, {t0.Add(24 * time.Hour), 2}} {
		if got := must[int64](t)(s.RevisionAt(t.Context(), tt.at)); got != tt.want {
			t.Errorf("RevisionAt(%s) = %d, want %d", tt.at, got, tt.want)
		}
	}
}

func TestTwoChangesAppliedAtOnce(t *testing.T) {
	s := storetest.New(t)
	const n = 6
	var changes []access.Change
	for i := range n {
		changes = append(changes, approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: fmt.Sprint("a", i), Allowlist: &access.Allowlist{Name: fmt.Sprint("list", i)}}}, access.Plan{}))
	}
	errs := make(chan error, 2*n)
	for _, c := range changes {
		for range 2 { // the operator clicks twice
			go func() {
				_, err := apply(t.Context(), s, c, 1, 1)
				errs <- err
			}()
		}
	}
	refused := 0
	for range 2 * n {
		if err := <-errs; access.KindOf(err) == access.KindConflict && err != nil {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if head := must[int64](t)(s.Head(t.Context())); head != n || refused != n {
		t.Errorf("head %d with %d refused, want %d and %d", head, refused, n, n)
	}
	if got := must[access.State](t)(s.State(t.Context(), n)); len(got.Allowlists) != n {
		t.Errorf("%d allowlists, want %d: an edit was lost", len(got.Allowlists), n)
	}
}

func TestApplyThatFailsLeavesNothing(t *testing.T) {
	s := storetest.New(t)
	c := approve(t, s, []access.Edit{{Op: access.EditRemoveAllowlist, ID: "gone"}}, planFor(1))
	_, err := apply(t.Context(), s, c, 1, 1)
	wantKind(t, err, access.KindConflict, "no longer there")
	own := errors.New("my own")
	_, err = s.ApplyChange(t.Context(), c.ID, func(*access.Change, int64) (access.Application, error) { return access.Application{}, own })
	if err != own {
		t.Errorf("got %v, want the error of decide as it is", err)
	}
	after := must[access.Change](t)(s.Change(t.Context(), c.ID))
	if head := must[int64](t)(s.Head(t.Context())); head != 0 || after.State != access.ChangeApproved || after.RolloutID != 0 {
		t.Errorf("head %d, change %s with rollout %d; want nothing moved", head, after.State, after.RolloutID)
	}
}
