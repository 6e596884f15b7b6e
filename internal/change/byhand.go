package change

import (
	"context"
	"fmt"
	"io"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/byhand"
)

// UndoByHand writes the script that puts back, without the console, the documents that a submitted change replaces: as
// they were read for its plan. begin is called before the first byte, and opens what the script is written to.
func (s *Service) UndoByHand(ctx context.Context, actor access.Actor, id int64, begin func() io.Writer) error {
	if err := authz.Require(actor, authz.Read); err != nil {
		return err
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return err
	}
	if !hasFormerDocuments(c) {
		return access.Errorf(access.KindConflict, "The documents that change %d replaces are "+
			"fixed once it is submitted. Submit it first.", id)
	}
	plan, err := s.store.Plan(ctx, id)
	if err != nil {
		return err
	}
	detail := map[string]any{"digest": c.Digest, "accounts": plan.Len()}
	if err := s.recordExport(ctx, actor, "export.undo_by_hand", object(id), detail); err != nil {
		return err
	}
	head := byhand.Head{What: fmt.Sprintf("change %d (%s)", id, c.Title), DeployRole: s.deployRole}
	return byhand.Write(begin(), head, func(take func(access.PlannedTarget) error) error {
		for t := range plan.Targets() {
			if err := take(t); err != nil {
				return err
			}
		}
		return nil
	})
}

// hasFormerDocuments reports whether the plan of a change is frozen.
func hasFormerDocuments(c access.Change) bool {
	return c.State == access.ChangeInReview || c.State == access.ChangeApproved || c.State == access.ChangeApplied
}
