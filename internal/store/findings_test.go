package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func foundIn(id access.AccountID, subject, live string) access.Finding {
	return access.Finding{
		Account: id, Kind: access.FindingBypass, Reason: access.ReasonAllow, Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"},
		Subject: subject, Sentence: "Statement " + subject + " lets somebody in 100%_of the time.", Advice: "Remove it.", Live: live,
	}
}

func silent(access.ScanOutcome) []access.AuditEvent { return nil }

func scanOf(id access.AccountID, at time.Time, fs ...access.Finding) access.Scan {
	return access.Scan{Account: id, ReadAt: at, At: at.Add(time.Second), Findings: fs, Whole: true}
}

func TestFindingsLiveAndAreResolved(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 3)
	a, b := accountID(0), accountID(1)
	save := func(scan access.Scan) access.ScanOutcome {
		t.Helper()
		return must[access.ScanOutcome](t)(s.SaveScan(t.Context(), scan, silent))
	}
	if o := save(scanOf(a, t0, foundIn(a, "One", "{}"), foundIn(a, "Two", "{}"))); len(o.Opened) != 2 || o.Opened[0].ID == 0 {
		t.Fatalf("got %+v, want two new findings", o)
	}
	save(scanOf(b, t0, foundIn(b, "One", "nul\x00")))
	if o := save(scanOf(b, t0.Add(time.Minute), foundIn(b, "One", "nul\x00"))); o.Changed() {
		t.Errorf("seen again as it was: %+v, want no change", o)
	}
	page := must[access.Page[access.Finding]](t)(s.Findings(t.Context(), access.FindingQuery{PageQuery: access.PageQuery{Limit: 2}}))
	rest := must[access.Page[access.Finding]](t)(s.Findings(t.Context(), access.FindingQuery{PageQuery: access.PageQuery{Limit: 2, Cursor: page.Next}}))
	if len(page.Items) != 2 || len(rest.Items) != 1 || rest.Next != "" || page.Items[0].Account != b || page.Items[0].AccountName != "team-001" {
		t.Errorf("pages %+v and %+v, want three findings, the newest first", page.Items, rest.Items)
	}
	for search, want := range map[string]int{"100%_of": 3, "100x": 0, "team-000": 2, string(b): 1} {
		if got := must[access.Page[access.Finding]](t)(s.Findings(t.Context(), access.FindingQuery{PageQuery: access.PageQuery{Search: search}})); len(got.Items) != want {
			t.Errorf("searching %q finds %d, want %d", search, len(got.Items), want)
		}
	}

	one := rest.Items[0]
	if one.Subject != "One" {
		one = page.Items[1]
	}
	ack := func(f *access.Finding) (access.AuditEvent, error) {
		return event("finding.acknowledge", f.Object()), f.Acknowledge(operator, t0, f.Digest(), "known")
	}
	must[access.Finding](t)(s.UpdateFinding(t.Context(), one.ID, ack))
	if got := must[access.Finding](t)(s.Finding(t.Context(), one.ID)); got.State() != access.FindingAcknowledged || got.Ack.By != operator.Ref() || got.Version != one.Version+1 {
		t.Errorf("acknowledged, it reads %+v", got)
	}
	if counts := must[access.FindingCounts](t)(s.FindingCounts(t.Context())); counts.Total() != 2 {
		t.Errorf("%v are counted, want the two that are open", counts)
	}
	if o := save(scanOf(a, t0.Add(time.Hour), foundIn(a, "One", `{"other":1}`))); len(o.Reopened) != 1 || len(o.Resolved) != 1 || o.Resolved[0].Subject != "Two" {
		t.Errorf("got %+v, want One open again and Two resolved", o)
	}
	if got := must[access.Finding](t)(s.Finding(t.Context(), one.ID)); got.State() != access.FindingOpen || !got.LastSeen.After(got.FirstSeen) {
		t.Errorf("after it looked different: %+v", got)
	}
	partial := scanOf(a, time.Time{})
	partial.At, partial.Whole = t0.Add(2*time.Hour), false
	if o := save(partial); o.Changed() {
		t.Errorf("a scan that saw less: %+v, want nothing resolved", o)
	}
	save(scanOf(a, t0.Add(3*time.Hour)))
	if o := save(scanOf(a, t0.Add(4*time.Hour), foundIn(a, "One", "{}"))); len(o.Opened) != 1 || o.Opened[0].ID == one.ID {
		t.Errorf("back again: %+v, want a finding of its own", o)
	}
	_, err := s.Finding(t.Context(), 999)
	wantKind(t, err, access.KindNotFound, "no finding 999")
}

// TestScansOfOneAccountTakeTurns: two replicas that save the same find make one finding.
func TestScansOfOneAccountTakeTurns(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 1)
	a := accountID(0)
	var all sync.WaitGroup
	opened := make([]int, 8)
	for i := range opened {
		all.Go(func() {
			o, err := s.SaveScan(t.Context(), scanOf(a, t0.Add(time.Duration(i)*time.Second), foundIn(a, "One", "{}")), silent)
			if err != nil {
				t.Error(err)
			}
			opened[i] = len(o.Opened)
		})
	}
	all.Wait()
	n := 0
	for _, o := range opened {
		n += o
	}
	if n != 1 {
		t.Errorf("it was opened %d times, want once", n)
	}
}

func TestFindingsOfAccountsThatAreGoneAreResolved(t *testing.T) {
	s := storetest.New(t)
	o := organization(t, s, 2)
	for i := range 2 {
		must[access.ScanOutcome](t)(s.SaveScan(t.Context(), scanOf(accountID(i), t0, foundIn(accountID(i), "One", "{}")), silent))
	}
	o.Accounts, o.Gone = o.Accounts[:1], []access.AccountID{accountID(1)}
	if err := s.SaveOrganization(t.Context(), o, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetFindings(t.Context(), t0.Add(time.Hour), event("drift.forget", "organization")); err != nil {
		t.Fatal(err)
	}
	left := must[access.Page[access.Finding]](t)(s.Findings(t.Context(), access.FindingQuery{}))
	if len(left.Items) != 1 || left.Items[0].Account != accountID(0) {
		t.Errorf("left are %+v, want that of the account which is there", left.Items)
	}
}

// TestAccountsOfEndedRolloutsAreReadOnce: some time after the rollout has ended, and not again.
func TestAccountsOfEndedRolloutsAreReadOnce(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 2)
	r := must[access.Rollout](t)(s.StartRollout(t.Context(), access.Rollout{Title: "x", State: access.RolloutRunning, MaxInFlight: 2, CreatedAt: t0}, planFor(2), access.Staging{}, nil))
	jobs := func() int {
		var n int
		if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'read_inventory'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	rescan := func(want int, when string) {
		t.Helper()
		if err := s.RescanRolledOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := jobs(); got != want {
			t.Errorf("%s: %d accounts are to be read, want %d", when, got, want)
		}
	}
	rescan(0, "while it goes on")
	end := func(ago string) {
		t.Helper()
		_, err := s.Pool().Exec(t.Context(), fmt.Sprintf("UPDATE rollouts SET state = 'aborted', waiting = 0, running = 0, skipped = 2, ended_at = now() - interval '%s' WHERE id = $1", ago), r.ID)
		if err != nil {
			t.Fatal(err)
		}
	}
	end("1 second")
	rescan(0, "just ended")
	end("1 hour")
	rescan(2, "after the delay")
	if _, err := s.Pool().Exec(t.Context(), "DELETE FROM river_job"); err != nil {
		t.Fatal(err)
	}
	rescan(0, "once more")
}
