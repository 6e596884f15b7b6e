package sandbox

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Call is the sandbox's own record of one request, answered or refused.
type Call struct {
	Time      time.Time        `json:"time"`
	RequestID string           `json:"request_id"`
	Account   access.AccountID `json:"account,omitempty"` // where it had its effect; for AssumeRole the role's account
	Caller    string           `json:"caller,omitempty"`  // ARN; empty when nobody could be made out
	Action    string           `json:"action"`
	Resource  string           `json:"resource,omitempty"`
	SourceIP  string           `json:"source_ip,omitempty"`
	Outcome   string           `json:"outcome"`         // "ok" or AWS's error code
	Fault     string           `json:"fault,omitempty"` // "throttled", "failed" or "answer lost" when a rule struck
}

// CallCount says how often something was called in an account, with one outcome.
type CallCount struct {
	Account access.AccountID `json:"account,omitempty"`
	Action  string           `json:"action"`
	Outcome string           `json:"outcome"`
	Fault   string           `json:"fault,omitempty"`
	Count   int              `json:"count"`
}

// keptCalls is how many calls are kept one by one; the counts are exact without end.
const keptCalls = 200_000

type callLog struct {
	mu     sync.Mutex
	ring   []Call
	next   int
	total  int
	counts map[CallCount]int // Count is 0 in the key
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if l.counts == nil {
		l.counts = map[CallCount]int{}
	}
	l.counts[CallCount{Account: c.Account, Action: c.Action, Outcome: c.Outcome, Fault: c.Fault}]++
	if len(l.ring) < keptCalls {
		l.ring = append(l.ring, c)
		return
	}
	l.ring[l.next] = c
	l.next = (l.next + 1) % keptCalls
}

func (l *callLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.next, l.total, l.counts = nil, 0, 0, nil
}

// list returns the kept calls, oldest first.
func (l *callLog) list() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Concat(l.ring[l.next:], l.ring[:l.next])
}

// newest returns the newest kept calls that are wanted, so many at most, oldest first.
func (l *callLog) newest(most int, wanted func(*Call) bool) []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := []Call{}
	for i := range l.ring {
		c := &l.ring[(l.next+len(l.ring)-1-i)%len(l.ring)]
		if len(found) == most {
			break
		}
		if wanted(c) {
			found = append(found, *c)
		}
	}
	slices.Reverse(found)
	return found
}

func (l *callLog) listCounts() []CallCount {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]CallCount, 0, len(l.counts))
	for c, n := range l.counts {
		c.Count = n
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b CallCount) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Fault, b.Fault))
	})
	return out
}

// Calls returns the record of calls, oldest first.
func (o *Organization) Calls() []Call { return o.calls.list() }

// CallCounts returns how often each action was called, by account and outcome.
func (o *Organization) CallCounts() []CallCount { return o.calls.listCounts() }

// SetFaults puts rules in force in place of those before.
func (o *Organization) SetFaults(f Faults) { o.faults.set(f) }

func (o *Organization) record(c *call, refusal *apiError, fault string) {
	entry := Call{Time: c.started, RequestID: c.id, Account: c.account, Action: c.action(), Resource: c.resource, Outcome: "ok", Fault: fault}
	if refusal != nil {
		entry.Outcome = refusal.code
	}
	if c.caller != nil {
		entry.Caller = c.caller.arn()
	}
	if c.network.addr.IsValid() {
		entry.SourceIP = c.network.addr.String()
	}
	o.calls.add(entry)
	o.log.Debug("sandbox call", "account", entry.Account, "action", entry.Action, "outcome", entry.Outcome, "fault", fault)
}
