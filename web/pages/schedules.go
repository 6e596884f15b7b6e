package pages

import (
	"context"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

func (s *changePages) scheduleRoutes() {
	s.Post("/changes/:id/schedule", authz.ApplyChange, s.scheduleChange)
	s.Post("/changes/:id/unschedule", authz.ApplyChange, s.cancelSchedule)
}

func (s *changePages) scheduleChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		when, err := transport.ParseMoment("schedule_at", c.FormValue("schedule_at"))
		if err != nil {
			return "", "", err
		}
		if when.IsZero() {
			return "", "", access.Invalid("schedule_at", "say when: a day and a time in UTC, for example 2027-01-31 02:00")
		}
		minutes, err := strconv.Atoi(c.FormValue("start_within"))
		if err != nil || minutes < 1 || minutes > 1e6 {
			return "", "", access.Invalid("start_within", "choose from 5 minutes to 24 hours")
		}
		_, err = s.scheduler.Schedule(ctx, actor, id, change.ScheduleRequest{
			Digest: c.FormValue("digest"), At: when, StartWithin: time.Duration(minutes) * time.Minute,
			Strategy: c.FormValue("strategy"),
		})
		return view.ChangeURL(id), "Scheduled. The console applies it at its time.", err
	})
}

func (s *changePages) cancelSchedule(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		_, err := s.scheduler.CancelSchedule(ctx, actor, id)
		return view.ChangeURL(id), "The schedule is cancelled. The change stays approved.", err
	})
}
