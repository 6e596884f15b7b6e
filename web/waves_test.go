package web_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// staged is what the rollout service says of waves and strategies.
type staged struct {
	waves      []access.Wave
	checks     []access.Check
	strategies []access.Strategy
	saved      []access.Strategy
	removed    []int64
}

func (f *staged) Waves(context.Context, access.Actor, int64) ([]access.Wave, error) {
	return f.waves, nil
}

func (f *staged) Checks(context.Context, access.Actor, int64, int, int) (access.Page[access.Check], error) {
	return access.Page[access.Check]{Items: f.checks, Total: len(f.checks)}, nil
}

func (f *staged) StrategyOf(context.Context, access.Actor, int64) (access.Strategy, error) {
	return access.Strategy{}, nil
}

func (f *staged) Strategies(context.Context, access.Actor) ([]access.Strategy, error) {
	return f.strategies, nil
}

func (f *staged) Strategy(_ context.Context, _ access.Actor, id int64) (access.Strategy, error) {
	for _, s := range f.strategies {
		if s.ID == id {
			return s, nil
		}
	}
	return access.Strategy{}, access.Errorf(access.KindNotFound, "There is no strategy %d.", id)
}

func (f *staged) SaveStrategy(_ context.Context, _ access.Actor, s access.Strategy) (access.Strategy, error) {
	if err := s.Check(); err != nil {
		return access.Strategy{}, err
	}
	f.saved = append(f.saved, s)
	s.ID, s.Version = max(s.ID, 1), s.Version+1
	return s, nil
}

func (f *staged) RemoveStrategy(_ context.Context, _ access.Actor, id int64) error {
	f.removed = append(f.removed, id)
	return nil
}

func careful() access.Strategy {
	return access.Strategy{
		ID: 4, Name: "Careful <b>", Version: 7, Default: true, Window: 15, MaxFailures: access.Limit{Percent: 5}, ReadBack: true, RollBack: true, Confirm: 90 * time.Minute,
		Waves: []access.WaveRule{
			{Name: "Canary", Accounts: access.Selector{Tags: map[string]string{"env": "test"}}, Bake: time.Hour, Gate: true, MaxFailures: access.Limit{None: true}},
			{Percent: 25, Window: 3},
			{EachOU: true},
		},
		Probes: []access.Probe{{Role: access.RoleName{Path: "/", Name: "Bob"}, Allowed: true, Accounts: 2}},
		Hours:  access.Hours{Days: []int{1, 5}, From: "22:00", To: "04:00", Zone: "Europe/Berlin"},
	}
}

func TestStrategiesPage(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.rollouts.strategies = []access.Strategy{careful()}
	p := c.page("/settings/strategies")
	p.contains("strategy-4", "Careful <b>", "Default", "Canary: the first failure halts, bakes for 1h, a person lets it go on", "Up to 25 %: 3 at once",
		"15 accounts at once", "more than 5 % failures halt", "let into Bob", "Monday, Friday from 22:00 to 04:00 Europe/Berlin", "confirms within 1h30m")
	p.contains("strategy-0", "All at once")
	if p.form("/settings/strategies/4/remove") != nil {
		t.Error("a viewer is offered to remove a strategy")
	}
	if a := c.get("/settings/strategies/4/edit"); a.status != http.StatusForbidden {
		t.Errorf("a viewer gets the form: %d", a.status)
	}
}

func TestStrategyFormComesBackAsItWas(t *testing.T) {
	c := newConsole(t).as("admin")
	c.rollouts.strategies = []access.Strategy{careful()}
	p := c.page("/settings/strategies/4/edit")
	for id, want := range map[string]string{
		"name": "Careful <b>", "window": "15", "max_failures": "5 %", "waves/0/accounts": "env=test", "waves/0/max_failures": "0", "waves/0/bake": "1h", "waves/1/accounts": "25",
		"probes/0/role": "Bob", "probes/0/accounts": "2", "confirm_within": "1h30m", "hours/zone": "Europe/Berlin",
	} {
		if got := attr(p.id(id), "value"); got != want {
			t.Errorf("%s is filled with %q, want %q", id, got, want)
		}
	}
	form := url.Values{
		"version": {"7"}, "name": {"Careful <b>"}, "default": {"yes"}, "window": {"15"}, "max_failures": {"5 %"}, "read_back": {"yes"}, "roll_back": {"yes"}, "confirm_within": {"1h30m"},
		"waves/0/takes": {"tags"}, "waves/0/accounts": {"env=test"}, "waves/0/name": {"Canary"}, "waves/0/bake": {"1h"}, "waves/0/gate": {"yes"}, "waves/0/max_failures": {"0"},
		"waves/1/takes": {"percent"}, "waves/1/accounts": {"25 %"}, "waves/1/window": {"3"}, "waves/2/takes": {"each_ou"}, "waves/3/takes": {""},
		"probes/0/role": {"Bob"}, "probes/0/expect": {"allowed"}, "probes/0/accounts": {"2"}, "probes/1/role": {""}, "probes/1/expect": {"allowed"},
		"hours/days": {"5", "1"}, "hours/from": {"22:00"}, "hours/to": {"04:00"}, "hours/zone": {"Europe/Berlin"},
	}
	if a := c.postForm("/settings/strategies/4/edit", form); a.status != http.StatusSeeOther || len(c.rollouts.saved) != 1 {
		t.Fatalf("answered %d, saved %d", a.status, len(c.rollouts.saved))
	}
	if d := cmp.Diff(careful(), c.rollouts.saved[0]); d != "" {
		t.Errorf("what was saved (-want +got):\n%s", d)
	}

	form.Set("waves/1/accounts", "many")
	form.Set("max_failures", "some")
	form.Set("name", "Kept as typed")
	p = c.parse(c.postForm("/settings/strategies/4/edit", form), http.StatusUnprocessableEntity)
	if got := attr(p.id("name"), "value"); got != "Kept as typed" {
		t.Errorf("the name came back as %q", got)
	}
	p.contains("waves/1/accounts-problem", "not a number")
	p.contains("max_failures-problem", "neither a number")
	if a := c.post("/settings/strategies/4/remove"); a.status != http.StatusSeeOther || len(c.rollouts.removed) != 1 {
		t.Errorf("removing answered %d, removed %v", a.status, c.rollouts.removed)
	}
}

func TestAChangeIsAppliedByTheChosenStrategy(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.strategies = []access.Strategy{careful(), {ID: 5, Name: "Quick"}}
	c.changes.view = inReview()
	c.changes.view.State, c.changes.view.Digest, c.changes.view.Permissions.Apply = access.ChangeApproved, "cafe", nil
	p := c.page("/changes/12")
	p.contains("apply-strategy", "The default: Careful <b>", "Quick", "All at once")
	c.post("/changes/12/apply", "digest", "cafe", "strategy", "Quick")
	if got := c.changes.did[len(c.changes.did)-1]; got != "apply 12 cafe by Quick" {
		t.Errorf("the service was asked %q", got)
	}
}
