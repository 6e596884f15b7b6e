package rollout

import (
	"context"
	"slices"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// While AWS does not answer, a push repeats its calls and is snoozed in between. So that the pages of any replica can
// say so, the replica that works on the target reports it every few seconds, with one statement for all its targets.

const (
	// reportSilenceEvery is how often a replica reports the targets whose calls AWS does not answer.
	reportSilenceEvery = 2 * time.Second
	// shortSilence is not reported: single calls that AWS does not answer are repeated and succeed.
	shortSilence = 2 * time.Second
)

// pushes are the targets that this replica works on, with the accounts that are asked for each of them.
type pushes struct {
	mu   sync.Mutex
	open map[access.TargetRef]*openPush
}

type openPush struct {
	asked    []access.AccountID
	reported bool
	until    time.Time // of a push that was snoozed: how long its target is watched; zero while the push works
	ended    bool
}

func newPushes() *pushes { return &pushes{open: map[access.TargetRef]*openPush{}} }

// begin notes that a push has begun, and returns the functions that take an account that it asks, and its end. A push
// that ends snoozed is watched until it goes on.
func (p *pushes) begin(target access.TargetRef) (asks func(access.AccountID), end func(snoozed time.Duration)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &openPush{}
	if was := p.open[target]; was != nil {
		o.reported = was.reported
	}
	p.open[target] = o
	asks = func(id access.AccountID) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !slices.Contains(o.asked, id) {
			o.asked = append(o.asked, id)
		}
	}
	end = func(snoozed time.Duration) {
		p.mu.Lock()
		defer p.mu.Unlock()
		o.ended, o.until = true, time.Now().Add(2*snoozed)
	}
	return asks, end
}

// silences returns the targets whose calls AWS does not answer, and those that were reported and are silent no more.
func (p *pushes) silences(now time.Time, of func(access.AccountID) access.Silence) (
	silent []access.TargetSilence, over []access.TargetRef,
) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for target, o := range p.open {
		s := access.TargetSilence{TargetRef: target}
		if gone := o.ended && !now.Before(o.until); gone {
			delete(p.open, target)
		} else {
			s.Asked, s.Silence = longestSilence(o.asked, of)
		}
		was := o.reported
		o.reported = !s.Since.IsZero() && now.Sub(s.Since) >= shortSilence
		switch {
		case o.reported:
			silent = append(silent, s)
		case was:
			over = append(over, target)
		}
	}
	return silent, over
}

func longestSilence(asked []access.AccountID, of func(access.AccountID) access.Silence) (
	access.AccountID, access.Silence,
) {
	var account access.AccountID
	var longest access.Silence
	for _, id := range asked {
		if s := of(id); !s.Since.IsZero() && (longest.Since.IsZero() || s.Since.Before(longest.Since)) {
			account, longest = id, s
		}
	}
	return account, longest
}

// ReportSilences reports the targets of this replica whose calls AWS does not answer, until the context ends. It
// returns nil: failures are logged and tried again.
func (p *Pusher) ReportSilences(ctx context.Context) error {
	failed := false
	for pause(ctx, reportSilenceEvery) == nil {
		silent, over := p.pushes.silences(time.Now(), p.cfg.Silence)
		if len(silent)+len(over) == 0 && !failed {
			continue
		}
		err := p.cfg.Store.ReportSilences(ctx, p.cfg.Replica, silent, over)
		if failed = err != nil; failed && ctx.Err() == nil {
			p.cfg.Log.Warn("reporting the targets whose calls AWS does not answer failed", "error", err)
		}
	}
	return nil
}
