package linear

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// The kinds of calls. compose and expire are steps of the console, which the record dates as well as
// the clients can: between the time from which they may happen and the time when they were seen.
const (
	opPropose  = "propose"
	opRead     = "read"
	opEdit     = "edit"
	opSubmit   = "submit"
	opApprove  = "approve"
	opReject   = "reject"
	opRebase   = "rebase"
	opApply    = "apply"
	opWithdraw = "withdraw"
	opHead     = "head"
	opCompose  = "compose"
	opExpire   = "expire"
)

// call is what a client asks for.
type call struct {
	op     string
	change int64
	person int    // the number of the person who asks
	match  int64  // the version in If-Match; 0 for none
	digest string // of a verdict or an apply
	title  string // of a propose or an edit
}

// answer is what the console says. status is 0 if no answer came.
type answer struct {
	status   int
	state    string
	title    string
	digest   string
	version  int64
	base     int64
	revision int64
}

func (a answer) unknown() bool { return a.status == 0 }

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// history records calls from many goroutines.
type history struct {
	start time.Time

	mu  sync.Mutex
	ops []porcupine.Operation
}

func newHistory() *history { return &history{start: time.Now()} }

// now is the time since the start, by the monotonic clock.
func (h *history) now() int64 { return int64(time.Since(h.start)) }

// never is the return of a call whose answer did not come: it may take effect after all others.
const never = math.MaxInt64

func (h *history) add(client int, c call, from int64, a answer, to int64) {
	if a.unknown() {
		to = never
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: c, Call: from, Output: a, Return: to})
}

// partition returns the calls of each change, and those that concern the head.
func (h *history) partition() (changes map[int64][]porcupine.Operation, head []porcupine.Operation) {
	changes = map[int64][]porcupine.Operation{}
	for _, op := range h.ops {
		c, a := op.Input.(call), op.Output.(answer)
		if c.op != opHead {
			changes[c.change] = append(changes[c.change], op)
		}
		if concernsHead(c, a) {
			head = append(head, op)
		}
	}
	return changes, head
}

// counts tells how many calls of each kind there were, by their end.
func (h *history) counts() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := map[string]int{}
	for _, op := range h.ops {
		c, a := op.Input.(call), op.Output.(answer)
		switch {
		case a.unknown():
			n["unknown"]++
		case a.ok():
			n[c.op]++
		default:
			n[fmt.Sprint(a.status)]++
		}
	}
	return n
}

func describe(input, output any) string {
	c, a := input.(call), output.(answer)
	text := fmt.Sprintf("#%d %s by %d", c.change, c.op, c.person)
	if c.match != 0 {
		text += fmt.Sprintf(" if %d", c.match)
	}
	switch {
	case a.unknown():
		return text + " → ?"
	case !a.ok():
		return fmt.Sprintf("%s → %d", text, a.status)
	default:
		return fmt.Sprintf("%s → %s v%d %q base %d revision %d", text, a.state, a.version, a.title, a.base, a.revision)
	}
}
