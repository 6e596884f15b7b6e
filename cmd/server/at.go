package main

import "time"

// atFlag says as of when expiries count.
type atFlag struct {
	At string `placeholder:"TIME" help:"Let expiries count as of this day (2027-01-31) or time (2027-01-31T14:00:00Z); now when left out."`
}

func (f atFlag) now() (time.Time, error) {
	if f.At == "" {
		return time.Now(), nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, f.At); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--at: %q is not a time; write 2027-01-31 or 2027-01-31T14:00:00Z", f.At)
}
