package api

import (
	"context"
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

type waveJSON struct {
	Number           int         `json:"number"`
	Name             string      `json:"name"`
	State            string      `json:"state"`
	Targets          int         `json:"targets"`
	Counts           countsJSON  `json:"counts"`
	MaxInFlight      int         `json:"max_in_flight,omitempty"`
	MaxFailures      int         `json:"max_failures"`
	Bake             string      `json:"bake,omitempty"`
	RequiresApproval bool        `json:"requires_approval"`
	ApprovedBy       *personJSON `json:"approved_by,omitempty"`
	Health           healthJSON  `json:"health"`
	BegunAt          time.Time   `json:"begun_at,omitzero"`
	PushedAt         time.Time   `json:"pushed_at,omitzero"`
	EndedAt          time.Time   `json:"ended_at,omitzero"`
}

type healthJSON struct {
	Round   int `json:"round"`
	Waiting int `json:"waiting"`
	Good    int `json:"good"`
	Bad     int `json:"bad"`
}

func toWaveJSON(w access.Wave) waveJSON {
	out := waveJSON{
		Number: w.Number, Name: w.Name, State: string(w.State), Targets: w.Targets, Counts: countsJSON(w.Counts), MaxInFlight: w.MaxInFlight, MaxFailures: w.MaxFailures,
		Bake: durationText(w.Bake), RequiresApproval: w.RequiresApproval, Health: healthJSON(w.Health), BegunAt: w.BegunAt.UTC(), PushedAt: w.PushedAt.UTC(), EndedAt: w.EndedAt.UTC(),
	}
	if w.ApprovedBy.Name != "" {
		by := toPersonJSON(w.ApprovedBy)
		out.ApprovedBy = &by
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

func (s *rolloutAPI) waves(r request) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	waves, err := s.viewer.Waves(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	return toPageJSON(access.Page[access.Wave]{Items: waves, Total: len(waves)}, toWaveJSON), nil
}

type checkJSON struct {
	Round   int       `json:"round"`
	Kind    string    `json:"kind"`
	Account string    `json:"account"`
	Role    string    `json:"role,omitempty"`
	Allowed *bool     `json:"allowed,omitempty"`
	State   string    `json:"state"`
	Message string    `json:"message,omitempty"`
	EndedAt time.Time `json:"ended_at,omitzero"`
}

func toCheckJSON(c access.Check) checkJSON {
	out := checkJSON{Round: c.Round, Kind: string(c.Kind), Account: string(c.Account), State: string(c.State), Message: c.Message, EndedAt: c.EndedAt.UTC()}
	if c.Kind == access.CheckProbe {
		out.Role, out.Allowed = c.Role.String(), &c.Allowed
	}
	return out
}

// checks answers the checks of a wave that matter most, the bad ones first: those of
// the last round unless another is asked for.
func (s *rolloutAPI) checks(r request) (any, error) {
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
	return toPageJSON(checks, toCheckJSON), nil
}

// approveWave approves the wave in the path, so that the rollout continues with the next one.
func (s *rolloutAPI) approveWave(r request) (result, error) {
	if err := noBody(r); err != nil {
		return result{}, err
	}
	wave, err := strconv.Atoi(r.Param("wave"))
	if err != nil || wave < 1 {
		return result{}, access.Errorf(access.KindNotFound, "The rollout has no wave %q.", r.Param("wave"))
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.ApproveWave(ctx, actor, id, wave)
	})
}

type overrideWindowJSON struct {
	Reason   string `json:"reason"`
	AllWaves bool   `json:"all_waves"`
}

// overrideWindow lets a rollout run outside its maintenance window.
func (s *rolloutAPI) overrideWindow(r request) (result, error) {
	in, err := body[overrideWindowJSON](r)
	if err != nil {
		return result{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.OverrideWindow(ctx, actor, id, in.Reason, in.AllWaves)
	})
}

type openUnverifiedJSON struct {
	Accounts []access.AccountID `json:"accounts"`
	Reason   string             `json:"reason"`
}

// openUnverified accepts that user policies open the roles of some accounts without proof.
func (s *rolloutAPI) openUnverified(r request) (result, error) {
	in, err := body[openUnverifiedJSON](r)
	if err != nil {
		return result{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.OpenUnverified(ctx, actor, id, in.Accounts, in.Reason)
	})
}

type maxInFlightJSON struct {
	MaxInFlight int `json:"max_in_flight"`
}

func (s *rolloutAPI) setMaxInFlight(r request) (result, error) {
	in, err := body[maxInFlightJSON](r)
	if err != nil {
		return result{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.SetMaxInFlight(ctx, actor, id, in.MaxInFlight)
	})
}

func (s *rolloutAPI) retryTarget(r request) (result, error) {
	if err := noBody(r); err != nil {
		return result{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.targets.RetryTarget(ctx, actor, id, access.AccountID(r.Param("account")))
	})
}

func (s *rolloutAPI) skipTarget(r request) (result, error) {
	in, err := body[abortionJSON](r)
	if err != nil {
		return result{}, err
	}
	return s.control(r, func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.targets.SkipTarget(ctx, actor, id, access.AccountID(r.Param("account")), in.Reason)
	})
}
