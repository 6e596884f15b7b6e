package change_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

func addStrategy(id string, s access.Strategy) access.Edit {
	return access.Edit{Op: access.EditAddStrategy, ID: id, Strategy: &s}
}

func updateStrategy(id string, s access.Strategy) access.Edit {
	return access.Edit{Op: access.EditUpdateStrategy, ID: id, Strategy: &s}
}

func defaultStrategy(id string) access.Edit {
	return access.Edit{Op: access.EditDefaultStrategy, ID: id}
}

func removeStrategy(id string) access.Edit { return access.Edit{Op: access.EditRemoveStrategy, ID: id} }

// inTwo is a strategy of one account first.
var inTwo = access.Strategy{Name: "Careful", Waves: []access.WaveRule{{Count: 1}}}

func TestApplyGoesByTheChosenStrategy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	canary := access.WaveRule{
		Name:        "Canary",
		Accounts:    access.Selector{IDs: []access.AccountID{"222222222222"}},
		MaxFailures: access.Limit{None: true},
	}
	careful := access.Strategy{
		Name:        "Careful",
		MaxInFlight: 7,
		MaxFailures: access.Limit{Percent: 70},
		Waves:       []access.WaveRule{canary},
	}
	d.apply("strategies", addStrategy("st-1", careful), defaultStrategy("st-1"))
	c := d.approve(d.submit("base", addList("al-office", "office", "198.51.100.0/24"), addMapping("mp-bob", "Bob", "office", "alice")))
	ctx := t.Context()
	if _, err := d.Apply(ctx, d.operator, c.ID, change.ApplyRequest{Digest: c.Digest, Strategy: "nothing like it"}); access.KindOf(err) != access.KindInvalid {
		t.Errorf("an unknown strategy: %v, want KindInvalid", err)
	}
	r, err := d.Apply(ctx, d.operator, c.ID, asSeen(c))
	d.must(err)
	if r.Strategy != "Careful" || r.Waves != 2 || r.MaxInFlight != 7 || r.MaxFailures != 2 || r.Counts.Running != 1 {
		t.Errorf("by the default: %+v", r)
	}
	waves, err := d.store.Waves(ctx, r.ID)
	d.must(err)
	if waves[0].Name != "Canary" || waves[0].MaxFailures != access.NoFailures || waves[1].Targets != 2 {
		t.Errorf("waves %+v", waves)
	}
	if target, err := d.store.Target(ctx, r.ID, "222222222222"); err != nil || target.Position != 0 || target.Wave != 1 {
		t.Errorf("the canary is %+v (%v), want it first", target, err)
	}
	history, err := d.store.History(ctx, access.ChangeObject(c.ID))
	d.must(err)
	if said := string(history[len(history)-1].Detail); !strings.Contains(said, `"name":"Careful"`) {
		t.Errorf("the audit log does not say by which strategy: %s", said)
	}

	c = d.approve(d.submit("more", addEntry("al-office", "198.51.101.0/24")))
	r, err = d.Apply(ctx, d.operator, c.ID, change.ApplyRequest{Digest: c.Digest, Strategy: "all at once"})
	d.must(err)
	if r.Strategy != access.BuiltinStrategy || r.Waves != 1 {
		t.Errorf("all at once: %+v", r)
	}
}

// A change is rolled out by a strategy of the revision before it, so its own edits cannot weaken its waves. The rollout
// keeps that strategy.
func TestAChangeIsNotRolledOutByAStrategyThatItBrings(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	list := []access.Edit{
		addList("al-office", "office", "198.51.100.0/24"),
		addMapping("mp-bob", "Bob", "office", "alice"),
	}
	for name, edits := range map[string][]access.Edit{
		"edited":      {updateStrategy("st-1", access.Strategy{Name: "Careful"})},
		"removed":     {defaultStrategy(access.AtOnceStrategy), removeStrategy("st-1")},
		"not default": {defaultStrategy(access.AtOnceStrategy)},
		"new default": {addStrategy("st-2", access.Strategy{Name: "Quick"}), defaultStrategy("st-2")},
		"other name": {
			updateStrategy("st-1", access.Strategy{Name: "Slow", Waves: []access.WaveRule{{Percent: 100}}}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.apply("strategies", addStrategy("st-1", inTwo), defaultStrategy("st-1"))
			r := d.apply("both", slices.Concat(list, edits)...)
			if r.Strategy != "Careful" || r.Waves != 2 {
				t.Errorf("rolled out by %s in %d waves, want the strategy of the revision before", r.Strategy, r.Waves)
			}
			if kept, err := d.store.StrategyOf(ctx, r.ID); err != nil || !kept.Equal(inTwo) {
				t.Errorf("the rollout keeps %+v (%v)", kept, err)
			}
			again := d.approve(d.submit("more", addEntry("al-office", "198.51.101.0/24")))
			next, err := d.Apply(ctx, d.operator, again.ID, asSeen(again))
			d.must(err)
			if want, _ := d.state().
				Strategy(access.DefaultStrategy); next.Strategy != want.Name ||
				next.Strategy == "Careful" && name != "edited" {
				t.Errorf("the next change is rolled out by %s, want %s", next.Strategy, want.Name)
			}
		})
	}
	t.Run("named", func(t *testing.T) {
		d := newDesk(t)
		c := d.approve(d.submit("both", slices.Concat(list, []access.Edit{addStrategy("st-2", inTwo)})...))
		if _, err := d.Apply(
			ctx,
			d.operator,
			c.ID,
			change.ApplyRequest{Digest: c.Digest, Strategy: "Careful"},
		); access.KindOf(
			err,
		) != access.KindInvalid {
			t.Errorf("by a strategy that the change brings: %v, want KindInvalid", err)
		}
	})
}

// Also if the head moves after the review, the strategy is that of the newest revision before the change.
func TestApplyUsesTheStrategyOfTheHead(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("grow", addEntry("al-office", "198.51.100.0/24")))
	d.apply("strategies", addStrategy("st-1", inTwo), defaultStrategy("st-1"))
	r, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	d.must(err)
	if r.Strategy != "Careful" || r.Waves != 2 {
		t.Errorf("rolled out by %s in %d waves", r.Strategy, r.Waves)
	}
}

// scheduledWith schedules a change with a strategy, an hour from now.
func (d *desk) scheduledWith(name string) access.Change {
	d.t.Helper()
	c := d.approve(d.submit("grow", addEntry("al-office", "198.51.100.0/24")))
	_, err := d.Schedule(d.t.Context(), d.operator, c.ID, change.ScheduleRequest{
		Digest: c.Digest, At: start.Add(time.Hour), StartWithin: time.Hour, Strategy: name,
	})
	d.must(err)
	return c
}

func TestAScheduledChangeGoesByItsStrategy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("strategies", addStrategy("st-1", inTwo))
	c := d.scheduledWith("careful")
	d.keepTime(time.Hour + time.Minute)
	got := d.reread(c)
	r, err := d.store.Rollout(t.Context(), got.RolloutID)
	if err != nil || r.Strategy != "Careful" || r.Waves != 2 {
		t.Errorf("its rollout is %+v (%v)", r, err)
	}
}

func TestAStrategyThatIsScheduledIsNotRemoved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("strategies", addStrategy("st-1", inTwo))
	early := d.approve(d.submit("remove", removeStrategy("st-1")))
	waiting := d.scheduledWith("Careful")
	want := func(what string, err error) {
		t.Helper()
		if access.KindOf(err) != access.KindConflict || !strings.Contains(access.MessageOf(err), waiting.Title) {
			t.Errorf("%s: %v, want a conflict that names the scheduled change", what, err)
		}
	}
	late := d.draftOf("remove", removeStrategy("st-1"))
	_, err := d.Submit(t.Context(), d.editor, late.ID, late.Version)
	want("submit", err)
	_, err = d.Apply(t.Context(), d.operator, early.ID, asSeen(early))
	want("apply", err)
	if got := d.reread(early).State; got != access.ChangeApproved {
		t.Errorf("after the refusal the change is %s, want approved", got)
	}
	d.must(second(d.CancelSchedule(t.Context(), d.operator, waiting.ID)))
	d.must(second(d.Apply(t.Context(), d.operator, early.ID, asSeen(early))))
}

// A schedule whose strategy is gone in spite of all checks says so, and nothing is applied.
func TestAScheduleWithoutItsStrategySaysWhy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	waiting := d.scheduledWith("")
	_, err := d.store.UpdateChange(t.Context(), waiting.ID, func(c *access.Change) (change.Decision, error) {
		c.Schedule.Strategy = "st-gone"
		return change.Decision{}, nil
	})
	d.must(err)
	d.keepTime(time.Hour + time.Minute)
	if got := d.reread(
		waiting,
	); got.State != access.ChangeApproved ||
		!strings.Contains(got.Schedule.Outcome, "Choose a strategy again") {
		t.Errorf("the change is %s, and its schedule says %q", got.State, got.Schedule.Outcome)
	}
}

func TestStrategiesAreSavedThroughAChange(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	ctx := t.Context()
	byPath := access.Strategy{
		Name:  " CI first ",
		Waves: []access.WaveRule{{Accounts: access.Selector{OUs: []string{`Root/"CI/CD"`}}}},
	}
	c, err := d.SaveStrategy(ctx, d.editor, 0, byPath, true)
	d.must(err)
	if len(c.Edits) != 2 || c.Title != "Add strategy CI first" ||
		!slices.Equal(c.Edits[0].Strategy.Waves[0].Accounts.OUs, []string{"ou-ab12-cicd0000"}) {
		t.Fatalf("the change is %q with %+v", c.Title, c.Edits)
	}
	id := c.Edits[0].ID
	v, err := d.View(ctx, d.editor, c.ID)
	d.must(err)
	if len(v.Strategies) != 1 || v.Strategies[0].Before != nil || v.Strategies[0].After.Name != "CI first" ||
		v.DefaultStrategy == nil || v.DefaultStrategy.Before != access.BuiltinStrategy ||
		v.DefaultStrategy.After != "CI first ("+id+")" {
		t.Errorf("the change shows %+v and the default %+v", v.Strategies, v.DefaultStrategy)
	}
	if !slices.Contains(v.Dangers, access.DangerRules) {
		t.Errorf("its dangers are %v, want rules among them", v.Dangers)
	}
	if got, err := d.Strategies(ctx, d.viewer, change.Head); err != nil || len(got.Strategies) != 0 {
		t.Errorf("before it is applied: %+v (%v)", got.Strategies, err)
	}
	c, err = d.Describe(ctx, d.editor, c.ID, c.Version, c.Title, "SEC-1")
	d.must(err)
	c, err = d.Submit(ctx, d.editor, c.ID, c.Version)
	d.must(err)
	if _, err := d.Review(
		ctx,
		d.editor,
		c.ID,
		access.VerdictApprove,
		c.Digest,
		"",
	); access.KindOf(
		err,
	) != access.KindForbidden {
		t.Errorf("the author reviews it: %v", err)
	}
	c = d.approve(c)
	d.must(second(d.Apply(ctx, d.operator, c.ID, asSeen(c))))
	got, err := d.Strategies(ctx, d.viewer, change.Head)
	d.must(err)
	if len(got.Strategies) != 1 || got.Strategies[0].ID != id || got.Default != id {
		t.Errorf("after it is applied: %+v", got)
	}
	if past, err := d.Strategies(ctx, d.viewer, 1); err != nil || len(past.Strategies) != 0 || past.Revision != 1 {
		t.Errorf("at revision 1: %+v (%v)", past, err)
	}

	// A form that does not touch the default leaves it, and one that takes it away says so.
	saved := got.Strategies[0]
	saved.MaxInFlight = 9
	c, err = d.SaveStrategy(ctx, d.editor, 0, saved, true)
	if err != nil || cmp.Diff([]string{"strategy.update " + id + " "}, ops(c.Edits)) != "" {
		t.Errorf("edited: %v (%v)", ops(c.Edits), err)
	}
	c, err = d.SaveStrategy(ctx, d.editor, c.ID, saved, false)
	if err != nil ||
		cmp.Diff([]string{"strategy.update " + id + " ", "strategy.default at-once "}, ops(c.Edits)) != "" {
		t.Errorf("no longer the default: %v (%v)", ops(c.Edits), err)
	}
	c, err = d.RemoveStrategy(ctx, d.editor, c.ID, id)
	if err != nil ||
		cmp.Diff([]string{"strategy.default at-once ", "strategy.remove " + id + " "}, ops(c.Edits)) != "" {
		t.Errorf("removed: %v (%v)", ops(c.Edits), err)
	}
	byPath.Waves[0].Accounts.OUs = []string{"Root/CI/CD"}
	byPath.Name = "Other"
	_, err = d.SaveStrategy(ctx, d.editor, 0, byPath, false)
	wantField(t, err, "waves/0/accounts", "ou-ab12-cicd0000")
	_, err = d.SaveStrategy(ctx, d.editor, 0, access.Strategy{Name: "ci FIRST"}, false)
	wantField(t, err, "name", "exists already")
	_, err = d.RemoveStrategy(ctx, d.editor, 0, id)
	if access.KindOf(err) != access.KindInvalid || !strings.Contains(access.MessageOf(err), "default") {
		t.Errorf("the default is removed: %v", err)
	}
}

func TestStrategiesNeedPermission(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for name, call := range map[string]func(access.Actor) error{
		"Strategies":   func(a access.Actor) error { return second(d.Strategies(t.Context(), a, change.Head)) },
		"StrategyForm": func(a access.Actor) error { return second(d.StrategyForm(t.Context(), a)) },
		"StrategyHistory": func(a access.Actor) error {
			return second(d.StrategyHistory(t.Context(), a, "x", access.PageQuery{}))
		},
		"SaveStrategy": func(a access.Actor) error {
			return second(d.SaveStrategy(t.Context(), a, 0, inTwo, false))
		},
		"RemoveStrategy": func(a access.Actor) error { return second(d.RemoveStrategy(t.Context(), a, 0, "x")) },
	} {
		if err := call(access.Actor{}); access.KindOf(err) != access.KindUnauthenticated {
			t.Errorf("%s without signing in: %v, want KindUnauthenticated", name, err)
		}
		if err := call(d.viewer); !strings.HasPrefix(name, "Strateg") && access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s as a viewer: %v, want KindForbidden", name, err)
		}
		if err := call(d.operator); !strings.HasPrefix(name, "Strateg") && access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s as an operator: %v, want KindForbidden", name, err)
		}
	}
}

// A rule for changes of rules and settings is for those of strategies too.
func TestRulesForStrategies(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	rule := access.ReviewRule{
		Name:  "Two",
		Scope: access.RuleScope{Dangers: []access.Danger{access.DangerRules}},
		Need:  []access.Requirement{{Count: 2}},
	}
	d.apply("rule", access.Edit{Op: access.EditAddRule, ID: "rr-1", Rule: &rule}, addStrategy("st-1", inTwo))
	for name, edit := range map[string]access.Edit{
		"add":     addStrategy("st-2", access.Strategy{Name: "Quick"}),
		"edit":    updateStrategy("st-1", access.Strategy{Name: "Careful"}),
		"remove":  removeStrategy("st-1"),
		"default": defaultStrategy("st-1"),
	} {
		if c := d.approve(
			d.submit(name, edit),
		); c.State != access.ChangeInReview || len(c.Needs) != 1 ||
			c.Needs[0].Rule != "rr-1" {
			t.Errorf("%s: after one review the change is %s and needs %+v", name, c.State, c.Needs)
		}
	}
}

func TestChangesOfOneStrategyConflict(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.apply("strategies", addStrategy("st-1", inTwo), addStrategy("st-2", access.Strategy{Name: "Quick"}))
	slow := access.Strategy{Name: "Careful", Waves: []access.WaveRule{{Count: 2}}}
	mine := d.approve(d.submit("mine", updateStrategy("st-1", slow)))
	mineToo := d.approve(d.submit("my default", defaultStrategy("st-1")))
	other := d.approve(d.submit("other", updateStrategy("st-2", access.Strategy{Name: "Quicker"})))
	d.apply("theirs", updateStrategy("st-1", access.Strategy{Name: "Careless"}), defaultStrategy("st-2"))
	for _, c := range []access.Change{mine, mineToo} {
		_, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c))
		if access.KindOf(err) != access.KindConflict || d.reread(c).State != access.ChangeConflicted {
			t.Errorf("%s: %v, the change is %s", c.Title, err, d.reread(c).State)
		}
	}
	d.must(second(d.Apply(t.Context(), d.operator, other.ID, asSeen(other))))
	rebased, err := d.Rebase(t.Context(), d.editor, mine.ID)
	d.must(err)
	if rebased.State != access.ChangeDraft || cmp.Diff([]string{"strategy.update st-1 "}, ops(rebased.Edits)) != "" {
		t.Errorf("rebased: %s with %v", rebased.State, ops(rebased.Edits))
	}
	d.apply("gone", defaultStrategy(access.AtOnceStrategy), removeStrategy("st-1"), removeStrategy("st-2"))
	if _, err := d.Rebase(
		t.Context(),
		d.editor,
		mine.ID,
	); access.KindOf(err) != access.KindConflict ||
		!strings.Contains(access.MessageOf(err), "st-1") {
		t.Errorf("rebased where the strategy is gone: %v", err)
	}
}

func TestStrategiesGoOutAndComeIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	byOU := access.Strategy{
		Name:     "Careful",
		Waves:    []access.WaveRule{{Accounts: access.Selector{OUs: []string{prodOU}}, Bake: time.Minute}},
		ReadBack: true,
	}
	d.apply(
		"strategies",
		addStrategy("st-1", byOU),
		addStrategy("st-2", access.Strategy{Name: "Quick"}),
		defaultStrategy("st-1"),
	)
	ctx := t.Context()
	file, _, err := d.ExportScenario(ctx, d.viewer, change.Head, true)
	d.must(err)
	again := func(text string) (access.Change, error) {
		return d.ImportScenario(ctx, d.editor, "file", "SEC-1", text)
	}
	if _, err := again(string(file)); access.KindOf(err) != access.KindUnchanged {
		t.Errorf("the same file: %v, want that nothing changes", err)
	}
	without, _, found := strings.Cut(string(file), "strategies:")
	if !found {
		t.Fatalf("the file has no strategies:\n%s", file)
	}
	if _, err := again(without); access.KindOf(err) != access.KindUnchanged {
		t.Errorf("a file without strategies: %v, want that nothing changes", err)
	}
	c, err := again(without + "strategies: []\n")
	d.must(err)
	if diff := cmp.Diff(
		[]string{"strategy.remove st-2 ", "strategy.default at-once ", "strategy.remove st-1 "},
		ops(c.Edits),
	); diff != "" {
		t.Errorf("no strategies (-want +got):\n%s", diff)
	}
	c, err = again(
		without + "strategies:\n  - {name: quick, default: true, waves: [{accounts: {ous: [Root/Prod]}}]}\n" +
			"  - {name: Careful, waves: [{accounts: {ous: [Root/Prod]}, bake: 1m}], read_back: true}\n",
	)
	d.must(err)
	if diff := cmp.Diff([]string{"strategy.update st-2 ", "strategy.default st-2 "}, ops(c.Edits)); diff != "" {
		t.Errorf("other strategies (-want +got):\n%s", diff)
	}
	if got := c.Edits[0].Strategy.Waves[0].Accounts.OUs; !slices.Equal(got, []string{prodOU}) {
		t.Errorf("the wave is of the OUs %v, want ids", got)
	}
	_, err = again(without + "strategies:\n  - {name: x, waves: [{accounts: {ous: [Root/Nowhere]}}]}\n")
	if access.KindOf(err) != access.KindInvalid || !strings.Contains(access.MessageOf(err), "the strategy x") {
		t.Errorf("a wave of an unknown OU: %v", err)
	}
}
