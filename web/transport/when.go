package transport

import (
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// momentForms are the ways in which people write a moment. What names no zone is UTC.
var momentForms = []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02 15:04 MST", time.DateOnly}

// ParseMoment reads a day or a moment; a day is its beginning. Nothing is the zero time.
func ParseMoment(field, text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range momentForms {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, access.Invalid(field, "%q is not a day or a time; write it as 2027-01-31 or 2027-01-31 14:00, in UTC", text)
}
