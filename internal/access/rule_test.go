package access

import "testing"

func standing(teams ...string) Standing { return Standing{Roles: []Role{RoleApprover}, Teams: teams} }

func TestNeedIsMetByDifferentPeople(t *testing.T) {
	network, security := Requirement{Count: 1, Teams: []string{"network"}}, Requirement{Count: 1, Teams: []string{"security"}}
	for name, c := range map[string]struct {
		need      []Requirement
		reviewers []Standing
		missing   int
	}{
		"nobody yet":                            {[]Requirement{{Count: 1}}, nil, 1},
		"anybody":                               {[]Requirement{{Count: 1}}, []Standing{standing()}, 0},
		"one of each":                           {[]Requirement{network, security}, []Standing{standing("security"), standing("network")}, 0},
		"one person in both teams is not two":   {[]Requirement{network, security}, []Standing{standing("network", "security")}, 1},
		"who fits both leaves the only place":   {[]Requirement{network, security}, []Standing{standing("network", "security"), standing("network")}, 0},
		"the same, asked in another order":      {[]Requirement{security, network}, []Standing{standing("network", "security"), standing("network")}, 0},
		"two of any":                            {[]Requirement{{Count: 2}}, []Standing{standing()}, 1},
		"one of either team":                    {[]Requirement{{Count: 1, Teams: []string{"network", "security"}}}, []Standing{standing("security")}, 0},
		"the wrong team":                        {[]Requirement{network}, []Standing{standing("security")}, 1},
		"another role, not approver":            {[]Requirement{{Count: 1, Roles: []Role{RoleAdmin}}}, []Standing{{Roles: []Role{RoleApprover, RoleAdmin}}}, 0},
		"the wrong role":                        {[]Requirement{{Count: 1, Roles: []Role{RoleAdmin}}}, []Standing{standing()}, 1},
		"a team or a role":                      {[]Requirement{{Count: 1, Teams: []string{"network"}, Roles: []Role{RoleAdmin}}}, []Standing{{Roles: []Role{RoleAdmin}}}, 0},
		"a chain that has to be shifted twice":  {[]Requirement{{Count: 1}, network, security}, []Standing{standing("network", "security"), standing("network"), standing()}, 0},
		"three places and two who fit the same": {[]Requirement{{Count: 2, Teams: []string{"network"}}, security}, []Standing{standing("network"), standing("security"), standing("security")}, 1},
	} {
		left := 0
		for _, r := range (Need{Need: c.need}).Missing(c.reviewers) {
			left += r.Count
		}
		if left != c.missing {
			t.Errorf("%s: %d places are left, want %d", name, left, c.missing)
		}
	}
}

func TestRuleCheck(t *testing.T) {
	good := ReviewRule{Name: "Network", Need: []Requirement{{Count: 1, Teams: []string{"network"}}}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for field, spoil := range map[string]func(*ReviewRule){
		"name":          func(r *ReviewRule) { r.Name = " " },
		"need":          func(r *ReviewRule) { r.Need = nil },
		"need/0/count":  func(r *ReviewRule) { r.Need = []Requirement{{Count: 0}} },
		"need/0/teams":  func(r *ReviewRule) { r.Need = []Requirement{{Count: 1, Teams: []string{"Net Work"}}} },
		"need/0/roles":  func(r *ReviewRule) { r.Need = []Requirement{{Count: 1, Roles: []Role{"root"}}} },
		"scope/dangers": func(r *ReviewRule) { r.Scope.Dangers = []Danger{"fire"} },
	} {
		r := good
		spoil(&r)
		if got := FieldsOf(r.Check()); len(got) != 1 || got[0].Field != field {
			t.Errorf("spoiled %s: %v", field, got)
		}
	}
}

func TestReviewerWhoLostTheRoleNoLongerCounts(t *testing.T) {
	for name, now := range map[string]Standing{
		"lost the role": {Roles: []Role{RoleViewer}}, "was disabled": {Roles: []Role{RoleApprover}, Disabled: true}, "is gone": {},
	} {
		c := submitted(t)
		if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
			t.Fatal(err)
		}
		c.Reviews[0].Standing = now
		if err := c.Apply(c.Digest, 5, noon); KindOf(err) != KindConflict {
			t.Errorf("%s: applied (%v), want KindConflict", name, err)
		}
		if !c.Reassess(c.Needs, noon) || c.State != ChangeInReview {
			t.Errorf("%s: the change is %s, want back in review", name, c.State)
		}
	}
}

func TestReviewerWhoLeftTheTeamNoLongerCounts(t *testing.T) {
	c := submitted(t)
	c.SetNeeds([]Need{{Name: "n", Need: []Requirement{{Count: 1, Teams: []string{"network"}}}}})
	member := approver
	member.Teams = []string{"network"}
	if err := c.Review(member, VerdictApprove, c.Digest, "", noon); err != nil || c.State != ChangeApproved {
		t.Fatalf("%s, %v", c.State, err)
	}
	c.Reviews[0].Standing.Teams = nil
	if err := c.Apply(c.Digest, 5, noon); KindOf(err) != KindConflict {
		t.Errorf("applied: %v, want KindConflict", err)
	}
}

func TestAStricterRuleReopensTheReview(t *testing.T) {
	c := submitted(t)
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	if c.Reassess([]Need{{Name: "two", Need: []Requirement{{Count: 1}}}}, noon) {
		t.Error("reopened though the reviews are enough")
	}
	if !c.Reassess([]Need{{Name: "two", Need: []Requirement{{Count: 2}}}}, noon) || c.State != ChangeInReview || c.Required != 2 {
		t.Errorf("the change is %s and needs %d, want in review for two", c.State, c.Required)
	}
}

func TestBreakGlassStaysFlaggedUntilReviewed(t *testing.T) {
	c := submitted(t)
	if err := c.ApplyAlone(editor, c.Digest, " ", 5, noon); KindOf(err) != KindInvalid {
		t.Errorf("without a reason: %v, want KindInvalid", err)
	}
	if err := c.ApplyAlone(editor, "another", "fire", 5, noon); KindOf(err) != KindConflict {
		t.Errorf("another digest: %v, want KindConflict", err)
	}
	if err := c.ApplyAlone(editor, c.Digest, "fire", 5, noon); err != nil {
		t.Fatal(err)
	}
	if !c.Flagged() || c.State != ChangeApplied || c.Revision != 5 {
		t.Errorf("state %s, flagged %v, revision %d", c.State, c.Flagged(), c.Revision)
	}
	if err := c.Review(editor, VerdictApprove, c.Digest, "", noon); KindOf(err) != KindForbidden {
		t.Errorf("reviewed by the person who applied it alone: %v, want KindForbidden", err)
	}
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	if c.Flagged() || c.State != ChangeApplied {
		t.Errorf("flagged %v and %s after the review", c.Flagged(), c.State)
	}
	if err := c.Review(second, VerdictApprove, c.Digest, "", noon); KindOf(err) != KindConflict {
		t.Errorf("a second review afterwards: %v, want KindConflict", err)
	}
}

func TestWhoBrokeTheGlassForAnotherNeverReviewsIt(t *testing.T) {
	c := submitted(t)
	if err := c.ApplyAlone(second, c.Digest, "fire", 5, noon); err != nil {
		t.Fatal(err)
	}
	if err := c.Review(second, VerdictApprove, c.Digest, "", noon); KindOf(err) != KindForbidden {
		t.Errorf("%v, want KindForbidden", err)
	}
}

func TestGuardOverride(t *testing.T) {
	c := submitted(t)
	g := Guard{Code: GuardNoAddress, Object: "Bob", Message: "alice has no address.", Mode: GuardConfirm}
	own := Guard{Code: GuardOwnAddress, Object: "Bob", Message: "You lose it.", Mode: GuardConfirm}
	refused := Guard{Code: GuardBreakGlass, Object: "Bob", Message: "It goes.", Mode: GuardRefuse}
	if err := c.Unconfirmed([]Guard{g}, editor); KindOf(err) != KindInvalid {
		t.Errorf("unconfirmed: %v, want KindInvalid", err)
	}
	if err := c.OverrideGuard(editor, g, "bob", noon); KindOf(err) != KindInvalid {
		t.Errorf("typed wrongly: %v, want KindInvalid", err)
	}
	if err := c.OverrideGuard(editor, refused, "Bob", noon); KindOf(err) != KindForbidden {
		t.Errorf("what the settings refuse: %v, want KindForbidden", err)
	}
	for _, x := range []Guard{g, own} {
		if err := c.OverrideGuard(editor, x, " Bob ", noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Unconfirmed([]Guard{g, own}, editor); err != nil {
		t.Errorf("confirmed: %v", err)
	}
	if err := c.Unconfirmed([]Guard{g}, approver); err != nil {
		t.Errorf("confirmed, and read by another: %v", err)
	}
	if err := c.Unconfirmed([]Guard{own}, approver); err == nil {
		t.Error("somebody's own address was confirmed by another")
	}
	if _, err := c.Compose(editor, c.Version, "Another title", c.Reason, c.Edits, noon); err != nil || len(c.GuardOverrides) != 2 {
		t.Errorf("%d confirmations are left after a new title (%v), want both", len(c.GuardOverrides), err)
	}
	if _, err := c.Compose(editor, c.Version, c.Title, c.Reason, nil, noon); err != nil || len(c.GuardOverrides) != 0 {
		t.Errorf("%d confirmations are left after an edit (%v)", len(c.GuardOverrides), err)
	}
}

func TestRulesAndSettingsAreEdited(t *testing.T) {
	rule := ReviewRule{Name: "Two", Need: []Requirement{{Count: 2}}}
	settings := Settings{ManyAccounts: 5}
	before := State{Revision: 3}
	after, err := before.Apply([]Edit{{Op: EditAddRule, ID: "rr-1", Rule: &rule}, {Op: EditUpdateSettings, ID: SettingsID, Settings: &settings}})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := after.Rule("rr-1"); !ok || got.Name != "Two" || after.Settings.ManyAccounts != 5 {
		t.Errorf("state %+v", after)
	}
	back, err := after.Apply(EditsBetween(after, before))
	if err != nil || len(back.Rules) != 0 || !back.Settings.Equal(Settings{}) {
		t.Errorf("and back: %+v (%v)", back, err)
	}
	if n := len(EditsBetween(after, after)); n != 0 {
		t.Errorf("%d edits between a state and itself", n)
	}
	for name, e := range map[string]Edit{
		"no rule": {Op: EditAddRule, ID: "x"}, "no settings": {Op: EditUpdateSettings, ID: SettingsID}, "other settings": {Op: EditUpdateSettings, ID: "x", Settings: &settings},
		"gone": {Op: EditRemoveRule, ID: "x"}, "twice": {Op: EditAddRule, ID: "rr-1", Rule: &rule}, "unfit": {Op: EditUpdateRule, ID: "rr-1", Rule: &ReviewRule{Name: "x"}},
		"settings out of bounds": {Op: EditUpdateSettings, ID: SettingsID, Settings: &Settings{ExpiryNoticeDays: 1000}},
	} {
		if _, err := after.Apply([]Edit{e}); err == nil {
			t.Errorf("%s: applied", name)
		}
	}
}
