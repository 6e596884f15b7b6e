package access

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Expiry is what makes a change one of the console's own, composed ahead of the moment
// at which its entries expire. The people who approved the expiry approved the removal,
// so it needs no review; SetBy are the changes that set the expiry.
//
//	            composed ahead                at its time
//	(nothing) ─────────────────▶ expiring ─────────────────▶ applied
//	                               │  ▲ │
//	                               │  └─┘ other entries expire then
//	                               └─ none does any more ─▶ withdrawn
type Expiry struct {
	At    time.Time
	SetBy []int64
}

// Expiring is an entry that expires, with the change that set its expiry.
type Expiring struct {
	AllowlistID string
	Allowlist   string
	Entry       Entry
	SetBy       ChangeRef
	ChangeID    int64 // the change that will remove it, once that is composed
}

// ChangeRef names a change with something that came of it.
type ChangeRef struct {
	ID     int64
	Title  string
	Author PersonRef
}

// maxNamed is how many entries a title names before it counts them.
const maxNamed = 3

// NewExpiryChange composes the removal of entries that expire at one moment.
func NewExpiryChange(system Actor, head int64, entries []Expiring, at time.Time) Change {
	c := Change{State: ChangeExpiring, Author: system.Ref(), Required: 0, CreatedAt: at, Expiry: &Expiry{At: entries[0].Entry.Expires}}
	c.Expire(head, entries, at)
	return c
}

// Expire brings the change in line with what expires at its moment now. It reports
// whether that altered the change.
func (c *Change) Expire(head int64, entries []Expiring, at time.Time) bool {
	edits := make([]Edit, len(entries))
	var setBy []int64
	for i, e := range entries {
		edits[i] = Edit{Op: EditRemoveEntry, ID: e.AllowlistID, Key: e.Entry.Key()}
		if e.SetBy.ID != 0 {
			setBy = append(setBy, e.SetBy.ID)
		}
	}
	slices.Sort(setBy)
	setBy = slices.Compact(setBy)
	if slices.EqualFunc(c.Edits, edits, sameRemoval) && slices.Equal(c.Expiry.SetBy, setBy) {
		return false
	}
	c.Base, c.Edits, c.Expiry.SetBy = head, edits, setBy
	c.Title, c.Reason = expiryTitle(entries), expiryReason(c.Expiry.At, entries)
	c.touch(at)
	return true
}

func sameRemoval(a, b Edit) bool { return a.Op == b.Op && a.ID == b.ID && a.Key == b.Key }

func expiryTitle(entries []Expiring) string {
	names := make([]string, 0, maxNamed)
	for _, e := range entries[:min(len(entries), maxNamed)] {
		names = append(names, e.Entry.Key()+" in "+e.Allowlist)
	}
	title := "Expiry of " + strings.Join(names, ", ")
	if len(entries) > maxNamed || len(title) > MaxTitle {
		title = fmt.Sprintf("Expiry of %d entries", len(entries))
	}
	return title
}

func expiryReason(at time.Time, entries []Expiring) string {
	var by []string
	for _, e := range entries {
		if e.SetBy.ID == 0 {
			continue
		}
		if s := fmt.Sprintf("#%d by %s", e.SetBy.ID, e.SetBy.Author.Name); !slices.Contains(by, s) {
			by = append(by, s)
		}
	}
	if len(by) > maxNamed {
		by = append(by[:maxNamed], fmt.Sprintf("%d more", len(by)-maxNamed))
	}
	return fmt.Sprintf("Expires at %s, as was reviewed with change %s. To keep an entry, give it a later expiry with a change of your own before then.",
		at.UTC().Format("2006-01-02 15:04 MST"), strings.Join(by, ", "))
}

// FreezeExpiry gives the change the edits that are left of it at its time, with the
// digest of what they write. skipped says what could not be planned; empty for nothing.
func (c *Change) FreezeExpiry(head int64, edits []Edit, documents, skipped string, at time.Time) error {
	if err := c.checkExpired(at); err != nil {
		return err
	}
	digest, err := ChangeDigest(edits, documents)
	if err != nil {
		return err
	}
	c.Base, c.Edits, c.Digest, c.Documents, c.Note, c.SubmittedAt = head, edits, digest, documents, skipped, at
	c.touch(at)
	return nil
}

// ApplyExpiry makes the frozen removal part of the desired state, as a revision.
func (c *Change) ApplyExpiry(digest string, revision int64, at time.Time) error {
	if err := c.checkExpired(at); err != nil {
		return err
	}
	if digest == "" || digest != c.Digest {
		return Errorf(KindConflict, "The removal is no longer what was planned.")
	}
	c.State, c.Revision, c.AppliedAt = ChangeApplied, revision, at
	c.touch(at)
	return nil
}

func (c *Change) checkExpired(at time.Time) error {
	switch {
	case c.State != ChangeExpiring || c.Expiry == nil:
		return c.refuse("applied by its expiry")
	case at.Before(c.Expiry.At):
		return Errorf(KindConflict, "The entries of this change have not expired yet.")
	}
	for _, e := range c.Edits {
		if e.Op != EditRemoveEntry {
			return Errorf(KindForbidden, "A change that nobody reviewed may do nothing but remove entries.")
		}
	}
	return nil
}

// Lapse ends an expiry of which nothing is left.
func (c *Change) Lapse(note string, at time.Time) error {
	if c.State != ChangeExpiring {
		return c.refuse("withdrawn")
	}
	c.State, c.Note = ChangeWithdrawn, note
	c.touch(at)
	return nil
}

// Revision is a step of the desired state as history shows it.
type Revision struct {
	Number int64
	At     time.Time
	Change ChangeRef
}
