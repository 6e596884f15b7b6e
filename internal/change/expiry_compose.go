package change

import (
	"context"
	"fmt"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/authz"
)

// AddEntriesUntil adds pasted lines to an allowlist, all of which expire at one time. An
// emergency lasts no longer than the settings allow, which is said at once.
func (s *Service) AddEntriesUntil(ctx context.Context, actor access.Actor, id int64, allowlistID, text string, expires time.Time, emergency bool) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	row, err := s.store.Allowlist(ctx, allowlistID)
	if err != nil {
		return access.Change{}, err
	}
	if err := s.timely(ctx, access.Entry{Expires: expires, Emergency: emergency}); err != nil {
		return access.Change{}, err
	}
	entries, err := access.ParseEntries(text)
	if err != nil {
		return access.Change{}, err
	}
	edits := make([]access.Edit, len(entries))
	for i := range entries {
		entries[i].Expires, entries[i].Emergency = expires, emergency
		edits[i] = access.Edit{Op: access.EditAddEntry, ID: allowlistID, Key: entries[i].Key(), Entry: &entries[i]}
	}
	c, err := s.AddEdits(ctx, actor, id, fmt.Sprintf("Add %s to %s", count(len(edits), "entry", "entries"), row.Name), edits)
	return c, asField(err, "lines")
}

// timely refuses an expiry that no change could be submitted with.
func (s *Service) timely(ctx context.Context, e access.Entry) error {
	settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	if why := untimelyEntry(e, settings.EmergencyMaxLife, s.at()); why != "" {
		return access.Invalid("expires", "This %s", why)
	}
	return nil
}
