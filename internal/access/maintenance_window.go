package access

import (
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones load on machines without a zone database, such as the container image
)

// MaintenanceWindow is the times of the week at which accounts are started. Targets in
// flight at its end finish. The zero value is always open.
type MaintenanceWindow struct {
	Days []int  `json:"days,omitempty"` // 0 is Sunday; none: every day
	From string `json:"from,omitempty"` // 22:00
	To   string `json:"to,omitempty"`   // 04:00, on the next day where it is not after From
	Zone string `json:"zone,omitempty"` // Europe/Berlin; empty is UTC
}

const clockLayout = "15:04"

// Always reports whether there is no limit.
func (m MaintenanceWindow) Always() bool { return len(m.Days) == 0 && m.From == "" && m.To == "" }

func (m MaintenanceWindow) check(f *fieldErrors, at string) {
	if m.Always() {
		return
	}
	for _, clock := range []struct{ field, text string }{{"from", m.From}, {"to", m.To}} {
		if _, err := time.Parse(clockLayout, clock.text); err != nil {
			f.add(at+clock.field, "%q is no time of day; write it as 22:00", clock.text)
		}
	}
	if m.From == m.To && m.From != "" {
		f.add(at+"to", "the maintenance window ends when it begins; leave both empty for no limit")
	}
	if slices.ContainsFunc(m.Days, func(d int) bool { return d < 0 || d > 6 }) {
		f.add(at+"days", "days are from 0, Sunday, to 6, Saturday")
	}
	if _, err := time.LoadLocation(m.Zone); err != nil || m.Zone == "Local" {
		f.add(at+"zone", "%q is no time zone; one looks like Europe/Berlin", m.Zone)
	}
}

// zoneTriedEvery is how long a rollout waits before it looks again for a zone that could not be loaded.
const zoneTriedEvery = time.Hour

// Problem says why the times of the window are not known; "" when they are.
func (m MaintenanceWindow) Problem() string {
	if m.Always() {
		return ""
	}
	if _, err := time.LoadLocation(m.Zone); err != nil {
		return "The time zone " + m.Zone + " of the maintenance window cannot be loaded on this server, so no account is " +
			"started. Abort the rollout, start it outside the window, or repair the zone database of the server."
	}
	return ""
}

// NextChange reports whether the window is open at a time, and when that changes next.
func (m MaintenanceWindow) NextChange(at time.Time) (open bool, changes time.Time) {
	if m.Always() {
		return true, time.Time{}
	}
	zone, err := time.LoadLocation(m.Zone)
	from, errFrom := time.Parse(clockLayout, m.From)
	to, errTo := time.Parse(clockLayout, m.To)
	if err != nil || errFrom != nil || errTo != nil { // refused by Check, or see Problem
		return false, at.Add(zoneTriedEvery)
	}
	local := at.In(zone)
	var next time.Time
	for day := -1; day <= 8; day++ {
		// At noon, which every day has: where clocks are put forward at midnight, there is none.
		date := time.Date(local.Year(), local.Month(), local.Day()+day, 12, 0, 0, 0, zone)
		if len(m.Days) > 0 && !slices.Contains(m.Days, int(date.Weekday())) {
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

// LifeText says in words how long something is valid: whole days as days, for example "14 days".
func LifeText(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "1 day"
	case d > day && d%day == 0:
		return strconv.Itoa(int(d/day)) + " days"
	default:
		return DurationText(d)
	}
}
