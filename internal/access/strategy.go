package access

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Strategy is a saved way of carrying changes out: in which waves, how many accounts at
// once, when to stop. Strategies are part of the desired state: they are changed only through a
// reviewed change, and a change is rolled out by a strategy of the revision before it, never by
// one that it brings itself. A rollout keeps a copy of its strategy as it was at the apply.
// The zero value is everything in one wave.
type Strategy struct {
	ID                string            `json:"id,omitempty"`
	Name              string            `json:"name"`
	Description       string            `json:"description,omitempty"`
	Waves             []WaveRule        `json:"waves,omitempty"`         // accounts that none of them takes come last, in a wave of their own
	MaxInFlight       int               `json:"max_in_flight,omitempty"` // accounts at once; 0 is the server's default
	MaxFailures       Limit             `json:"max_failures,omitzero"`
	ReadBack          bool              `json:"read_back,omitempty"` // read every document of a wave once more before the next
	Probes            []Probe           `json:"probes,omitempty"`
	MaintenanceWindow MaintenanceWindow `json:"maintenance_window,omitzero"`
	RollBack          bool              `json:"roll_back,omitempty"`      // a halt rolls the rollout back
	Confirm           time.Duration     `json:"confirm_within,omitempty"` // rolled back unless somebody confirms; 0: nobody has to
}

// WaveRule takes accounts out of those that no wave before it has taken. Exactly one of
// Accounts, Count, Percent and EachOU is set.
type WaveRule struct {
	Name     string   `json:"name,omitempty"`
	Accounts Selector `json:"accounts,omitzero"`
	Count    int      `json:"count,omitempty"`   // so many accounts
	Percent  int      `json:"percent,omitempty"` // until that share of all accounts is reached, waves before included
	EachOU   bool     `json:"each_ou,omitempty"` // one wave for each OU of the rest, in the order of their paths

	MaxInFlight      int           `json:"max_in_flight,omitempty"` // accounts at once in this wave; 0 is the strategy's
	MaxFailures      Limit         `json:"max_failures,omitzero"`
	Bake             time.Duration `json:"bake,omitempty"`              // how long to wait before the wave counts as good
	RequiresApproval bool          `json:"requires_approval,omitempty"` // a person lets the rollout go on after the wave
}

// Limit bounds failures: by their number or by their share. The zero value bounds nothing.
type Limit struct {
	None    bool `json:"none,omitempty"` // not even one
	Count   int  `json:"count,omitempty"`
	Percent int  `json:"percent,omitempty"`
}

// The values of a limit on failures that are no number of failures.
const (
	AnyFailures = 0  // as many as come
	NoFailures  = -1 // the first one halts
)

// Of returns how many of n accounts may fail: a number, AnyFailures or NoFailures.
func (l Limit) Of(n int) int {
	switch {
	case l.None:
		return NoFailures
	case l.Percent > 0:
		if m := n * l.Percent / 100; m > 0 {
			return m
		}
		return NoFailures
	default:
		return l.Count
	}
}

// exceeds reports whether more have failed than may.
func exceeds(most, bad int) bool { return most != AnyFailures && bad > max(most, 0) }

// Probe tries to assume a role as the probe user, from the console's own address, in
// accounts of a wave that was just pushed.
type Probe struct {
	Role     RoleName `json:"role"`
	Allowed  bool     `json:"allowed"`            // what is expected
	Accounts int      `json:"accounts,omitempty"` // in how many accounts of each wave; 0 is DefaultProbeAccounts
}

// InAccounts is in how many accounts of each wave the probe looks.
func (p Probe) InAccounts() int { return cmp.Or(p.Accounts, DefaultProbeAccounts) }

// The bounds of a strategy.
const (
	DefaultProbeAccounts = 3
	maxProbeAccounts     = 50
	maxProbes            = 10
	maxWaveRules         = 30
	MostInFlight         = 500
	minBake              = time.Second // scenario files cannot hold less
	maxBake              = 14 * 24 * time.Hour
	minConfirm           = time.Minute
	maxConfirm           = 7 * 24 * time.Hour
)

// BuiltinStrategy is what is done where nothing else was saved as the default: all
// accounts, in one wave.
const BuiltinStrategy = "All at once"

// The ids by which a strategy is chosen that is not named.
const (
	DefaultStrategy = ""        // the default of the desired state, or all at once
	AtOnceStrategy  = "at-once" // all at once
)

// OrNamed returns the strategy with a name.
func (s Strategy) OrNamed() Strategy {
	s.Name = cmp.Or(s.Name, BuiltinStrategy)
	return s
}

// Simple reports whether a rollout of the strategy is one wave, without anything to wait
// for or to look at afterwards.
func (s Strategy) Simple() bool {
	return len(s.Waves) == 0 && !s.checks() && s.Confirm == 0 && s.MaintenanceWindow.Always()
}

// checks reports whether the health of a wave is looked at.
func (s Strategy) checks() bool { return s.ReadBack || len(s.Probes) > 0 }

// none reports whether nothing is selected at all.
func (s Selector) none() bool { return !s.Some() }

// Some reports whether the selector selects in any way.
func (s Selector) Some() bool {
	return s.All || len(s.IDs) > 0 || len(s.OUs) > 0 || len(s.Tags) > 0
}

// maxInFlightRange is the message of a number of accounts at once that is out of range.
const maxInFlightRange = "from 1 to %d accounts at once"

var strategyName = regexp.MustCompile(`^[^\x00-\x1f]{1,80}$`)

// Check refuses what cannot be carried out.
func (s Strategy) Check() error {
	var f fieldErrors
	s.Name = strings.TrimSpace(s.Name)
	if err := CheckIdentifier("name", s.Name); err != nil {
		f.add("name", "%s", MessageOf(err))
	} else if !strategyName.MatchString(s.Name) {
		f.add("name", "a strategy has a name of at most 80 characters")
	} else if s.hasName(BuiltinStrategy) {
		f.add("name", "%q is the strategy of the console; choose another name", BuiltinStrategy)
	}
	if len(s.Description) > 500 {
		f.add("description", "at most 500 characters")
	}
	if s.MaxInFlight < 0 || s.MaxInFlight > MostInFlight {
		f.add("max_in_flight", maxInFlightRange, MostInFlight)
	}
	s.MaxFailures.check(&f, "max_failures")
	if s.Confirm != 0 && (s.Confirm < minConfirm || s.Confirm > maxConfirm) {
		f.add("confirm_within", "the time to confirm is from one minute to 7 days")
	}
	if len(s.Waves) > maxWaveRules {
		f.add("waves", "at most %d waves", maxWaveRules)
	}
	for i, w := range s.Waves {
		w.check(&f, fmt.Sprintf("waves/%d/", i), i == len(s.Waves)-1)
	}
	s.checkPercents(&f)
	s.checkProbes(&f)
	s.MaintenanceWindow.check(&f, "maintenance_window/")
	return InvalidFields(f)
}

func (s Strategy) checkPercents(f *fieldErrors) {
	last := 0
	for i, w := range s.Waves {
		if w.Percent == 0 {
			continue
		}
		if w.Percent <= last {
			f.add(fmt.Sprintf("waves/%d/percent", i), "shares count from the beginning, so each is larger than the one before: %d %% does not come after %d %%", w.Percent, last)
		}
		last = w.Percent
	}
}

func (s Strategy) checkProbes(f *fieldErrors) {
	if len(s.Probes) > maxProbes {
		f.add("probes", "at most %d probes", maxProbes)
	}
	for i, p := range s.Probes {
		if !iamName.MatchString(p.Role.Name) || !iamPath.MatchString(cmp.Or(p.Role.Path, "/")) {
			f.add(fmt.Sprintf("probes/%d/role", i), "name the role that is to be assumed: its name (Bob), or path and name (team-a/Bob)")
		}
		if p.Accounts < 0 || p.Accounts > maxProbeAccounts {
			f.add(fmt.Sprintf("probes/%d/accounts", i), "a probe looks at 1 to %d accounts of each wave", maxProbeAccounts)
		}
	}
}

func (w WaveRule) check(f *fieldErrors, at string, last bool) {
	set := 0
	for _, is := range []bool{!w.Accounts.none(), w.Count != 0, w.Percent != 0, w.EachOU} {
		if is {
			set++
		}
	}
	if set != 1 {
		f.add(at+"accounts", "a wave takes accounts in one way: chosen ones, a number, a share, or one OU after the other")
	}
	if !w.Accounts.none() {
		if err := w.Accounts.Check(); err != nil {
			f.add(at+"accounts", "%s", MessageOf(err))
		}
	}
	if w.Accounts.none() && len(w.Accounts.Except) > 0 {
		f.add(at+"accounts", "a wave leaves accounts out only of those that it chooses: by id, OU or tag, or all")
	}
	if w.Count < 0 {
		f.add(at+"count", "the number of accounts is 1 or more")
	}
	if w.Percent < 0 || w.Percent > 100 {
		f.add(at+"percent", "a share is from 1 to 100 per cent")
	}
	if w.MaxInFlight < 0 || w.MaxInFlight > MostInFlight {
		f.add(at+"max_in_flight", maxInFlightRange, MostInFlight)
	}
	if w.Bake != 0 && (w.Bake < minBake || w.Bake > maxBake) {
		f.add(at+"bake", "a wave bakes for one second to 14 days")
	}
	if len(w.Name) > 80 {
		f.add(at+"name", "at most 80 characters")
	}
	if err := CheckIdentifier("name", w.Name); err != nil {
		f.add(at+"name", "%s", MessageOf(err))
	}
	if w.EachOU && !last {
		f.add(at+"each_ou", "OU by OU takes all accounts that are left, so it is the last rule")
	}
	w.MaxFailures.check(f, at+"max_failures")
}

func (l Limit) check(f *fieldErrors, at string) {
	set := 0
	for _, is := range []bool{l.None, l.Count != 0, l.Percent != 0} {
		if is {
			set++
		}
	}
	switch {
	case set > 1:
		f.add(at, "a limit is a number or a share, not both")
	case l.Count < 0:
		f.add(at, "the number of failures is 1 or more; none at all is a choice of its own")
	case l.Percent < 0 || l.Percent > 100:
		f.add(at, "a share is from 1 to 100 per cent")
	}
}

// fieldErrors gathers what is wrong.
type fieldErrors []FieldError

func (f *fieldErrors) add(field, format string, args ...any) {
	*f = append(*f, FieldError{field, fmt.Sprintf(format, args...)})
}
