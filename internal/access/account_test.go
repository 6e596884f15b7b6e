package access

import "testing"

func TestSelectorMatches(t *testing.T) {
	pay := Account{ID: "111122223333", OUIDs: []string{"r-ab12", "ou-ab12-prod0000", "ou-ab12-payments"}, Tags: map[string]string{"env": "prod", "team": "pay"}}
	for name, c := range map[string]struct {
		sel  Selector
		want bool
	}{
		"all":                            {Selector{All: true}, true},
		"all but this id":                {Selector{All: true, Except: []string{"111122223333"}}, false},
		"all but the OU above":           {Selector{All: true, Except: []string{"ou-ab12-prod0000"}}, false},
		"id":                             {Selector{IDs: []AccountID{"111122223333"}}, true},
		"another id":                     {Selector{IDs: []AccountID{"444455556666"}}, false},
		"OU above":                       {Selector{OUs: []string{"ou-ab12-prod0000"}}, true},
		"the OU itself":                  {Selector{OUs: []string{"ou-ab12-payments"}}, true},
		"the root":                       {Selector{OUs: []string{"r-ab12"}}, true},
		"an OU whose id begins alike":    {Selector{OUs: []string{"ou-ab12-payment"}}, false},
		"a tag":                          {Selector{Tags: map[string]string{"env": "prod"}}, true},
		"all tags must match":            {Selector{Tags: map[string]string{"env": "prod", "team": "x"}}, false},
		"a tag that is not there":        {Selector{Tags: map[string]string{"cost": ""}}, false},
		"an empty selector":              {Selector{}, false},
		"id, but the OU is an exception": {Selector{IDs: []AccountID{"111122223333"}, Except: []string{"ou-ab12-payments"}}, false},
	} {
		if got := c.sel.Matches(pay); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestSelectorCheck(t *testing.T) {
	for name, s := range map[string]Selector{
		"none": {}, "two ways": {All: true, OUs: []string{"Root"}}, "a short id": {IDs: []AccountID{"123"}},
		"a quote that is never closed": {OUs: []string{`Root/"CI/CD`}}, "an exception with an empty name": {All: true, Except: []string{"Root//Prod"}},
	} {
		if err := s.Check(); KindOf(err) != KindInvalid {
			t.Errorf("%s: %v, want KindInvalid", name, err)
		}
	}
}

func TestTargetable(t *testing.T) {
	for name, c := range map[string]struct {
		account Account
		want    bool
	}{
		"active":         {Account{State: AccountActive}, true},
		"not yet synced": {Account{}, true},
		"suspended":      {Account{State: AccountSuspended}, false},
		"management":     {Account{State: AccountActive, Management: true}, false},
	} {
		if got, _ := c.account.Targetable(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	u, err := ParseUserName("444455556666:ops/dave")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.ARN("aws"), "arn:aws:iam::444455556666:user/ops/dave"; got != want {
		t.Errorf("ARN %s, want %s", got, want)
	}
	if got, want := u.String(), "444455556666:ops/dave"; got != want {
		t.Errorf("String %s, want %s", got, want)
	}
	r, err := ParseRoleName("team-a/Bob")
	if err != nil || r.ARN("aws-cn", "111122223333") != "arn:aws-cn:iam::111122223333:role/team-a/Bob" {
		t.Errorf("role %+v (%v)", r, err)
	}
	for _, bad := range []string{"", "a b", "123:alice", ":alice", "x/", "a\x00b", "1:2:3"} {
		if u, err := ParseUserName(bad); err == nil {
			t.Errorf("ParseUserName(%q) = %+v, want a refusal", bad, u)
		}
	}
}
