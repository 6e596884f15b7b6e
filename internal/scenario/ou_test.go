package scenario

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
)

const units = `
ous:
  - {id: r-ab12, path: Root}
  - {id: ou-ab12-prod0000, path: Root/Prod}
accounts:
  - {id: "111111111111", ou: 'Root/"CI/CD"'}
  - {id: "222222222222", ou: Root/CI}
  - {id: "333333333333", ou: Root/CI/CD}
  - {id: "444444444444", ou: ou-ab12-prod0000}
  - {id: "555555555555", ou: Root/Prod/Payments}
  - {id: "666666666666"}
allowlists: [{name: office, entries: [8.8.8.8]}]
mappings:
`

// A path names an OU by its names. It does not matter how it begins as a string.
func TestSelectorsByPath(t *testing.T) {
	for accounts, want := range map[string]string{
		`{ous: [Root/CI]}`:                               "222222222222 333333333333",
		`{ous: ['Root/"CI/CD"']}`:                        "111111111111",
		`{ous: ['"Root"/"CI"/CD']}`:                      "333333333333",
		`{ous: [Root/CI/CD]}`:                            "333333333333",
		`{ous: [Root/C]}`:                                "",
		`{ous: [Root]}`:                                  "111111111111 222222222222 333333333333 444444444444 555555555555",
		`{ous: [r-ab12], except: [Root/CI]}`:             "111111111111 444444444444 555555555555",
		`{ous: [Root/Prod]}`:                             "444444444444 555555555555",
		`{ous: [ou-ab12-prod0000]}`:                      "444444444444 555555555555",
		`{all: true, except: [ou-ab12-prod0000]}`:        "111111111111 222222222222 333333333333 666666666666",
		`{all: true, except: ['Root/"CI/CD"', Root/CI]}`: "444444444444 555555555555 666666666666",
	} {
		s, err := ParseScenario([]byte(units+"  - {role: Bob, users: [alice], accounts: "+accounts+", allowlists: [office]}\n"), "f.yaml")
		if err != nil {
			t.Fatalf("%s: %v", accounts, err)
		}
		var reached []string
		for _, a := range s.Accounts {
			if s.State.Mappings[0].Accounts.Matches(a) {
				reached = append(reached, string(a.ID))
			}
		}
		if got := strings.Join(reached, " "); got != want {
			t.Errorf("%s reaches %s, want %s", accounts, got, want)
		}
	}
}

// The console exports ids with their paths; a file that comes back names the same OUs, whatever they are called by then.
func TestPrintedScenarioKeepsOUIDs(t *testing.T) {
	ous := access.NewOUs([]access.OU{
		{ID: "r-ab12", Name: "Root", Path: "Root"},
		{ID: "ou-ab12-cicd0000", ParentID: "r-ab12", Name: "CI/CD", Path: `Root/"CI/CD"`},
	})
	account := access.Account{ID: "111122223333"}
	ous.Place(&account, "ou-ab12-cicd0000")
	s := Scenario{OUs: ous, Accounts: []access.Account{account}}
	s.State.Mappings = []access.Mapping{{
		Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}},
		Accounts: access.Selector{OUs: []string{"ou-ab12-cicd0000"}},
	}}
	data, err := s.YAML()
	if err != nil {
		t.Fatal(err)
	}
	want := `ous:
  - id: r-ab12
    path: Root
  - id: ou-ab12-cicd0000
    path: "Root/\"CI/CD\""
accounts:
  - id: "111122223333"
    ou: "Root/\"CI/CD\""
allowlists: []
mappings:
  - role: Bob
    users: [alice]
    accounts: {ous: [ou-ab12-cicd0000]}
    allowlists: []
`
	if d := cmp.Diff(want, string(data)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	again, err := ParseScenario([]byte(strings.NewReplacer(
		"allowlists: []\nmappings", "allowlists: [{name: office, entries: []}]\nmappings", "    allowlists: []", "    allowlists: [office]",
	).Replace(want)), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(account.OUIDs, again.Accounts[0].OUIDs); d != "" || !again.State.Mappings[0].Accounts.Matches(again.Accounts[0]) {
		t.Errorf("read back: %s", d)
	}
}
