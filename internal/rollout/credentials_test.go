package rollout

import (
	"context"
	"errors"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// TestPushGivesTargetBackIfOwnCredentialsAreRefused refuses the console's own credentials at each call of a push in
// turn. No account fails by it.
func TestPushGivesTargetBackIfOwnCredentialsAreRefused(t *testing.T) {
	for name, refuse := range map[string]func(*memoryCloud){
		"first read": func(c *memoryCloud) {
			c.onRead = func(int) error { return cloudError(access.CloudCredentials) }
		},
		"write": func(c *memoryCloud) {
			c.onWrite = func(int, func()) error { return cloudError(access.CloudCredentials) }
		},
		"second write": func(c *memoryCloud) {
			c.onWrite = func(n int, do func()) error {
				if n > 1 {
					return cloudError(access.CloudCredentials)
				}
				do()
				return nil
			}
		},
		"read back": func(c *memoryCloud) {
			c.onRead = func(n int) error {
				if n > 1 {
					return cloudError(access.CloudCredentials)
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, cloud := oneTarget()
			refuse(cloud)
			store.fail("ReleaseClaim", nil)
			if name != "first read" { // the store releases no target with intended writes
				store.fail("ReleaseClaim", ErrClaimLost)
			}
			cfg := Config{Store: store, Cloud: cloud}
			if err := pushTarget(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			want := access.TargetRunning
			if name == "first read" {
				want = access.TargetWaiting
			}
			store.checkEnd(t, want)
			if store.target.Class != "" || store.target.Message != "" {
				t.Errorf("the account is blamed: %+v", store.target)
			}
			if want == access.TargetRunning && time.Now().Before(store.until) {
				t.Errorf("the lease lasts until %s, and no other replica can claim the target", store.until)
			}
			cloud.onRead, cloud.onWrite = nil, nil
			store.target.State = access.TargetRunning
			store.lapse()
			if err := pushTarget(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
			cloud.checkLive(t, roleBob, document(foreign, oursNew))
		})
	}
}

// TestPushClaimsNothingWhileOwnCredentialsAreRefused leaves targets and checks to other replicas.
func TestPushClaimsNothingWhileOwnCredentialsAreRefused(t *testing.T) {
	store, cloud := oneTarget()
	refused := cloudError(access.CloudCredentials)
	p := NewPusher(Config{Store: store, Cloud: cloud, CredentialsRefused: func() error { return refused }})
	for what, err := range map[string]error{
		"push":  p.Push(t.Context(), 3, "111122223333"),
		"check": p.Check(t.Context(), 3, 1, 1),
	} {
		var later *SnoozeError
		if !errors.As(err, &later) || later.After > offerAgain {
			t.Errorf("%s: got %v, want to be called again soon", what, err)
		}
	}
	if store.target.Claim != 0 || cloud.reads != 0 {
		t.Errorf("claim %d after %d reads, want neither", store.target.Claim, cloud.reads)
	}
}

// reports keeps what a pusher has reported last.
type reports struct {
	*memoryStore
	got chan access.TargetSilence // zero for the end of a silence
}

func (r *reports) ReportSilences(
	_ context.Context, _ string, silent []access.TargetSilence, over []access.TargetRef,
) error {
	for _, s := range silent {
		r.got <- s
	}
	for range over {
		r.got <- access.TargetSilence{}
	}
	return nil
}

// TestReportSilences has AWS not answer a push, whose target is snoozed, and then answer.
func TestReportSilences(t *testing.T) {
	memory, cloud := oneTarget()
	store := &reports{memory, make(chan access.TargetSilence, 100)}
	cloud.onRead = func(int) error { return cloudError(access.CloudUnreachable) }
	began := time.Now().Add(-time.Minute)
	answers := make(chan struct{})
	silence := func(access.AccountID) access.Silence {
		select {
		case <-answers:
			return access.Silence{}
		default:
			return access.Silence{Since: began, Cause: "HTTP status 503"}
		}
	}
	p := NewPusher(Config{Store: store, Cloud: cloud, Silence: silence, SnoozeFor: 10 * time.Second})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.ReportSilences(ctx) }()
	var later *SnoozeError
	if err := p.Push(t.Context(), 3, "111122223333"); !errors.As(err, &later) {
		t.Fatalf("got %v, want a snooze", err)
	}
	want := access.TargetSilence{
		TargetRef: access.TargetRef{Rollout: 3, Account: "111122223333"}, Asked: "111122223333",
		Silence: access.Silence{Since: began, Cause: "HTTP status 503"},
	}
	for range 2 { // also while the target is snoozed
		if got := <-store.got; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	close(answers)
	if got := <-store.got; got != (access.TargetSilence{}) {
		t.Errorf("got %+v, want the end of the silence", got)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestShortSilenceIsNotReported keeps single calls that are repeated out of the pages.
func TestShortSilenceIsNotReported(t *testing.T) {
	p := newPushes()
	target := access.TargetRef{Rollout: 1, Account: "111122223333"}
	asks, end := p.begin(target)
	asks("444455556666")
	since := time.Now()
	of := func(access.AccountID) access.Silence { return access.Silence{Since: since} }
	if silent, _ := p.silences(since.Add(shortSilence-time.Millisecond), of); len(silent) > 0 {
		t.Errorf("a short silence is reported: %+v", silent)
	}
	if silent, _ := p.silences(since.Add(shortSilence), of); len(silent) != 1 || silent[0].Asked != "444455556666" {
		t.Errorf("got %+v, want the account that is asked", silent)
	}
	end(0)
	silent, over := p.silences(since.Add(2*shortSilence), of)
	if len(silent) != 0 || len(over) != 1 || over[0] != target {
		t.Errorf("after the push: silent %+v, over %+v", silent, over)
	}
	if len(p.open) != 0 {
		t.Error("the push is still watched")
	}
}
