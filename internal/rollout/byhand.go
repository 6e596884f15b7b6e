package rollout

import (
	"context"
	"fmt"
	"io"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/byhand"
)

// UndoByHand writes the script that puts back the documents from before a rollout without the console. begin is called
// before the first byte, and opens what the script is written to.
func (s *Service) UndoByHand(ctx context.Context, actor access.Actor, id int64, begin func() io.Writer) error {
	if err := authz.Require(actor, authz.Read); err != nil {
		return err
	}
	r, err := s.cfg.Store.Rollout(ctx, id)
	if err != nil {
		return err
	}
	detail := map[string]any{"change": r.ChangeID}
	event := access.NewAuditEvent(actor, s.cfg.Now(), "export.undo_by_hand", objectOf(id), detail)
	if err := s.cfg.Store.Append(ctx, event); err != nil {
		return fmt.Errorf("recording an export: %w", err)
	}
	head := byhand.Head{What: fmt.Sprintf("rollout %d (%s)", id, r.Title), DeployRole: s.cfg.DeployRole}
	return byhand.Write(begin(), head, func(take func(access.PlannedTarget) error) error {
		return s.cfg.Store.Former(ctx, id, take)
	})
}
