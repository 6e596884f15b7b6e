package linear

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// worker is one client. It works on the changes of slots that all clients share, so that several clients
// are at one change.
type worker struct {
	*fleet
	number int
	dice   *rand.Rand
	slots  []atomic.Int64
	seen   map[int64]int64 // the versions that were read before, by change
}

// result is an answer with the number of the change, and whether the request came to a console.
type result struct {
	answer
	change int64
	sent   bool
	body   string
}

// send makes a call and returns its answer. It records nothing.
func (w *worker) send(c call, edits any) result {
	method, path, body := c.request(edits)
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		sent = bytes.NewReader(text)
	}
	replica := 0
	if w.dice != nil {
		replica = w.dice.IntN(replicas)
	}
	r, err := http.NewRequest(method, w.bases[replica]+path, sent)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.tokens[c.person])
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.match != 0 {
		r.Header.Set("If-Match", fmt.Sprintf("%q", fmt.Sprint(c.match)))
	}
	resp, err := w.client.Do(r)
	if err != nil {
		var failed *net.OpError
		return result{sent: !errors.As(err, &failed) || failed.Op != "dial"}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= http.StatusInternalServerError {
		return result{sent: !strings.Contains(string(text), starting), body: string(text)}
	}
	return parse(c, resp, text)
}

// starting is what a console answers before it handles requests.
const starting = "The console is starting."

// request is the HTTP request of a call.
func (c call) request(edits any) (method, path string, body any) {
	change := fmt.Sprint("/changes/", c.change)
	proposal := map[string]any{"title": c.title, "reason": "a reason", "edits": edits}
	switch c.op {
	case opPropose:
		return http.MethodPost, "/changes", proposal
	case opEdit:
		return http.MethodPut, change, proposal
	case opRead:
		return http.MethodGet, change, nil
	case opHead:
		return http.MethodGet, "/state", nil
	case opApprove, opReject:
		return http.MethodPost, change + "/reviews",
			map[string]any{"verdict": c.op, "digest": c.digest, "comment": "a comment"}
	case opApply:
		return http.MethodPost, change + "/apply", map[string]any{"digest": c.digest}
	default:
		return http.MethodPost, change + "/" + c.op, nil
	}
}

func parse(c call, resp *http.Response, text []byte) result {
	r := result{answer: answer{status: resp.StatusCode}, change: c.change, sent: true, body: string(text)}
	if !r.ok() {
		return r
	}
	if c.op == opHead {
		_, err := fmt.Sscanf(resp.Header.Get("ETag"), "%q", &r.body)
		if err == nil {
			_, err = fmt.Sscan(r.body, &r.revision)
		}
		if err != nil {
			panic(fmt.Sprintf("the ETag of the state is %s: %v", resp.Header.Get("ETag"), err))
		}
		return r
	}
	var in struct {
		ID, Version, Base, Revision int64
		State, Title, Digest        string
	}
	if err := json.Unmarshal(text, &in); err != nil {
		panic(err)
	}
	r.state, r.title, r.digest, r.version, r.base, r.revision = in.State, in.Title, in.Digest, in.Version, in.Base,
		in.Revision
	if c.op == opPropose {
		r.change = in.ID
	}
	return r
}

// do makes a call and records it. Requests that came to no console and refusals by a limit are left out.
func (w *worker) do(c call, edits any) result {
	from := w.history.now()
	r := w.send(c, edits)
	to := w.history.now()
	lostRead := !r.ok() && (c.op == opRead || c.op == opHead || c.op == opPropose)
	if r.sent && !lostRead && r.status != http.StatusTooManyRequests {
		if c.op == opPropose {
			c.change = r.change
		}
		w.history.add(w.number, c, from, r.answer, to)
	}
	return r
}

// must is do for the steps before the clients begin.
func (w *worker) must(c call, edits any) result {
	w.t.Helper()
	r := w.do(c, edits)
	if !r.ok() {
		w.t.Fatalf("%s: %d %s", c.op, r.status, r.body)
	}
	return r
}

// work takes steps until it is told to stop.
func (w *worker) work(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
			w.step()
		}
	}
}

// step reads one change and does something with it, or begins another one when it has ended.
func (w *worker) step() {
	slot := &w.slots[w.dice.IntN(len(w.slots))]
	id := slot.Load()
	if id == 0 {
		w.propose(slot, id)
		return
	}
	who := w.dice.IntN(people)
	read := w.do(call{op: opRead, change: id, person: who}, nil)
	if !read.ok() {
		time.Sleep(10 * time.Millisecond) // the console was killed
		return
	}
	ended := strings.Contains("applied rejected withdrawn", read.state)
	c := call{op: w.choose(read.state), change: id, person: who, digest: read.digest, match: w.match(id, read.version)}
	switch c.op {
	case opHead:
		c = call{op: opHead, person: who}
	case opEdit:
		c.title, c.digest = w.title(), ""
	case opApprove, opReject, opApply:
		if c.digest == "" {
			c.digest = "none"
		}
	}
	if c.op == opEdit && c.match == 0 {
		c.match = read.version
	}
	w.do(c, w.edits())
	w.seen[id] = read.version
	if ended {
		w.propose(slot, id)
	}
}

// usual is what people do with a change in a state, the frequent things more than once.
var usual = map[string][]string{
	"draft":      {opSubmit, opSubmit, opSubmit, opSubmit, opEdit, opEdit, opRebase, opWithdraw},
	"in_review":  {opApprove, opApprove, opApprove, opApprove, opApprove, opEdit, opRebase, opReject},
	"approved":   {opApply, opApply, opApply, opApply, opEdit, opRebase, opRebase, opWithdraw},
	"conflicted": {opRebase, opRebase, opRebase, opEdit, opWithdraw},

	// Nothing may happen to a change that has ended.
	"applied":   {opApply, opApply, opRead, opRead, opEdit, opWithdraw, opRebase, opHead},
	"withdrawn": {opApply, opApply, opRead, opEdit, opSubmit, opApprove, opRebase, opHead},
	"rejected":  {opApply, opRead, opEdit, opSubmit, opApprove, opRebase, opWithdraw, opHead},
}

var anything = []string{opEdit, opSubmit, opApprove, opReject, opRebase, opApply, opWithdraw, opHead, opRead}

func (w *worker) choose(state string) string {
	from := usual[state]
	if len(from) == 0 || w.dice.IntN(10) == 0 {
		from = anything
	}
	return from[w.dice.IntN(len(from))]
}

// match is mostly the version that was read, at times an earlier one or none.
func (w *worker) match(id, read int64) int64 {
	switch w.dice.IntN(8) {
	case 0:
		return 0
	case 1:
		return w.seen[id]
	default:
		return read
	}
}

func (w *worker) title() string { return fmt.Sprintf("change %d", w.serial.Add(1)) }

// edits adds one entry that no other change adds. Some entries expire soon.
func (w *worker) edits() any {
	n := w.serial.Add(1)
	entry := map[string]any{"cidr": fmt.Sprintf("52.%d.%d.%d/32", n>>16&255, n>>8&255, n&255)}
	if w.dice.IntN(4) == 0 {
		entry["expires"] = time.Now().Add(time.Duration(1000+w.dice.IntN(2500)) * time.Millisecond).UTC()
	}
	return []map[string]any{{"op": "entry.add", "id": allowlist(w.dice.IntN(allowlists)), "entry": entry}}
}

// propose begins a change in a slot, in place of one that has ended.
func (w *worker) propose(slot *atomic.Int64, ended int64) {
	if r := w.do(call{op: opPropose, person: w.dice.IntN(people), title: w.title()}, w.edits()); r.ok() {
		slot.CompareAndSwap(ended, r.change)
	}
}
