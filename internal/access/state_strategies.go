package access

import (
	"cmp"
	"slices"
	"strings"
)

// Equal reports whether two strategies say the same. Their ids do not count.
func (s Strategy) Equal(o Strategy) bool {
	return s.Name == o.Name && s.Description == o.Description && s.MaxInFlight == o.MaxInFlight &&
		s.MaxFailures == o.MaxFailures && s.ReadBack == o.ReadBack &&
		s.RollBack == o.RollBack && s.Confirm == o.Confirm &&
		slices.EqualFunc(s.Waves, o.Waves, WaveRule.equal) && slices.EqualFunc(s.Probes, o.Probes, Probe.equal) &&
		s.MaintenanceWindow.equal(o.MaintenanceWindow)
}

func (w WaveRule) equal(o WaveRule) bool {
	return w.Name == o.Name && w.Accounts.Equal(o.Accounts) && w.Count == o.Count && w.Percent == o.Percent &&
		w.EachOU == o.EachOU && w.MaxInFlight == o.MaxInFlight && w.MaxFailures == o.MaxFailures && w.Bake == o.Bake &&
		w.RequiresApproval == o.RequiresApproval
}

func (p Probe) equal(o Probe) bool {
	return p.Role.Rooted() == o.Role.Rooted() && p.Allowed == o.Allowed && p.InAccounts() == o.InAccounts()
}

func (m MaintenanceWindow) equal(o MaintenanceWindow) bool {
	return m.From == o.From && m.To == o.To && cmp.Or(m.Zone, "UTC") == cmp.Or(o.Zone, "UTC") && sameSet(m.Days, o.Days)
}

// hasName reports whether a strategy has a name. Names that differ in case alone are the same.
func (s Strategy) hasName(name string) bool { return foldName(s.Name) == foldName(name) }

func foldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// StrategyRevision is a step in the history of a strategy; nil once it was removed.
type StrategyRevision struct {
	Revision Revision
	Strategy *Strategy
}

// StrategyChange is a strategy before and after a change. Before is nil for a new one, After for one that is removed.
type StrategyChange struct {
	Before, After *Strategy
}

// Strategy finds a strategy by its id, which may be DefaultStrategy or AtOnceStrategy.
func (s State) Strategy(id string) (Strategy, bool) {
	if id == DefaultStrategy {
		id = s.DefaultStrategy
	}
	if id == AtOnceStrategy || id == "" {
		return Strategy{}.OrNamed(), true
	}
	i := slices.IndexFunc(s.Strategies, func(one Strategy) bool { return one.ID == id })
	if i < 0 {
		return Strategy{}, false
	}
	return s.Strategies[i], true
}

// StrategyNamed finds the id of a strategy by its name; no name is DefaultStrategy.
func (s State) StrategyNamed(name string) (id string, found bool) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return DefaultStrategy, true
	case foldName(name) == foldName(BuiltinStrategy):
		return AtOnceStrategy, true
	}
	i := slices.IndexFunc(s.Strategies, func(one Strategy) bool { return one.hasName(name) })
	if i < 0 {
		return "", false
	}
	return s.Strategies[i].ID, true
}

func strategyID(s Strategy) string { return s.ID }

// strategyEdits are in an order in which each of them can be applied: a strategy is the default only while it is there,
// and a name is free before another strategy takes it.
func strategyEdits(before, after State) []Edit {
	edits := family[Strategy]{
		key:    strategyID,
		same:   Strategy.Equal,
		add:    EditAddStrategy,
		update: EditUpdateStrategy,
		remove: EditRemoveStrategy,
		edit:   func(op EditOp, id string, is *Strategy) Edit { return Edit{Op: op, ID: id, Strategy: is} },
	}.edits(before.Strategies, after.Strategies)
	if before.defaultStrategy() == after.defaultStrategy() {
		return edits
	}
	last := Edit{Op: EditRemoveStrategy, ID: before.defaultStrategy()}
	rest := slices.DeleteFunc(slices.Clone(edits), func(e Edit) bool { return e == last })
	var removed []Edit
	if len(rest) < len(edits) {
		removed = append(removed, last)
	}
	return slices.Concat(rest, []Edit{{Op: EditDefaultStrategy, ID: after.defaultStrategy()}}, removed)
}

// defaultStrategy is the id of the default, AtOnceStrategy if none was chosen.
func (s State) defaultStrategy() string {
	if s.DefaultStrategy == "" {
		return AtOnceStrategy
	}
	return s.DefaultStrategy
}

func (b *stateBuilder) applyStrategy(e Edit) error {
	_, there := b.strategies[e.ID]
	switch {
	case e.Op != EditAddStrategy && !there:
		return gone("strategy", e.ID)
	case e.Op == EditRemoveStrategy:
		delete(b.strategies, e.ID)
		return nil
	case e.Op == EditAddStrategy && (there || e.ID == AtOnceStrategy):
		return Errorf(KindConflict, "the strategy %s exists already", e.ID)
	case e.Strategy == nil:
		return Invalid("strategy", "the edit has no strategy")
	}
	if err := e.Strategy.Check(); err != nil {
		return err
	}
	s := *e.Strategy
	s.ID, s.Name = e.ID, strings.TrimSpace(s.Name)
	b.strategies[e.ID] = s
	return nil
}

// chooseDefault makes a strategy the default. That it is there is checked when all edits are applied.
func (b *stateBuilder) chooseDefault(e Edit) error {
	b.defaultStrategy = e.ID
	if e.ID == AtOnceStrategy {
		b.defaultStrategy = ""
	}
	return nil
}

// checkStrategies refuses two strategies of one name, and a default that is not there. strategies are sorted by name.
func (s State) checkStrategies() error {
	for i := 1; i < len(s.Strategies); i++ {
		if s.Strategies[i-1].hasName(s.Strategies[i].Name) {
			return Invalid("name", "a strategy named %q exists already; choose another name", s.Strategies[i].Name)
		}
	}
	if _, there := s.Strategy(s.DefaultStrategy); !there {
		return Invalid(
			"strategy",
			"the strategy %s is the default and does not exist; choose another default first",
			s.DefaultStrategy,
		)
	}
	return nil
}

// SortStrategies puts strategies in the order that State promises.
func SortStrategies(list []Strategy) {
	slices.SortFunc(list, func(a, b Strategy) int {
		return cmp.Or(
			strings.Compare(
				foldName(a.Name),
				foldName(b.Name),
			),
			strings.Compare(a.Name, b.Name),
			strings.Compare(a.ID, b.ID),
		)
	})
}
