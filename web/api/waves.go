package api

import (
	"context"
	"strconv"
	"time"

	"portcullis/internal/access"
)

type apiWave struct {
	Number      int        `json:"number"`
	Name        string     `json:"name"`
	State       string     `json:"state"`
	Targets     int        `json:"targets"`
	Counts      apiCounts  `json:"counts"`
	Window      int        `json:"window,omitempty"`
	MaxFailures int        `json:"max_failures"`
	Bake        string     `json:"bake,omitempty"`
	Gate        bool       `json:"gate"`
	GateBy      *apiPerson `json:"gate_opened_by,omitempty"`
	Health      apiHealth  `json:"health"`
	BegunAt     time.Time  `json:"begun_at,omitzero"`
	PushedAt    time.Time  `json:"pushed_at,omitzero"`
	EndedAt     time.Time  `json:"ended_at,omitzero"`
}

type apiHealth struct {
	Round   int `json:"round"`
	Waiting int `json:"waiting"`
	Good    int `json:"good"`
	Bad     int `json:"bad"`
}

func toAPIWave(w access.Wave) apiWave {
	out := apiWave{
		Number: w.Number, Name: w.Name, State: string(w.State), Targets: w.Targets, Counts: apiCounts(w.Counts), Window: w.Window, MaxFailures: w.MaxFailures,
		Bake: durationText(w.Bake), Gate: w.Gate, Health: apiHealth(w.Health), BegunAt: w.BegunAt.UTC(), PushedAt: w.PushedAt.UTC(), EndedAt: w.EndedAt.UTC(),
	}
	if w.GateBy.Name != "" {
		by := toAPIPerson(w.GateBy)
		out.GateBy = &by
	}
	return out
}

// durationText is "" for none.
func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func (s *rolloutAPI) apiWaves(r apiRequest) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	waves, err := s.viewer.Waves(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	return toAPIPage(access.Page[access.Wave]{Items: waves, Total: len(waves)}, toAPIWave), nil
}

type apiCheck struct {
	Round   int       `json:"round"`
	Kind    string    `json:"kind"`
	Account string    `json:"account"`
	Role    string    `json:"role,omitempty"`
	Allowed *bool     `json:"allowed,omitempty"`
	State   string    `json:"state"`
	Message string    `json:"message,omitempty"`
	EndedAt time.Time `json:"ended_at,omitzero"`
}

func toAPICheck(c access.Check) apiCheck {
	out := apiCheck{Round: c.Round, Kind: string(c.Kind), Account: string(c.Account), State: string(c.State), Message: c.Message, EndedAt: c.EndedAt.UTC()}
	if c.Kind == access.CheckProbe {
		out.Role, out.Allowed = c.Role.String(), &c.Allowed
	}
	return out
}

// apiChecks answers the checks of a wave that matter most, the bad ones first: those of
// the last round unless another is asked for.
func (s *rolloutAPI) apiChecks(r apiRequest) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	ctx := r.Request().Context()
	waves, err := s.viewer.Waves(ctx, r.actor, id)
	if err != nil {
		return nil, err
	}
	wave, err := strconv.Atoi(r.Param("wave"))
	if err != nil || wave < 1 || wave > len(waves) {
		return nil, access.Errorf(access.KindNotFound, "Rollout %d has no wave %q.", id, r.Param("wave"))
	}
	round := int(r.query.Number("round", 0))
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	checks, err := s.viewer.Checks(ctx, r.actor, id, wave, round)
	if err != nil {
		return nil, err
	}
	return toAPIPage(checks, toAPICheck), nil
}

type apiGate struct {
	Wave int `json:"wave"`
}

func (s *rolloutAPI) apiOpenGate(r apiRequest) (apiAnswer, error) {
	in, err := body[apiGate](r)
	if err != nil {
		return apiAnswer{}, err
	}
	if in.Wave < 1 {
		return apiAnswer{}, access.Invalid("wave", "give the number of the wave whose gate is to be opened")
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.OpenGate(ctx, actor, id, in.Wave)
	})
}

type apiStart struct {
	Reason   string `json:"reason"`
	AllWaves bool   `json:"all_waves"`
}

func (s *rolloutAPI) apiStartNow(r apiRequest) (apiAnswer, error) {
	in, err := body[apiStart](r)
	if err != nil {
		return apiAnswer{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.StartNow(ctx, actor, id, in.Reason, in.AllWaves)
	})
}

type apiPace struct {
	Window int `json:"window"`
}

func (s *rolloutAPI) apiSetWindow(r apiRequest) (apiAnswer, error) {
	in, err := body[apiPace](r)
	if err != nil {
		return apiAnswer{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.SetWindow(ctx, actor, id, in.Window)
	})
}

func (s *rolloutAPI) apiRetryTarget(r apiRequest) (apiAnswer, error) {
	if err := noBody(r); err != nil {
		return apiAnswer{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.targets.RetryTarget(ctx, actor, id, access.AccountID(r.Param("account")))
	})
}

func (s *rolloutAPI) apiSkipTarget(r apiRequest) (apiAnswer, error) {
	in, err := body[apiAbortion](r)
	if err != nil {
		return apiAnswer{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.targets.SkipTarget(ctx, actor, id, access.AccountID(r.Param("account")), in.Reason)
	})
}
