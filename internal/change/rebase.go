package change

import (
	"context"
	"errors"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Rebase puts a change on the head. The reviews of a submitted change stay valid if nothing that the reviewers were
// shown differs there. Otherwise the change becomes a draft, and its reviews are void.
func (s *Service) Rebase(ctx context.Context, actor access.Actor, id int64, options ...Option) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return access.Change{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.Change{}, err
	}
	if isSubmitted(c) && head == c.Base {
		return access.Change{}, access.Errorf(access.KindConflict,
			"The change is on revision %d already, and that is the newest.", head)
	}
	edits, err := s.rebaseEdits(ctx, c, head)
	if err != nil {
		return access.Change{}, err
	}
	on, needs, why, err := s.tryRebase(ctx, c, head, edits)
	if err != nil {
		return access.Change{}, err
	}
	return s.store.UpdateChange(ctx, id, func(fresh *access.Change) (Decision, error) {
		if err := stepOf(options).holds(fresh); err != nil {
			return Decision{}, err
		}
		if err := checkUnmoved(fresh, c, "edited"); err != nil {
			return Decision{}, err
		}
		at := s.at()
		detail := map[string]any{"from": fresh.Base, "to": head, "edits": len(edits)}
		if isSubmitted(*fresh) && why == "" {
			kept, err := s.keepReviews(fresh, actor, on, needs, at)
			rebased := access.NewAuditEvent(actor, at, "change.rebase", object(id), detail)
			return Decision{Events: append([]access.AuditEvent{rebased}, kept...)}, err
		}
		if err := fresh.Rebase(actor, head, edits, at); err != nil {
			return Decision{}, err
		}
		if fresh.Voided > 0 {
			detail["reviews_voided"], detail["difference"] = fresh.Voided, why
		}
		event := access.NewAuditEvent(actor, at, "change.rebase", object(id), detail)
		return Decision{Events: []access.AuditEvent{event}}, nil
	})
}

func isSubmitted(c access.Change) bool {
	return c.State == access.ChangeInReview || c.State == access.ChangeApproved
}

// tryRebase works out what a submitted change comes to on the head, and which reviews it needs there. why names
// the difference from the submitted change; "" if there is none.
func (s *Service) tryRebase(
	ctx context.Context, c access.Change, head int64, edits []access.Edit,
) (on access.ChangeOnBase, needs []access.Need, why string, err error) {
	if !isSubmitted(c) {
		return on, nil, "", nil
	}
	d, err := s.draft(ctx, c, head)
	if err == nil {
		err = d.refusal()
	}
	switch kind := access.KindOf(err); {
	case err != nil && (kind == access.KindConflict || kind == access.KindInvalid):
		return on, nil, access.MessageOf(err), nil
	case err != nil:
		return on, nil, "", err
	}
	on = d.onBase(head, edits)
	return on, d.needs, c.Difference(on), nil
}

// onBase is what a change with these edits comes to on the revision that the draft was worked out on.
func (d *draft) onBase(head int64, edits []access.Edit) access.ChangeOnBase {
	return access.ChangeOnBase{Base: head, Edits: edits, Documents: d.Plan.Documents, Warnings: d.warnings}
}

// keepReviews moves a submitted change to another revision with its reviews. The event names both revisions; there is
// none if there is no review to keep.
func (s *Service) keepReviews(
	c *access.Change, actor access.Actor, on access.ChangeOnBase, needs []access.Need, at time.Time,
) ([]access.AuditEvent, error) {
	from := c.Base
	kept, err := c.MoveBase(on, needs, at)
	if err != nil || kept == 0 {
		return nil, err
	}
	detail := map[string]any{"from": from, "to": on.Base, "digest": c.Digest, "reviews": kept, "state": c.State}
	return []access.AuditEvent{access.NewAuditEvent(actor, at, "change.reviews_kept", object(c.ID), detail)}, nil
}

// rebaseEdits returns the edits that remain on the head: edits that the head already has are
// dropped, those whose object is gone are refused by name.
func (s *Service) rebaseEdits(ctx context.Context, c access.Change, head int64) ([]access.Edit, error) {
	state, err := s.store.State(ctx, head)
	if err != nil {
		return nil, err
	}
	var kept []access.Edit
	for _, e := range c.Edits {
		next, err := state.Apply(append(slices.Clone(kept), e))
		switch {
		case err == nil:
			kept = access.EditsBetween(state, next)
		case doneAlready(state, e):
		default:
			var ours *access.Error
			if errors.As(err, &ours) {
				return nil, access.Errorf(access.KindConflict, "The change cannot be rebased: %s Remove that edit from the change, then rebase it.", ours.Message+".")
			}
			return nil, err
		}
	}
	return kept, nil
}

// doneAlready reports whether the state says already what an edit asks for.
func doneAlready(s access.State, e access.Edit) bool {
	a, there := s.Allowlist(e.ID)
	switch e.Op {
	case access.EditAddEntry:
		was, ok := a.Entry(e.Entry.Key())
		return there && ok && was.Equal(*e.Entry)
	case access.EditRemoveEntry:
		_, ok := a.Entry(e.Key)
		return there && !ok
	case access.EditRemoveAllowlist:
		return !there
	case access.EditRemoveMapping:
		_, ok := s.Mapping(e.ID)
		return !ok
	case access.EditRemoveRule:
		_, ok := s.Rule(e.ID)
		return !ok
	case access.EditRemoveStrategy:
		_, ok := s.Strategy(e.ID)
		return !ok
	default:
		return false
	}
}
