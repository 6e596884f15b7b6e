package sandbox

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/judge"
)

// Faults make the organization behave badly. The zero value is an organization without
// faults. The same Seed and the same order of calls give the same faults.
type Faults struct {
	Seed  uint64  `json:"seed,omitempty"`
	Rules []Fault `json:"rules"`
}

// Fault is one rule. The waits of all rules that match a call add up; of throttling,
// failing and losing the answer the first that strikes does. Shares go from 0 to 1.
type Fault struct {
	Actions    []string           `json:"actions,omitempty"`  // "iam:UpdateAssumeRolePolicy", "iam:*"; all when empty
	Accounts   []access.AccountID `json:"accounts,omitempty"` // where the call has its effect; all when empty
	Latency    Duration           `json:"latency,omitempty"`
	Jitter     Duration           `json:"jitter,omitempty"`      // up to so much on top of Latency
	Throttle   float64            `json:"throttle,omitempty"`    // share of calls
	Rate       float64            `json:"rate,omitempty"`        // calls a second and account beyond which all are throttled
	Fail       float64            `json:"fail,omitempty"`        // share of calls
	Status     int                `json:"status,omitempty"`      // of a failure; 500 when 0
	Code       string             `json:"code,omitempty"`        // of a failure; ServiceFailure when empty
	Message    string             `json:"message,omitempty"`     // of a failure
	LoseAnswer float64            `json:"lose_answer,omitempty"` // share of calls that have their effect and get no answer
	Answer500  bool               `json:"answer_500,omitempty"`  // a lost answer is a 500 and not a cut connection
	Lag        Duration           `json:"lag,omitempty"`         // reads show a document as it was for so long after a write
	Truncate   int                `json:"truncate,omitempty"`    // lists of accounts end after so many
	Life       Duration           `json:"life,omitempty"`        // temporary credentials expire this long after they were issued
	Skip       int                `json:"skip,omitempty"`        // let so many matching calls pass first
	Count      int                `json:"count,omitempty"`       // strike only so many times; no limit when 0
}

// Duration is written as "50ms".
type Duration time.Duration

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil || parsed < 0 {
		return fmt.Errorf("%q is not a duration; write it like 50ms or 2s", text)
	}
	*d = Duration(parsed)
	return nil
}

// effect is what the rules do to one call.
type effect struct {
	latency time.Duration
	lag     time.Duration
	life    time.Duration // 0 for as long as was agreed
	most    int           // accounts that a list shows; 0 for all
	lose    bool
	cut     bool
	refusal *apiError
}

func (e effect) name() string {
	switch {
	case e.refusal == nil:
		return ""
	case e.refusal.code == "Throttling":
		return "throttled"
	default:
		return "failed"
	}
}

// faults has the rules in force and what they have done so far.
type faults struct {
	mu     sync.Mutex
	seed   uint64
	rules  []*ruleState
	random *rand.Rand
}

type ruleState struct {
	Fault
	seen    int
	struck  int
	buckets map[access.AccountID]*bucket
}

func (f *faults) set(to Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seed, f.random = to.Seed, rand.New(rand.NewPCG(to.Seed, 0))
	f.rules = nil
	for _, r := range to.Rules {
		f.rules = append(f.rules, &ruleState{Fault: r, buckets: map[access.AccountID]*bucket{}})
	}
}

func (f *faults) get() Faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := Faults{Seed: f.seed, Rules: []Fault{}}
	for _, r := range f.rules {
		out.Rules = append(out.Rules, r.Fault)
	}
	return out
}

func (f *faults) decide(action string, account access.AccountID) effect {
	f.mu.Lock()
	defer f.mu.Unlock()
	var e effect
	for _, r := range f.rules {
		if r.matches(action, account) {
			f.apply(r, account, &e)
		}
	}
	return e
}

func (r *ruleState) matches(action string, account access.AccountID) bool {
	if len(r.Accounts) > 0 && !slices.Contains(r.Accounts, account) {
		return false
	}
	return len(r.Actions) == 0 || slices.ContainsFunc(r.Actions, func(p string) bool { return judge.MatchAction(p, action) })
}

func (f *faults) apply(r *ruleState, account access.AccountID, e *effect) {
	e.latency += time.Duration(r.Latency)
	if r.Jitter > 0 {
		e.latency += time.Duration(f.random.Int64N(int64(r.Jitter)))
	}
	e.lag = max(e.lag, time.Duration(r.Lag))
	e.life = max(e.life, time.Duration(r.Life))
	e.most = max(e.most, r.Truncate)
	r.seen++
	if r.seen <= r.Skip || r.Count > 0 && r.struck >= r.Count || e.lose || e.refusal != nil {
		return
	}
	switch {
	case f.strikes(r.Throttle), r.Rate > 0 && !r.bucket(account).take(r.Rate, time.Now()):
		e.refusal = refuse(http.StatusBadRequest, "Throttling", "Rate exceeded")
	case f.strikes(r.Fail):
		e.refusal = r.failure()
	case f.strikes(r.LoseAnswer):
		e.lose, e.cut = true, !r.Answer500
	default:
		return
	}
	r.struck++
}

func (f *faults) strikes(share float64) bool { return share > 0 && f.random.Float64() < share }

func (r *ruleState) failure() *apiError {
	e := refuse(http.StatusInternalServerError, "ServiceFailure", "The request processing has failed because of an unknown error, exception or failure.")
	if r.Status != 0 {
		e.status = r.Status
	}
	if r.Code != "" {
		e.code = r.Code
	}
	if r.Message != "" {
		e.message = r.Message
	}
	return e
}

func (r *ruleState) bucket(account access.AccountID) *bucket {
	b := r.buckets[account]
	if b == nil {
		b = &bucket{}
		r.buckets[account] = b
	}
	return b
}

// bucket allows up to one second's worth of calls at once, at least one.
type bucket struct {
	tokens float64
	last   time.Time
}

func (b *bucket) take(rate float64, now time.Time) bool {
	size := max(rate, 1)
	if b.last.IsZero() {
		b.tokens = size
	} else {
		b.tokens = min(size, b.tokens+now.Sub(b.last).Seconds()*rate)
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
