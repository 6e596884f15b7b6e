package change

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Overview reads what the first page shows.
func (s *Service) Overview(ctx context.Context, actor access.Actor) (Overview, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return Overview{}, err
	}
	counts, err := s.store.Totals(ctx)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{Totals: counts}
	recent, err := s.store.Changes(ctx, access.ChangeQuery{Uncounted: true, PageQuery: access.PageQuery{Limit: 8}})
	if err != nil {
		return Overview{}, err
	}
	o.Recent = recent.Items
	if o.Expiring, err = s.Expiring(ctx, actor, 20); err != nil {
		return Overview{}, err
	}
	if o.Missed, err = s.store.Missed(ctx, 10); err != nil {
		return Overview{}, err
	}
	groups, err := s.store.Groups(ctx)
	if err != nil {
		return Overview{}, err
	}
	if o.FourEyes = groups.FourEyes(s.single); !o.FourEyes.InForce() {
		o.OneGroup = groups.OneGroup(o.FourEyes)
	}
	o.ForYou, err = s.forYou(ctx, actor)
	return o, err
}

// forYou lists what waits for the actor: other people's changes for an approver,
// approved ones for an operator, their own drafts for an editor, and for an approver
// what was applied alone and has not been looked at since.
func (s *Service) forYou(ctx context.Context, actor access.Actor) ([]access.Change, error) {
	var states []access.ChangeState
	if authz.Can(actor, authz.ReviewChange) {
		states = append(states, access.ChangeInReview)
	}
	if authz.Can(actor, authz.ApplyChange) {
		states = append(states, access.ChangeApproved)
	}
	var waiting []access.Change
	if len(states) > 0 {
		page, err := s.store.Changes(ctx, access.ChangeQuery{Uncounted: true, States: states, PageQuery: access.PageQuery{Limit: 20}})
		if err != nil {
			return nil, err
		}
		for _, c := range page.Items {
			if c.State != access.ChangeInReview || c.CanReview(actor) == nil {
				waiting = append(waiting, c)
			}
		}
	}
	if authz.Can(actor, authz.ReviewChange) {
		flagged, err := s.store.Changes(ctx, access.ChangeQuery{Uncounted: true, Flagged: true, PageQuery: access.PageQuery{Limit: 20}})
		if err != nil {
			return nil, err
		}
		for _, c := range flagged.Items {
			if c.CanReview(actor) == nil {
				waiting = append(waiting, c)
			}
		}
	}
	if !authz.Can(actor, authz.EditChange) {
		return waiting, nil
	}
	own, err := s.store.Changes(ctx, access.ChangeQuery{Uncounted: true, Author: actor.PersonID, States: []access.ChangeState{access.ChangeDraft, access.ChangeConflicted}, PageQuery: access.PageQuery{Limit: 20}})
	return append(waiting, own.Items...), err
}
