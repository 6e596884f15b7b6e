package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// An OU that was deleted must be reported, most of all as an exception: the accounts that it left out are reached now.
func TestLintReportsOUs(t *testing.T) {
	const prod, empty, gone, unknown = "ou-ab12-prod0000", "ou-ab12-empty000", "ou-ab12-gone0000", "ou-ab12-unknown0"
	ous := access.NewOUs([]access.OU{
		{ID: "r-ab12", Name: "Root", Path: "Root"},
		{ID: prod, ParentID: "r-ab12", Name: "Prod", Path: "Root/Prod"},
		{ID: empty, ParentID: "r-ab12", Name: "New", Path: "Root/New"},
		{ID: gone, ParentID: "r-ab12", Name: "CI/CD", Path: `Root/"CI/CD"`, GoneAt: time.Unix(1, 0)},
	})
	account := access.Account{ID: "111122223333"}
	ous.Place(&account, prod)
	lint := func(s access.Selector) (got []string) {
		in := policy.Input{Accounts: []access.Account{account}, OUs: ous, Now: time.Unix(2, 0)}
		in.State.Allowlists = []access.Allowlist{{ID: "al-1", Name: "office"}}
		in.State.Mappings = []access.Mapping{{
			ID: "mp-1", Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}},
			Accounts: s, Allowlists: []string{"office"},
		}}
		for _, i := range policy.Lint(in) {
			if i.Code == policy.CodeOUUnknown || i.Code == policy.CodeOUEmpty || i.Code == policy.CodeReachesNothing {
				got = append(got, i.Message)
			}
		}
		return got
	}
	for name, c := range map[string]struct {
		selector access.Selector
		want     []string
	}{
		"all is well": {access.Selector{OUs: []string{prod}, Except: []string{"999999999999"}}, nil},
		"one is gone": {
			access.Selector{OUs: []string{prod, gone}},
			[]string{`the mapping of Bob names the OU Root/"CI/CD" (ou-ab12-gone0000), which is no longer in the organization`},
		},
		"an exception is gone": {
			access.Selector{All: true, Except: []string{gone}},
			[]string{`the mapping of Bob names the OU Root/"CI/CD" (ou-ab12-gone0000), which is no longer in the organization`},
		},
		"one was never there": {
			access.Selector{OUs: []string{prod, unknown}},
			[]string{"the mapping of Bob names the OU ou-ab12-unknown0, which is not in the organization"},
		},
		"one is empty": {
			access.Selector{OUs: []string{prod, empty}},
			[]string{"the OU Root/New (ou-ab12-empty000), which the mapping of Bob names, has no account that a rollout writes to"},
		},
		"the only one is gone": {
			access.Selector{OUs: []string{gone}},
			[]string{`the mapping of Bob reaches no account (OU Root/"CI/CD" (ou-ab12-gone0000, no longer in the organization))`},
		},
	} {
		if d := cmp.Diff(c.want, lint(c.selector)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
