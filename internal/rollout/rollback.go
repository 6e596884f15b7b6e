package rollout

import (
	"context"
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
)

// A rollback is a rollout of its own. Its plan is what another rollout has written, read
// backwards: before is the document that was written, after the one that was there before
// it. So it is carried out like any other, intents, outcomes and read back included, and
// whoever has edited a document since finds it in conflict and not lost.

// rollBackOn does the next thing about a rollout that is being rolled back: it starts the rollout
// that restores the documents once nothing is in flight, and ends the rolled-back rollout once that
// one has ended. Any replica may do so at any time.
func (s *Service) rollBackOn(ctx context.Context, id int64) error {
	r, err := s.cfg.Store.Rollout(ctx, id)
	if err != nil || r.State != access.RolloutRollingBack || r.Counts.Running > 0 {
		return err
	}
	if r.RolledBackBy == 0 {
		plan, err := s.planBack(ctx, id)
		if err != nil {
			return err
		}
		if r, err = s.cfg.Store.BeginRollback(ctx, id, plan); err != nil || r.RolledBackBy == 0 {
			return err
		}
	}
	back, err := s.cfg.Store.Rollout(ctx, r.RolledBackBy)
	if err != nil || back.EndedAt.IsZero() || back.Counts.Running > 0 {
		return err
	}
	return s.endRollback(ctx, id, back)
}

func (s *Service) endRollback(ctx context.Context, id int64, back access.Rollout) error {
	left := back.Counts.Failed + back.Counts.Conflict + back.Counts.Skipped
	_, err := s.cfg.Store.UpdateProgress(ctx, id, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) {
		if r.State != access.RolloutRollingBack { // another replica was faster
			return nil, nil
		}
		detail := map[string]any{"rollout": back.ID, "revision": back.Revision, "restored": back.Counts.Succeeded + back.Counts.Unchanged, "not_restored": left}
		return []access.AuditEvent{access.NewAuditEvent(access.System("rollout"), s.cfg.Now(), "rollout.rolled_back", objectOf(id), detail)}, r.RolledBack(left, s.cfg.Now())
	})
	return err
}

// planBack plans what puts back what a rollout has replaced.
func (s *Service) planBack(ctx context.Context, id int64) (access.Plan, error) {
	var plan access.Plan
	err := s.cfg.Store.Written(ctx, id, func(t access.WrittenTarget) error {
		planned := access.PlannedTarget{Account: t.Account, AccountName: t.AccountName, OU: t.OU}
		for _, op := range slices.Backward(t.Operations) {
			back, err := reverseOperation(op)
			if err != nil {
				return fmt.Errorf("planning the rollback of %s in account %s: %w", op.Resource, t.Account, err)
			}
			planned.Operations = append(planned.Operations, back)
		}
		plan.Add(planned)
		return nil
	})
	if err == nil {
		err = s.arrangeBack(ctx, &plan)
	}
	plan.Documents = plan.Digest()
	return plan, err
}

// arrangeBack notes what the operations of a rollback require of each other across accounts, as planning does for a change. What
// does not fit is tried all the same, and AWS says so: nothing better can be written.
func (s *Service) arrangeBack(ctx context.Context, plan *access.Plan) error {
	if !order.Concerns(*plan) {
		return nil
	}
	all, err := s.cfg.Store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	r := order.Reading{Accounts: access.SortedAccounts(all)}
	if r.Inventories, err = s.cfg.Store.Inventories(ctx, r.Accounts.IDs()); err != nil {
		return fmt.Errorf("reading the inventories: %w", err)
	}
	_, refusals := order.Arrange(r, plan)
	for _, refusal := range refusals {
		s.cfg.Log.Warn("a document of the rollback may be too long", "error", refusal)
	}
	return nil
}

// reverseOperation returns the operation that restores the document that another replaced.
func reverseOperation(op access.Operation) (access.PlannedOperation, error) {
	back := access.PlannedOperation{Kind: op.Kind, Resource: op.Resource, Before: op.Written, BeforeKnown: true, After: op.LiveBefore, Limit: op.Limit}
	var err error
	switch op.Kind {
	case access.OpTrustPolicy:
		err = reverseTrust(&back)
	case access.OpAttachments:
		err = reverseAttachments(&back)
	case access.OpUserPolicy, access.OpDeleteUserPolicy:
		back.Kind = either(back.After, access.OpUserPolicy, access.OpDeleteUserPolicy)
		back.OursBefore, back.OursAfter = back.Before, back.After
	default:
		back.Kind = either(back.After, access.OpUserSidePolicy, access.OpDeleteUserSidePolicy)
		back.OursBefore, back.OursAfter = back.Before, back.After
	}
	back.Size = iam.Size(back.After)
	return back, err
}

func either(document string, put, remove access.OperationKind) access.OperationKind {
	if document == "" {
		return remove
	}
	return put
}

// reverseTrust reverts our statements only: those of others stay as they are now.
func reverseTrust(back *access.PlannedOperation) error {
	var err error
	if back.OursBefore, err = iam.Ours(back.Before); err != nil {
		return err
	}
	if back.OursAfter, err = iam.Ours(back.After); err != nil {
		return err
	}
	back.After, back.Note, err = mergeTrust(back.Before, back.OursAfter)
	return err
}

// reverseAttachments reverts only our attachments of a user.
func reverseAttachments(back *access.PlannedOperation) error {
	var err error
	if back.OursBefore, err = oursAttached(back.Before); err != nil {
		return err
	}
	if back.OursAfter, err = oursAttached(back.After); err != nil {
		return err
	}
	back.After, err = mergeAttachments(back.Before, back.OursAfter)
	return err
}

func oursAttached(document string) (string, error) {
	arns, err := access.Attachments(document)
	if err != nil {
		return "", err
	}
	ours, _ := access.UserSideAttachments(arns)
	return access.AttachmentsDocument(ours), nil
}
