package view

import (
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// In says in words how far away a moment to come is: "in 3 days", "in 5 hours".
func In(t, now time.Time) string {
	switch d := t.Sub(now); {
	case d <= 0:
		return "now"
	case d < time.Hour:
		return "in " + Count(max(int(d.Minutes()), 1), "minute")
	case d < 48*time.Hour:
		return "in " + Count(int(d.Hours()), "hour")
	default:
		return "in " + Count(int(d.Hours()/24), "day")
	}
}

// MomentText is a moment as forms show it and take it: a day, with the time where it is
// not midnight.
func MomentText(t time.Time) string {
	t = t.UTC()
	switch {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.Format(time.DateOnly)
	default:
		return t.Format("2006-01-02 15:04")
	}
}

// soon reports whether an entry expires within the days of notice.
func soon(e access.Entry, now time.Time, days int) bool {
	return !e.Expires.IsZero() && e.Expires.Before(now.AddDate(0, 0, days))
}
