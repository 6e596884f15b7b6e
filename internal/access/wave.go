package access

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// WaveState is where a wave is.
type WaveState string

// The states of a wave: waiting ─▶ pushing ─▶ baking ─▶ checking ─▶ awaiting_approval ─▶
// done. What a wave has no need of is left out.
const (
	WaveWaiting          WaveState = "waiting"
	WavePushing          WaveState = "pushing"
	WaveBaking           WaveState = "baking"
	WaveChecking         WaveState = "checking"
	WaveAwaitingApproval WaveState = "awaiting_approval"
	WaveDone             WaveState = "done"
)

// Wave is one wave of a rollout, with its rule worked out for the accounts that it has.
type Wave struct {
	RolloutID        int64
	Number           int // from 1
	Name             string
	Targets          int
	MaxInFlight      int // 0: as the rollout
	MaxFailures      int // AnyFailures, NoFailures or a number
	Bake             time.Duration
	RequiresApproval bool
	State            WaveState
	BegunAt          time.Time
	PushedAt         time.Time // all its targets have ended
	EndedAt          time.Time
	ApprovedBy       PersonRef // who let the rollout go on
	Left             int       // targets that wait, while the wave has not begun

	Counts TargetCounts // when read
	Health Health       // when read
}

// CheckKind is one kind of look at the health of a wave.
type CheckKind string

// A document is read back, or a role is assumed by the probe user.
const (
	CheckReadBack CheckKind = "read_back"
	CheckProbe    CheckKind = "probe"
)

// CheckState is what a check has found.
type CheckState string

// The states of a check. What could not be looked at is bad, and says why.
const (
	CheckWaiting CheckState = "waiting"
	CheckRunning CheckState = "running"
	CheckGood    CheckState = "good"
	CheckBad     CheckState = "bad"
)

// Check is one look at one account after a wave.
type Check struct {
	RolloutID int64
	Wave      int
	Seq       int
	Round     int // from 1: it is looked at again where somebody asks for it
	Kind      CheckKind
	Account   AccountID
	Role      RoleName // of a probe
	Allowed   bool     // what a probe expects
	State     CheckState
	Message   string
	Claim     int64
	EndedAt   time.Time
}

// ClaimsARound parts the claims of one round of looks from those of the next, which are
// higher: a worker of an earlier round ends nothing any more.
const ClaimsARound = 100

// Tries is how often the check was claimed in its round.
func (c Check) Tries() int64 { return c.Claim % ClaimsARound }

// Health counts the checks of a wave, those of the last round.
type Health struct {
	Round   int // how often it was looked at
	Waiting int // those that run included
	Good    int
	Bad     int
}

// Total counts all checks.
func (h Health) Total() int { return h.Waiting + h.Good + h.Bad }

// ProbeAnswer is what became of trying to assume a role.
type ProbeAnswer struct {
	Allowed bool
	Message string // what AWS said of a refusal
}

// Staging is a plan's accounts divided into waves: what a rollout is started with. The
// zero value is one wave of all accounts.
type Staging struct {
	Strategy Strategy
	Waves    []Wave
	WaveOf   map[AccountID]int
}

// Stage divides accounts, in their order, by a strategy. Rules that take no account make
// no wave; what no rule takes comes last.
// ous gives the waves of OUs their names.
func Stage(s Strategy, accounts []Account, ous *OUs) Staging {
	d := divider{
		total: len(accounts), rest: slices.Clone(accounts), ous: ous,
		out: Staging{Strategy: s, WaveOf: make(map[AccountID]int, len(accounts))},
	}
	for _, rule := range s.Waves {
		if rule.EachOU {
			d.eachOU(rule)
			continue
		}
		d.take(rule, cmp.Or(rule.Name, rule.title(ous)), d.chooser(rule))
	}
	d.take(WaveRule{}, d.restName(), func(Account) bool { return true })
	return d.out
}

type divider struct {
	total int
	rest  []Account
	ous   *OUs
	out   Staging
}

func (d *divider) restName() string {
	if len(d.out.Waves) == 0 {
		return "All accounts"
	}
	return "The rest"
}

// chooser says which of the accounts that are left a rule takes.
func (d *divider) chooser(rule WaveRule) func(Account) bool {
	most := rule.Count
	switch {
	case !rule.Accounts.none():
		return rule.Accounts.Matches
	case rule.Percent > 0: // rounded up: the first share of few accounts is not nothing
		most = (d.total*rule.Percent+99)/100 - (d.total - len(d.rest))
	}
	return func(Account) bool {
		most--
		return most >= 0
	}
}

func (d *divider) take(rule WaveRule, name string, chosen func(Account) bool) {
	number, taken := len(d.out.Waves)+1, 0
	d.rest = slices.DeleteFunc(d.rest, func(a Account) bool {
		if !chosen(a) {
			return false
		}
		d.out.WaveOf[a.ID] = number
		taken++
		return true
	})
	if taken == 0 {
		return
	}
	d.out.Waves = append(d.out.Waves, Wave{
		Number: number, Name: name, Targets: taken, MaxInFlight: rule.MaxInFlight, MaxFailures: rule.MaxFailures.Of(taken),
		Bake: rule.Bake, RequiresApproval: rule.RequiresApproval, State: WaveWaiting, Left: taken,
	})
}

// eachOU makes a wave of each OU, in the order of their paths. An account that left the organization since the plan was
// made has no OU but the path that the plan noted.
func (d *divider) eachOU(rule WaveRule) {
	in := func(a Account) OU { return OU{ID: a.OUID(), Path: a.OU} }
	var found []OU
	for _, a := range d.rest {
		found = append(found, in(a))
	}
	slices.SortFunc(found, ByPath)
	for _, ou := range slices.Compact(found) {
		d.take(rule, cmp.Or(ou.Path, d.ous.Label(ou.ID), "Without an OU"), func(a Account) bool { return in(a) == ou })
	}
}

func (w WaveRule) title(ous *OUs) string {
	switch {
	case !w.Accounts.none():
		return ous.Describe(w.Accounts)
	case w.Percent > 0:
		return fmt.Sprintf("Up to %d %%", w.Percent)
	default:
		return fmt.Sprintf("The first %d", w.Count)
	}
}
