package store_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// logDuration logs how long something took: a busy machine is no failure. If it is far too slow, it
// runs into the timeout of the tests.
func logDuration(t *testing.T, what string, do func()) {
	t.Helper()
	began := time.Now()
	do()
	t.Logf("%s: %s", what, time.Since(began).Round(time.Millisecond))
}

// TestScale loads what the largest customer has: 1,000 allowlists, one with 10,000
// entries, and 50,000 mappings.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 50,000 mappings")
	}
	s := desired(t)
	for _, sql := range []string{
		"INSERT INTO allowlists (id, name, description, added_in) SELECT 'b' || i, 'list-' || i, '', 1 FROM generate_series(1, 1000) i",
		`INSERT INTO entries (allowlist_id, kind, prefix, note, ticket, added_in)
			SELECT 'b' || (1 + CASE WHEN i <= 10000 THEN 0 ELSE i % 1000 END), 'cidr', set_masklen('50.0.0.0'::inet + i * 256, 24)::cidr, 'a note', '', 1 FROM generate_series(1, 20000) i`,
		`INSERT INTO mappings (id, role_path, role_name, selector, enforcement, require_mfa, mfa_max_age, session_name, source_identity, added_in)
			SELECT 'x' || i, '/', 'Role' || i % 500, '{"ous": ["ou-ab12-prod0000"]}', 'mapped', false, 0, 'any', 'any', 1 FROM generate_series(1, 50000) i`,
		"INSERT INTO mapping_users SELECT row_id, p, '', '/', 'user' || row_id % 1000 || '-' || p FROM mappings, generate_series(0, 2) p WHERE id LIKE 'x%'",
		"INSERT INTO mapping_allowlists SELECT row_id, 0, 'b' || 1 + row_id % 1000 FROM mappings WHERE id LIKE 'x%'",
		"ANALYZE",
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	fresh := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: s.Pool().Config().ConnString()}))
	defer fresh.Close()
	var state access.State
	logDuration(t, "the whole state", func() { state = must[access.State](t)(fresh.State(t.Context(), 1)) })
	if len(state.Mappings) != 50003 || len(state.Allowlists) != 1002 {
		t.Errorf("%d mappings and %d allowlists", len(state.Mappings), len(state.Allowlists))
	}
	logDuration(t, "the state again", func() { must[access.State](t)(fresh.State(t.Context(), 1)) })
	logDuration(t, "a page of mappings", func() {
		must[access.Page[access.Mapping]](t)(fresh.Mappings(t.Context(), access.MappingQuery{User: "user7-1", PageQuery: access.PageQuery{Limit: 200}}))
	})
	logDuration(t, "a page of allowlists", func() {
		must[access.Page[access.AllowlistRow]](t)(fresh.Allowlists(t.Context(), access.PageQuery{Limit: 200}))
	})
	e := entry(t, "8.8.4.4/32")
	c := approve(t, fresh, []access.Edit{{Op: access.EditAddEntry, ID: "b1", Entry: &e}}, access.Plan{})
	logDuration(t, "applying one entry", func() { must[access.Rollout](t)(apply(t.Context(), fresh, c, 1, 1)) })
}

// TestScaleOfARollout freezes, applies and aborts a plan for 10,000 accounts.
func TestScaleOfARollout(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 10,000 targets")
	}
	s := storetest.New(t)
	const n = 10000
	var c access.Change
	logDuration(t, "freezing the plan", func() {
		c = approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(n))
	})
	logDuration(t, "reading the plan", func() {
		if p := must[access.Plan](t)(s.Plan(t.Context(), c.ID)); p.Operations() != 2*n {
			t.Errorf("%d operations, want %d", p.Operations(), 2*n)
		}
	})
	var r access.Rollout
	logDuration(t, "applying", func() { r = must[access.Rollout](t)(apply(t.Context(), s, c, 50, 50)) })
	logDuration(t, "one push", func() { r = push(t, s, r, accountID(7), access.TargetSucceeded) })
	logDuration(t, "looking for targets to requeue", func() { must[int](t)(s.RequeueExpired(t.Context(), lease, snooze)) })
	logDuration(t, "aborting", func() {
		r = must[access.Rollout](t)(s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) {
			return nil, r.Abort("enough", t0)
		}))
	})
	if r.Counts != (access.TargetCounts{Succeeded: 1, Skipped: n - 1}) {
		t.Errorf("counts %+v", r.Counts)
	}
}
