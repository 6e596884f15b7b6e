package fault

import (
	"net/http"
	"sync"
	"testing"
)

// TestWithdrawnInTheMiddle has changes withdrawn by their author at the very moment when
// they are applied.
func TestWithdrawnInTheMiddle(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	const rounds = 12
	c := tell(t, "A change withdrawn at the moment of its apply", "either it is applied and has a rollout, or it is withdrawn and nothing is written: never both, never neither")
	f := newFleet(t, 5).mapped()
	applied := 0
	for range rounds {
		written, rollouts := f.box.Writes(), f.direct.Int("SELECT count(*) FROM rollouts")
		id, digest := f.approved()
		var apply, withdraw int
		var both sync.WaitGroup
		operator, editor := f.API(f.Operator), f.API(f.Editor)
		both.Go(func() { apply, _, _ = operator.TryPost("/changes/"+id+"/apply", map[string]string{"digest": digest}) })
		both.Go(func() { withdraw, _, _ = editor.TryPost("/changes/"+id+"/withdraw", map[string]string{}) })
		both.Wait()
		var change struct{ State string }
		editor.Get("/changes/"+id, &change)
		more := f.direct.Int("SELECT count(*) FROM rollouts") - rollouts
		switch {
		case change.State == "applied" && apply/100 == 2 && withdraw != http.StatusOK && more == 1:
			applied++
			f.quietRollout()
		case change.State == "withdrawn" && apply/100 == 4 && withdraw == http.StatusOK && more == 0:
			if now := f.box.Writes(); now != written {
				t.Errorf("a withdrawn change wrote %d times", now-written)
			}
		default:
			t.Fatalf("the change is %s, apply answered %d, withdraw %d, and there are %d rollouts more", change.State, apply, withdraw, more)
		}
	}
	f.chainVerifies()
	c.fact("%d rounds: %d applied, %d withdrawn", rounds, applied, rounds-applied)
}

// quietRollout waits for the end of the newest rollout.
func (f *fleet) quietRollout() {
	f.t.Helper()
	f.nobodyWorks(f.direct.Strings("SELECT max(id)::text FROM rollouts")[0])
}

// approved is a change that only has to be applied, with its digest.
func (f *fleet) approved() (id, digest string) {
	f.t.Helper()
	f.changes++
	draft := f.AddEntries("office", networks(60+f.changes, 1))
	change := draft.Form("/edit").Fill("title", "In a moment").Fill("reason", "OPS-1: in a moment").Submit("Submit for review").Want(http.StatusOK)
	f.SignIn(f.Approver).Get(change.Path()).Want(http.StatusOK).Form("/review").Submit("Approve").Want(http.StatusOK)
	var got struct{ Digest string }
	f.API(f.Editor).Get("/changes/"+change.ID(), &got)
	return change.ID(), got.Digest
}
