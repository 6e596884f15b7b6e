package change

import (
	"context"
	"encoding/json"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// maxSince bounds the changes of others that are listed: the history has all of them.
const maxSince = 50

// ChangedSince reads the changes that others have applied since the base of a change.
func (s *Service) ChangedSince(ctx context.Context, actor access.Actor, id int64) (access.ChangedSince, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.ChangedSince{}, err
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return access.ChangedSince{}, err
	}
	history, err := s.store.History(ctx, object(id))
	if err != nil {
		return access.ChangedSince{}, err
	}
	return s.changedSince(ctx, c, history)
}

func (s *Service) changedSince(
	ctx context.Context, c access.Change, history []access.AuditEvent,
) (access.ChangedSince, error) {
	if c.State != access.ChangeDraft && c.State != access.ChangeConflicted && !isSubmitted(c) {
		return access.ChangedSince{}, nil
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.ChangedSince{}, err
	}
	out := access.ChangedSince{From: c.Base, To: head}
	if c.Base == head {
		out.From, out.To = lastRebase(c, history)
	}
	if out.From == out.To {
		return access.ChangedSince{}, nil
	}
	applied, err := s.store.Applied(ctx, out.From, out.To, maxSince)
	if err != nil {
		return access.ChangedSince{}, err
	}
	mine := objectsOf(c.Edits)
	for _, a := range applied {
		out.Applied = append(out.Applied, access.AppliedChange{Change: a, Same: touchesAny(a.Edits, mine)})
	}
	out.More = int(out.To-out.From) - len(applied)
	return out, nil
}

// lastRebase is from where to where a change was last rebased, if it is there still.
func lastRebase(c access.Change, history []access.AuditEvent) (from, to int64) {
	for _, e := range slices.Backward(history) {
		if e.Action != "change.rebase" {
			continue
		}
		var moved struct{ From, To int64 }
		if err := json.Unmarshal(e.Detail, &moved); err == nil && moved.To == c.Base {
			return moved.From, moved.To
		}
		break
	}
	return c.Base, c.Base
}

func touchesAny(edits []access.Edit, objects map[string]bool) bool {
	return slices.ContainsFunc(edits, func(e access.Edit) bool { return objects[e.Object()] })
}

func objectsOf(edits []access.Edit) map[string]bool {
	objects := make(map[string]bool, len(edits))
	for _, e := range edits {
		objects[e.Object()] = true
	}
	return objects
}
