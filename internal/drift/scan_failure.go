package drift

import (
	"context"
	"errors"
	"sync"
	"time"
)

// failureEvery is how often a replica records and logs that it can scan no account.
const failureEvery = 10 * time.Second

// rareFailures lets one failure of many through now and then.
type rareFailures struct {
	mu   sync.Mutex
	last time.Time
}

func (r *rareFailures) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.IsZero() && now.Sub(r.last) < failureEvery {
		return false
	}
	r.last = now
	return true
}

// recordScanFailure records and logs why this replica can scan no account, and returns the reason. The accounts keep their
// records, because the reason is not theirs.
func (s *Service) recordScanFailure(ctx context.Context, reason error) error {
	if !s.scanFailures.due(time.Now()) {
		return reason
	}
	words := "No account could be read. " + inWords(reason)
	s.cfg.Log.Warn("scanning accounts failed", "error", words, "replica", s.cfg.Replica)
	return errors.Join(reason, s.cfg.Store.ScanFailed(ctx, words, s.cfg.Replica))
}
