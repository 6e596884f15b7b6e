package change

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// rollOutExpiries applies the composed expiries whose time has come.
func (s *Service) rollOutExpiries(ctx context.Context) error {
	composed, err := s.store.Expiries(ctx)
	if err != nil {
		return fmt.Errorf("rolling out expiries: %w", err)
	}
	var failed []error
	for _, c := range composed {
		if s.at().Before(c.Expiry.At) {
			break // they come soonest first
		}
		if err := s.rollOutExpiry(ctx, c); err != nil {
			failed = append(failed, fmt.Errorf("rolling out expiry %d: %w", c.ID, err))
		}
	}
	return errors.Join(failed...)
}

// rollOutExpiry freezes the plan of one expiry and makes it the next revision. When the
// head moves in between, it begins again; when another replica was faster, all is done.
func (s *Service) rollOutExpiry(ctx context.Context, c access.Change) error {
	for range 5 {
		err := s.tryExpiry(ctx, c.ID)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return nil // it is due still, and the next round tries again
}

func (s *Service) tryExpiry(ctx context.Context, id int64) error {
	c, err := s.store.Change(ctx, id)
	if err != nil || c.State != access.ChangeExpiring {
		return err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return err
	}
	state, err := s.store.State(ctx, head)
	if err != nil {
		return err
	}
	if c.Edits = remainingEdits(state, c); len(c.Edits) == 0 {
		return s.recompose(ctx, c, head, nil)
	}
	c.Base = head
	d, err := s.draft(ctx, c, head)
	if err != nil {
		return err
	}
	skipped, err := s.skipUnreviewed(ctx, &d)
	if err != nil {
		return err
	}
	if c, err = s.freezeExpiry(ctx, c, d, skipped); err != nil {
		return err
	}
	revokes, err := s.revokes(ctx, d, head, c.Edits)
	if err != nil {
		return err
	}
	digests, _ := d.Plan.Digests()
	_, err = s.store.ApplyChange(ctx, id, func(fresh *access.Change, now int64) (Application, error) {
		if now != head || fresh.Version != c.Version {
			return Application{}, errMoved
		}
		made, err := s.applyExpiry(fresh, head, d.LeftBehind, revokes)
		made.Digests = digests
		return made, err
	})
	return err
}

// skipUnreviewed takes the accounts out of a plan that no rollout has had as a target, and says so. Such an
// account joined or became active after the last review. An expiry is not reviewed, so it must not be what
// brings documents to the account.
func (s *Service) skipUnreviewed(ctx context.Context, d *draft) (string, error) {
	var ids []access.AccountID
	for t := range d.Plan.Accounts() {
		ids = append(ids, t.Account)
	}
	pushed, err := s.store.StoppedTargets(ctx, ids)
	if err != nil {
		return "", fmt.Errorf("reading the last pushes: %w", err)
	}
	if len(pushed) == len(ids) {
		return "", nil
	}
	d.Plan = d.Only(func(id access.AccountID) bool { return pushed[id].Rollout != 0 })
	const why = " left out, because no reviewed change has been rolled out there: push the head to write the documents."
	return count(len(ids)-d.Plan.Len(), "account is", "accounts are") + why, nil
}

// remainingEdits keeps the edits whose entry is there and has the expiry still.
func remainingEdits(state access.State, c access.Change) []access.Edit {
	var left []access.Edit
	for _, e := range c.Edits {
		list, _ := state.Allowlist(e.ID)
		if entry, there := list.Entry(e.Key); there && entry.Expires.Equal(c.Expiry.At) {
			left = append(left, e)
		}
	}
	return left
}

// freezeExpiry stores what is going to be written. A document that cannot be planned
// stops only itself: the others have to be narrowed all the same.
func (s *Service) freezeExpiry(ctx context.Context, c access.Change, d draft, skipped string) (access.Change, error) {
	note := strings.TrimSpace(skippedText(d.Refusals) + " " + skipped)
	return s.store.UpdateChange(ctx, c.ID, func(fresh *access.Change) (Decision, error) {
		if fresh.Version != c.Version {
			return Decision{}, errMoved
		}
		return Decision{Plan: &d.Plan}, fresh.FreezeExpiry(c.Base, c.Edits, d.Plan.Documents, note, s.at())
	})
}

func skippedText(refusals []error) string {
	if len(refusals) == 0 {
		return ""
	}
	var said []string
	for _, err := range refusals[:min(len(refusals), 5)] {
		said = append(said, access.MessageOf(err))
	}
	return fmt.Sprintf("%s could not be planned and stay as they are: %s", count(len(refusals), "document", "documents"), strings.Join(said, " "))
}

func (s *Service) applyExpiry(
	c *access.Change, head int64, leftBehind []access.Account, revokes string,
) (Application, error) {
	at := s.at()
	if err := c.ApplyExpiry(c.Digest, head+1, at); err != nil {
		return Application{}, err
	}
	detail := map[string]any{
		"digest": c.Digest, "revision": c.Revision, "edits": c.Edits, "expired": c.Expiry.At,
		"set_by": c.Expiry.SetBy, "left_behind": idsOf(leftBehind),
	}
	if c.Note != "" {
		detail["skipped"] = c.Note
	}
	events := []access.AuditEvent{access.NewAuditEvent(expirySystem, at, "change.expire", object(c.ID), detail)}
	for _, id := range c.Expiry.SetBy {
		events = append(events, access.NewAuditEvent(expirySystem, at, "change.expired", object(id), map[string]any{"removed_by": c.ID, "revision": c.Revision}))
	}
	r := s.newRollout(expirySystem, c.Title, c.ID, c.Revision)
	r.LeftBehind, r.Revokes = len(leftBehind), revokes
	return Application{Rollout: r, Events: events}, nil
}
