package change

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// aheadOf is how many of the changes that wait for a review or for being applied are worked
// out ahead, the newest: about as many as are kept.
const aheadOf = maxResults / 2

// ahead remembers what was worked out ahead, and until when that is not done again.
type ahead map[int64]struct {
	digest string
	until  time.Time
}

// WorkAhead works out, once and then at every tick, what reviewers are going to read: after a
// start, or after a submission to another replica, the first of them would have to wait for the
// plan. It is done once for each submission, and not again whenever an account is read or written:
// then whoever looks next waits for it. It ends with its context.
func (s *Service) WorkAhead(ctx context.Context, tick <-chan time.Time) error {
	done := ahead{}
	for {
		if err := s.workAhead(ctx, done); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "working out changes before they are looked at", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

func (s *Service) workAhead(ctx context.Context, done ahead) error {
	open, err := s.store.Changes(ctx, access.ChangeQuery{
		Uncounted: true, States: []access.ChangeState{access.ChangeInReview, access.ChangeApproved}, PageQuery: access.PageQuery{Limit: aheadOf},
	})
	if err != nil {
		return err
	}
	now := s.now()
	seen := ahead{}
	for _, row := range open.Items {
		if of := done[row.ID]; of.digest == row.Digest && now.Before(of.until) {
			seen[row.ID] = of
			continue
		}
		c, err := s.store.Change(ctx, row.ID)
		if err != nil {
			return err
		}
		if err := s.lookAt(ctx, c); err != nil {
			// Its page says why; and who applies another change is not to wait for this.
			s.log.DebugContext(ctx, "a change could not be worked out ahead", "change", c.ID, "error", err)
		}
		of := seen[row.ID]
		of.digest, of.until = row.Digest, now.Add(planLife)
		seen[row.ID] = of
	}
	clear(done)
	for id, of := range seen {
		done[id] = of
	}
	return nil
}

// lookAt works out what the page of a submitted change shows.
func (s *Service) lookAt(ctx context.Context, c access.Change) error {
	if _, err := s.cachedDraft(ctx, c); err != nil {
		return err
	}
	_, err := s.frozenSummary(ctx, c)
	return err
}
