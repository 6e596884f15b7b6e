package web

import (
	"time"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

type apiScheduling struct {
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	Window string    `json:"window"` // a duration; an hour where none is given

	Strategy string `json:"strategy"` // by name; the default where none is given
}

// apiSchedule has an approved change applied at a time.
func (s *Server) apiSchedule(r apiRequest) (apiAnswer, error) {
	in, err := body[apiScheduling](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, asRead, err := s.changeDecided(r, in.Digest)
	if err != nil {
		return apiAnswer{}, err
	}
	window, err := windowGiven(in)
	if err != nil {
		return apiAnswer{}, err
	}
	request := change.ScheduleRequest{Digest: in.Digest, At: in.At, StartWithin: window, Strategy: in.Strategy}
	c, err := s.cfg.Changes.Schedule(r.Request().Context(), r.actor, id, request, asRead)
	if err != nil {
		return apiAnswer{}, rename(rename(err, "schedule_at", "at"), "schedule_window", "window")
	}
	return changeAnswer(c), nil
}

func windowGiven(in apiScheduling) (time.Duration, error) {
	switch {
	case in.At.IsZero():
		return 0, access.Invalid("at", "say when, for example 2027-01-31T02:00:00Z")
	case in.Window == "":
		return 0, nil
	}
	window, err := time.ParseDuration(in.Window)
	if err != nil || window <= 0 {
		return 0, access.Invalid("window", "%q is not a duration; write 90m or 4h", in.Window)
	}
	return window, nil
}

type apiScheduled struct {
	At      time.Time `json:"at"`
	Until   time.Time `json:"until"`
	By      apiPerson `json:"by"`
	Outcome string    `json:"outcome,omitempty"`
}

func toAPIScheduled(s *access.Schedule) *apiScheduled {
	if s == nil {
		return nil
	}
	return &apiScheduled{At: s.At.UTC(), Until: s.Until.UTC(), By: toAPIPerson(s.By), Outcome: s.Outcome}
}

type apiExpiry struct {
	At    time.Time `json:"at"`
	SetBy []int64   `json:"set_by"`
}

func toAPIExpiry(e *access.Expiry) *apiExpiry {
	if e == nil {
		return nil
	}
	return &apiExpiry{At: e.At.UTC(), SetBy: append([]int64{}, e.SetBy...)}
}
