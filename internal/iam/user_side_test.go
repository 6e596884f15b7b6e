package iam

import (
	"fmt"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func TestUserSideAdmits(t *testing.T) {
	const (
		who  = `"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"`
		side = `{"Sid":"PortcullisUserSide","Effect":"Allow",` + who +
			`,"Condition":{"StringEquals":{"aws:username":["alice","bob"]},"Bool":{"aws:MultiFactorAuthPresent":"true"}}}`
		deny = `{"Sid":"PortcullisDenyNetwork","Effect":"Deny",` + who + `,"Condition":{"StringEquals":{"aws:username":"carol"}}}`
		two  = `["alice","bob"]`
	)
	replaced := func(from, to string) string { return "[" + strings.Replace(side, from, to, 1) + "]" }
	like := func(names string) string {
		return strings.NewReplacer("StringEquals", "StringLike", two, names).Replace("[" + side + "]")
	}
	const job = `"job-111122223333"`
	for name, c := range map[string]struct {
		statements string
		admitted   string // users, separated by spaces
	}{
		"two of them":                {"[" + side + "," + deny + "]", "alice bob"},
		"one of them":                {replaced(`["alice","bob"]`, `"bob"`), "bob"},
		"two statements":             {"[" + side + "," + strings.NewReplacer("UserSide", "UserSideSourceIdentity", two, `"carol"`).Replace(side) + "]", "alice bob carol"},
		"a name that is escaped":     {replaced(`"alice"`, `"\u0061lice"`), "alice bob"},
		"a name elsewhere only":      {replaced(`"Condition"`, `"alice":"carol","Condition"`), "alice bob"},
		"white space":                {"[\n " + replaced(":", " : ")[1:], "alice bob"},
		"a pattern":                  {replaced(`"StringEquals"`, `"StringLike"`), "alice bob"},
		"a pattern with a star":      {like(`"*o*"`), "bob carol job-111122223333"},
		"everybody but some":         {replaced(`"StringEquals"`, `"StringNotEquals"`), "carol job-111122223333"},
		"two lists":                  {replaced(`"Bool"`, `"StringLike":{"aws:username":"b*"},"Bool"`), "bob"},
		"no name":                    {replaced(`"aws:username"`, `"aws:userid"`), "alice bob carol job-111122223333"},
		"the account's id in a name": {replaced(`"alice"`, job), "bob job-111122223333"},
		"without the account's id":   {access.WithoutID(replaced(`"alice"`, job), "111122223333"), "bob job-111122223333"},
		"an Allow of the role alone": {replaced("UserSide", "Allow"), ""},
		"a Deny":                     {replaced(`"Effect":"Allow"`, `"Effect":"Deny"`), ""},
		"another Sid":                {replaced("PortcullisUserSide", "UserSide"), ""},
		"no statement":               {"", ""},
		"an empty list":              {"[]", ""},
		"no JSON":                    {"[" + side, ""},
	} {
		var admitted []string
		for _, user := range []string{"alice", "bob", "carol", "job-111122223333"} {
			if ReadUserSide("111122223333", c.statements).Admits(user) {
				admitted = append(admitted, user)
			}
		}
		if got := strings.Join(admitted, " "); got != c.admitted {
			t.Errorf("%s: it admits %q, want %q, in %s", name, got, c.admitted, c.statements)
		}
	}
	if (UserSide{}).Admits("alice") {
		t.Error("a zero UserSide admits alice")
	}
}

// BenchmarkUserSide asks for 100 users in the statements of one role in each of 100 accounts.
func BenchmarkUserSide(b *testing.B) {
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("user-%03d", i)
	}
	lists := map[access.AccountID]string{}
	for i := range 100 {
		id := access.AccountID(fmt.Sprintf("1111222233%02d", i))
		lists[id] = Statements([]Statement{{
			Sid: SidPrefix + SidUserSide, Effect: EffectAllow,
			Principals: []string{"arn:aws:iam::" + string(id) + ":root"}, Actions: AssumeRole,
			Conditions: []Condition{NewCondition("StringEquals", "aws:username", names...)},
		}})
	}
	b.ReportAllocs()
	for b.Loop() {
		for id, list := range lists {
			side := ReadUserSide(id, list)
			for _, n := range names {
				if !side.Admits(n) {
					b.Fatal(n)
				}
			}
		}
	}
}
