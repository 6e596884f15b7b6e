package fault

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// TestLostAnswers loses the answers of writes that took effect, as a cut connection and
// as a 500, and throttles some calls besides.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	accounts := 30
	if full() {
		accounts = 200
	}
	c := tell(t, "Answers that are lost", "Writes take effect, but their answers never come: the connection is cut, or the answer is a 500. Some calls are also throttled.\nThe console reads the documents to find out.")
	f := newFleet(t, accounts)
	f.box.SetFaults(
		sandbox.Fault{Actions: harness.WriteActions, LoseAnswer: 0.2},
		sandbox.Fault{Actions: harness.WriteActions, LoseAnswer: 0.2, Answer500: true},
		sandbox.Fault{Actions: []string{"iam:*"}, Throttle: 0.05},
	)
	rollout := f.mapRole("Bob")
	f.endsAsDesired(rollout)
	lost, throttled := f.struck("answer lost"), f.struck("throttled")
	if lost < accounts/4 {
		t.Errorf("%d answers were lost; too few for the test to mean anything", lost)
	}
	c.fact("%d accounts, %d writes needed; %d answers were lost and %d calls throttled", accounts, accounts*writesPerAccount, lost, throttled)
	f.box.SetFaults()
	f.pushAgainWritesNothing()
}

// struck counts the calls that a fault has struck, by the sandbox's own record.
func (f *fleet) struck(fault string) int {
	f.t.Helper()
	n := 0
	for _, c := range f.box.Counts() {
		if c.Fault == fault {
			n += c.Count
		}
	}
	return n
}

// TestAnswersAlwaysLost never answers a single write of an account until the rollout has
// read back what it did.
func TestAnswersAlwaysLost(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	c := tell(t, "Answers that never come", "Not a single write is answered, however often it is repeated.")
	f := newFleet(t, 40)
	f.box.SetFaults(sandbox.Fault{Actions: harness.WriteActions, LoseAnswer: 1})
	f.endsAsDesired(f.mapRole("Bob"))
	c.fact("40 accounts, %d writes needed; %d answers were lost", 40*writesPerAccount, f.struck("answer lost"))
	f.box.SetFaults()
	f.pushAgainWritesNothing()
}

// TestLaggingReads shows old documents for a while after each write, as IAM does.
func TestLaggingReads(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	c := tell(t, "Reads that lag behind", "After each write the old document is shown for two seconds, as IAM may do. The console reads until it sees the document that it wrote.")
	f := newFleet(t, 40)
	f.box.SetFaults(sandbox.Fault{Lag: sandbox.Duration(2 * time.Second)})
	f.endsAsDesired(f.mapRole("Bob"))
	c.fact("40 accounts; every one was verified before it was called succeeded")
	f.box.SetFaults()
	f.pushAgainWritesNothing()
}
