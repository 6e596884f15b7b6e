package scenario

import (
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"portcullis.internal/portcullis/internal/access"
)

// readStrategy is a strategy with the line that errors name, and whether it is the default.
type readStrategy struct {
	access.Strategy
	line      int
	byDefault bool
}

// strategyList reads all strategies. The key alone says that there are no others.
func (r *scenarioReader) strategyList(n ast.Node) error {
	r.strategies = []readStrategy{}
	return r.list(r.strategy)(n)
}

func (r *scenarioReader) strategy(n ast.Node) error {
	s := readStrategy{line: lineOf(n)}
	err := r.object(n, "a strategy", map[string]field{
		"name":          r.intoText(&s.Name),
		"description":   r.intoText(&s.Description),
		"default":       r.intoBool(&s.byDefault),
		"waves":         r.list(func(n ast.Node) error { return r.waveRule(n, &s.Strategy) }),
		"max_in_flight": r.intoNumber(&s.MaxInFlight),
		"max_failures":  r.intoLimit(&s.MaxFailures),
		"read_back": r.intoBool(
			&s.ReadBack,
		),
		"probes":             r.list(func(n ast.Node) error { return r.probe(n, &s.Strategy) }),
		"maintenance_window": func(n ast.Node) error { return r.window(n, &s.MaintenanceWindow) },
		"roll_back":          r.intoBool(&s.RollBack),
		"confirm_within":     r.intoDuration(&s.Confirm),
	})
	if err != nil {
		return err
	}
	s.Name = strings.TrimSpace(s.Name)
	if err := s.Check(); err != nil {
		return r.wrap(n, err)
	}
	r.strategies = append(r.strategies, s)
	return nil
}

func (r *scenarioReader) waveRule(n ast.Node, s *access.Strategy) error {
	var w access.WaveRule
	err := r.object(n, "a wave", map[string]field{
		"name": r.intoText(&w.Name), "accounts": func(n ast.Node) error { return r.selector(n, &w.Accounts) },
		"count": r.intoNumber(&w.Count), "percent": r.intoNumber(&w.Percent), "each_ou": r.intoBool(&w.EachOU),
		"max_in_flight": r.intoNumber(&w.MaxInFlight), "max_failures": r.intoLimit(&w.MaxFailures),
		"bake": r.intoDuration(&w.Bake), "requires_approval": r.intoBool(&w.RequiresApproval),
	})
	s.Waves = append(s.Waves, w)
	return err
}

func (r *scenarioReader) probe(n ast.Node, s *access.Strategy) error {
	var p access.Probe
	err := r.object(n, "a probe", map[string]field{
		"role": func(n ast.Node) error {
			name, err := r.text(n)
			if err == nil {
				p.Role, err = access.ParseRoleName(name)
			}
			return r.wrap(n, err)
		},
		"allowed": r.intoBool(&p.Allowed), "accounts": r.intoNumber(&p.Accounts),
	})
	s.Probes = append(s.Probes, p)
	return err
}

func (r *scenarioReader) window(n ast.Node, w *access.MaintenanceWindow) error {
	return r.object(n, "a maintenance window", map[string]field{
		"days": r.list(func(n ast.Node) error {
			var day int
			err := r.intoNumber(&day)(n)
			w.Days = append(w.Days, day)
			return err
		}),
		"from": r.intoText(&w.From), "to": r.intoText(&w.To), "zone": r.intoText(&w.Zone),
	})
}

func (r *scenarioReader) intoLimit(into *access.Limit) field {
	return func(n ast.Node) error {
		return r.object(n, "a limit on failures", map[string]field{
			"none": r.intoBool(&into.None), "count": r.intoNumber(&into.Count), "percent": r.intoNumber(&into.Percent),
		})
	}
}

func (r *scenarioReader) intoNumber(into *int) field {
	return func(n ast.Node) error {
		s, err := r.text(n)
		if err != nil {
			return err
		}
		if *into, err = strconv.Atoi(s); err != nil {
			return r.errorf(n, "%q is not a whole number", s)
		}
		return nil
	}
}

// placeStrategies gives strategies their ids, in the order of their names. It refuses two of one name, and two defaults.
func (r *scenarioReader) placeStrategies(s *Scenario) error {
	if r.strategies == nil {
		return nil
	}
	first := map[string]readStrategy{} // by name, which differs in more than case
	s.State.Strategies = make([]access.Strategy, len(r.strategies))
	var byDefault string
	for i, one := range r.strategies {
		folded := strings.ToLower(one.Name)
		if other, twice := first[folded]; twice {
			return r.errorAt(
				one.line,
				"a strategy named %q exists already (line %d); choose another name",
				one.Name,
				other.line,
			)
		}
		if one.byDefault && byDefault != "" {
			return r.errorAt(
				one.line,
				"the strategy %q is the default already (line %d); only one can be",
				byDefault,
				first[byDefault].line,
			)
		}
		if first[folded] = one; one.byDefault {
			byDefault = folded
		}
		s.State.Strategies[i] = one.Strategy
	}
	access.SortStrategies(s.State.Strategies)
	for i := range s.State.Strategies {
		one := &s.State.Strategies[i]
		if one.ID = numberedID("st-", i); byDefault != "" && strings.ToLower(one.Name) == byDefault {
			s.State.DefaultStrategy = one.ID
		}
		for j := range one.Waves {
			one.Waves[j].Accounts = inFile(s.OUs, one.Waves[j].Accounts)
		}
	}
	return nil
}

func (s Scenario) strategiesTree() tree {
	t := tree{kind: '['}
	for _, one := range s.State.Strategies {
		t.items = append(t.items, strategyTree(one, one.ID == s.State.DefaultStrategy))
	}
	return t
}

func strategyTree(s access.Strategy, byDefault bool) tree {
	t := tree{kind: '{'}
	t.put("name", text(s.Name))
	t.putText("description", s.Description)
	t.putTrue("default", byDefault)
	if len(s.Waves) > 0 {
		waves := tree{kind: '['}
		for _, w := range s.Waves {
			waves.items = append(waves.items, waveTree(w))
		}
		t.put("waves", waves)
	}
	t.putNumber("max_in_flight", s.MaxInFlight)
	t.putLimit("max_failures", s.MaxFailures)
	t.putTrue("read_back", s.ReadBack)
	if len(s.Probes) > 0 {
		probes := tree{kind: '['}
		for _, p := range s.Probes {
			probes.items = append(probes.items, probeTree(p))
		}
		t.put("probes", probes)
	}
	if !s.MaintenanceWindow.Always() {
		t.put("maintenance_window", windowTree(s.MaintenanceWindow))
	}
	t.putTrue("roll_back", s.RollBack)
	if s.Confirm > 0 {
		t.put("confirm_within", text(access.DurationText(s.Confirm)))
	}
	return t
}

func waveTree(w access.WaveRule) tree {
	t := tree{kind: '{'}
	t.putText("name", w.Name)
	if w.Accounts.Some() {
		t.put("accounts", selectorTree(w.Accounts))
	}
	t.putNumber("count", w.Count)
	t.putNumber("percent", w.Percent)
	t.putTrue("each_ou", w.EachOU)
	t.putNumber("max_in_flight", w.MaxInFlight)
	t.putLimit("max_failures", w.MaxFailures)
	if w.Bake > 0 {
		t.put("bake", text(access.DurationText(w.Bake)))
	}
	t.putTrue("requires_approval", w.RequiresApproval)
	return t
}

func probeTree(p access.Probe) tree {
	t := tree{kind: '{'}
	t.put("role", text(p.Role.String()))
	t.put("allowed", literalOf(strconv.FormatBool(p.Allowed)))
	t.putNumber("accounts", p.Accounts)
	return t
}

func windowTree(w access.MaintenanceWindow) tree {
	t := tree{kind: '{'}
	if len(w.Days) > 0 {
		days := tree{kind: '['}
		for _, d := range w.Days {
			days.items = append(days.items, literalOf(strconv.Itoa(d)))
		}
		t.put("days", days)
	}
	t.putText("from", w.From)
	t.putText("to", w.To)
	t.putText("zone", w.Zone)
	return t
}

func (t *tree) putTrue(key string, is bool) {
	if is {
		t.put(key, literalOf("true"))
	}
}

func (t *tree) putNumber(key string, n int) {
	if n != 0 {
		t.put(key, literalOf(strconv.Itoa(n)))
	}
}

func (t *tree) putLimit(key string, l access.Limit) {
	if l == (access.Limit{}) {
		return
	}
	limit := tree{kind: '{'}
	limit.putTrue("none", l.None)
	limit.putNumber("count", l.Count)
	limit.putNumber("percent", l.Percent)
	t.put(key, limit)
}
