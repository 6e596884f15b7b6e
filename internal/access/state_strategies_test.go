package access

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func strategyEdit(op EditOp, id, name string, waves ...WaveRule) Edit {
	return Edit{Op: op, ID: id, Strategy: &Strategy{Name: name, Waves: waves}}
}

func chooseStrategy(id string) Edit { return Edit{Op: EditDefaultStrategy, ID: id} }

func applied(t *testing.T, s State, edits ...Edit) State {
	t.Helper()
	after, err := s.Apply(edits)
	if err != nil {
		t.Fatalf("%+v: %v", edits, err)
	}
	return after
}

// twoStrategies are Careful, which is the default, and Quick.
func twoStrategies(t *testing.T) State {
	t.Helper()
	return applied(t, State{}, strategyEdit(EditAddStrategy, "st-1", "Careful", WaveRule{Count: 1}),
		strategyEdit(EditAddStrategy, "st-2", "Quick"), chooseStrategy("st-1"))
}

func TestEditsBetweenStrategiesLeadFromOneToTheOther(t *testing.T) {
	begin := twoStrategies(t)
	for name, c := range map[string]struct {
		edits []Edit
		want  []string
	}{
		"nothing":    {nil, nil},
		"same again": {[]Edit{strategyEdit(EditUpdateStrategy, "st-2", " Quick ")}, nil},
		"edited": {
			[]Edit{strategyEdit(EditUpdateStrategy, "st-1", "Careful", WaveRule{Count: 2})},
			[]string{"strategy.update st-1"},
		},
		"removed":     {[]Edit{{Op: EditRemoveStrategy, ID: "st-2"}}, []string{"strategy.remove st-2"}},
		"default":     {[]Edit{chooseStrategy("st-2")}, []string{"strategy.default st-2"}},
		"all at once": {[]Edit{chooseStrategy(AtOnceStrategy)}, []string{"strategy.default at-once"}},
		"default goes": {
			[]Edit{{Op: EditRemoveStrategy, ID: "st-1"}, chooseStrategy("st-2")},
			[]string{"strategy.default st-2", "strategy.remove st-1"},
		},
		"name is taken again": {
			[]Edit{
				strategyEdit(EditAddStrategy, "st-3", "QUICK"),
				{Op: EditRemoveStrategy, ID: "st-2"},
				chooseStrategy("st-3"),
			},
			[]string{"strategy.remove st-2", "strategy.add st-3", "strategy.default st-3"},
		},
	} {
		after := applied(t, begin, c.edits...)
		edits := EditsBetween(begin, after)
		var got []string
		for _, e := range edits {
			got = append(got, string(e.Op)+" "+e.ID)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		one := begin // each edit can be applied after the ones before it
		for _, e := range edits {
			one = applied(t, one, e)
		}
		if d := cmp.Diff(after, one); d != "" {
			t.Errorf("%s, one edit after the other (-want +got):\n%s", name, d)
		}
	}
}

func TestStrategyEditsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		edit Edit
		kind Kind
	}{
		"same name":        {strategyEdit(EditAddStrategy, "st-3", "careful"), KindInvalid},
		"same id":          {strategyEdit(EditAddStrategy, "st-1", "Other"), KindConflict},
		"console's id":     {strategyEdit(EditAddStrategy, AtOnceStrategy, "Other"), KindConflict},
		"console's name":   {strategyEdit(EditAddStrategy, "st-3", "all AT once"), KindInvalid},
		"gone":             {strategyEdit(EditUpdateStrategy, "st-9", "Other"), KindConflict},
		"removed twice":    {Edit{Op: EditRemoveStrategy, ID: "st-9"}, KindConflict},
		"no strategy":      {Edit{Op: EditUpdateStrategy, ID: "st-1"}, KindInvalid},
		"no id":            {Edit{Op: EditDefaultStrategy}, KindInvalid},
		"unknown default":  {chooseStrategy("st-9"), KindInvalid},
		"default removed":  {Edit{Op: EditRemoveStrategy, ID: "st-1"}, KindInvalid},
		"impossible waves": {strategyEdit(EditUpdateStrategy, "st-1", "Careful", WaveRule{}), KindInvalid},
	} {
		if _, err := twoStrategies(t).Apply([]Edit{c.edit}); KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}
}

func TestStrategiesAreFound(t *testing.T) {
	s := twoStrategies(t)
	for id, want := range map[string]string{
		DefaultStrategy: "Careful", AtOnceStrategy: BuiltinStrategy, "st-2": "Quick",
	} {
		if got, found := s.Strategy(id); !found || got.Name != want {
			t.Errorf("the strategy %q is %q (%v), want %q", id, got.Name, found, want)
		}
	}
	if got, found := (State{}).Strategy(DefaultStrategy); !found || got.Name != BuiltinStrategy || !got.Simple() {
		t.Errorf("the default of nothing is %+v (%v)", got, found)
	}
	if _, found := s.Strategy("st-9"); found {
		t.Error("an unknown strategy is found")
	}
	for name, want := range map[string]string{"": DefaultStrategy, " quick": "st-2", "ALL at once": AtOnceStrategy} {
		if got, found := s.StrategyNamed(name); !found || got != want {
			t.Errorf("the strategy named %q is %q (%v), want %q", name, got, found, want)
		}
	}
}

func TestUndoOfStrategies(t *testing.T) {
	before := twoStrategies(t)
	after := applied(
		t,
		before,
		strategyEdit(EditUpdateStrategy, "st-1", "Careful", WaveRule{Percent: 50}),
		chooseStrategy("st-2"),
	)
	edits, err := after.Undo(before, after)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, applied(t, after, edits...)); d != "" {
		t.Errorf("undone (-want +got):\n%s", d)
	}
	for name, since := range map[string]Edit{
		"the strategy": strategyEdit(EditUpdateStrategy, "st-1", "Careful", WaveRule{Percent: 60}),
		"the default":  chooseStrategy(AtOnceStrategy),
	} {
		if _, err := applied(t, after, since).Undo(before, after); KindOf(err) != KindConflict {
			t.Errorf("%s was edited since: %v, want KindConflict", name, err)
		}
	}
}

func TestStrategyObjects(t *testing.T) {
	edits := []Edit{
		strategyEdit(
			EditAddStrategy,
			"st-1",
			"x",
		),
		strategyEdit(EditUpdateStrategy, "st-1", "x"),
		{Op: EditRemoveStrategy, ID: "st-1"},
		chooseStrategy("st-1"),
		chooseStrategy("st-2"),
	}
	var got []string
	for _, e := range edits {
		got = append(got, e.Object())
	}
	want := []string{"strategy/st-1", "strategy/st-1", "strategy/st-1", "default strategy", "default strategy"}
	if !slices.Equal(got, want) {
		t.Errorf("the objects are %q, want %q", got, want)
	}
}

func TestStrategyEqualIgnoresSpelling(t *testing.T) {
	a := Strategy{
		Name:              "x",
		Probes:            []Probe{{Role: RoleName{Name: "Bob"}}},
		MaintenanceWindow: MaintenanceWindow{From: "22:00", To: "04:00"},
	}
	b := Strategy{
		ID:                "st-1",
		Name:              "x",
		Probes:            []Probe{{Role: RoleName{Path: "/", Name: "Bob"}, Accounts: DefaultProbeAccounts}},
		MaintenanceWindow: MaintenanceWindow{From: "22:00", To: "04:00", Zone: "UTC"},
	}
	if !a.Equal(b) {
		t.Error("two spellings of one strategy differ")
	}
	b.Waves = []WaveRule{{Count: 1, Bake: time.Second}}
	if a.Equal(b) {
		t.Error("a strategy equals one with another wave")
	}
}
