package server

import (
	_ "embed" // the sample scenario
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/scenario"
)

//go:embed sample.yaml
var sampleScenario []byte

// sampleEdits are the edits that lead from nothing to the sample desired state, as far
// as there are accounts for it: a small organization lacks some OUs.
func sampleEdits(accounts []access.Account, ous *access.OUs) ([]access.Edit, error) {
	sample, err := scenario.ParseScenario(sampleScenario, "sample.yaml")
	if err != nil {
		return nil, fmt.Errorf("reading the sample: %w", err)
	}
	state := sample.State
	for i := range state.Mappings {
		m := &state.Mappings[i]
		if m.Accounts, err = ous.ResolveSelector(m.Accounts); err != nil {
			return nil, fmt.Errorf("looking up the OUs of the sample: %w", err)
		}
	}
	state.Mappings = slices.DeleteFunc(state.Mappings, func(m access.Mapping) bool {
		return !slices.ContainsFunc(accounts, func(a access.Account) bool {
			ok, _ := a.Targetable()
			return ok && m.Accounts.Matches(a)
		})
	})
	// The demo is to be tried with its tokens, too.
	state.Settings.TokensMayReview, state.Settings.TokensMayApply = true, true
	return access.EditsBetween(access.State{}, state), nil
}

// The people of the demo: all have the same password, which is known to everybody.
const (
	demoPassword    = "portcullis-demo"
	demoTokenPrefix = "portcullis-demo-"
	demoDomain      = "@example.com"
)

type demoPerson struct {
	name  string
	roles []access.Role
	teams []string
}

var demoPeople = []demoPerson{
	{"editor", []access.Role{access.RoleEditor}, nil},
	{"approver", []access.Role{access.RoleApprover}, []string{"network"}},
	{"approver2", []access.Role{access.RoleApprover}, []string{"security"}},
	{"operator", []access.Role{access.RoleOperator}, nil},
	{"auditor", []access.Role{access.RoleAuditor}, nil},
	{"viewer", []access.Role{access.RoleViewer}, nil},
	{"admin", []access.Role{access.RoleAdmin}, nil},
}

// DemoPeople are the names of those who can sign in to the demo, with what they sign in.
func DemoPeople() (names []string, domain, password string) {
	for _, p := range demoPeople {
		names = append(names, p.name)
	}
	return names, demoDomain, demoPassword
}
