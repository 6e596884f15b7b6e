package change

import (
	"context"
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/planning"
)

// Revert begins a new draft with the edits that undo an applied change on the head. It is planned, reviewed and applied
// like any other change. If others have edited the same objects since, Revert refuses and names them. reason may be
// empty: the draft needs one before it can be submitted.
func (s *Service) Revert(
	ctx context.Context, actor access.Actor, id int64, reason string, options ...Option,
) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	old, err := s.store.Change(ctx, id)
	if err != nil {
		return access.Change{}, err
	}
	if err := stepOf(options).holds(&old); err != nil {
		return access.Change{}, err
	}
	if err := revertible(old); err != nil {
		return access.Change{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.Change{}, err
	}
	edits, err := s.revertEdits(ctx, old, head)
	if err != nil {
		return access.Change{}, err
	}
	at := s.at()
	c := access.Change{
		State: access.ChangeDraft, Author: actor.Ref(), Base: head, Required: 1, Reverts: id, CreatedAt: at,
	}
	title := access.CutTitle(fmt.Sprintf("Revert change %d: %s", id, old.Title))
	if _, err := c.Compose(actor, 0, title, reason, edits, at); err != nil {
		return access.Change{}, err
	}
	detail := map[string]any{"title": c.Title, "edits": len(c.Edits), "base": head, "reverts": id}
	return s.store.CreateChange(ctx, c, access.NewAuditEvent(actor, at, "change.draft", "", detail))
}

func revertible(c access.Change) error {
	if c.State != access.ChangeApplied {
		return access.Errorf(access.KindConflict, "Only an applied change is reverted. Change %d is %s.", c.ID,
			strings.ReplaceAll(string(c.State), "_", " "))
	}
	return nil
}

func (s *Service) revertEdits(ctx context.Context, c access.Change, head int64) ([]access.Edit, error) {
	var states [3]access.State
	for i, n := range []int64{c.Revision - 1, c.Revision, head} {
		var err error
		if states[i], err = s.store.State(ctx, n); err != nil {
			return nil, err
		}
	}
	edits, err := states[2].Revert(states[0], states[1])
	if err != nil {
		return nil, err
	}
	if len(edits) == 0 {
		return nil, access.Errorf(access.KindUnchanged, "Change %d has changed nothing that could be reverted.", c.ID)
	}
	return edits, nil
}

// checkReadmits lets a person apply a revert alone only for the people from whom the reverted change took access.
func (s *Service) checkReadmits(ctx context.Context, c access.Change, d draft) error {
	reverted, err := s.store.Plan(ctx, c.Reverts)
	if err != nil {
		return err
	}
	beyond := planning.Readmits(d.Plan, reverted)
	if len(beyond) == 0 {
		return nil
	}
	text := beyond[0]
	if more := len(beyond) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return access.Errorf(access.KindForbidden, "One person may revert change %d alone only for the people "+
		"whom it locked out. This change lets in %s as well. Remove those edits, or have it reviewed.", c.Reverts, text)
}
