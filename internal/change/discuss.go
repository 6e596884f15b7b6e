package change

import (
	"context"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Comment adds a comment to a change. Everyone who can read the change may comment. It does not alter the
// change. With IfVersion it is refused if the change has moved on.
func (s *Service) Comment(ctx context.Context, actor access.Actor, id int64, body string, options ...Option) (access.Comment, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Comment{}, err
	}
	at := s.at()
	c, err := access.NewComment(actor, body, at)
	if err != nil {
		return access.Comment{}, err
	}
	return s.store.AddComment(ctx, id, c, stepOf(options).holdsAt, access.NewAuditEvent(actor, at, "change.comment", object(id), map[string]any{"comment": c.Body}))
}

// Comments reads what was said about a change, oldest first.
func (s *Service) Comments(ctx context.Context, actor access.Actor, id int64) ([]access.Comment, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.store.Comments(ctx, id)
}

// OverrideGuard overrides a finding of a lock-out guard. typed must be the name of the object of the
// finding. Every participant of a change may override a finding, but only the actor can override
// one about the actor's own address.
func (s *Service) OverrideGuard(ctx context.Context, actor access.Actor, id int64, code access.GuardCode, typed string) (access.Change, error) {
	if err := requireAny(actor, authz.EditChange, authz.ReviewChange, authz.ApplyChange, authz.BreakGlass); err != nil {
		return access.Change{}, err
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return access.Change{}, err
	}
	d, err := s.cachedDraft(ctx, c)
	if err != nil {
		return access.Change{}, err
	}
	g, err := findGuard(d.guards(actor), code, typed)
	if err != nil {
		return access.Change{}, err
	}
	return s.store.UpdateChange(ctx, id, func(fresh *access.Change) (Decision, error) {
		if err := checkUnmoved(fresh, c, "acted on"); err != nil {
			return Decision{}, err
		}
		at := s.at()
		if err := fresh.OverrideGuard(actor, g, typed, at); err != nil {
			return Decision{}, err
		}
		return Decision{Events: []access.AuditEvent{overrideEvent(actor, id, g, at)}}, nil
	})
}

// findGuard picks the finding whose name was typed; of one guard alone also where another
// name was typed, so that the refusal can say which.
func findGuard(guards []access.Guard, code access.GuardCode, typed string) (access.Guard, error) {
	of := slices.DeleteFunc(guards, func(g access.Guard) bool { return g.Code != code })
	if len(of) == 0 {
		return access.Guard{}, access.Errorf(access.KindConflict, "There is no guard to override any more. Look at the change again.")
	}
	for _, g := range of {
		if g.Object == typed {
			return g, nil
		}
	}
	return of[0], nil
}

// Clone begins a new draft with what a change that came to nothing would have done, as
// far as it still can be done. Who wrote that does not review it in the clone either.
func (s *Service) Clone(ctx context.Context, actor access.Actor, id int64, options ...Option) (access.Change, error) {
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
	if err := clonable(old); err != nil {
		return access.Change{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.Change{}, err
	}
	edits, err := s.rebaseEdits(ctx, old, head)
	if err != nil {
		return access.Change{}, err
	}
	at := s.at()
	c := access.Change{
		State: access.ChangeDraft, Author: actor.Ref(), Editors: old.WritersBut(actor), Base: head, Required: 1,
		ClonedFrom: id, Reverts: old.Reverts, CreatedAt: at,
	}
	if _, err := c.Compose(actor, 0, old.Title, old.Reason, edits, at); err != nil {
		return access.Change{}, err
	}
	detail := map[string]any{"title": c.Title, "edits": len(c.Edits), "base": head, "cloned_from": id}
	unchanged := stepOptions{version: old.Version, bound: true}
	return s.store.CloneChange(ctx, c, unchanged.holdsAt, access.NewAuditEvent(actor, at, "change.draft", "", detail))
}

func clonable(c access.Change) error {
	if c.State != access.ChangeRejected && c.State != access.ChangeWithdrawn {
		return access.Errorf(access.KindConflict, "Only a change that was rejected or withdrawn is repeated.")
	}
	return nil
}
