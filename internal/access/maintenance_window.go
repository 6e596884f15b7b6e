package access

import (
	"slices"
	"strings"
	"time"
)

// MaintenanceWindow are the times of the week at which accounts are taken up. What is in flight at
// their end is finished. The zero value is always.
type MaintenanceWindow struct {
	Days []int  `json:"days,omitempty"` // 0 is Sunday; none: every day
	From string `json:"from,omitempty"` // 22:00
	To   string `json:"to,omitempty"`   // 04:00, on the next day where it is not after From
	Zone string `json:"zone,omitempty"` // Europe/Berlin; empty is UTC
}

const clockLayout = "15:04"

// Always reports whether there is no limit.
func (h MaintenanceWindow) Always() bool { return len(h.Days) == 0 && h.From == "" && h.To == "" }

func (h MaintenanceWindow) check(f *fieldErrors, at string) {
	if h.Always() {
		return
	}
	for _, clock := range []struct{ field, text string }{{"from", h.From}, {"to", h.To}} {
		if _, err := time.Parse(clockLayout, clock.text); err != nil {
			f.add(at+clock.field, "%q is no time of day; write it as 22:00", clock.text)
		}
	}
	if h.From == h.To && h.From != "" {
		f.add(at+"to", "the hours end when they begin; leave both empty for no limit")
	}
	if slices.ContainsFunc(h.Days, func(d int) bool { return d < 0 || d > 6 }) {
		f.add(at+"days", "days are from 0, Sunday, to 6, Saturday")
	}
	if _, err := time.LoadLocation(h.Zone); err != nil || h.Zone == "Local" {
		f.add(at+"zone", "%q is no time zone; one looks like Europe/Berlin", h.Zone)
	}
}

// NextChange says whether a time is within the hours, and when that changes next.
func (h MaintenanceWindow) NextChange(at time.Time) (open bool, changes time.Time) {
	if h.Always() {
		return true, time.Time{}
	}
	zone, err := time.LoadLocation(h.Zone)
	from, errFrom := time.Parse(clockLayout, h.From)
	to, errTo := time.Parse(clockLayout, h.To)
	if err != nil || errFrom != nil || errTo != nil { // refused by Check
		return false, at.Add(time.Hour)
	}
	local := at.In(zone)
	var next time.Time
	for day := -1; day <= 8; day++ {
		// At noon, which every day has: where clocks are put forward at midnight, there is none.
		date := time.Date(local.Year(), local.Month(), local.Day()+day, 12, 0, 0, 0, zone)
		if len(h.Days) > 0 && !slices.Contains(h.Days, int(date.Weekday())) {
			continue
		}
		begins, ends := onDay(date, from, 0), onDay(date, to, 0)
		if !to.After(from) {
			ends = onDay(date, to, 1)
		}
		if !at.Before(begins) && at.Before(ends) {
			return true, ends.UTC()
		}
		if begins.After(at) && (next.IsZero() || begins.Before(next)) {
			next = begins
		}
	}
	return false, next.UTC()
}

// onDay is a time of day on a date, or so many days later, in the date's zone.
func onDay(date, clock time.Time, later int) time.Time {
	return time.Date(date.Year(), date.Month(), date.Day()+later, clock.Hour(), clock.Minute(), 0, 0, date.Location())
}

// DurationText writes a length of time as people type it, without the zeros that
// time.Duration adds: "1h", not "1h0m0s".
func DurationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
