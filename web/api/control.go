package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
)

// pushAgain starts a rollout of the newest revision to every account that it reaches.
func (s *rolloutAPI) pushAgain(r request) (result, error) {
	if err := noBody(r); err != nil {
		return result{}, err
	}
	rollout, err := s.pusher.PushAgain(r.Request().Context(), r.actor)
	if err != nil {
		return result{}, err
	}
	answer := rolloutAnswer(rollout)
	answer.status, answer.location = http.StatusCreated, rolloutURL(rollout.ID)
	return answer, nil
}

// step makes the handler of a step of a rollout that takes nothing more.
func (s *rolloutAPI) step(step func(context.Context, access.Actor, int64) (access.Rollout, error)) action {
	return func(r request) (result, error) {
		if err := noBody(r); err != nil {
			return result{}, err
		}
		return s.control(r, step)
	}
}

type abortionJSON struct {
	Reason string `json:"reason"`
}

// endingJSON ends a rollout. Whoever has to stop one in a hurry need not say why.
type endingJSON struct {
	Reason *string `json:"reason"`
}

func (e endingJSON) reason() string {
	if e.Reason == nil {
		return "No reason was given with the API's request."
	}
	return *e.Reason
}

// end carries out a step that ends a rollout.
func (s *rolloutAPI) end(step func(ctx context.Context, actor access.Actor, id int64, reason string) (access.Rollout, error)) action {
	return func(r request) (result, error) {
		in, err := bodyIfAny[endingJSON](r)
		if err != nil {
			return result{}, err
		}
		return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
			return step(ctx, actor, id, in.reason())
		})
	}
}

// control carries a step out, unless the rollout is in another state than the caller
// says it has seen. The step itself looks at the state once more, under its lock.
func (s *rolloutAPI) control(r request, step func(context.Context, access.Actor, int64) (access.Rollout, error)) (result, error) {
	id, err := r.id("rollout")
	if err != nil {
		return result{}, err
	}
	ctx := r.Request().Context()
	tag, err := transport.IfMatch(r)
	if err != nil {
		return result{}, err
	}
	if tag != "" {
		now, err := s.viewer.Rollout(ctx, r.actor, id)
		if err != nil {
			return result{}, err
		}
		if transport.RolloutTag(now) != `"`+tag+`"` {
			return result{}, access.Errorf(access.KindStale, "The rollout has moved on since it was read. Read it again, then decide anew.")
		}
	}
	rollout, err := step(ctx, r.actor, id)
	if err != nil {
		return result{}, err
	}
	return rolloutAnswer(rollout), nil
}

func rolloutAnswer(r access.Rollout) result {
	return result{etag: transport.RolloutTag(r), body: toRolloutJSON(r)}
}

// watch streams a rollout as it is and whenever it changes, until it has ended: each
// event "rollout" holds what GET /rollouts/{id} answers, and "end" says that there is no
// more to come. It breaks off where the token is no longer good for it.
func (s *rolloutAPI) watch(c echo.Context, actor access.Actor) error {
	id, err := request{Context: c}.id("rollout")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), transport.StreamLife)
	defer cancel()
	updates, err := s.viewer.Watch(ctx, actor, id)
	if err != nil {
		return err
	}
	out, err := transport.NewEventWriter(c)
	if err != nil {
		return err
	}
	who := s.server.TokenReader(c, actor, authz.Read)
	defer who.Leave()
	if err := watchRollout(ctx, out, updates, who); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func watchRollout(ctx context.Context, out transport.EventWriter, updates <-chan access.Rollout, who *transport.StreamReader) error {
	beat, look := time.NewTicker(transport.StreamBeat), time.NewTicker(who.Every)
	defer beat.Stop()
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			if err := out.Beat(); err != nil {
				return err
			}
		case <-look.C:
			if !who.Allowed(ctx) {
				return nil
			}
		case rollout, open := <-updates:
			if !open || !who.Allowed(ctx) {
				return nil
			}
			line, err := json.Marshal(toRolloutJSON(rollout))
			if err != nil {
				return err
			}
			if err := out.Write("rollout", string(line)); err != nil {
				return err
			}
			if rollout.Ended() {
				return out.Write("end", "{}")
			}
		}
	}
}
