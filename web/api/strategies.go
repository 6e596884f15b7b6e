package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
)

// strategyJSON is a strategy as it is read and written. What it leaves out is as the
// server was told, or not asked for.
type strategyJSON struct {
	ID                int64                     `json:"id,omitempty"`
	Name              string                    `json:"name"`
	Description       string                    `json:"description,omitempty"`
	Default           bool                      `json:"default"`
	Version           int64                     `json:"version,omitempty"`
	Waves             []waveRuleJSON            `json:"waves"`
	MaxInFlight       int                       `json:"max_in_flight,omitempty"`
	MaxFailures       *access.Limit             `json:"max_failures,omitempty"`
	ReadBack          bool                      `json:"read_back"`
	Probes            []probeJSON               `json:"probes"`
	MaintenanceWindow *access.MaintenanceWindow `json:"maintenance_window,omitempty"`
	RollBack          bool                      `json:"roll_back"`
	Confirm           string                    `json:"confirm_within,omitempty"`
}

type waveRuleJSON struct {
	Name             string           `json:"name,omitempty"`
	Accounts         *access.Selector `json:"accounts,omitempty"`
	Count            int              `json:"count,omitempty"`
	Percent          int              `json:"percent,omitempty"`
	EachOU           bool             `json:"each_ou,omitempty"`
	MaxInFlight      int              `json:"max_in_flight,omitempty"`
	MaxFailures      *access.Limit    `json:"max_failures,omitempty"`
	Bake             string           `json:"bake,omitempty"`
	RequiresApproval bool             `json:"requires_approval,omitempty"`
}

type probeJSON struct {
	Role     string `json:"role"`
	Allowed  bool   `json:"allowed"`
	Accounts int    `json:"accounts,omitempty"`
}

func toStrategyJSON(s access.Strategy) strategyJSON {
	out := strategyJSON{
		ID: s.ID, Name: s.Name, Description: s.Description, Default: s.Default, Version: s.Version, MaxInFlight: s.MaxInFlight, MaxFailures: limitOrNil(s.MaxFailures),
		Waves: convertAll(s.Waves, toWaveRuleJSON), ReadBack: s.ReadBack, RollBack: s.RollBack, Confirm: durationText(s.Confirm),
		Probes: convertAll(s.Probes, func(p access.Probe) probeJSON { return probeJSON{p.Role.String(), p.Allowed, p.Accounts} }),
	}
	if !s.MaintenanceWindow.Always() {
		out.MaintenanceWindow = &s.MaintenanceWindow
	}
	return out
}

func toWaveRuleJSON(w access.WaveRule) waveRuleJSON {
	out := waveRuleJSON{
		Name: w.Name, Count: w.Count, Percent: w.Percent, EachOU: w.EachOU, MaxInFlight: w.MaxInFlight, MaxFailures: limitOrNil(w.MaxFailures), Bake: durationText(w.Bake), RequiresApproval: w.RequiresApproval,
	}
	if w.Accounts.Some() {
		out.Accounts = &w.Accounts
	}
	return out
}

func limitOrNil(l access.Limit) *access.Limit {
	if l == (access.Limit{}) {
		return nil
	}
	return &l
}

// strategy reads what was sent. All that cannot be read is told at once.
func (a strategyJSON) strategy() (access.Strategy, error) {
	out := access.Strategy{
		Name: a.Name, Description: a.Description, Default: a.Default, MaxInFlight: a.MaxInFlight, ReadBack: a.ReadBack, RollBack: a.RollBack,
		MaxFailures: orNone(a.MaxFailures), MaintenanceWindow: orNone(a.MaintenanceWindow),
	}
	var wrong []access.FieldError
	duration := func(field, text string) time.Duration {
		if text == "" {
			return 0
		}
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			wrong = append(wrong, access.FieldError{Field: field, Message: strconv.Quote(text) + " is no length of time; write it as 30m or 2h"})
		}
		return d
	}
	out.Confirm = duration("confirm_within", a.Confirm)
	for i, w := range a.Waves {
		out.Waves = append(out.Waves, access.WaveRule{
			Name: w.Name, Accounts: orNone(w.Accounts), Count: w.Count, Percent: w.Percent, EachOU: w.EachOU, MaxInFlight: w.MaxInFlight, MaxFailures: orNone(w.MaxFailures),
			Bake: duration("waves/"+strconv.Itoa(i)+"/bake", w.Bake), RequiresApproval: w.RequiresApproval,
		})
	}
	for i, p := range a.Probes {
		role, err := access.ParseRoleName(p.Role)
		if err != nil {
			wrong = append(wrong, access.FieldError{Field: "probes/" + strconv.Itoa(i) + "/role", Message: access.MessageOf(err)})
		}
		out.Probes = append(out.Probes, access.Probe{Role: role, Allowed: p.Allowed, Accounts: p.Accounts})
	}
	if len(wrong) > 0 {
		return out, access.InvalidFields(wrong)
	}
	return out, nil
}

func orNone[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

// StrategyStore keeps strategies.
type StrategyStore interface {
	Strategies(ctx context.Context, actor access.Actor) ([]access.Strategy, error)
	Strategy(ctx context.Context, actor access.Actor, id int64) (access.Strategy, error)
	SaveStrategy(ctx context.Context, actor access.Actor, s access.Strategy) (access.Strategy, error)
	RemoveStrategy(ctx context.Context, actor access.Actor, id int64) error
}

// strategyAPI answers about strategies and keeps them.
type strategyAPI struct {
	strategies StrategyStore
}

func (s *strategyAPI) list(r request) (any, error) {
	found, err := s.strategies.Strategies(r.Request().Context(), r.actor)
	if err != nil {
		return nil, err
	}
	return toPageJSON(access.Page[access.Strategy]{Items: found, Total: len(found)}, toStrategyJSON), nil
}

func (s *strategyAPI) one(r request) (any, error) {
	id, err := r.id("strategy")
	if err != nil {
		return nil, err
	}
	found, err := s.strategies.Strategy(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", transport.VersionTag(found.Version))
	return toStrategyJSON(found), nil
}

// strategy answers the strategy of a rollout as it was when it began.
func (s *rolloutAPI) strategy(r request) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	found, err := s.viewer.StrategyOf(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	return toStrategyJSON(found.OrNamed()), nil
}

func (s *strategyAPI) add(r request) (result, error) {
	in, err := body[strategyJSON](r)
	if err != nil {
		return result{}, err
	}
	if in.ID != 0 || in.Version != 0 {
		return result{}, access.Invalid("id", "a new strategy gets its id and version from the console; leave them out")
	}
	answer, err := s.save(r, in, 0, 0)
	answer.status = http.StatusCreated
	return answer, err
}

// edit replaces a strategy. Without If-Match it replaces what is there.
func (s *strategyAPI) edit(r request) (result, error) {
	in, err := body[strategyJSON](r)
	if err != nil {
		return result{}, err
	}
	id, err := r.id("strategy")
	if err != nil {
		return result{}, err
	}
	version, given, err := transport.MatchNumber(r)
	if err != nil {
		return result{}, err
	}
	if !given {
		was, err := s.strategies.Strategy(r.Request().Context(), r.actor, id)
		if err != nil {
			return result{}, err
		}
		version = was.Version
	}
	return s.save(r, in, id, version)
}

func (s *strategyAPI) save(r request, in strategyJSON, id, version int64) (result, error) {
	strategy, err := in.strategy()
	if err != nil {
		return result{}, err
	}
	strategy.ID, strategy.Version = id, version
	saved, err := s.strategies.SaveStrategy(r.Request().Context(), r.actor, strategy)
	if err != nil {
		return result{}, err
	}
	return result{etag: transport.VersionTag(saved.Version), location: apiPrefix + "/strategies/" + strconv.FormatInt(saved.ID, 10), body: toStrategyJSON(saved)}, nil
}

func (s *strategyAPI) remove(r request) (result, error) {
	if err := noBody(r); err != nil {
		return result{}, err
	}
	id, err := r.id("strategy")
	if err != nil {
		return result{}, err
	}
	return result{status: http.StatusNoContent}, s.strategies.RemoveStrategy(r.Request().Context(), r.actor, id)
}
