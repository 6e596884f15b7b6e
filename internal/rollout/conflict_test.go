package rollout

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// decidedTarget is a target whose trust policy somebody has edited, and about which
// somebody has decided on the document given.
func decidedTarget(choice access.ConflictChoice, seen string) (*memoryStore, *memoryCloud) {
	store, cloud := oneTarget()
	store.ops[0].Resolution = access.Resolution{Choice: choice, Seen: seen, By: access.PersonRef{Name: "Olga"}, At: time.Now()}
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, oursOther)}
	return store, cloud
}

func TestConflictKeepsWhatWasFound(t *testing.T) {
	store, cloud := decidedTarget("", "")
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetConflict, access.OperationConflict)
	if got := store.ops[0].Found; got != document(foreign, oursOther) {
		t.Errorf("kept %s", got)
	}
	if store.result.Cause == "" || strings.Contains(store.result.Cause, "111122223333") {
		t.Errorf("the cause is %q, want one that names no account", store.result.Cause)
	}
}

func TestConflictIsOverwritten(t *testing.T) {
	store, cloud := decidedTarget(access.ConflictOverwrite, document(foreign, oursOther))
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(foreign, oursNew))
	if got := store.ops[0].LiveBefore; got != document(foreign, oursOther) {
		t.Errorf("kept as the document before: %s", got)
	}
	if !strings.Contains(store.ops[0].Message, "Olga") {
		t.Errorf("the operation says %q, want who decided", store.ops[0].Message)
	}
}

// What was decided on is what is overwritten: a document that was edited once more is
// another conflict, whatever the choice was.
func TestDecisionHoldsForTheDocumentThatWasSeen(t *testing.T) {
	again := strings.ReplaceAll(oursOther, "0.0.0.0/0", "198.51.100.0/24")
	for _, choice := range access.ConflictChoices() {
		store, cloud := decidedTarget(choice, document(foreign, oursOther))
		cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, again)}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetConflict, access.OperationConflict)
		cloud.checkLive(t, roleBob, document(foreign, again))
		if got := store.ops[0].Found; got != document(foreign, again) {
			t.Errorf("%s: kept %s, want what was found this time", choice, got)
		}
	}
}

// TestConflictIsLeftAsItIs: the user policy does not open the role whose trust policy was left as another person had edited it, and the
// target does not count as written.
func TestConflictIsLeftAsItIs(t *testing.T) {
	for choice, word := range map[access.ConflictChoice]string{access.ConflictAdopt: "adopt", access.ConflictSkip: "skip"} {
		store, cloud := decidedTarget(choice, document(foreign, oursOther))
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSkipped, access.OperationSkipped, access.OperationWritten)
		cloud.checkLive(t, roleBob, document(foreign, oursOther))
		cloud.checkLive(t, userAlice, userCut)
		if len(cloud.writes) != 1 || !strings.Contains(store.result.Message, word) || !strings.Contains(store.result.Message, "Olga") {
			t.Errorf("%s: %d writes, and the target says %q", choice, len(cloud.writes), store.result.Message)
		}
	}
}

func TestOverwriteSurvivesACrash(t *testing.T) {
	for _, point := range Points() {
		store, cloud := decidedTarget(access.ConflictOverwrite, document(foreign, oursOther))
		died := false
		_ = pushTarget(t.Context(), Config{Store: store, Cloud: cloud, Fault: func(p Point) error {
			if p == point && !died {
				died = true
				return errLeaseExpired
			}
			return nil
		}})
		store.lapse()
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
		if len(cloud.writes) != 2 {
			t.Errorf("%s: %d writes, want 2", point, len(cloud.writes))
		}
	}
}

// A retry after a write that took only half of its effect finds its own work, and not
// somebody's edit.
func TestRetryKnowsItsOwnHalfDoneWork(t *testing.T) {
	one, two := access.UserSidePolicy("alice", 1).ARN("aws", "111122223333"), access.UserSidePolicy("alice", 2).ARN("aws", "111122223333")
	op := access.Operation{ID: 1, State: access.OperationPlanned, IntendedAt: time.Now(), PlannedOperation: access.PlannedOperation{
		Kind: access.OpAttachments, Resource: access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: "alice"}, BeforeKnown: true,
		OursBefore: access.AttachmentsDocument(nil), OursAfter: access.AttachmentsDocument([]string{one, two}),
	}}
	d := decide(op, access.LiveDocument{Resource: op.Resource, Exists: true, Document: access.AttachmentsDocument([]string{one})}, nil)
	if !d.write {
		t.Errorf("got %+v, want the rest to be attached", d)
	}
	op.IntendedAt = time.Time{}
	if d := decide(op, access.LiveDocument{Resource: op.Resource, Exists: true, Document: access.AttachmentsDocument([]string{one})}, nil); d.state != access.OperationConflict {
		t.Errorf("got %+v, want a conflict: nothing of this was ever sent", d)
	}
}

func TestReadingBackIsStable(t *testing.T) {
	const written, before, other = "w", "b", "o"
	for name, c := range map[string]struct {
		shown  []string
		stable int // after so many looks; 0 for never
		edited bool
	}{
		"at once":                {[]string{written}, 1, false},
		"after some time":        {[]string{before, before, written, written}, 4, false},
		"there and gone":         {[]string{before, written, before, written, written}, 5, false},
		"never":                  {[]string{before, before, before, before}, 0, false},
		"somebody else's":        {[]string{other, other, other}, 0, true},
		"other, but only passes": {[]string{other, other, written, written}, 4, false},
		"others take turns":      {[]string{other, before, other, before, other}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			var l look
			stable := 0
			for i, shown := range c.shown {
				if l.saw(shown, shown == written, shown == before); l.stable() && stable == 0 {
					stable = i + 1
				}
			}
			if stable != c.stable || l.wasEdited() != c.edited {
				t.Errorf("stable after %d looks, edited %v; want %d, %v", stable, l.wasEdited(), c.stable, c.edited)
			}
		})
	}
}

func TestEditJustAfterTheWriteIsSaidSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.onWrite = func(n int, apply func()) error {
			apply()
			if n == 1 {
				cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, oursOther)}
			}
			return nil
		}
		begun := time.Now()
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationWritten)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
