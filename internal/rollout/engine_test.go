package rollout_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/rollout"
)

var office = []string{"103.15.250.0/24", "12.148.72.0/23"}

func TestRolloutOverTheWholeOrganization(t *testing.T) {
	w := newWorld(t)
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Latency: sandbox.Duration(10 * time.Millisecond)}}})
	plan := w.plan(t, desiredState(office...))
	s := w.replica(t, rollout.Config{})
	r := wait(t, s, w.start(t, 5, plan).ID, "completed", completed)
	if r.Counts.Succeeded != targets-unreachable || r.Counts.Failed != unreachable {
		t.Errorf("counts are %+v, want %d succeeded and %d failed", r.Counts, targets-unreachable, unreachable)
	}
	w.checkHolds(t, plan)
	if w.calls.most > 5 {
		t.Errorf("%d targets were in flight at the same time, and max in flight is 5", w.calls.most)
	}
	if w.calls.most < 3 {
		t.Errorf("at most %d targets were in flight at the same time: max in flight is not used", w.calls.most)
	}
	for id, target := range w.targetsOf(t, r.ID) {
		if !w.reachable(id) && (target.State != access.TargetFailed || target.Message == "" || target.Advice == "") {
			t.Errorf("target %s: %+v, want a failure that says what and what to do", id, target)
		}
		if w.reachable(id) && target.Calls.Writes != 3 {
			t.Errorf("target %s counts %d writes, want 3", id, target.Calls.Writes)
		}
	}
	w.checkSecondPushWritesNothing(t, s, desiredState(office...))
}

func (w *world) checkSecondPushWritesNothing(t *testing.T, s *rollout.Service, state access.State) {
	t.Helper()
	before := len(w.org.Calls())
	plan := w.plan(t, state)
	r := wait(t, s, w.start(t, 5, plan).ID, "completed", completed)
	if r.Counts.Unchanged != targets-unreachable {
		t.Errorf("counts are %+v, want %d unchanged", r.Counts, targets-unreachable)
	}
	if writes := w.writes(before); len(writes) != 0 {
		t.Errorf("the organization recorded writes: %v", writes)
	}
	perAccount := map[access.AccountID]int{}
	for _, c := range w.org.Calls()[before:] {
		perAccount[c.Account]++
	}
	for target := range plan.Targets() {
		if n := perAccount[target.Account]; w.reachable(target.Account) && n > 3 { // AssumeRole, GetCallerIdentity, the read
			t.Errorf("the unchanged account %s cost %d calls, want two for the session and the read", target.Account, n)
		}
	}
}

func TestStatementsOfOthersStayAsTheyAreAtThePush(t *testing.T) {
	w := newWorld(t)
	plan := w.plan(t, desiredState(office...))
	account := w.some(3)
	const added = `{"Version":"2012-10-17","Statement":[{"Sid":"SinceThePlan","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	w.edit(t, account, access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, added)
	s := w.replica(t, rollout.Config{})
	wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	got := w.state(t, account.ID).Roles["Bob"]
	foreign, err := iam.Foreign(got)
	if err != nil || !iam.Equal(foreign, added, nil) {
		t.Errorf("the statements of others are %s (%v), want %s", foreign, err, added)
	}
	if ours, _ := iam.Ours(got); ours == "" {
		t.Errorf("ours are missing in %s", got)
	}
	w.checkHolds(t, plan, account.ID)
}

// edit writes as somebody else would, past the console.
func (w *world) edit(t *testing.T, a access.Account, r access.Resource, document string) {
	t.Helper()
	scope := access.Scope{Account: a, Resources: []access.Resource{r}, SessionName: "somebody-else"}
	if err := w.cloud.Write(t.Context(), scope, access.Write{Resource: r, Document: document}); err != nil {
		t.Fatal(err)
	}
}

func TestAnEditOfOurStatementsIsAConflictAndARetryHealsIt(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{})
	first := w.plan(t, desiredState(office...))
	wait(t, s, w.start(t, 8, first).ID, "completed", completed)
	account, bob := w.some(4), access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	plan := w.plan(t, desiredState(append(office, "12.148.80.0/22")...))
	userSide := w.state(t, account.ID).Roles["Bob"]
	edited := strings.ReplaceAll(userSide, "103.15.250.0/24", "0.0.0.0/1")
	w.edit(t, account, bob, edited)

	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	if r.Counts.Conflict != 1 || r.Counts.Succeeded != targets-unreachable-1 {
		t.Fatalf("counts are %+v, want one conflict", r.Counts)
	}
	if got := w.state(t, account.ID).Roles["Bob"]; !iam.Equal(got, edited, nil) {
		t.Errorf("the edit was written over: %s", got)
	}
	target := w.targetsOf(t, r.ID)[account.ID]
	if target.State != access.TargetConflict || target.Message == "" || target.Advice == "" {
		t.Errorf("the target is %+v, want a conflict with words", target)
	}
	ops, err := s.Operations(t.Context(), operator, r.ID, account.ID)
	if err != nil || !iam.Equal(ops[0].LiveBefore, edited, nil) {
		t.Errorf("the conflict keeps as live %q (%v), want the edit", ops[0].LiveBefore, err)
	}

	w.edit(t, account, bob, userSide)
	if _, err := s.Retry(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	r = wait(t, s, r.ID, "completed without a conflict", func(r access.Rollout) bool { return completed(r) && r.Counts.Conflict == 0 })
	if r.Counts.Succeeded != targets-unreachable {
		t.Errorf("counts after the retry are %+v", r.Counts)
	}
	w.checkHolds(t, plan)
}

func TestRolloutThroughFaultsOfAWS(t *testing.T) {
	for name, faults := range map[string][]sandbox.Fault{
		"answers lost":      {{Actions: []string{"iam:UpdateAssumeRolePolicy", "iam:PutUserPolicy"}, LoseAnswer: 0.3}},
		"lost with a 500":   {{Actions: []string{"iam:UpdateAssumeRolePolicy", "iam:PutUserPolicy"}, LoseAnswer: 0.3, Answer500: true}},
		"throttled":         {{Throttle: 0.5}},
		"failing":           {{Fail: 0.3}},
		"reads lag":         {{Actions: []string{"iam:*"}, Lag: sandbox.Duration(300 * time.Millisecond)}},
		"throttled for all": {{Throttle: 1, Count: 20}}, // the console slows down to a call a second
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			plan := w.plan(t, desiredState(office...))
			w.org.SetFaults(sandbox.Faults{Seed: 7, Rules: faults})
			s := w.replica(t, rollout.Config{SnoozeFor: 100 * time.Millisecond, RequeueEvery: 100 * time.Millisecond, Lease: 3 * time.Second})
			r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
			if r.Counts.Succeeded != targets-unreachable {
				t.Errorf("counts are %+v, want %d succeeded", r.Counts, targets-unreachable)
			}
			w.org.SetFaults(sandbox.Faults{})
			w.checkHolds(t, plan)
			w.checkAudit(t)
		})
	}
}

func (w *world) checkAudit(t *testing.T) {
	t.Helper()
	if n, err := w.store.VerifyAudit(t.Context()); err != nil || n == 0 {
		t.Errorf("the audit log: %d events, %v", n, err)
	}
}

// Workers die at every point, in many accounts, and other workers claim their targets.
func TestRolloutThroughCrashesAtEveryPoint(t *testing.T) {
	w := newWorld(t)
	plan := w.plan(t, desiredState(office...))
	crash := &crashes{left: map[rollout.Point]int{}}
	for _, p := range rollout.Points() {
		crash.left[p] = 3
	}
	cfg := rollout.Config{Lease: 600 * time.Millisecond, RequeueEvery: 100 * time.Millisecond, ConfirmClaimEvery: -1, Fault: crash.at}
	s := w.replica(t, cfg)
	before := len(w.org.Calls())
	began := time.Now()
	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	if r.Counts.Succeeded != targets-unreachable || r.Counts.Failed != unreachable {
		t.Errorf("counts are %+v, want %d succeeded and %d failed", r.Counts, targets-unreachable, unreachable)
	}
	for p, left := range crash.left {
		if left != 0 {
			t.Errorf("%d crashes at %s did not happen", left, p)
		}
	}
	t.Logf("%d crashes, done in %s", 3*len(rollout.Points()), time.Since(began))
	w.checkHolds(t, plan)
	w.checkAudit(t)
	for id, n := range w.writes(before) {
		if n != 3 {
			t.Errorf("account %s was written %d times, want once per document", id, n)
		}
	}
	w.checkDocumentsBefore(t, s, r.ID, plan)
}

// crashes lets pushes die a number of times at each point.
type crashes struct {
	mu   sync.Mutex
	left map[rollout.Point]int
}

var errKilled = errors.New("killed")

func (c *crashes) at(p rollout.Point) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left[p] == 0 {
		return nil
	}
	c.left[p]--
	return fmt.Errorf("at %s: %w", p, errKilled)
}

func (w *world) checkDocumentsBefore(t *testing.T, s *rollout.Service, id int64, plan access.Plan) {
	t.Helper()
	for target := range plan.Targets() {
		if !w.reachable(target.Account) {
			continue
		}
		ops, err := s.Operations(t.Context(), operator, id, target.Account)
		if err != nil {
			t.Fatal(err)
		}
		for i, op := range ops {
			want := target.Operations[i]
			if op.State != access.OperationWritten || !same(op.LiveBefore, want.Before) || !same(op.Written, want.After) {
				t.Errorf("account %s, %s is %s: before %q, written %q; want before %q, written %q",
					target.Account, op.Resource, op.State, op.LiveBefore, op.Written, want.Before, want.After)
			}
		}
	}
}

func same(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	return iam.Equal(a, b, nil)
}

func TestPauseResumeAbort(t *testing.T) {
	w := newWorld(t)
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Latency: sandbox.Duration(30 * time.Millisecond)}}})
	s := w.replica(t, rollout.Config{})
	id := w.start(t, 2, w.plan(t, desiredState(office...))).ID
	wait(t, s, id, "under way", func(r access.Rollout) bool { return r.Counts.Ended() >= 3 })
	if _, err := s.Pause(t.Context(), operator, id); err != nil {
		t.Fatal(err)
	}
	paused := wait(t, s, id, "quiet", func(r access.Rollout) bool { return r.State == access.RolloutPaused && r.Counts.Running == 0 })
	if paused.Counts.Waiting == 0 {
		t.Fatalf("nothing was left to pause: %+v", paused.Counts)
	}
	if _, err := s.Pause(t.Context(), operator, id); access.KindOf(err) != access.KindConflict {
		t.Errorf("pausing twice: %v, want a conflict", err)
	}
	if _, err := s.Resume(t.Context(), operator, id); err != nil {
		t.Fatal(err)
	}
	wait(t, s, id, "going on", func(r access.Rollout) bool { return r.Counts.Ended() > paused.Counts.Ended() })
	if _, err := s.Abort(t.Context(), operator, id, "wrong day"); err != nil {
		t.Fatal(err)
	}
	aborted := wait(t, s, id, "quiet", func(r access.Rollout) bool { return r.State == access.RolloutAborted && r.Counts.Running == 0 })
	if aborted.Counts.Waiting != 0 || aborted.Counts.Skipped == 0 || aborted.Note != "wrong day" {
		t.Errorf("after the abort: %+v", aborted)
	}
	for account, target := range w.targetsOf(t, id) {
		if target.State == access.TargetSkipped && w.reachable(account) {
			if ours, _ := iam.Ours(w.state(t, account).Roles["Bob"]); ours != "" {
				t.Errorf("the skipped account %s was written: %s", account, ours)
			}
		}
	}
	w.checkAudit(t)
}

func TestTwoReplicasShareARollout(t *testing.T) {
	w := newWorld(t)
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Latency: sandbox.Duration(10 * time.Millisecond)}}})
	plan := w.plan(t, desiredState(office...))
	a, b := w.replica(t, rollout.Config{}), w.replica(t, rollout.Config{})
	before := len(w.org.Calls())
	id := w.start(t, 6, plan).ID
	wait(t, a, id, "completed as a sees it", completed)
	wait(t, b, id, "completed as b sees it", completed)
	if w.calls.most > 6 {
		t.Errorf("%d targets were in flight at the same time, and max in flight is 6", w.calls.most)
	}
	for account, n := range w.writes(before) {
		if n != 3 {
			t.Errorf("account %s was written %d times, want once per document", account, n)
		}
	}
	w.checkHolds(t, plan)
}
