package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func silence(r access.Rollout, i int, lasts time.Duration, cause string) access.TargetSilence {
	return access.TargetSilence{
		TargetRef: access.TargetRef{Rollout: r.ID, Account: accountID(i)}, Asked: accountID(i),
		Silence: access.Silence{Since: time.Now().Add(-lasts), Cause: cause},
	}
}

// unansweredOf reads a rollout as pages do, alone and in the list, and checks that both say the same.
func unansweredOf(t *testing.T, s *store.Store, id int64) access.Unanswered {
	t.Helper()
	one := must[access.Rollout](t)(s.Rollout(t.Context(), id)).Unanswered
	listed := must[access.Page[access.Rollout]](t)(s.Rollouts(t.Context(), access.RolloutQuery{})).Items[0].Unanswered
	diff(t, "the rollout in the list", one, listed)
	return one
}

func near(t *testing.T, what string, got time.Time, ago time.Duration) {
	t.Helper()
	if d := time.Since(got) - ago; d < -5*time.Second || d > 5*time.Second {
		t.Errorf("%s is %s ago, want %s", what, time.Since(got), ago)
	}
}

// TestReportSilences reports targets whose calls AWS does not answer from two replicas, until AWS answers.
func TestReportSilences(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 3, 3, 3)
	for i := range 3 {
		claim(t, s, r, accountID(i))
	}
	report := func(replica string, silent []access.TargetSilence, over ...access.TargetRef) {
		t.Helper()
		if err := s.ReportSilences(t.Context(), replica, silent, over); err != nil {
			t.Fatal(err)
		}
	}
	if got := unansweredOf(t, s, r.ID); got != (access.Unanswered{}) {
		t.Errorf("nothing was reported, and the rollout says %+v", got)
	}
	report("one", []access.TargetSilence{
		silence(r, 0, time.Minute, "HTTP status 503"), silence(r, 1, time.Second, "timeout"),
	})
	got := unansweredOf(t, s, r.ID)
	near(t, "the silence", got.Since, time.Minute)
	near(t, "the report", got.SeenAt, 0)
	diff(t, "the rollout", access.Unanswered{Targets: 2, Asked: accountID(0), Cause: "HTTP status 503"}, got,
		cmpopts.IgnoreTypes(time.Time{}))
	report("two", []access.TargetSilence{silence(r, 0, 3*time.Second, "no answer yet")}) // claimed it since
	target := must[access.Target](t)(s.Target(t.Context(), r.ID, accountID(0)))
	near(t, "the silence of the target that moved", target.Unanswered.Since, time.Minute)
	if target.Unanswered.Cause != "no answer yet" {
		t.Errorf("the target says %+v", target.Unanswered)
	}
	report("one", nil, silence(r, 0, 0, "").TargetRef, silence(r, 1, 0, "").TargetRef) // the first is no longer its own
	page := must[access.Page[access.Target]](t)(s.Targets(t.Context(), r.ID, access.TargetQuery{}))
	for i, want := range []int{1, 0, 0} {
		if got := page.Items[i].Unanswered.Targets; got != want {
			t.Errorf("target %d: %d, want %d", i, got, want)
		}
	}
	record := must[access.OrganizationRecord](t)(s.Organization(t.Context(), 0))
	if record.Unanswered.Targets != 1 || record.Unanswered.Asked != accountID(0) {
		t.Errorf("the overview says %+v", record.Unanswered)
	}
	report("two", nil, silence(r, 0, 0, "").TargetRef)
	if got := unansweredOf(t, s, r.ID); got != (access.Unanswered{}) {
		t.Errorf("AWS answers again, and the rollout says %+v", got)
	}
}

// TestSilenceEndsWithItsTargetAndItsReplica forgets a report whose target has ended, and one whose replica is gone.
func TestSilenceEndsWithItsTargetAndItsReplica(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 2, 2, 2)
	c := claim(t, s, r, accountID(0))
	claim(t, s, r, accountID(1))
	silent := []access.TargetSilence{silence(r, 0, time.Minute, "x"), silence(r, 1, time.Minute, "x")}
	if err := s.ReportSilences(t.Context(), "one", silent, nil); err != nil {
		t.Fatal(err)
	}
	end := access.TargetResult{State: access.TargetUnchanged}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), c, nil, end, nil))
	if got := unansweredOf(t, s, r.ID); got.Targets != 1 || got.Asked != accountID(1) {
		t.Errorf("got %+v, want the target that is still in flight", got)
	}
	const gone = "UPDATE silent_targets SET since = since - interval '1 hour', seen_at = seen_at - interval '20 seconds'"
	if _, err := s.Pool().Exec(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if got := unansweredOf(t, s, r.ID); got.Targets != 0 {
		t.Errorf("the replica has stopped to report, and the rollout says %+v", got)
	}
	silent = []access.TargetSilence{silence(r, 1, time.Second, "x")}
	if err := s.ReportSilences(t.Context(), "two", silent, nil); err != nil {
		t.Fatal(err)
	}
	near(t, "the new silence", unansweredOf(t, s, r.ID).Since, time.Second)
}
