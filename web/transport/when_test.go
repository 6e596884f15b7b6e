package transport

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

func TestParseMoment(t *testing.T) {
	afternoon := time.Date(2027, 1, 31, 14, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"2027-01-31":                time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		" 2027-01-31 14:00 ":        afternoon,
		"2027-01-31 14:00 UTC":      afternoon,
		"2027-01-31T14:00":          afternoon,
		"2027-01-31T16:00:00+02:00": afternoon,
	} {
		if got, err := ParseMoment("at", text); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"tomorrow", "2027-13-01", "31.01.2027"} {
		if _, err := ParseMoment("at", text); access.KindOf(err) != access.KindInvalid || access.FieldsOf(err)[0].Field != "at" {
			t.Errorf("%q: %v, want a refusal beside the field", text, err)
		}
	}
}
