package access

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// company has an OU whose path, without the quotes, is the path of another one.
func company() *OUs {
	return NewOUs([]OU{
		{ID: "r-ab12", Name: "Root", Path: "Root"},
		{ID: "ou-ab12-cicd0000", ParentID: "r-ab12", Name: "CI/CD", Path: `Root/"CI/CD"`},
		{ID: "ou-ab12-ci000000", ParentID: "r-ab12", Name: "CI", Path: "Root/CI"},
		{ID: "ou-ab12-cdbelow0", ParentID: "ou-ab12-ci000000", Name: "CD", Path: "Root/CI/CD"},
		{ID: "ou-ab12-prod0000", ParentID: "r-ab12", Name: "Prod", Path: "Root/Prod"},
		{ID: "ou-ab12-prodtwo0", ParentID: "r-ab12", Name: "Prod", Path: "Root/Prod"},
		{ID: "ou-ab12-old00000", ParentID: "r-ab12", Name: "Old", Path: "Root/Old", GoneAt: time.Unix(1, 0)},
	})
}

func TestOUChainFollowsParents(t *testing.T) {
	for id, want := range map[string][]string{
		"r-ab12":           {"r-ab12"},
		"ou-ab12-cdbelow0": {"r-ab12", "ou-ab12-ci000000", "ou-ab12-cdbelow0"},
		"ou-ab12-unknown0": nil,
	} {
		if d := cmp.Diff(want, company().Chain(id)); d != "" {
			t.Errorf("%s (-want +got):\n%s", id, d)
		}
	}
	circle := NewOUs([]OU{{ID: "a", ParentID: "b"}, {ID: "b", ParentID: "a"}})
	if chain := circle.Chain("a"); !slices.Contains(chain, "a") {
		t.Errorf("the chain of an OU in a circle is %v", chain)
	}
}

func TestResolveOU(t *testing.T) {
	for name, c := range map[string]struct{ text, want, problem string }{
		"an id":                 {"ou-ab12-cicd0000", "ou-ab12-cicd0000", ""},
		"the root":              {"Root", "r-ab12", ""},
		"a quoted name":         {`Root/"CI/CD"`, "ou-ab12-cicd0000", ""},
		"a path of two OUs":     {"Root/CI/CD", "ou-ab12-cdbelow0", ""},
		"needless quotes":       {`"Root"/"CI"`, "ou-ab12-ci000000", ""},
		"a path with its id":    {`Root/"CI/CD" (ou-ab12-cicd0000)`, "ou-ab12-cicd0000", ""},
		"a former path, and id": {"Root/Build (ou-ab12-cicd0000)", "ou-ab12-cicd0000", ""},
		"an id that is gone":    {"ou-ab12-old00000", "ou-ab12-old00000", ""},
		"an unknown id":         {"ou-ab12-unknown0", "", "there is no OU ou-ab12-unknown0"},
		"a path that is gone":   {"Root/Old", "", "there is no OU Root/Old"},
		"two of the same path":  {"Root/Prod", "", "ou-ab12-prod0000, ou-ab12-prodtwo0"},
		"another case":          {"root/ci", "", "it may be Root/CI (ou-ab12-ci000000)"},
		"a name without path":   {"CI/CD", "", `Root/"CI/CD" (ou-ab12-cicd0000), Root/CI/CD (ou-ab12-cdbelow0)`},
		"nothing like it":       {"Root/CI/Nowhere", "", "it may be Root/CI/CD (ou-ab12-cdbelow0)"},
		"an open quote":         {`Root/"CI/CD`, "", "never closed"},
		"an empty name":         {"Root//CI", "", "a name in it is empty"},
	} {
		got, err := company().Resolve("ous", c.text)
		if got != c.want || (err != nil) != (c.problem != "") {
			t.Errorf("%s: %q is %q, %v, want %q", name, c.text, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s: %v, want %q in it", name, err, c.problem)
		}
	}
}

func TestResolveBeforeFirstSync(t *testing.T) {
	var none *OUs
	if id, err := none.Resolve("ous", "ou-ab12-cicd0000"); err != nil || id != "ou-ab12-cicd0000" {
		t.Errorf("an id is %q, %v", id, err)
	}
	if _, err := none.Resolve("ous", "Root/Prod"); err == nil || !strings.Contains(err.Error(), "has not been read yet") {
		t.Errorf("a path: %v", err)
	}
}

func TestResolveSelector(t *testing.T) {
	got, err := company().ResolveSelector(Selector{
		OUs: []string{"Root/CI", "ou-ab12-ci000000"}, Except: []string{"111122223333", `Root/"CI/CD"`},
	})
	want := Selector{OUs: []string{"ou-ab12-ci000000"}, Except: []string{"111122223333", "ou-ab12-cicd0000"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	_, err = company().ResolveSelector(Selector{OUs: []string{"Root/A"}, Except: []string{"Root/B"}})
	fields := FieldsOf(err)
	if len(fields) != 2 || fields[0].Field != "accounts/ous" || fields[1].Field != "accounts/except" {
		t.Errorf("fields %v", fields)
	}
}

func TestDescribeSelector(t *testing.T) {
	s := Selector{OUs: []string{"ou-ab12-cicd0000", "ou-ab12-old00000"}, Except: []string{"111122223333", "ou-ab12-unknown0"}}
	for want, got := range map[string]string{
		`OU Root/"CI/CD", Root/Old (no longer in the organization), except 111122223333, ou-ab12-unknown0`: company().Describe(s),
		`OU Root/"CI/CD" (ou-ab12-cicd0000), Root/Old (ou-ab12-old00000, no longer in the organization), ` +
			`except 111122223333, ou-ab12-unknown0 (not in the organization)`: company().DescribeWithIDs(s),
		"OU ou-ab12-cicd0000, ou-ab12-old00000, except 111122223333, ou-ab12-unknown0": s.String(),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// A form that comes back as it was filled must mean the same OUs, whatever they are named.
func TestEditableOUsResolveToThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ous := NewOUs([]OU{
			{ID: "r-ab12", Name: "Root", Path: "Root"},
			drawOU(t, "ou-ab12-first000", ""), drawOU(t, "ou-ab12-second00", ""), drawOU(t, "ou-ab12-third000", "gone"),
		})
		ids := []string{"ou-ab12-first000", "ou-ab12-third000", "ou-ab12-second00"}
		var got []string
		for _, text := range SplitOUs(strings.Join(ous.Editable(ids), "\n")) {
			if err := (Selector{OUs: []string{text}}).Check(); err != nil && CheckIdentifier("x", text) == nil {
				t.Fatalf("%q: %v", text, err)
			}
			id, err := ous.Resolve("ous", text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			got = append(got, id)
		}
		if !slices.Equal(got, ids) {
			t.Fatalf("%v, want %v", got, ids)
		}
	})
}

func drawOU(t *rapid.T, id, gone string) OU {
	ou := OU{ID: id, ParentID: "r-ab12", Name: drawName(t)}
	ou.Path = JoinOUPath("Root", ou.Name)
	if gone != "" {
		ou.GoneAt = time.Unix(1, 0)
	}
	return ou
}

func drawName(t *rapid.T) string {
	return rapid.OneOf(
		rapid.StringN(1, 10, -1), rapid.StringMatching(`[ /,"\\()a\n\r\t]{1,8}`), rapid.Just("x (ou-ab12-cicd0000)"),
		rapid.Just("r-ab12"), rapid.Just("111122223333"), rapid.Just("CI/CD"),
	).Draw(t, "name")
}

func TestOUPathRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.Custom(drawName), 1, 5).Draw(t, "names")
		path := JoinOUPath(names...)
		got, err := SplitOUPath(path)
		if err != nil || !slices.Equal(got, names) {
			t.Fatalf("%q of %q is %q, %v", path, names, got, err)
		}
		if strings.ContainsAny(path, "\n\r\t") {
			t.Fatalf("%q is more than one line", path)
		}
	})
}

func TestOUPathOfPlainNames(t *testing.T) {
	for path, names := range map[string][]string{
		"Root/R & D":            {"Root", "R & D"},
		`Root/"CI/CD"/Build`:    {"Root", "CI/CD", "Build"},
		`Root/"a \"b\" \\ c"`:   {"Root", `a "b" \ c`},
		`Root/" x"`:             {"Root", " x"},
		`Root/"R, D"`:           {"Root", "R, D"},
		`Root/"line\nbreak"`:    {"Root", "line\nbreak"},
		`Root/"111122223333"`:   {"Root", "111122223333"},
		"Root/Prod (Frankfurt)": {"Root", "Prod (Frankfurt)"},
	} {
		if got := JoinOUPath(names...); got != path {
			t.Errorf("%q is %s, want %s", names, got, path)
		}
		if got, err := SplitOUPath(path); err != nil || !slices.Equal(got, names) {
			t.Errorf("%s is %q, %v", path, got, err)
		}
	}
}

func TestSplitOUs(t *testing.T) {
	got := SplitOUs("Root/A, Root/\"R, D\"\r\n\n Root/\"a \\\" , b\",Root/C\nRoot/\"open, \nRoot/D, Root/A")
	want := []string{"Root/A", `Root/"R, D"`, `Root/"a \" , b"`, "Root/C", `Root/"open,`, "Root/D"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// OUs of the same path are different waves: the path is not what an OU is known by.
func TestStageEachOUByID(t *testing.T) {
	accounts := []Account{{ID: "111122223333"}, {ID: "222233334444"}, {ID: "333344445555"}}
	company().Place(&accounts[0], "ou-ab12-prod0000")
	company().Place(&accounts[1], "ou-ab12-prodtwo0")
	company().Place(&accounts[2], "ou-ab12-prod0000")
	s := Stage(Strategy{Waves: []WaveRule{{EachOU: true}}}, accounts, company())
	want := map[AccountID]int{"111122223333": 1, "222233334444": 2, "333344445555": 1}
	if d := cmp.Diff(want, s.WaveOf); d != "" || s.Waves[0].Name != "Root/Prod" {
		t.Errorf("%s (-want +got):\n%s", s.Waves[0].Name, d)
	}
	named := Stage(Strategy{Waves: []WaveRule{{Accounts: Selector{OUs: []string{"ou-ab12-prodtwo0"}}}}}, accounts, company())
	if named.Waves[0].Name != "OU Root/Prod" || named.Waves[0].Targets != 1 {
		t.Errorf("%+v", named.Waves[0])
	}
}
