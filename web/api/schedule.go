package api

import (
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

type schedulingJSON struct {
	Digest      string    `json:"digest"`
	At          time.Time `json:"at"`
	StartWithin string    `json:"start_within"` // a duration; one hour if empty

	Strategy string `json:"strategy"` // by name; the default where none is given
}

// schedule has an approved change applied at a time.
func (s *changeAPI) schedule(r request) (result, error) {
	in, err := body[schedulingJSON](r)
	if err != nil {
		return result{}, err
	}
	id, ifVersion, err := s.changeDecided(r, in.Digest)
	if err != nil {
		return result{}, err
	}
	startWithin, err := parseStartWithin(in)
	if err != nil {
		return result{}, err
	}
	request := change.ScheduleRequest{Digest: in.Digest, At: in.At, StartWithin: startWithin, Strategy: in.Strategy}
	c, err := s.scheduler.Schedule(r.Request().Context(), r.actor, id, request, ifVersion)
	if err != nil {
		return result{}, rename(err, "schedule_at", "at")
	}
	return changeAnswer(c), nil
}

func parseStartWithin(in schedulingJSON) (time.Duration, error) {
	switch {
	case in.At.IsZero():
		return 0, access.Invalid("at", "say when, for example 2027-01-31T02:00:00Z")
	case in.StartWithin == "":
		return 0, nil
	}
	startWithin, err := time.ParseDuration(in.StartWithin)
	if err != nil || startWithin <= 0 {
		return 0, access.Invalid("start_within", "%q is not a duration; write 90m or 4h", in.StartWithin)
	}
	return startWithin, nil
}

type scheduledJSON struct {
	At      time.Time  `json:"at"`
	Until   time.Time  `json:"until"`
	By      personJSON `json:"by"`
	Outcome string     `json:"outcome,omitempty"`
}

func toScheduledJSON(s *access.Schedule) *scheduledJSON {
	if s == nil {
		return nil
	}
	return &scheduledJSON{At: s.At.UTC(), Until: s.Until.UTC(), By: toPersonJSON(s.By), Outcome: s.Outcome}
}

type expiryJSON struct {
	At    time.Time `json:"at"`
	SetBy []int64   `json:"set_by"`
}

func toExpiryJSON(e *access.Expiry) *expiryJSON {
	if e == nil {
		return nil
	}
	return &expiryJSON{At: e.At.UTC(), SetBy: append([]int64{}, e.SetBy...)}
}
