package iam

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	anyAlice  = "arn:aws:iam::111122223333:user/alice"
	anyCarol  = "arn:aws:iam::111122223333:user/carol"
	someGhost = "AIDANOBODYNOBODYNOBOD"
	oldGhost  = "AIDAFORMERFORMERFORME"
)

func TestWithoutPrincipals(t *testing.T) {
	statements := []Statement{
		{Sid: "PortcullisAllow", Effect: EffectAllow, Principals: []string{anyAlice, anyCarol}, Actions: AssumeRole},
		{Sid: "PortcullisDeny", Effect: EffectDeny, Principals: []string{anyAlice, anyCarol}, Actions: AssumeRole},
		{Sid: "PortcullisAllow2", Effect: EffectAllow, Principals: []string{anyCarol}, Actions: AssumeRole},
		{Sid: "PortcullisEveryone", Effect: EffectDeny, Principals: []string{"*"}, Actions: AssumeRole},
	}
	before := Statements(statements)
	kept, dropped := WithoutPrincipals(statements, func(arn string) bool { return arn == anyCarol })
	if d := cmp.Diff([]string{anyCarol}, dropped); d != "" {
		t.Error(d)
	}
	if len(kept) != 3 || len(kept[0].Principals) != 1 || len(kept[1].Principals) != 1 || kept[2].Sid != "PortcullisEveryone" {
		t.Errorf("kept %s", Statements(kept))
	}
	if Statements(statements) != before {
		t.Error("what was given was changed")
	}
	if kept, dropped := WithoutPrincipals(statements, func(string) bool { return false }); len(kept) != 4 || dropped != nil {
		t.Errorf("kept %d, dropped %v, where nobody is gone", len(kept), dropped)
	}
}

func TestStatementsReadBack(t *testing.T) {
	list := Statements([]Statement{{Sid: "PortcullisDeny", Effect: EffectDeny, Principals: []string{anyAlice}, Actions: AssumeRole, Conditions: []Condition{NewCondition("NotIpAddress", "aws:SourceIp", "103.15.250.0/24")}}})
	again, err := ParseStatements(list)
	if err != nil || Statements(again) != list {
		t.Errorf("got %s, %v; want %s", Statements(again), err, list)
	}
	if Statements(nil) != "" {
		t.Errorf("no statements are %q", Statements(nil))
	}
}

func TestGhostNames(t *testing.T) {
	allow := func(principals ...string) []Statement {
		return []Statement{{Sid: "PortcullisAllow", Principals: principals}}
	}
	for name, c := range map[string]struct {
		live, planned []Statement
		ids           map[string]string
		want          map[string]string
	}{
		"one is gone":            {allow(anyAlice, someGhost), allow(anyAlice, anyCarol), nil, map[string]string{someGhost: anyCarol}},
		"an id that is known":    {allow(anyAlice, someGhost), allow(anyAlice, anyCarol), map[string]string{someGhost: anyCarol}, map[string]string{}},
		"somebody was added":     {allow(anyAlice, anyCarol, someGhost), allow(anyAlice, anyCarol), nil, map[string]string{}},
		"somebody was removed":   {allow(anyAlice), allow(anyAlice, anyCarol), nil, map[string]string{}},
		"one was gone already":   {allow(someGhost, oldGhost), allow(anyCarol, oldGhost), nil, map[string]string{someGhost: anyCarol}},
		"a statement of another": {[]Statement{{Sid: "PortcullisDeny", Principals: []string{someGhost}}}, allow(anyAlice), nil, map[string]string{}},
	} {
		if d := cmp.Diff(c.want, GhostNames(c.live, c.planned, c.ids)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestForeignGhosts(t *testing.T) {
	const (
		ours    = `{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":["` + someGhost + `"]},"Action":"sts:AssumeRole"}`
		service = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
		both    = `{"Sid":"V","Effect":"Allow","Principal":{"AWS":["` + someGhost + `","` + anyAlice + `"],"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Odd":{"kept":1}}`
		only    = `{"Sid":"W","Effect":"Allow","Principal":{"AWS":"` + someGhost + `"},"Action":"sts:AssumeRole"}`
	)
	live := `{"Version":"2012-10-17","Statement":[` + strings.Join([]string{service, both, ours, only}, ",") + `]}`
	if d := cmp.Diff([]string{someGhost}, ForeignGhosts(live, nil)); d != "" {
		t.Error(d)
	}
	if got := ForeignGhosts(live, map[string]string{someGhost: anyCarol}); got != nil {
		t.Errorf("an id that is known is taken for a ghost: %v", got)
	}
	got, err := WithoutForeignGhosts(live, []string{someGhost})
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(both, `["`+someGhost+`","`+anyAlice+`"]`, `["`+anyAlice+`"]`, 1)
	if want := `{"Version":"2012-10-17","Statement":[` + strings.Join([]string{service, without, ours}, ",") + `]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
