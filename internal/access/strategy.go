package access

import (
	"cmp"
	"time"
)

// Strategy is a saved way of carrying changes out: in which waves, how many accounts at
// once, when to stop. A rollout keeps a copy of its strategy as it was at the apply.
// The zero value is everything in one wave.
type Strategy struct {
	ID          int64         `json:"id,omitempty"`
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Default     bool          `json:"default,omitempty"`
	Version     int64         `json:"version,omitempty"` // rises with each edit
	Waves       []WaveRule    `json:"waves,omitempty"`   // accounts that none of them takes come last, in a wave of their own
	Window      int           `json:"window,omitempty"`  // accounts at once; 0 is the server's default
	MaxFailures Limit         `json:"max_failures,omitzero"`
	ReadBack    bool          `json:"read_back,omitempty"` // read every document of a wave once more before the next
	Probes      []Probe       `json:"probes,omitempty"`
	Hours       Hours         `json:"hours,omitzero"`
	RollBack    bool          `json:"roll_back,omitempty"`      // by itself, when the rollout halts
	Confirm     time.Duration `json:"confirm_within,omitempty"` // rolled back unless somebody confirms; 0: nobody has to
}

// WaveRule takes accounts out of those that no wave before it has taken. Exactly one of
// Accounts, Count, Percent and EachOU is set.
type WaveRule struct {
	Name     string   `json:"name,omitempty"`
	Accounts Selector `json:"accounts,omitzero"`
	Count    int      `json:"count,omitempty"`   // so many accounts
	Percent  int      `json:"percent,omitempty"` // until that share of all accounts is reached, waves before included
	EachOU   bool     `json:"each_ou,omitempty"` // one wave for each OU of the rest, in the order of their paths

	Window      int           `json:"window,omitempty"` // accounts at once in this wave; 0 is the strategy's
	MaxFailures Limit         `json:"max_failures,omitzero"`
	Bake        time.Duration `json:"bake,omitempty"` // how long to wait before the wave counts as good
	Gate        bool          `json:"gate,omitempty"` // a person lets the rollout go on after the wave
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
	MaxWindow            = 500
	maxBake              = 14 * 24 * time.Hour
	minConfirm           = time.Minute
	maxConfirm           = 7 * 24 * time.Hour
)

// BuiltinStrategy is what is done where nothing else was saved as the default: all
// accounts, in one wave.
const BuiltinStrategy = "All at once"

// What stands in the place of a saved strategy's id.
const (
	DefaultStrategy = 0  // the one that was saved as the default, or all at once
	AtOnceStrategy  = -1 // all at once
)

// OrNamed returns the strategy with a name.
func (s Strategy) OrNamed() Strategy {
	s.Name = cmp.Or(s.Name, BuiltinStrategy)
	return s
}

// Simple reports whether a rollout of the strategy is one wave, without anything to wait
// for or to look at afterwards.
func (s Strategy) Simple() bool {
	return len(s.Waves) == 0 && !s.checks() && s.Confirm == 0 && s.Hours.Always()
}

// checks reports whether the health of a wave is looked at.
func (s Strategy) checks() bool { return s.ReadBack || len(s.Probes) > 0 }

// none reports whether nothing is selected at all.
func (s Selector) none() bool { return !s.Some() }

// Some reports whether the selector selects in any way.
func (s Selector) Some() bool {
	return s.All || len(s.IDs) > 0 || len(s.OUs) > 0 || len(s.Tags) > 0
}
