package authn

import (
	"context"
	"fmt"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Refused actions of known people and tokens are always on record: reviews, applies, and whatever else would change
// something. The rate limits of the console bound them. The rest is sampled, since it could fill the log as fast as
// requests arrive: each kind of refused read once a minute, and so many kinds. The next record says how many were left
// out. All people who are not known share one account.
const (
	refusalWindow    = time.Minute
	refusalsOfOne    = 20
	refusalsOfNobody = 60
	maxObject        = 200
)

// Refusal is something that an actor asked for and may not have. Sort names the kind of
// attempt, such as the route. Action is set if the request would have changed something.
type Refusal struct {
	Sort   string
	Object string
	Why    string
	Action bool
}

// NoteRefusal puts into the audit log that an actor was refused something.
func (s *Service) NoteRefusal(ctx context.Context, actor access.Actor, r Refusal) error {
	left := 0
	if sampled := !r.Action || actor.PersonID == 0; sampled {
		var record bool
		if left, record = s.refusals.count(actor, r.Sort, s.Now()); !record {
			return nil
		}
	}
	action := "access.refused"
	if actor.PersonID == 0 {
		actor.Kind, actor.Name = access.ActorPerson, "(not known)"
	}
	detail := map[string]any{"why": r.Why}
	if left > 0 {
		detail["left_out"] = left
	}
	actor.UserAgent = actor.UserAgent[:min(len(actor.UserAgent), maxUserAgent)]
	event := access.NewAuditEvent(actor, s.Now(), action, r.Object[:min(len(r.Object), maxObject)], detail)
	if err := s.Store.Append(ctx, event); err != nil {
		return fmt.Errorf("recording a refusal: %w", err)
	}
	return nil
}

// refusals remembers for a minute what was refused to whom. The zero value is ready.
type refusals struct {
	mu   sync.Mutex
	last map[int64]*refusedMinute // by person; 0 is nobody in particular
}

type refusedMinute struct {
	began time.Time
	sorts map[string]bool
	left  int // out of the log since the last record
}

// count reports whether a refusal is to be recorded, and how many were not before it.
func (r *refusals) count(actor access.Actor, sort string, now time.Time) (left int, record bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[int64]*refusedMinute{}
	}
	m := r.last[actor.PersonID]
	if m == nil {
		m = &refusedMinute{}
		r.last[actor.PersonID] = m
	}
	if now.Sub(m.began) >= refusalWindow {
		m.began, m.sorts = now, map[string]bool{}
	}
	limit := refusalsOfOne
	if actor.PersonID == 0 {
		limit, sort = refusalsOfNobody, sort+" "+actor.Addr.String()
	}
	if m.sorts[sort] || len(m.sorts) >= limit {
		m.left++
		return 0, false
	}
	m.sorts[sort] = true
	left, m.left = m.left, 0
	return left, true
}
