package pages_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func careful() access.Strategy {
	return access.Strategy{
		ID: 4, Name: "Careful <b>", Version: 7, Default: true, MaxInFlight: 15, MaxFailures: access.Limit{Percent: 5}, ReadBack: true, RollBack: true, Confirm: 90 * time.Minute,
		Waves: []access.WaveRule{
			{Name: "Canary", Accounts: access.Selector{Tags: map[string]string{"env": "test"}}, Bake: time.Hour, RequiresApproval: true, MaxFailures: access.Limit{None: true}},
			{Percent: 25, MaxInFlight: 3},
			{EachOU: true},
		},
		Probes:            []access.Probe{{Role: access.RoleName{Path: "/", Name: "Bob"}, Allowed: true, Accounts: 2}},
		MaintenanceWindow: access.MaintenanceWindow{Days: []int{1, 5}, From: "22:00", To: "04:00", Zone: "Europe/Berlin"},
	}
}

func TestStrategiesPage(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Rollouts.StrategyList = []access.Strategy{careful()}
	p := c.Page("/settings/strategies")
	p.Contains("strategy-4", "Careful <b>", "Default", "Canary: the first failure halts, bakes for 1h, requires approval", "Up to 25 %: 3 at once",
		"15 accounts at once", "more than 5 % failures halt", "let into Bob", "Maintenance window: Monday, Friday from 22:00 to 04:00 Europe/Berlin", "confirms within 1h30m")
	p.Contains("strategy-0", "All at once")
	if p.Form("/settings/strategies/4/remove") != nil {
		t.Error("a viewer is offered to remove a strategy")
	}
	if a := c.Get("/settings/strategies/4/edit"); a.Status != http.StatusForbidden {
		t.Errorf("a viewer gets the form: %d", a.Status)
	}
}

func TestStrategyFormComesBackAsItWas(t *testing.T) {
	c := webtest.New(t).As("admin")
	c.Rollouts.StrategyList = []access.Strategy{careful()}
	p := c.Page("/settings/strategies/4/edit")
	for id, want := range map[string]string{
		"name": "Careful <b>", "max_in_flight": "15", "max_failures": "5 %", "waves/0/accounts": "env=test", "waves/0/max_failures": "0", "waves/0/bake": "1h", "waves/1/accounts": "25",
		"probes/0/role": "Bob", "probes/0/accounts": "2", "confirm_within": "1h30m", "maintenance_window/zone": "Europe/Berlin",
	} {
		if got := webtest.Attr(p.ID(id), "value"); got != want {
			t.Errorf("%s is filled with %q, want %q", id, got, want)
		}
	}
	form := url.Values{
		"version": {"7"}, "name": {"Careful <b>"}, "default": {"yes"}, "max_in_flight": {"15"}, "max_failures": {"5 %"}, "read_back": {"yes"}, "roll_back": {"yes"}, "confirm_within": {"1h30m"},
		"waves/0/selects": {"tags"}, "waves/0/accounts": {"env=test"}, "waves/0/name": {"Canary"}, "waves/0/bake": {"1h"}, "waves/0/requires_approval": {"yes"}, "waves/0/max_failures": {"0"},
		"waves/1/selects": {"percent"}, "waves/1/accounts": {"25 %"}, "waves/1/max_in_flight": {"3"}, "waves/2/selects": {"each_ou"}, "waves/3/selects": {""},
		"probes/0/role": {"Bob"}, "probes/0/expect": {"allowed"}, "probes/0/accounts": {"2"}, "probes/1/role": {""}, "probes/1/expect": {"allowed"},
		"maintenance_window/days": {"5", "1"}, "maintenance_window/from": {"22:00"}, "maintenance_window/to": {"04:00"}, "maintenance_window/zone": {"Europe/Berlin"},
	}
	if a := c.PostForm("/settings/strategies/4/edit", form); a.Status != http.StatusSeeOther || len(c.Rollouts.Saved) != 1 {
		t.Fatalf("answered %d, saved %d", a.Status, len(c.Rollouts.Saved))
	}
	if d := cmp.Diff(careful(), c.Rollouts.Saved[0]); d != "" {
		t.Errorf("what was saved (-want +got):\n%s", d)
	}

	form.Set("waves/1/accounts", "many")
	form.Set("max_failures", "some")
	form.Set("name", "Kept as typed")
	p = c.Parse(c.PostForm("/settings/strategies/4/edit", form), http.StatusUnprocessableEntity)
	if got := webtest.Attr(p.ID("name"), "value"); got != "Kept as typed" {
		t.Errorf("the name came back as %q", got)
	}
	p.Contains("waves/1/accounts-problem", "not a number")
	p.Contains("max_failures-problem", "neither a number")

	form.Set("waves/1/accounts", "25")
	form.Set("max_failures", "5 %")
	for field, wrong := range map[string]string{
		"max_in_flight": "1000000", "waves/1/max_in_flight": "1000000",
		"maintenance_window/from": "late", "maintenance_window/zone": "Middle/Earth",
	} {
		was := form.Get(field)
		form.Set(field, wrong)
		p = c.Parse(c.PostForm("/settings/strategies/4/edit", form), http.StatusUnprocessableEntity)
		if p.ID(field+"-problem") == nil {
			t.Errorf("there is no message at the field %s", field)
		}
		form.Set(field, was)
	}
	if a := c.Post("/settings/strategies/4/remove"); a.Status != http.StatusSeeOther || len(c.Rollouts.Removed) != 1 {
		t.Errorf("removing answered %d, removed %v", a.Status, c.Rollouts.Removed)
	}
}

func TestAChangeIsAppliedByTheChosenStrategy(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.StrategyList = []access.Strategy{careful(), {ID: 5, Name: "Quick"}}
	c.Changes.ChangeView = webtest.ViewInReview()
	c.Changes.ChangeView.State, c.Changes.ChangeView.Digest, c.Changes.ChangeView.Permissions.Apply = access.ChangeApproved, "cafe", nil
	p := c.Page("/changes/12")
	p.Contains("apply-strategy", "The default: Careful <b>", "Quick", "All at once")
	c.Post("/changes/12/apply", "digest", "cafe", "strategy", "Quick")
	if got := c.Changes.Did[len(c.Changes.Did)-1]; got != "apply 12 cafe by Quick" {
		t.Errorf("the service was asked %q", got)
	}
}
