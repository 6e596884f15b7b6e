package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Statements of others may name the unique id of a deleted user or role. AWS refuses to write such an
// id again (docs/aws-facts.md, "Ghost principals"). The id admits no caller, so a write leaves it
// out. A reader sees a raw id for a moment also where the principal exists, so one reading does not
// prove the deletion. An id is dead if two readings show it: that of the plan and that of the push, or
// that before a write which AWS refused and that after it.

// decideFrom decides about a step, given its live document, and leaves dead ids out of the document to
// be written.
func (u *push) decideFrom(s *step, op access.Operation, live access.LiveDocument) decision {
	d := decide(op, live, u.ids)
	if !d.write || op.Kind != access.OpTrustPolicy {
		return d
	}
	dead := slices.DeleteFunc(iam.ForeignGhosts(d.document, u.ids), func(id string) bool { return !u.isDead(s, id) })
	if len(dead) == 0 {
		return d
	}
	if document, err := iam.WithoutForeignGhosts(d.document, dead); err == nil {
		d.document, s.dead = document, dead
	}
	return d
}

// isDead reports whether a unique id that is live in a statement of others is that of a deleted
// principal.
func (u *push) isDead(s *step, id string) bool {
	shows := func(document string) bool { return slices.Contains(iam.ForeignGhosts(document, u.ids), id) }
	return slices.Contains(s.dead, id) || shows(s.op.Before) ||
		wasAttempted(s.op) && shows(s.op.Replaces) && !shows(s.op.Written) // an earlier claim left it out
}

// findDead reads a trust policy that AWS refused once more, and notes the unique ids that statements of
// others still show. found is true if the document that AWS refused names one.
func (u *push) findDead(ctx context.Context, s *step) (found bool, err error) {
	refused := iam.ForeignGhosts(s.document, u.ids)
	if len(refused) == 0 {
		return false, nil
	}
	asked := time.Now()
	docs, err := u.cfg.Cloud.Read(ctx, u.scope, []access.Resource{s.op.Resource})
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err != nil && u.worthWaiting(err):
		return false, &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
	case err != nil:
		return false, nil //nolint:nilerr // the refusal of the write ends the step
	}
	u.live[s.op.Resource], s.readAt = docs[0], asked
	still := iam.ForeignGhosts(docs[0].Document, u.ids)
	for _, id := range refused {
		if slices.Contains(still, id) {
			s.dead = append(s.dead, id)
		}
	}
	u.formTrust(s)
	return true, nil
}

// said tells which principals were left out of a step's document; "" for none.
func (s *step) said() string {
	if len(s.dead) == 0 {
		return s.without
	}
	const left = "Statements of others in %s named %s, which AWS does not know any more; the ids were left out."
	return joinSentences(s.without, fmt.Sprintf(left, s.op.Resource, strings.Join(s.dead, ", ")))
}
