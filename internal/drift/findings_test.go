package drift_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/drift"
)

// TestAnEditByHandIsFoundRepairedAndResolved is the way of a finding from one end to the
// other, over the wire.
func TestAnEditByHandIsFoundRepairedAndResolved(t *testing.T) {
	w := newWorld(t)
	w.apply(w.edits()...)
	w.scan()
	if fs := w.findings(access.FindingDrift, access.FindingDeadPrincipal, access.FindingUnreachable); len(fs) != 0 {
		t.Fatalf("right after a rollout there are findings: %+v", fs)
	}

	w.byHand(func(doc string) string { return strings.ReplaceAll(doc, "103.15.250.0/24", "0.0.0.0/0") })
	w.scan()
	fs := w.findings(access.FindingDrift)
	if len(fs) != 1 || fs[0].Reason != access.ReasonEdited || fs[0].Resource != bob || !strings.Contains(fs[0].Live, "0.0.0.0/0") || !strings.Contains(fs[0].Desired, "103.15.250.0/24") {
		t.Fatalf("got %+v, want the edited trust policy of Bob", fs)
	}
	first := fs[0]
	w.scan()
	if again := w.findings(access.FindingDrift); len(again) != 1 || again[0].ID != first.ID || !again[0].LastSeen.After(first.LastSeen) || !again[0].FirstSeen.Equal(first.FirstSeen) {
		t.Errorf("seen again: %+v, want the same finding, seen later", again)
	}

	if _, err := w.drift.Repair(t.Context(), w.viewer, first.ID); access.KindOf(err) != access.KindForbidden {
		t.Errorf("a viewer repairs: %v", err)
	}
	r, err := w.drift.Repair(t.Context(), w.operator, first.ID)
	w.must(err)
	w.waitForEnd(r.ID)
	w.scan()
	if fs := w.findings(access.FindingDrift); len(fs) != 0 {
		t.Errorf("after the repair: %+v", fs)
	}
	done, err := w.drift.Finding(t.Context(), w.viewer, first.ID)
	if err != nil || done.State() != access.FindingResolved {
		t.Errorf("the finding is %s (%v), want resolved and kept", done.State(), err)
	}
	if _, err := w.drift.Repair(t.Context(), w.operator, first.ID); access.KindOf(err) != access.KindConflict {
		t.Errorf("repairing what is resolved: %v, want a conflict", err)
	}
	w.told("drift.found", "finding")
}

// told wants the deeds of the console itself in the audit log.
func (w *world) told(action, word string) {
	w.t.Helper()
	events, err := w.store.Audit(w.t.Context(), access.AuditFilter{Action: action})
	w.must(err)
	_ = word
	if len(events.Items) == 0 || events.Items[0].Kind != access.ActorSystem {
		w.t.Errorf("the audit log has %+v under %s, want what the console did", events.Items, action)
	}
}

func TestRemovedStatementsAreMissing(t *testing.T) {
	w := newWorld(t)
	w.apply(w.edits()...)
	w.byHand(func(string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"Backdoor","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + string(w.account.ID) + `:user/alice"},"Action":"sts:AssumeRole"}]}`
	})
	w.scan()
	if fs := w.findings(access.FindingDrift); len(fs) != 1 || fs[0].Reason != access.ReasonMissing {
		t.Errorf("got %+v, want our statements to be missing", fs)
	}
	if fs := w.findings(access.FindingBypass); len(fs) != 0 {
		t.Errorf("got %+v: our Deny applies to a mapped user once it is back", fs)
	}
}

func TestAForeignAllowIsABypassUntilItIsAcknowledged(t *testing.T) {
	w := newWorld(t)
	w.apply(w.edits()...)
	admit := func(sid, who string) {
		w.byHand(func(doc string) string {
			return strings.Replace(doc, `"Statement":[`, `"Statement":[{"Sid":"`+sid+`","Effect":"Allow","Principal":{"AWS":"`+who+`"},"Action":"sts:AssumeRole"},`, 1)
		})
	}
	admit("Vendor", "arn:aws:iam::"+string(w.account.ID)+":root")
	w.scan()
	f := w.bypass("Vendor")
	if f.Reason != access.ReasonAllow || !strings.Contains(f.Sentence, "root") {
		t.Fatalf("got %+v", f)
	}
	if _, err := w.drift.Acknowledge(t.Context(), w.viewer, f.ID, f.Digest(), "fine"); access.KindOf(err) != access.KindForbidden {
		t.Errorf("a viewer acknowledges: %v", err)
	}
	if _, err := w.drift.Acknowledge(t.Context(), w.operator, f.ID, f.Digest(), " "); access.KindOf(err) != access.KindInvalid {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := w.drift.Acknowledge(t.Context(), w.operator, f.ID, "another", "fine"); access.KindOf(err) != access.KindConflict {
		t.Errorf("what was not seen: %v, want a conflict", err)
	}
	if _, err := w.drift.Acknowledge(t.Context(), w.operator, f.ID, f.Digest(), "the vendor's contract, SEC-7"); err != nil {
		t.Fatal(err)
	}
	w.scan()
	got, err := w.drift.Finding(t.Context(), w.viewer, f.ID)
	if err != nil || got.State() != access.FindingAcknowledged || got.Ack.Reason != "the vendor's contract, SEC-7" || got.Ack.By.Name != w.operator.Name {
		t.Errorf("after another scan: %+v (%v), want it acknowledged", got, err)
	}
	// What was acknowledged is what was seen: another document is another matter.
	admit("Other", "arn:aws:iam::"+string(w.account.ID)+":root")
	w.scan()
	if got, err := w.drift.Finding(t.Context(), w.viewer, f.ID); err != nil || got.State() != access.FindingOpen {
		t.Errorf("after the policy was edited: %s (%v), want open", got.State(), err)
	}
}

// All that match a filter are acknowledged for one reason, each with an audit event.
func TestFindingsAreAcknowledgedTogether(t *testing.T) {
	w := newWorld(t)
	w.apply(w.edits()...)
	w.byHand(func(doc string) string {
		for _, sid := range []string{"One", "Two"} {
			doc = strings.Replace(doc, `"Statement":[`, `"Statement":[{"Sid":"`+sid+`","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+string(w.account.ID)+`:root"},"Action":"sts:AssumeRole"},`, 1)
		}
		return doc
	})
	w.scan()
	query := access.FindingQuery{Kinds: []access.FindingKind{access.FindingBypass}, Account: w.account.ID}
	seen, err := w.drift.SelectFindings(t.Context(), w.viewer, query)
	if err != nil || seen.Count < 2 {
		t.Fatalf("selected %+v, %v", seen, err)
	}
	choice := access.FindingChoice{Query: query, Fingerprint: seen.Fingerprint}
	if _, err := w.drift.AcknowledgeTogether(t.Context(), w.viewer, choice, "fine"); access.KindOf(err) != access.KindForbidden {
		t.Errorf("a viewer acknowledges: %v", err)
	}
	if _, err := w.drift.AcknowledgeTogether(t.Context(), w.operator, choice, " "); access.KindOf(err) != access.KindInvalid {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := w.drift.AcknowledgeTogether(t.Context(), w.operator, access.FindingChoice{}, "fine"); access.KindOf(err) != access.KindInvalid {
		t.Errorf("no findings selected: %v", err)
	}
	if n, err := w.drift.AcknowledgeTogether(t.Context(), w.operator, choice, "the vendor's contract"); err != nil || n != seen.Count {
		t.Fatalf("acknowledged %d of %d: %v", n, seen.Count, err)
	}
	told, err := w.store.Audit(t.Context(), access.AuditFilter{Action: "finding.acknowledge"})
	if err != nil || len(told.Items) != seen.Count || !strings.Contains(string(told.Items[0].Detail), "the vendor's contract") {
		t.Errorf("%d audit events of %d acknowledgements (%v)", len(told.Items), seen.Count, err)
	}
	if left := w.findings(access.FindingBypass); len(left) != 0 {
		t.Errorf("%+v are open still", left)
	}
}

func (w *world) bypass(sid string) access.Finding {
	w.t.Helper()
	for _, f := range w.findings(access.FindingBypass) {
		if f.Subject == sid {
			return f
		}
	}
	w.t.Fatalf("no bypass %s among %+v", sid, w.findings())
	return access.Finding{}
}

// TestAUserWhoIsThereAgainIsPushed: a mapped user who does not exist is a finding; when a
// scan sees them again the console itself pushes the account, once.
func TestAUserWhoIsThereAgainIsPushed(t *testing.T) {
	w := newWorld(t)
	w.eyes.hide("carol")
	w.must(w.drift.ReadInventory(t.Context(), w.account.ID))
	w.apply(w.edits()...)
	w.scan()
	fs := w.findings()
	dead := 0
	for _, f := range fs {
		if f.Reason == access.ReasonNoUser && strings.HasSuffix(f.Subject, "carol") {
			dead++
		}
	}
	if dead != 1 || len(w.findings(access.FindingDrift)) != 0 {
		t.Fatalf("got %+v, want one finding that carol is missing, and no drift", fs)
	}
	w.eyes.hide("")
	w.scan()
	rollouts, err := w.store.Rollouts(t.Context(), access.RolloutQuery{})
	w.must(err)
	if len(rollouts.Items) != 2 || rollouts.Items[0].StartedBy.ID != 0 {
		t.Fatalf("%d rollouts, the last by %+v; want one more, by the console itself", len(rollouts.Items), rollouts.Items[0].StartedBy)
	}
	w.waitForEnd(rollouts.Items[0].ID)
	w.scan()
	if fs := w.findings(access.FindingDrift, access.FindingDeadPrincipal); len(fs) != 0 {
		t.Errorf("after carol was healed: %+v", fs)
	}
	if again, err := w.store.Rollouts(t.Context(), access.RolloutQuery{}); err != nil || len(again.Items) != 2 {
		t.Errorf("%d rollouts (%v), want no further one", len(again.Items), err)
	}
}

// TestReturnedUserIsNotPushedUnreviewed: an account that became active after the last review gets no
// documents because a user is there again.
func TestReturnedUserIsNotPushedUnreviewed(t *testing.T) {
	w := newWorld(t)
	w.setState(access.AccountSuspended)
	w.apply(w.edits()...)
	w.setState(access.AccountActive)
	w.eyes.hide("carol")
	w.scan()
	if drifts := w.findings(access.FindingDrift); len(drifts) == 0 {
		t.Fatalf("got %+v, want the drift of an account that was never pushed", w.findings())
	}
	w.eyes.hide("")
	w.scan()
	rollouts, err := w.store.Rollouts(t.Context(), access.RolloutQuery{})
	w.must(err)
	if len(rollouts.Items) != 1 {
		t.Errorf("%d rollouts, the last %q; want that of the change alone", len(rollouts.Items), rollouts.Items[0].Title)
	}
	if drifts := w.findings(access.FindingDrift); len(drifts) == 0 {
		t.Error("the drift is gone although nothing was pushed")
	}
}

func (w *world) setState(state access.AccountState) {
	w.t.Helper()
	_, err := w.store.Pool().Exec(w.t.Context(), "UPDATE accounts SET state = $1, version = version + 1 WHERE id = $2", state, w.account.ID)
	w.must(err)
}

func TestAnAccountThatCannotBeReadIsAFinding(t *testing.T) {
	w := newWorld(t)
	w.apply(w.edits()...)
	w.byHand(func(doc string) string { return strings.ReplaceAll(doc, "103.15.250.0/24", "9.9.9.0/24") })
	w.scan()
	w.eyes.fail(&access.CloudError{Class: access.CloudDenied, Account: w.account.ID, Action: "sts:AssumeRole", Code: "AccessDenied", Advice: "Deploy the role."})
	w.must(w.drift.ReadInventory(t.Context(), w.account.ID))
	w.must(w.drift.Compare(t.Context()))
	fs := w.findings(access.FindingUnreachable)
	if len(fs) != 1 || !strings.Contains(fs[0].Advice, "Deploy the role.") {
		t.Errorf("got %+v, want the account to be unreachable", fs)
	}
	if fs := w.findings(access.FindingDrift); len(fs) != 1 {
		t.Errorf("got %+v: what was found before is not resolved by not looking", fs)
	}
	w.eyes.fail(nil)
	w.scan()
	if fs := w.findings(access.FindingUnreachable); len(fs) != 0 {
		t.Errorf("after it was read: %+v", fs)
	}
}

// TestWhatIsStillToBePushedIsNoDrift: the head is ahead of AWS while a rollout goes on.
func TestWhatIsStillToBePushedIsNoDrift(t *testing.T) {
	w := newWorld(t)
	w.apply(w.edits()...)
	w.byHand(func(doc string) string { return strings.ReplaceAll(doc, "103.15.250.0/24", "9.9.9.0/24") })
	op := access.PlannedOperation{Kind: access.OpDeleteUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "nobody"}, BeforeKnown: true}
	plan := access.NewPlan("test", access.PlannedTarget{Account: w.account.ID, AccountName: w.account.Name, OU: w.account.OU, Operations: []access.PlannedOperation{op}})
	w.must(w.drift.ReadInventory(t.Context(), w.account.ID))
	if _, err := w.store.StartRollout(t.Context(), access.Rollout{Title: "paused", State: access.RolloutPaused, MaxInFlight: 1, CreatedAt: time.Now()}, plan, access.Staging{}, nil); err != nil {
		t.Fatal(err)
	}
	w.must(w.drift.Compare(t.Context()))
	if fs := w.findings(access.FindingDrift); len(fs) != 0 {
		t.Errorf("got %+v while the account is still to be pushed", fs)
	}
}

func TestScanAuthorisesFirst(t *testing.T) {
	w := newWorld(t)
	if err := w.drift.Scan(t.Context(), w.viewer); access.KindOf(err) != access.KindForbidden {
		t.Errorf("a viewer scans: %v", err)
	}
	w.must(w.drift.Scan(t.Context(), w.operator))
	nobody := access.Actor{}
	if _, err := w.drift.Findings(t.Context(), nobody, access.FindingQuery{}); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("nobody lists: %v", err)
	}
	if _, err := w.drift.Finding(t.Context(), nobody, 1); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("nobody reads: %v", err)
	}
	if _, err := w.drift.FindingGroups(t.Context(), nobody, access.FindingQuery{}); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("nobody lists groups: %v", err)
	}
	if _, err := w.drift.SelectFindings(t.Context(), nobody, access.FindingQuery{}); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("nobody selects: %v", err)
	}
	if _, err := w.drift.FindingCounts(t.Context(), nobody); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("nobody counts: %v", err)
	}
	if _, err := w.drift.Reopen(t.Context(), w.viewer, 1); access.KindOf(err) != access.KindForbidden {
		t.Errorf("a viewer reopens: %v", err)
	}
}

// TestWhatHasExpiredIsNoDriftUntilItsRemoval: an entry is not compiled from its expiry on, and
// stays in AWS until its removal has been rolled out.
func TestWhatHasExpiredIsNoDriftUntilItsRemoval(t *testing.T) {
	w := newWorld(t)
	edits := w.edits()
	entry, err := access.ParseEntry("12.148.72.0/23")
	w.must(err)
	entry.Expires = time.Now().Add(time.Hour)
	edits[0].Allowlist.Entries = append(edits[0].Allowlist.Entries, entry)
	access.SortEntries(edits[0].Allowlist.Entries)
	w.apply(edits...)
	w.drift = drift.New(drift.Config{Store: w.store, Cloud: w.eyes, Pusher: w.changes, Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	w.scan()
	if fs := w.findings(access.FindingDrift); len(fs) != 0 {
		t.Errorf("got %+v, want nothing: the removal has still to come", fs)
	}
	w.byHand(func(doc string) string { return strings.ReplaceAll(doc, "12.148.72.0/23", "12.148.0.0/16") })
	w.scan()
	if fs := w.findings(access.FindingDrift); len(fs) != 1 {
		t.Errorf("got %+v, want the edit", fs)
	}
}

// TestAUserWhoIsNoLongerMappedIsNotPushed: what ends because nobody asks for the user any
// more is no reason to write over what somebody has edited meanwhile.
func TestAUserWhoIsNoLongerMappedIsNotPushed(t *testing.T) {
	w := newWorld(t)
	w.eyes.hide("carol")
	w.must(w.drift.ReadInventory(t.Context(), w.account.ID))
	edits := w.edits()
	w.apply(edits...)
	w.scan()
	mapping := *edits[1].Mapping
	mapping.Users = mapping.Users[:1]
	w.apply(access.Edit{Op: access.EditUpdateMapping, ID: mapping.ID, Mapping: &mapping}, access.Edit{Op: access.EditAddEntry, ID: "al-1", Entry: anEntry(t, "12.148.72.0/23")})
	w.byHand(func(doc string) string { return strings.ReplaceAll(doc, "103.15.250.0/24", "9.9.9.0/24") })
	w.eyes.hide("")
	w.scan()
	if fs := w.findings(access.FindingDeadPrincipal); len(fs) != 0 {
		t.Errorf("got %+v, want carol's finding resolved", fs)
	}
	if rollouts, err := w.store.Rollouts(t.Context(), access.RolloutQuery{}); err != nil || len(rollouts.Items) != 2 {
		t.Errorf("%d rollouts (%v), want the two that were applied", len(rollouts.Items), err)
	}
}

func anEntry(t *testing.T, text string) *access.Entry {
	t.Helper()
	e, err := access.ParseEntry(text)
	if err != nil {
		t.Fatal(err)
	}
	return &e
}
