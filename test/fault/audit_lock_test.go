package fault

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// answersLocked is the longest time that a request may wait for a lock, with room for a busy machine.
// Without a limit on the wait it would be the timeout of the request, thirty seconds.
const answersLocked = 20 * time.Second

// TestMutationsAnswerWhileALockIsHeld holds what each mutation needs: the end of the audit log, in
// each way in which a session can hold it, or a row before it.
func TestMutationsAnswerWhileALockIsHeld(t *testing.T) {
	t.Parallel()
	c := tell(t, "The audit log, or a row that a request changes, locked by another session", "requests that change something are 503 within ten seconds and change nothing; sent again after the lock is gone, they succeed")
	f := newFleet(t, 5)
	editor := f.SignIn(f.Editor)
	worst := time.Duration(0)
	for i, lock := range []string{
		"SELECT FROM audit_head FOR UPDATE",
		"LOCK TABLE audit_head IN ACCESS EXCLUSIVE MODE",
		"LOCK TABLE audit_events IN EXCLUSIVE MODE",
		"LOCK TABLE changes IN EXCLUSIVE MODE",
	} {
		before := f.db.Int("SELECT count(*) FROM changes")
		events := f.db.Int("SELECT count(*) FROM audit_events")
		release := f.db.Lock(lock)
		began := time.Now()
		key := fmt.Sprintf("while-locked-%d", i)
		if a := f.propose(key); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" ||
			a.problem.Type != "/problems/unavailable" || !strings.Contains(a.problem.Detail, "Nothing was changed") {
			t.Errorf("%s: the API answers %d %v, Retry-After %q; want 503 that nothing was changed", lock, a.status, a.problem, a.header.Get("Retry-After"))
		}
		worst = max(worst, time.Since(began))
		began = time.Now()
		name := fmt.Sprintf("typed-%d", i)
		page := editor.Post("/allowlists/new", url.Values{"name": {name}, "lines": {"12.148.80.0/22 kept text"}})
		if page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" {
			t.Errorf("%s: the form is answered with %d, Retry-After %q; want 503", lock, page.Status, page.Header.Get("Retry-After"))
		}
		if form := page.Form("/allowlists/new"); form.Values.Get("name") != name || form.Values.Get("lines") != "12.148.80.0/22 kept text" {
			t.Errorf("%s: the form came back with %v", lock, form.Values)
		}
		worst = max(worst, time.Since(began))
		if worst > answersLocked {
			t.Errorf("%s: an answer took %s", lock, worst)
		}
		release()
		if now := f.db.Int("SELECT count(*) FROM changes"); now != before {
			t.Errorf("%s: there are %d changes more", lock, now-before)
		}
		if now := f.db.Int("SELECT count(*) FROM audit_events"); now != events {
			t.Errorf("%s: there are %d audit events more", lock, now-events)
		}
		if a := f.propose(key); a.status != http.StatusCreated {
			t.Errorf("%s: sent again afterwards, the API answers %d %v", lock, a.status, a.problem)
		}
	}
	f.chainVerifies()
	c.fact("answered within %.1f s in four ways of holding a lock", worst.Seconds())
}

// TestReadsAnswerWhileMutationsWait lets more mutations wait than the console has connections.
func TestReadsAnswerWhileMutationsWait(t *testing.T) {
	t.Parallel()
	c := tell(t, "More requests wait for the audit log than the console has connections", "each is 503 or succeeds, and pages are shown meanwhile")
	f := newFleet(t, 5)
	const many = 60
	release := f.db.Lock("SELECT FROM audit_head FOR UPDATE")
	var waiting sync.WaitGroup
	answers := make([]answer, many)
	for i := range many {
		waiting.Go(func() { answers[i] = f.propose(fmt.Sprintf("one-of-many-%d", i)) })
	}
	harness.Eventually(t, time.Minute, "requests wait for the audit log", func() (bool, string) {
		n := f.db.Int("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		return n >= 10, fmt.Sprint(n)
	})
	var read struct{ Items []any }
	f.API(f.Editor).Get("/allowlists", &read)
	waiting.Wait()
	release()
	for i, a := range answers {
		if a.status != http.StatusServiceUnavailable {
			t.Errorf("request %d: %d %v, want 503", i, a.status, a.problem)
		}
	}
	if a := f.propose("one-of-many-0"); a.status != http.StatusCreated {
		t.Errorf("sent again afterwards, the API answers %d %v", a.status, a.problem)
	}
	c.fact("%d requests waited; all were refused and none was carried out", many)
}

// TestAuditLogHeldDuringRollout holds the end of the audit log for longer than a lease and for
// several times the limit of a wait.
func TestAuditLogHeldDuringRollout(t *testing.T) {
	t.Parallel()
	const accounts = 16
	c := tell(t, "The audit log locked during a rollout, for longer than a lease", "no account fails because of it; no more writes than needed take effect")
	f := newFleet(t, accounts, "PORTCULLIS_MAX_IN_FLIGHT=4").mapped()
	f.box.SetFaults(slow(20 * time.Millisecond))
	written := f.box.Writes()
	id := f.change()
	f.whenWritten(written, accounts/4)
	release := f.db.Lock("SELECT FROM audit_head FOR UPDATE")
	pauseFor(8 * time.Second)
	release()
	released := time.Now()
	r := f.endsAsDesired(id)
	if extra := f.box.Writes() - written - accounts; extra != 0 {
		t.Errorf("%d writes more than needed", extra)
	}
	c.fact("held for 8 s: all %d accounts done %.1f s after it", accounts, r.Ended.Sub(released).Seconds())
}

// answer is what the API answers.
type answer struct {
	status  int
	header  http.Header
	problem struct{ Type, Detail string }
}

// propose sends a new draft under an idempotency key.
func (f *fleet) propose(key string) answer {
	r, err := http.NewRequest(http.MethodPost, f.URL()+"/api/v1/changes", strings.NewReader(`{"title":"While it is locked","edits":[{"op":"allowlist.add","allowlist":{"name":"`+key+`"}}]}`))
	if err != nil {
		f.t.Error(err)
		return answer{}
	}
	r.Header.Set("Authorization", "Bearer "+f.Editor.Token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Error(err)
		return answer{}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	body, err := io.ReadAll(resp.Body)
	if err == nil && a.status >= http.StatusBadRequest {
		err = json.Unmarshal(body, &a.problem)
	}
	if err != nil {
		f.t.Error(err)
	}
	return a
}
