package change

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Revisions lists the steps of the desired state, the newest first.
func (s *Service) Revisions(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.Revision], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Revision]{}, err
	}
	return s.store.Revisions(ctx, q)
}

// Moment is a point of the past: a revision, and the time as of which expiries count.
type Moment struct {
	access.Revision
	At  time.Time
	Now bool // it is the present
}

// MomentAt finds the point of the past that somebody means: a date, when at is set, or
// else a revision, Head for the present. A revision is looked at as of when it was made.
func (s *Service) MomentAt(ctx context.Context, actor access.Actor, revision int64, at time.Time) (Moment, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return Moment{}, err
	}
	return s.moment(ctx, revision, at)
}

func (s *Service) moment(ctx context.Context, revision int64, at time.Time) (Moment, error) {
	now := s.at()
	switch {
	case !at.IsZero() && revision != Head:
		return Moment{}, access.Invalid("at", "give a revision or a date, not both")
	case at.After(now):
		return Moment{}, access.Invalid("at", "%s is still to come; nobody knows the desired state of then", at.UTC().Format("2006-01-02 15:04 MST"))
	case !at.IsZero():
		return s.momentOf(ctx, at)
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return Moment{}, err
	}
	if revision == Head || revision == head {
		r, err := s.store.Revision(ctx, head)
		return Moment{Revision: r, At: now, Now: true}, err
	}
	r, err := s.store.Revision(ctx, revision)
	return Moment{Revision: r, At: r.At}, err
}

func (s *Service) momentOf(ctx context.Context, at time.Time) (Moment, error) {
	n, err := s.store.RevisionAt(ctx, at)
	if err != nil {
		return Moment{}, err
	}
	r, err := s.store.Revision(ctx, n)
	return Moment{Revision: r, At: at.UTC()}, err
}

// PastAllowlist is an allowlist at a point of the past, with a page of its entries.
type PastAllowlist struct {
	Moment
	access.AllowlistRow
	Entries access.Page[access.Entry]
}

// PastAllowlist reads an allowlist as MomentAt finds the point of the past. q pages and
// searches its entries.
func (s *Service) PastAllowlist(ctx context.Context, actor access.Actor, revision int64, at time.Time, id string, q access.PageQuery) (PastAllowlist, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return PastAllowlist{}, err
	}
	m, err := s.moment(ctx, revision, at)
	if err != nil {
		return PastAllowlist{}, err
	}
	past := PastAllowlist{Moment: m}
	past.AllowlistRow, past.Entries, err = s.store.AllowlistAt(ctx, m.Number, id, q)
	return past, err
}
