package api

import (
	"context"
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
)

// strategyJSON is a strategy as it is read and written. What it leaves out is as the
// server was told, or not asked for. Default is set in the strategies of a revision.
type strategyJSON struct {
	ID                string                    `json:"id,omitempty"`
	Name              string                    `json:"name"`
	Description       string                    `json:"description,omitempty"`
	Default           *bool                     `json:"default,omitempty"`
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
		ID:          s.ID,
		Name:        s.Name,
		Description: s.Description,
		MaxInFlight: s.MaxInFlight,
		MaxFailures: limitOrNil(s.MaxFailures),
		Waves: convertAll(
			s.Waves,
			toWaveRuleJSON,
		),
		ReadBack: s.ReadBack,
		RollBack: s.RollBack,
		Confirm:  durationText(s.Confirm),
		Probes: convertAll(
			s.Probes,
			func(p access.Probe) probeJSON { return probeJSON{p.Role.String(), p.Allowed, p.Accounts} },
		),
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
		ID:                a.ID,
		Name:              a.Name,
		Description:       a.Description,
		MaxInFlight:       a.MaxInFlight,
		ReadBack:          a.ReadBack,
		RollBack:          a.RollBack,
		MaxFailures:       orNone(a.MaxFailures),
		MaintenanceWindow: orNone(a.MaintenanceWindow),
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
	if a.Default != nil {
		wrong = append(wrong, access.FieldError{Field: "default", Message: "an edit of a strategy does not choose the " +
			"default; leave this out, and add the edit " + string(access.EditDefaultStrategy)})
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

// StrategyReader reads strategies. They are edited by the edits of a change.
type StrategyReader interface {
	Strategies(ctx context.Context, actor access.Actor, revision int64) (change.StrategiesView, error)
	StrategyHistory(
		ctx context.Context,
		actor access.Actor,
		id string,
		q access.PageQuery,
	) (access.Page[access.StrategyRevision], error)
}

// strategyAPI answers about strategies.
type strategyAPI struct {
	strategies StrategyReader
}

func toSavedStrategyJSON(s access.Strategy, byDefault string) strategyJSON {
	out, is := toStrategyJSON(s), s.ID == byDefault
	out.Default = &is
	return out
}

// read reads the strategies of the revision that is asked for. The ETag is the revision.
func (s *strategyAPI) read(r request) (change.StrategiesView, error) {
	revision := r.query.Number("revision", change.Head)
	if err := r.query.Err(); err != nil {
		return change.StrategiesView{}, err
	}
	v, err := s.strategies.Strategies(r.Request().Context(), r.actor, revision)
	if err == nil {
		r.Response().Header().Set("ETag", transport.VersionTag(v.Revision))
	}
	return v, err
}

func (s *strategyAPI) list(r request) (any, error) {
	v, err := s.read(r)
	if err != nil {
		return nil, err
	}
	page := access.Page[access.Strategy]{Items: v.Strategies, Total: len(v.Strategies)}
	return toPageJSON(page, func(one access.Strategy) strategyJSON { return toSavedStrategyJSON(one, v.Default) }), nil
}

func (s *strategyAPI) one(r request) (any, error) {
	v, err := s.read(r)
	if err != nil {
		return nil, err
	}
	found, err := v.Find(r.Param("id"))
	if err != nil {
		return nil, err
	}
	return toSavedStrategyJSON(found, v.Default), nil
}

// strategyRevisionJSON is a step in the history of a strategy.
type strategyRevisionJSON struct {
	Revision int64         `json:"revision"`
	At       time.Time     `json:"at"`
	Change   int64         `json:"change"`
	Title    string        `json:"title"`
	Author   personJSON    `json:"author"`
	Strategy *strategyJSON `json:"strategy"`
}

func toStrategyRevisionJSON(r access.StrategyRevision) strategyRevisionJSON {
	out := strategyRevisionJSON{
		Revision: r.Revision.Number,
		At:       r.Revision.At.UTC(),
		Change:   r.Revision.Change.ID,
		Title:    r.Revision.Change.Title,
		Author:   toPersonJSON(r.Revision.Change.Author),
	}
	if r.Strategy != nil {
		strategy := toStrategyJSON(*r.Strategy)
		out.Strategy = &strategy
	}
	return out
}

func (s *strategyAPI) history(r request) (any, error) {
	page := r.query.Page()
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	found, err := s.strategies.StrategyHistory(r.Request().Context(), r.actor, r.Param("id"), page)
	if err != nil {
		return nil, err
	}
	return toPageJSON(found, toStrategyRevisionJSON), nil
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
