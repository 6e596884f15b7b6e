package linear

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// watcher follows the changes that the consoles compose to remove entries that expire.
type watcher struct {
	*worker
	known map[int64]bool // whether the change was seen applied
	due   map[int64]time.Time
}

type expiring struct {
	ID, Revision int64
	State        string
	Expiry       *struct{ At time.Time }
}

// list reads the newest changes in some states.
func (w *watcher) list(states string) (items []expiring, ok bool) {
	replica := w.dice.IntN(replicas)
	r, err := http.NewRequest(http.MethodGet, w.bases[replica]+"/changes?limit=100&state="+states, nil)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.tokens[0])
	resp, err := w.client.Do(r)
	if err != nil {
		return nil, false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, false
	}
	var page struct{ Items []expiring }
	if err := json.Unmarshal(text, &page); err != nil {
		panic(err)
	}
	return page.Items, true
}

// watch looks for composed changes until it is told to stop.
func (w *watcher) watch(stop <-chan struct{}) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			w.look()
		}
	}
}

// look notes new composed changes. It also reads a composed change, and tries to withdraw it, as no person may.
func (w *watcher) look() {
	items, ok := w.list("expiring,applied")
	if !ok {
		return
	}
	seen := w.history.now()
	for _, c := range items {
		if c.Expiry == nil {
			continue
		}
		applied, known := w.known[c.ID]
		if !known {
			w.known[c.ID], w.due[c.ID] = false, c.Expiry.At
			w.history.add(w.number, call{op: opCompose, change: c.ID}, 0, answer{status: http.StatusOK}, seen)
		}
		if c.State == "applied" && !applied {
			w.known[c.ID] = true
			from := max(int64(c.Expiry.At.Sub(w.history.start)), 0)
			w.history.add(w.number, call{op: opExpire, change: c.ID}, from,
				answer{status: http.StatusOK, revision: c.Revision}, seen)
		}
		if w.dice.IntN(3) == 0 {
			w.do(call{op: opRead, change: c.ID}, nil)
		}
		if w.dice.IntN(10) == 0 {
			w.do(call{op: opWithdraw, change: c.ID}, nil)
		}
	}
}

// waiting lists the composed changes that were not seen applied.
func (w *watcher) waiting() (ids []int64) {
	for id, applied := range w.known {
		if !applied {
			ids = append(ids, id)
		}
	}
	return ids
}

// settled reports whether all composed changes were applied, or withdrawn because nothing of them is left.
func (w *watcher) settled() bool {
	items, ok := w.list("expiring")
	if !ok || len(items) > 0 {
		return false
	}
	w.look()
	withdrawn, ok := w.list("withdrawn")
	if !ok {
		return false
	}
	for _, id := range w.waiting() {
		lapsed := false
		for _, c := range withdrawn {
			lapsed = lapsed || c.ID == id
		}
		if !lapsed {
			return false
		}
	}
	return true
}
