package change

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// checkExpiry refuses an expiry that no change could be submitted with.
func (s *Service) checkExpiry(ctx context.Context, e access.Entry) error {
	settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	if why := untimelyEntry(e, settings.EmergencyMaxLife, s.at()); why != "" {
		return access.Invalid("expires", "This %s", why)
	}
	return nil
}

// untimely says which entries of a change have an impossible expiry: one that has passed, or an
// emergency that lasts longer than the settings allow.
func untimely(d policy.StateDiff, settings access.Settings, now time.Time) []access.FieldError {
	longest := settings.OrDefault().EmergencyMaxLife
	var fields []access.FieldError
	for _, c := range d.Entries {
		if c.Kind == policy.Removed || (c.Kind == policy.Changed && c.Before.Expires.Equal(c.After.Expires) && c.Before.Emergency == c.After.Emergency) {
			continue
		}
		if why := untimelyEntry(c.After, longest, now); why != "" {
			fields = append(fields, access.FieldError{Field: "edits", Message: fmt.Sprintf("%s in %s %s", c.Key, c.Allowlist, why)})
		}
	}
	return fields
}

func untimelyEntry(e access.Entry, longest time.Duration, now time.Time) string {
	const format = "2006-01-02 15:04 MST"
	switch {
	case e.ExpiredAt(now):
		return "expired at " + e.Expires.UTC().Format(format) + ": give it a time in the future, or remove it."
	case e.Emergency && e.Expires.IsZero():
		return "is an emergency entry without an expiry: say when it ends."
	case e.Emergency && e.Expires.Sub(now) > longest:
		return fmt.Sprintf("is an emergency entry until %s. The settings let one last %s at most, so until %s.", e.Expires.UTC().Format(format), lifeText(longest), now.Add(longest).UTC().Format(format))
	default:
		return ""
	}
}

func lifeText(d time.Duration) string {
	if d%time.Hour == 0 {
		return count(int(d.Hours()), "hour", "hours")
	}
	return d.String()
}
