package pages_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/webtest"
)

func careful() access.Strategy {
	return access.Strategy{
		ID:          "st-4",
		Name:        "Careful <b>",
		MaxInFlight: 15,
		MaxFailures: access.Limit{Percent: 5},
		ReadBack:    true,
		RollBack:    true,
		Confirm:     90 * time.Minute,
		Waves: []access.WaveRule{
			{
				Name: "Canary",
				Accounts: access.Selector{
					Tags:   map[string]string{"env": "test"},
					Except: []string{"111122223333"},
				},
				Bake:             time.Hour,
				RequiresApproval: true,
				MaxFailures:      access.Limit{None: true},
			},
			{Percent: 25, MaxInFlight: 3},
			{Accounts: access.Selector{All: true, Except: []string{"ou-ab12-prod0000"}}},
			{EachOU: true},
		},
		Probes:            []access.Probe{{Role: access.RoleName{Path: "/", Name: "Bob"}, Allowed: true, Accounts: 2}},
		MaintenanceWindow: access.MaintenanceWindow{Days: []int{1, 5}, From: "22:00", To: "04:00", Zone: "Europe/Berlin"},
	}
}

// carefulByDefault are the strategies of a console in which the careful one is the default.
func carefulByDefault(others ...access.Strategy) change.StrategiesView {
	return change.StrategiesView{
		Revision:   3,
		Strategies: append([]access.Strategy{careful()}, others...),
		Default:    "st-4",
	}
}

func TestStrategiesPage(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Changes.StrategyView = carefulByDefault()
	p := c.Page("/settings/strategies")
	p.Contains(
		"strategy-st-4",
		"Careful <b>",
		"Default",
		"Canary (tags env=test, except 111122223333): the first failure halts, bakes for 1h, requires approval",
		"Up to 25 %: 3 at once",
		"15 accounts at once",
		"more than 5 % failures halt",
		"let into Bob",
		"Maintenance window: Monday, Friday from 22:00 to 04:00 Europe/Berlin",
		"confirms within 1h30m",
	)
	p.Contains("strategy-at-once", "All at once")
	if p.Form("/settings/strategies/st-4/remove") != nil {
		t.Error("a viewer is offered to remove a strategy")
	}
	if a := c.Get("/settings/strategies/st-4/edit"); a.Status != http.StatusForbidden {
		t.Errorf("a viewer gets the form: %d", a.Status)
	}
}

func TestStrategyFormComesBackAsItWas(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.StrategyView = carefulByDefault()
	c.Changes.StrategyView.Drafts = []access.Change{{ID: 12, Title: "Waves"}}
	p := c.Page("/settings/strategies/st-4/edit")
	for id, want := range map[string]string{
		"name": "Careful <b>", "max_in_flight": "15", "max_failures": "5 %", "waves/0/accounts": "env=test",
		"waves/0/except": "111122223333", "waves/2/except": "ou-ab12-prod0000", "waves/0/max_failures": "0",
		"waves/0/bake": "1h", "waves/1/accounts": "25",
		"probes/0/role": "Bob", "probes/0/accounts": "2", "confirm_within": "1h30m", "maintenance_window/zone": "Europe/Berlin",
	} {
		if got := webtest.Attr(p.ID(id), "value"); got != want {
			t.Errorf("%s is filled with %q, want %q", id, got, want)
		}
	}
	form := url.Values{
		"change": {
			"12",
		},
		"name":           {"Careful <b>"},
		"default":        {"yes"},
		"max_in_flight":  {"15"},
		"max_failures":   {"5 %"},
		"read_back":      {"yes"},
		"roll_back":      {"yes"},
		"confirm_within": {"1h30m"},
		"waves/0/selects": {
			"tags",
		},
		"waves/0/accounts":          {"env=test"},
		"waves/0/except":            {"111122223333"},
		"waves/0/name":              {"Canary"},
		"waves/0/bake":              {"1h"},
		"waves/0/requires_approval": {"yes"},
		"waves/0/max_failures":      {"0"},
		"waves/1/selects": {
			"percent",
		},
		"waves/1/accounts":      {"25 %"},
		"waves/1/max_in_flight": {"3"},
		"waves/2/selects":       {"all"},
		"waves/2/except":        {"ou-ab12-prod0000"},
		"waves/3/selects":       {"each_ou"},
		"waves/4/selects":       {""},
		"probes/0/role": {
			"Bob",
		},
		"probes/0/expect":   {"allowed"},
		"probes/0/accounts": {"2"},
		"probes/1/role":     {""},
		"probes/1/expect":   {"allowed"},
		"maintenance_window/days": {
			"5",
			"1",
		},
		"maintenance_window/from": {"22:00"},
		"maintenance_window/to":   {"04:00"},
		"maintenance_window/zone": {"Europe/Berlin"},
	}
	if a := c.PostForm("/settings/strategies/st-4/edit", form); a.Header.Get("Location") != "/changes/12" {
		t.Fatalf("answered %d, and leads to %q", a.Status, a.Header.Get("Location"))
	}
	if got := c.Changes.Did[len(c.Changes.Did)-1]; got != "strategy 12 Careful <b> true" {
		t.Errorf("the service was asked %q", got)
	}
	if d := cmp.Diff(careful(), c.Changes.StrategySaved); d != "" {
		t.Errorf("what was saved (-want +got):\n%s", d)
	}

	form.Set("waves/1/accounts", "many")
	form.Set("max_failures", "some")
	form.Set("name", "Kept as typed")
	p = c.Parse(c.PostForm("/settings/strategies/st-4/edit", form), http.StatusUnprocessableEntity)
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
		p = c.Parse(c.PostForm("/settings/strategies/st-4/edit", form), http.StatusUnprocessableEntity)
		if p.ID(field+"-problem") == nil {
			t.Errorf("there is no message at the field %s", field)
		}
		form.Set(field, was)
	}
	if a := c.Post("/settings/strategies/st-4/remove"); a.Header.Get("Location") != "/changes/12" {
		t.Errorf("removing answered %d, and leads to %q", a.Status, a.Header.Get("Location"))
	}
	if got := c.Changes.Did[len(c.Changes.Did)-1]; got != "remove strategy 0 st-4" {
		t.Errorf("the service was asked %q", got)
	}
	if a := c.Get("/settings/strategies/st-9/edit"); a.Status != http.StatusNotFound {
		t.Errorf("the form of a strategy that is not there: %d", a.Status)
	}
}

// A conflict, for example of a name, comes back at its field with the form as it was.
func TestStrategyFormShowsConflicts(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.Refuse = access.Invalid("name", "a strategy named %q exists already; choose another name", "Quick")
	form := url.Values{"name": {"Quick"}, "waves/0/selects": {"count"}, "waves/0/accounts": {"2"}}
	p := c.Parse(c.PostForm("/settings/strategies/new", form), http.StatusUnprocessableEntity)
	p.Contains("name-problem", "exists already")
	if got := webtest.Attr(p.ID("waves/0/accounts"), "value"); got != "2" {
		t.Errorf("the wave came back with %q accounts", got)
	}
}

func TestStrategyHistoryPage(t *testing.T) {
	c := webtest.New(t).As("viewer")
	step := func(n int64, s *access.Strategy) access.StrategyRevision {
		return access.StrategyRevision{
			Revision: access.Revision{
				Number: n,
				At:     webtest.Noon,
				Change: access.ChangeRef{ID: n + 10, Title: "Waves <b>", Author: access.PersonRef{ID: 1, Name: "Edi"}},
			},
			Strategy: s,
		}
	}
	now, before := careful(), careful()
	now.MaxInFlight = 99
	c.Changes.StrategySteps = access.Page[access.StrategyRevision]{
		Items: []access.StrategyRevision{step(4, nil), step(3, &now), step(2, &before)},
		Total: 3,
	}
	p := c.Page("/settings/strategies/st-4")
	p.Contains(
		"rows",
		"Removed in revision 4",
		"Edited in revision 3",
		"Added in revision 2",
		"#13 Waves <b>",
		"Careful <b>",
		"15 accounts at once",
		"99 accounts at once",
		"Edi",
	)
}

func TestAChangeIsAppliedByTheChosenStrategy(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Changes.StrategyView = carefulByDefault(access.Strategy{ID: "st-5", Name: "Quick"})
	c.Changes.ChangeView = webtest.ViewInReview()
	c.Changes.ChangeView.State, c.Changes.ChangeView.Digest, c.Changes.ChangeView.Permissions.Apply = access.ChangeApproved, "cafe", nil
	p := c.Page("/changes/12")
	p.Contains("apply-strategy", "The default: Careful <b>", "Quick", "All at once")
	c.Post("/changes/12/apply", "digest", "cafe", "strategy", "Quick")
	if got := c.Changes.Did[len(c.Changes.Did)-1]; got != "apply 12 cafe by Quick" {
		t.Errorf("the service was asked %q", got)
	}
}
