package access

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func accountsIn(ous ...string) []Account {
	var all []Account
	for i, ou := range ous {
		all = append(all, Account{ID: AccountID(fmt.Sprintf("%012d", i+1)), OU: ou, Tags: map[string]string{"n": fmt.Sprint(i)}})
	}
	return all
}

func TestStage(t *testing.T) {
	ten := accountsIn("Root/B", "Root/A", "Root/A", "Root/B", "Root/C", "Root/C", "Root/C", "Root/C", "Root/C", "Root/C")
	type wave struct {
		Name    string
		Targets int
	}
	for name, c := range map[string]struct {
		rules []WaveRule
		want  []wave
	}{
		"no rule":                    {nil, []wave{{"All accounts", 10}}},
		"a number, then the rest":    {[]WaveRule{{Count: 2}}, []wave{{"The first 2", 2}, {"The rest", 8}}},
		"more than there are":        {[]WaveRule{{Count: 99, Name: "Canary"}}, []wave{{"Canary", 10}}},
		"shares from the beginning":  {[]WaveRule{{Percent: 5}, {Percent: 50}, {Percent: 100}}, []wave{{"Up to 5 %", 1}, {"Up to 50 %", 4}, {"Up to 100 %", 5}}},
		"a share less than was done": {[]WaveRule{{Count: 5}, {Percent: 20}}, []wave{{"The first 5", 5}, {"The rest", 5}}},
		"by tag, then OU by OU": {
			[]WaveRule{{Accounts: Selector{Tags: map[string]string{"n": "3"}}, Name: "Canary"}, {EachOU: true}},
			[]wave{{"Canary", 1}, {"Root/A", 2}, {"Root/B", 1}, {"Root/C", 6}},
		},
		"a rule without accounts": {[]WaveRule{{Accounts: Selector{IDs: []AccountID{"999999999999"}}}}, []wave{{"All accounts", 10}}},
	} {
		s := Stage(Strategy{Waves: c.rules}, ten, nil)
		var got []wave
		counted := map[int]int{}
		for _, n := range s.WaveOf {
			counted[n]++
		}
		for i, w := range s.Waves {
			got = append(got, wave{w.Name, w.Targets})
			if w.Number != i+1 || counted[w.Number] != w.Targets {
				t.Errorf("%s: wave %d is numbered %d and has %d accounts, and says %d", name, i+1, w.Number, counted[w.Number], w.Targets)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		limit Limit
		n     int
		want  int
	}{
		{Limit{}, 10, AnyFailures},
		{Limit{None: true}, 10, NoFailures},
		{Limit{Count: 3}, 10, 3},
		{Limit{Percent: 10}, 100, 10},
		{Limit{Percent: 10}, 5, NoFailures},
	} {
		if got := c.limit.Of(c.n); got != c.want {
			t.Errorf("%+v of %d accounts is %d, want %d", c.limit, c.n, got, c.want)
		}
	}
}

func TestStrategyCheck(t *testing.T) {
	good := Strategy{
		Name: "Careful", MaxInFlight: 20, MaxFailures: Limit{Percent: 5}, ReadBack: true, Confirm: time.Hour,
		Waves:             []WaveRule{{Name: "Canary", Count: 2, Bake: time.Hour, RequiresApproval: true, MaxFailures: Limit{None: true}}, {Percent: 50}, {EachOU: true}},
		Probes:            []Probe{{Role: RoleName{Name: "Bob"}, Allowed: true}},
		MaintenanceWindow: MaintenanceWindow{Days: []int{1, 2}, From: "22:00", To: "04:00", Zone: "Europe/Berlin"},
	}
	if err := good.Check(); err != nil {
		t.Fatalf("a strategy that is good: %v", err)
	}
	for field, spoil := range map[string]func(*Strategy){
		"name":             func(s *Strategy) { s.Name = " " },
		"max_in_flight":    func(s *Strategy) { s.MaxInFlight = -1 },
		"max_failures":     func(s *Strategy) { s.MaxFailures = Limit{Count: 1, Percent: 1} },
		"confirm_within":   func(s *Strategy) { s.Confirm = time.Second },
		"waves/0/accounts": func(s *Strategy) { s.Waves = []WaveRule{{Name: "nobody"}} },
		"waves/0/each_ou":  func(s *Strategy) { s.Waves = []WaveRule{{EachOU: true}, {Count: 1}} },
		"waves/1/percent":  func(s *Strategy) { s.Waves = []WaveRule{{Percent: 50}, {Percent: 50}} },
		"waves/0/bake":     func(s *Strategy) { s.Waves = []WaveRule{{Count: 1, Bake: -1}} },
		"waves/1/bake":     func(s *Strategy) { s.Waves = []WaveRule{{Count: 1}, {Count: 1, Bake: time.Millisecond}} },
		"waves/1/accounts": func(s *Strategy) {
			s.Waves = []WaveRule{{Count: 1}, {Count: 1, Accounts: Selector{Except: []string{"111122223333"}}}}
		},
		"probes/0/role":           func(s *Strategy) { s.Probes = []Probe{{Role: RoleName{Name: "no role"}}} },
		"maintenance_window/zone": func(s *Strategy) { s.MaintenanceWindow.Zone = "Middle/Earth" },
		"maintenance_window/from": func(s *Strategy) { s.MaintenanceWindow.From = "" },
	} {
		s := good
		spoil(&s)
		err := s.Check()
		if fields := FieldsOf(err); KindOf(err) != KindInvalid || len(fields) != 1 || fields[0].Field != field {
			t.Errorf("%s: %v, %v; want KindInvalid at that field alone", field, err, fields)
		}
	}
}

func TestMaintenanceWindowNextChange(t *testing.T) {
	berlin := MaintenanceWindow{Days: []int{int(time.Saturday)}, From: "22:00", To: "04:00", Zone: "Europe/Berlin"}
	for name, c := range map[string]struct {
		window  MaintenanceWindow
		at      string
		open    bool
		changes string
	}{
		"a Sunday without a midnight": {MaintenanceWindow{Days: []int{int(time.Sunday)}, From: "01:00", To: "05:00", Zone: "America/Santiago"}, "2026-09-06T05:00:00Z", true, "2026-09-06T08:00:00Z"},
		"always":                      {MaintenanceWindow{}, "2026-03-28T12:00:00Z", true, ""},
		"before":                      {berlin, "2026-03-28T12:00:00Z", false, "2026-03-28T21:00:00Z"},
		"within, over a clock change": {berlin, "2026-03-28T22:00:00Z", true, "2026-03-29T02:00:00Z"},
		"after midnight":              {berlin, "2026-03-29T01:30:00Z", true, "2026-03-29T02:00:00Z"},
		"after":                       {berlin, "2026-03-29T02:00:00Z", false, "2026-04-04T20:00:00Z"},
		"every day":                   {MaintenanceWindow{From: "09:00", To: "17:00"}, "2026-03-28T17:00:00Z", false, "2026-03-29T09:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		open, changes := c.window.NextChange(at)
		got := ""
		if !changes.IsZero() {
			got = changes.Format(time.RFC3339)
		}
		if open != c.open || got != c.changes {
			t.Errorf("%s: open %v until %s, want %v until %s", name, open, got, c.open, c.changes)
		}
	}
}
