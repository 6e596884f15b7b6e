package rollout

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Resolve decides what to do about documents of a target that another person has edited: to
// overwrite, to adopt or to skip each of them. A push then does so, if the live document is still
// the one that the decision is about. A choice about some of the conflicting documents leaves the
// others in conflict.
func (s *Service) Resolve(ctx context.Context, actor access.Actor, id int64, account access.AccountID, choices []access.ResolveConflict) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	return s.cfg.Store.ResolveConflicts(ctx, id, account, func(r *access.Rollout, t *access.Target, operations []access.Operation) ([]access.Operation, []access.AuditEvent, error) {
		now := s.cfg.Now()
		decided, err := t.Resolve(operations, choices, actor, now)
		if err != nil {
			return nil, nil, err
		}
		if err := r.RetryTarget(t); err != nil {
			return nil, nil, err
		}
		said := make([]map[string]any, len(decided))
		for i, op := range decided {
			said[i] = map[string]any{
				"operation": op.ID, "kind": op.Kind, "resource": op.Resource.String(), "choice": op.Resolution.Choice,
				"live_sha256": access.DocumentDigest(op.Found),
			}
		}
		return decided, []access.AuditEvent{access.NewAuditEvent(actor, now, "conflict.resolve", objectOfTarget(*t), map[string]any{"operations": said})}, nil
	})
}
