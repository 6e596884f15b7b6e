package store_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func fullStrategy(name string) *access.Strategy {
	return &access.Strategy{
		Name:        name,
		Description: "one first",
		MaxInFlight: 5,
		MaxFailures: access.Limit{Percent: 5},
		ReadBack:    true,
		RollBack:    true,
		Confirm:     time.Hour,
		Waves: []access.WaveRule{
			{
				Name:             "Canary",
				Accounts:         access.Selector{OUs: []string{prodOU}, Except: []string{"111122223333"}},
				Bake:             time.Minute,
				RequiresApproval: true,
			},
			{EachOU: true, MaxInFlight: 2, MaxFailures: access.Limit{None: true}},
		},
		Probes:            []access.Probe{{Role: access.RoleName{Path: "/", Name: "Bob"}, Allowed: true, Accounts: 2}},
		MaintenanceWindow: access.MaintenanceWindow{Days: []int{1}, From: "22:00", To: "04:00", Zone: "Europe/Berlin"},
	}
}

// strategySteps makes four revisions of strategies, and returns the state of each.
func strategySteps(t *testing.T, s *store.Store) []access.State {
	t.Helper()
	var want []access.State
	state := access.State{}
	for _, edits := range [][]access.Edit{
		{
			{Op: access.EditAddStrategy, ID: "st-1", Strategy: fullStrategy("Careful")},
			{Op: access.EditAddStrategy, ID: "st-2", Strategy: &access.Strategy{Name: "Quick"}},
			{Op: access.EditDefaultStrategy, ID: "st-1"},
		},
		{ // the names are swapped
			{Op: access.EditUpdateStrategy, ID: "st-1", Strategy: &access.Strategy{Name: "quick"}},
			{Op: access.EditUpdateStrategy, ID: "st-2", Strategy: fullStrategy("Careful")},
			{Op: access.EditDefaultStrategy, ID: "st-2"},
		},
		{{Op: access.EditRemoveStrategy, ID: "st-1"}, {Op: access.EditDefaultStrategy, ID: access.AtOnceStrategy}},
		{{Op: access.EditAddStrategy, ID: "st-3", Strategy: &access.Strategy{Name: "Quick"}}},
	} {
		state = revise(t, s, state, edits)
		want = append(want, state)
	}
	return want
}

func TestStrategiesArePartOfEachRevision(t *testing.T) {
	url := storetest.NewURL(t)
	s := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: url, MaxConns: 4}))
	defer s.Close()
	want := strategySteps(t, s)
	fresh := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: url, MaxConns: 1}))
	defer fresh.Close()
	for _, w := range want {
		diff(t, "state, read by another store", w, must[access.State](t)(fresh.State(t.Context(), w.Revision)))
	}
	for _, sql := range []string{
		"UPDATE strategies SET body = '{}'", "DELETE FROM strategies",
		"UPDATE strategies SET removed_in = NULL", "DELETE FROM default_strategy",
		`INSERT INTO strategies (id, body, added_in) VALUES ('st-3', '{"name": "Other"}', 1)`,
		`INSERT INTO strategies (id, body, added_in) VALUES ('st-4', '{"name": "QUICK"}', 1)`,
		`INSERT INTO strategies (id, body, added_in) VALUES ('at-once', '{"name": "Other"}', 1)`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: done, want a refusal", sql)
		}
	}
}

func TestStrategyHistory(t *testing.T) {
	s := storetest.New(t)
	strategySteps(t, s)
	type step struct {
		Revision int64
		Name     string
	}
	stepsOf := func(found access.Page[access.StrategyRevision]) []step {
		var steps []step
		for _, r := range found.Items {
			one := step{Revision: r.Revision.Number}
			if r.Strategy != nil {
				one.Name = r.Strategy.Name
			}
			if r.Revision.Change.ID == 0 || r.Revision.Change.Author != editor.Ref() {
				t.Errorf("the step %+v has no change", r)
			}
			steps = append(steps, one)
		}
		return steps
	}
	history := must[access.Page[access.StrategyRevision]](t)
	diff(
		t,
		"st-1",
		[]step{{3, ""}, {2, "quick"}, {1, "Careful"}},
		stepsOf(history(s.StrategyHistory(t.Context(), "st-1", access.PageQuery{}))),
	)
	first := history(s.StrategyHistory(t.Context(), "st-2", access.PageQuery{Limit: 1}))
	diff(t, "st-2, first page", []step{{2, "Careful"}}, stepsOf(first))
	diff(
		t,
		"st-2, next page",
		[]step{{1, "Quick"}},
		stepsOf(history(s.StrategyHistory(t.Context(), "st-2", access.PageQuery{Limit: 1, Cursor: first.Next}))),
	)
	_, err := s.StrategyHistory(t.Context(), "st-9", access.PageQuery{})
	wantKind(t, err, access.KindNotFound, "st-9")
}

// A strategy that another change is scheduled with stays, also if the schedule was made after the removal was approved.
func TestApplyKeepsAStrategyThatIsScheduled(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 1)
	state := revise(
		t,
		s,
		access.State{},
		[]access.Edit{{Op: access.EditAddStrategy, ID: "st-1", Strategy: &access.Strategy{Name: "Careful"}}},
	)
	removal := approve(t, s, []access.Edit{{Op: access.EditRemoveStrategy, ID: "st-1"}}, access.Plan{Documents: "d"})
	waiting := approve(
		t,
		s,
		[]access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}},
		planFor(1),
	)
	schedule := func(decide func(*access.Change) error) {
		t.Helper()
		must[access.Change](
			t,
		)(
			s.UpdateChange(t.Context(), waiting.ID, func(c *access.Change) (access.ChangeDecision, error) {
				return access.ChangeDecision{}, decide(c)
			}),
		)
	}
	schedule(func(c *access.Change) error {
		if err := c.ScheduleApply(operator, c.Digest, t0.Add(time.Hour), time.Hour, t0); err != nil {
			return err
		}
		c.Schedule.Strategy = "st-1"
		return nil
	})
	_, err := apply(t.Context(), s, removal, 1, 1)
	wantKind(t, err, access.KindConflict, waiting.Title)
	if head := must[int64](t)(s.Head(t.Context())); head != state.Revision {
		t.Errorf("the head is %d, want %d", head, state.Revision)
	}
	schedule(func(c *access.Change) error { return c.CancelSchedule(t0) })
	must[access.Rollout](t)(apply(t.Context(), s, removal, 1, 1))
}

func TestRollbackRestoresStrategies(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 1)
	before := revise(t, s, access.State{}, []access.Edit{
		{
			Op:       access.EditAddStrategy,
			ID:       "st-1",
			Strategy: fullStrategy("Careful"),
		},
		{Op: access.EditDefaultStrategy, ID: "st-1"},
	})
	weaker := []access.Edit{
		{
			Op:       access.EditUpdateStrategy,
			ID:       "st-1",
			Strategy: &access.Strategy{Name: "Careful"},
		},
		{Op: access.EditDefaultStrategy, ID: access.AtOnceStrategy},
	}
	r := must[access.Rollout](t)(apply(t.Context(), s, approve(t, s, weaker, planFor(1)), 1, 1))
	r = push(t, s, r, accountID(0), access.TargetSucceeded)
	control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.RollBack(operator.Ref(), "too weak", t0, oneHour)
	})
	r = must[access.Rollout](t)(s.BeginRollback(t.Context(), r.ID, planFor(1)))
	back := must[access.Rollout](t)(s.Rollout(t.Context(), r.RolledBackBy))
	before.Revision = 3
	diff(t, "the state after the rollback", before, must[access.State](t)(s.State(t.Context(), back.Revision)))
}
