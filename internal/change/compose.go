package change

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// maxEdits bounds a change. A larger one would be beyond what a person can review.
const maxEdits = 20000

// Draft begins a change on the head.
func (s *Service) Draft(ctx context.Context, actor access.Actor, in Input) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.Change{}, err
	}
	edits, err := s.compact(ctx, head, nil, in.Edits)
	if err != nil {
		return access.Change{}, err
	}
	at := s.at()
	c := access.Change{State: access.ChangeDraft, Author: actor.Ref(), Base: head, Required: 1, CreatedAt: at}
	if _, err := c.Compose(actor, 0, in.Title, in.Reason, edits, at); err != nil {
		return access.Change{}, err
	}
	return s.store.CreateChange(ctx, c, access.NewAuditEvent(actor, at, "change.draft", "", map[string]any{"title": c.Title, "edits": len(c.Edits), "base": head}))
}

// Edit replaces title, reason and edits of a change. Its reviews are void from then on.
func (s *Service) Edit(ctx context.Context, actor access.Actor, id, version int64, in Input) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	return s.rewrite(ctx, actor, id, func(*access.Change) (int64, Input, error) { return version, in, nil })
}

// Describe changes the title and the reason only.
func (s *Service) Describe(ctx context.Context, actor access.Actor, id, version int64, title, reason string) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	return s.rewrite(ctx, actor, id, func(c *access.Change) (int64, Input, error) {
		return version, Input{Title: title, Reason: reason, Edits: c.Edits}, nil
	})
}

// AddEdits adds edits to an open change, or to a new draft when id is 0. Edits of the
// same object within the change are merged into one.
func (s *Service) AddEdits(ctx context.Context, actor access.Actor, id int64, title string, edits []access.Edit) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	if id == 0 {
		return s.Draft(ctx, actor, Input{Title: title, Edits: edits})
	}
	return s.rewrite(ctx, actor, id, func(c *access.Change) (int64, Input, error) {
		return c.Version, Input{Title: c.Title, Reason: c.Reason, Edits: slices.Concat(c.Edits, edits)}, nil
	})
}

// DropEdit removes one edit, by its place, from a change.
func (s *Service) DropEdit(ctx context.Context, actor access.Actor, id, version int64, index int) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	return s.rewrite(ctx, actor, id, func(c *access.Change) (int64, Input, error) {
		if index < 0 || index >= len(c.Edits) {
			return 0, Input{}, access.Errorf(access.KindConflict, "That edit is no longer part of the change.")
		}
		return version, Input{Title: c.Title, Reason: c.Reason, Edits: slices.Delete(slices.Clone(c.Edits), index, index+1)}, nil
	})
}

// rewrite replaces what a change says with what next makes of it. The edits are brought
// to their smallest form before the row is locked; a change that moved in between is
// read again.
func (s *Service) rewrite(ctx context.Context, actor access.Actor, id int64, next func(*access.Change) (version int64, in Input, err error)) (access.Change, error) {
	for range 5 {
		current, err := s.store.Change(ctx, id)
		if err != nil {
			return access.Change{}, err
		}
		version, in, err := next(&current)
		if err != nil {
			return access.Change{}, err
		}
		if in.Edits, err = s.compact(ctx, current.Base, current.Edits, in.Edits); err != nil {
			return access.Change{}, err
		}
		moved := false
		saved, err := s.store.UpdateChange(ctx, id, func(c *access.Change) (Decision, error) {
			if moved = c.Version != current.Version; moved && version == current.Version {
				return Decision{}, c.CheckVersion(version, "repeat your edit")
			}
			return s.applyEdits(c, actor, version, in)
		})
		if err == nil || !moved {
			return saved, err
		}
	}
	return access.Change{}, access.Errorf(access.KindConflict, "Somebody else keeps editing this change. Try again in a moment.")
}

func (s *Service) applyEdits(c *access.Change, actor access.Actor, version int64, in Input) (Decision, error) {
	at := s.at()
	voided, err := c.Compose(actor, version, in.Title, in.Reason, in.Edits, at)
	if err != nil {
		return Decision{}, err
	}
	detail := map[string]any{"title": c.Title, "edits": len(c.Edits), "version": c.Version}
	if voided > 0 {
		detail["reviews_voided"] = voided
	}
	return Decision{Events: []access.AuditEvent{access.NewAuditEvent(actor, at, "change.edit", object(c.ID), detail)}}, nil
}

// compact checks the edits against a revision and the organization, and brings them to their smallest form.
// had are the edits of the change before.
func (s *Service) compact(ctx context.Context, base int64, had, edits []access.Edit) ([]access.Edit, error) {
	if len(edits) > maxEdits {
		return nil, access.Invalid("edits", "a change can have at most %d edits, and this one has %d; split it", maxEdits, len(edits))
	}
	if len(edits) == 0 {
		return nil, nil
	}
	edits, err := s.resolveOUs(ctx, edits)
	if err != nil {
		return nil, err
	}
	state, err := s.store.State(ctx, base)
	if err != nil {
		return nil, err
	}
	after, err := state.Apply(edits)
	if err != nil {
		return nil, err
	}
	if err := s.checkAccounts(ctx, state, had, edits); err != nil {
		return nil, err
	}
	return access.EditsBetween(state, after), nil
}

// NewEntries are pasted entries of an allowlist, one a line. Expires, if set, is the expiry of all of them.
type NewEntries struct {
	Text      string
	Expires   time.Time
	Emergency bool // the entries must expire within the time that the settings allow
}

// AddEntries adds pasted lines to an allowlist. It refuses an expiry that no change could be submitted with.
// The fields of an error name the lines.
func (s *Service) AddEntries(
	ctx context.Context, actor access.Actor, id int64, allowlistID string, n NewEntries,
) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	row, err := s.store.Allowlist(ctx, allowlistID)
	if err != nil {
		return access.Change{}, err
	}
	if err := s.checkExpiry(ctx, access.Entry{Expires: n.Expires, Emergency: n.Emergency}); err != nil {
		return access.Change{}, err
	}
	entries, err := access.ParseEntries(n.Text)
	if err != nil {
		return access.Change{}, err
	}
	edits := make([]access.Edit, len(entries))
	for i := range entries {
		entries[i].Expires, entries[i].Emergency = n.Expires, n.Emergency
		edits[i] = access.Edit{Op: access.EditAddEntry, ID: allowlistID, Key: entries[i].Key(), Entry: &entries[i]}
	}
	title := fmt.Sprintf("Add %s to %s", count(len(edits), "entry", "entries"), row.Name)
	c, err := s.AddEdits(ctx, actor, id, title, edits)
	return c, asField(err, "lines")
}

// RemoveEntries removes entries from an allowlist.
func (s *Service) RemoveEntries(ctx context.Context, actor access.Actor, id int64, allowlistID string, keys []string) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	row, err := s.store.Allowlist(ctx, allowlistID)
	if err != nil {
		return access.Change{}, err
	}
	if len(keys) == 0 {
		return access.Change{}, access.Invalid("keys", "choose the entries to remove")
	}
	edits := make([]access.Edit, len(keys))
	for i, key := range keys {
		edits[i] = access.Edit{Op: access.EditRemoveEntry, ID: allowlistID, Key: key}
	}
	return s.AddEdits(ctx, actor, id, fmt.Sprintf("Remove %s from %s", count(len(edits), "entry", "entries"), row.Name), edits)
}

// SaveEntry changes note, ticket or expiry of one entry.
func (s *Service) SaveEntry(ctx context.Context, actor access.Actor, id int64, allowlistID string, e access.Entry) (access.Change, error) {
	return s.AddEdits(ctx, actor, id, "Edit "+e.Key(), []access.Edit{{Op: access.EditUpdateEntry, ID: allowlistID, Key: e.Key(), Entry: &e}})
}

// SaveAllowlist adds an allowlist, or renames and describes one that has an ID.
func (s *Service) SaveAllowlist(ctx context.Context, actor access.Actor, id int64, a access.Allowlist) (access.Change, error) {
	a.Name = strings.TrimSpace(a.Name)
	edit, title := access.Edit{Op: access.EditUpdateAllowlist, ID: a.ID, Allowlist: &a}, "Edit allowlist "+a.Name
	if a.ID == "" {
		a.ID = newID("al")
		edit, title = access.Edit{Op: access.EditAddAllowlist, ID: a.ID, Allowlist: &a}, "Add allowlist "+a.Name
	}
	c, err := s.AddEdits(ctx, actor, id, title, []access.Edit{edit})
	return c, plainFields(err)
}

// RemoveAllowlist removes an allowlist that no mapping uses.
func (s *Service) RemoveAllowlist(ctx context.Context, actor access.Actor, id int64, allowlistID string) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	row, err := s.store.Allowlist(ctx, allowlistID)
	if err != nil {
		return access.Change{}, err
	}
	return s.AddEdits(ctx, actor, id, "Remove allowlist "+row.Name, []access.Edit{{Op: access.EditRemoveAllowlist, ID: allowlistID}})
}

// SaveMapping adds a mapping, or replaces one that has an ID.
func (s *Service) SaveMapping(ctx context.Context, actor access.Actor, id int64, m access.Mapping) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	if err := m.Check(); err != nil {
		return access.Change{}, err
	}
	resolved, err := s.resolveMappings(ctx, []access.Mapping{m})
	if err != nil {
		return access.Change{}, err
	}
	m = resolved[0]
	if err := s.checkReach(ctx, m); err != nil {
		return access.Change{}, err
	}
	edit, title := access.Edit{Op: access.EditUpdateMapping, ID: m.ID, Mapping: &m}, "Edit mapping of "+m.Role.String()
	if m.ID == "" {
		m.ID = newMappingID()
		edit, title = access.Edit{Op: access.EditAddMapping, ID: m.ID, Mapping: &m}, "Map users to "+m.Role.String()
	}
	c, err := s.AddEdits(ctx, actor, id, title, []access.Edit{edit})
	return c, plainFields(err)
}

// RemoveMapping removes a mapping.
func (s *Service) RemoveMapping(ctx context.Context, actor access.Actor, id int64, mappingID string) (access.Change, error) {
	return s.AddEdits(ctx, actor, id, "Remove mapping", []access.Edit{{Op: access.EditRemoveMapping, ID: mappingID}})
}

func newMappingID() string { return newID("mp") }

// newID makes the id of a new allowlist or mapping.
func newID(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:16]) }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
