package rollout_test

import (
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// A saved strategy outlives renames in AWS, so it keeps the ids of the OUs that were typed as paths.
func TestStrategyKeepsOUIDs(t *testing.T) {
	st := storetest.New(t)
	const slash = "ou-ab12-cicd0000"
	err := st.SaveOrganization(t.Context(), access.Organization{ID: "o-1", OUs: []access.OU{
		{ID: "r-ab12", Name: "Root", Path: "Root"}, {ID: slash, ParentID: "r-ab12", Name: "CI/CD", Path: `Root/"CI/CD"`},
	}}, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := rollout.New(rollout.Config{Store: st})
	admin := access.Actor{Kind: access.ActorPerson, PersonID: 1, Name: "admin", Roles: []access.Role{access.RoleAdmin}}
	wave := func(ou string) access.Strategy {
		return access.Strategy{Name: "CI first", Waves: []access.WaveRule{{Accounts: access.Selector{OUs: []string{ou}}}}}
	}
	saved, err := s.SaveStrategy(t.Context(), admin, wave(`Root/"CI/CD"`))
	if err != nil || !slices.Equal(saved.Waves[0].Accounts.OUs, []string{slash}) {
		t.Errorf("saved %+v, %v", saved.Waves, err)
	}
	_, err = s.SaveStrategy(t.Context(), admin, wave("Root/CI/CD"))
	fields := access.FieldsOf(err)
	if len(fields) != 1 || fields[0].Field != "waves/0/accounts" || !strings.Contains(fields[0].Message, slash) {
		t.Errorf("an unknown path: %v, %+v", err, fields)
	}
}
