package judge_test

import (
	"errors"
	"testing"

	"portcullis.internal/portcullis/internal/judge"
)

// Each row has the outcomes for a key that matches, one that does not match, and none.
func TestOperators(t *testing.T) {
	for _, tt := range []struct {
		operator, values string
		match, other     string
		want             [3]bool
	}{
		{"StringEquals", `["a","b"]`, "b", "B", [3]bool{true, false, false}},
		{"StringNotEquals", `["a","b"]`, "b", "B", [3]bool{false, true, true}},
		{"StringEqualsIfExists", `"a"`, "a", "b", [3]bool{true, false, true}},
		{"StringNotEqualsIfExists", `"a"`, "a", "b", [3]bool{false, true, true}},
		{"stringequals", `"a"`, "a", "b", [3]bool{true, false, false}},
		{"StringEqualsIgnoreCase", `"Ab"`, "aB", "a", [3]bool{true, false, false}},
		{"StringNotEqualsIgnoreCase", `"Ab"`, "aB", "a", [3]bool{false, true, true}},
		{"StringLike", `"a*c?"`, "abbcd", "abc", [3]bool{true, false, false}},
		{"StringNotLike", `"a*c?"`, "abbcd", "abc", [3]bool{false, true, true}},
		{"ForAllValues:StringEquals", `"a"`, "a", "b", [3]bool{true, false, true}},
		{"ForAnyValue:StringEquals", `"a"`, "a", "b", [3]bool{true, false, false}},
		{"ForAnyValue:StringNotEquals", `"a"`, "a", "b", [3]bool{false, true, false}},
		{"ForAnyValue:StringNotLikeIfExists", `"a*"`, "ab", "b", [3]bool{false, true, true}},
		{"ForAnyValue:NotIpAddress", `"10.0.0.0/8"`, "10.0.0.1", "11.0.0.1", [3]bool{false, true, false}},
		{
			"ArnEquals", `"arn:aws:iam::*:user/*"`, "arn:aws:iam::1:user/a:b", "arn:aws:iam:x:1:user/a",
			[3]bool{true, false, false},
		},
		{
			"ArnLike", `"arn:aws:iam::1:user/a*"`, "arn:aws:iam::1:user/ab", "arn:aws:iam::2:user/ab",
			[3]bool{true, false, false},
		},
		{
			"ArnNotEquals", `"arn:aws:iam::1:user/a*"`, "arn:aws:iam::1:user/ab", "arn:aws:iam::2:user/ab",
			[3]bool{false, true, true},
		},
		{
			"ArnNotLike", `"arn:aws:iam::1:user/a*"`, "arn:aws:iam::1:user/ab", "arn:aws:iam::2:user/ab",
			[3]bool{false, true, true},
		},
		{"Bool", `"true"`, "TRUE", "false", [3]bool{true, false, false}},
		{"BoolIfExists", `false`, "false", "true", [3]bool{true, false, true}},
		{"BinaryEquals", `"QQ=="`, "QQ==", "Qg==", [3]bool{true, false, false}},
		{"IpAddress", `["10.0.0.0/8","2001:db8::/32"]`, "2001:db8::1", "11.0.0.1", [3]bool{true, false, false}},
		{"IpAddress", `"10.1.2.3"`, "10.1.2.3", "10.1.2.4", [3]bool{true, false, false}},
		{"IpAddress", `"10.1.2.3/8"`, "10.200.0.1", "11.1.2.3", [3]bool{true, false, false}},
		{"IpAddressIfExists", `"10.0.0.0/8"`, "10.0.0.1", "11.0.0.1", [3]bool{true, false, true}},
		{"NotIpAddress", `["10.0.0.0/8","12.0.0.0/8"]`, "12.0.0.1", "11.0.0.1", [3]bool{false, true, true}},
		{"NotIpAddressIfExists", `"10.0.0.0/8"`, "10.0.0.1", "11.0.0.1", [3]bool{false, true, true}},
		{"NotIpAddress", `[]`, "-", "10.0.0.1", [3]bool{true, true, true}},
		{"NumericEquals", `"5"`, "5.0", "6", [3]bool{true, false, false}},
		{"NumericNotEquals", `5`, "5.0", "6", [3]bool{false, true, true}},
		{"NumericLessThan", `"5"`, "4.9", "5", [3]bool{true, false, false}},
		{"NumericLessThanEquals", `"5"`, "5", "5.1", [3]bool{true, false, false}},
		{"NumericGreaterThan", `"5"`, "5.1", "5", [3]bool{true, false, false}},
		{"NumericGreaterThanEquals", `"5"`, "5", "4.9", [3]bool{true, false, false}},
		{"NumericGreaterThanIfExists", `"3600"`, "3601", "x", [3]bool{true, false, true}},
		{"NumericEquals", `"9007199254740993"`, "9007199254740993", "9007199254740992", [3]bool{true, false, false}},
		{"NumericLessThan", `"0.30000000000000001"`, "0.3", "0.30000000000000002", [3]bool{true, false, false}},
		{"NumericEquals", `"16"`, "16.00", "0x10", [3]bool{true, false, false}},
		{"NumericEquals", `"1000"`, "1000", "1_000", [3]bool{true, false, false}},
		{"NumericLessThan", `"1000"`, "-1", "-inf", [3]bool{true, false, false}},
		{"DateEquals", `"60"`, "60", "+60", [3]bool{true, false, false}},
		{"StringEqualsIgnoreCase", `"kiss"`, "KISS", "\u212Aiss", [3]bool{true, false, false}},
		{"StringNotEqualsIgnoreCase", `"kiss"`, "kiSS", "ki\u017F\u017F", [3]bool{false, true, true}},
		{"Bool", `"false"`, "False", "fal\u017Fe", [3]bool{true, false, false}},
		{"DateEquals", `"2026-01-02"`, "2026-01-02T00:00:00Z", "2026-01-02T00:00:01Z", [3]bool{true, false, false}},
		{"DateNotEquals", `"2026-01-02"`, "1767312000", "2026-01-03", [3]bool{false, true, true}},
		{
			"DateLessThan", `"2026-01-02T03:00Z"`, "2026-01-02T03:59:59+01:00", "2026-01-02T03:00:00Z",
			[3]bool{true, false, false},
		},
		{"DateLessThanEquals", `"2026-01-02"`, "2026-01-02", "2026-01-03", [3]bool{true, false, false}},
		{"DateGreaterThan", `"2026-01-02"`, "2026-01-03", "2026-01-02", [3]bool{true, false, false}},
		{"DateGreaterThanEquals", `"2026-01-02"`, "2026-01-02", "2026-01-01", [3]bool{true, false, false}},
		{"Null", `"true"`, "a", "", [3]bool{false, false, true}},
		{"Null", `false`, "a", "", [3]bool{true, true, false}},
		{"StringLike", `"${aws:username}-*"`, "alice-1", "bob-1", [3]bool{true, false, false}},
		{"StringLike", `"a${*}c"`, "a*c", "abc", [3]bool{true, false, false}},
		{"StringLike", `"a${?}${$}{c"`, "a?${c", "ab${c", [3]bool{true, false, false}},
		{"StringEquals", `"a${*}c${?}${$}"`, "a*c?$", "abcd$", [3]bool{true, false, false}},
		{"StringNotEqualsIgnoreCase", `"A${*}"`, "a*", "ab", [3]bool{false, true, true}},
		{"StringLike", `"${aws:starred}*"`, "a*b?-1", "axb?-1", [3]bool{true, false, false}},
		{"StringEquals", `"${aws:starred}"`, "a*b?", "axbx", [3]bool{true, false, false}},
		{
			"ArnLike", `"arn:aws:iam::1:user/${aws:starred}"`, "arn:aws:iam::1:user/a*b?", "arn:aws:iam::1:user/axbx",
			[3]bool{true, false, false},
		},
		{"StringLike", `"${aws:nothing,'x'}"`, "x", "", [3]bool{true, false, false}},
		{"StringLike", `"${open"`, "${open", "open", [3]bool{true, false, false}},
		{"StringEquals", `"${aws:nothing}"`, "", "${aws:nothing}", [3]bool{false, false, false}},
	} {
		doc := parse(t, judge.IdentityPolicy,
			`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"`+tt.operator+`":{"Aws:Key":`+tt.values+`}}}`)
		for i, value := range []string{tt.match, tt.other, "absent"} {
			r := assume(user(home))
			r.Keys = judge.Keys{"aws:username": "alice", "aws:starred": "a*b?", "aws:key": value}
			if i == 2 {
				delete(r.Keys, "aws:key")
			}
			got := judge.DecideIdentity(r, judge.Policies{Identity: []*judge.Document{doc}}).Allowed
			if got != tt.want[i] {
				t.Errorf("%s %s with %q: got %v, want %v", tt.operator, tt.values, value, got, tt.want[i])
			}
		}
	}
}

func TestConditionsAllMustHold(t *testing.T) {
	doc := parse(t, judge.IdentityPolicy, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+
		`"StringEquals":{"aws:a":"1","aws:b":"2"},"Null":{"aws:c":"true"}}}`)
	for _, tt := range []struct {
		keys judge.Keys
		want bool
	}{
		{judge.Keys{"aws:a": "1", "aws:b": "2"}, true},
		{judge.Keys{"aws:a": "1", "aws:b": "1"}, false},
		{judge.Keys{"aws:a": "2", "aws:b": "2"}, false},
		{judge.Keys{"aws:a": "1", "aws:b": "2", "aws:c": ""}, false},
	} {
		r := judge.Request{Principal: user(home), Action: "sts:AssumeRole", Resource: bob, Keys: tt.keys}
		if got := judge.DecideIdentity(r, judge.Policies{Identity: []*judge.Document{doc}}).Allowed; got != tt.want {
			t.Errorf("with %v: got %v, want %v", tt.keys, got, tt.want)
		}
	}
}

// A star in the value of a policy variable is a literal star in resources too.
func TestVariableValueInResource(t *testing.T) {
	doc := parse(t, judge.IdentityPolicy,
		`{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::`+home+`:role/${aws:starred}"}`)
	for role, want := range map[string]bool{"B*b": true, "Bob": false} {
		r := judge.Request{
			Principal: user(home), Action: "sts:AssumeRole", Resource: "arn:aws:iam::" + home + ":role/" + role,
			Keys: judge.Keys{"aws:starred": "B*b"},
		}
		if got := judge.DecideIdentity(r, judge.Policies{Identity: []*judge.Document{doc}}).Allowed; got != want {
			t.Errorf("role %s: got %v, want %v", role, got, want)
		}
	}
}

// Policy variables count only in version 2012-10-17.
func TestVariablesNeedTheVersion(t *testing.T) {
	r := assume(user(home))
	r.Keys = judge.Keys{"aws:username": "alice", "aws:key": "alice"}
	for version, want := range map[string]bool{"2012-10-17": true, "2008-10-17": false} {
		doc, err := judge.Parse(`{"Version":"`+version+`","Statement":{"Effect":"Allow","Action":"*","Resource":"*",`+
			`"Condition":{"StringEquals":{"aws:key":"${aws:username}"}}}}`, judge.IdentityPolicy)
		if err != nil {
			t.Fatal(err)
		}
		if got := judge.DecideIdentity(r, judge.Policies{Identity: []*judge.Document{doc}}).Allowed; got != want {
			t.Errorf("version %s: got %v, want %v", version, got, want)
		}
	}
}

// AWS compares the names of operators, keys and actions without regard to the case of ASCII letters.
// Unicode also folds U+212A KELVIN SIGN into k and U+017F into s.
func TestNamesFoldASCIIOnly(t *testing.T) {
	for _, operator := range []string{
		"StringLi\u212Ae", "\u017FtringEquals", "NumericEqual\u017F", "Bool\u0130fExists",
	} {
		if _, err := judge.Parse(withCondition(`"`+operator+`":{"aws:Key":"1"}`), judge.IdentityPolicy); err == nil {
			t.Errorf("the operator %q is read", operator)
		}
	}
	doc, err := judge.Parse(withCondition(`"StringEquals":{"aws:TO\u212AEN":"1"}`), judge.IdentityPolicy)
	if err != nil {
		t.Fatal(err)
	}
	r := assume(user(home))
	r.Keys = judge.Keys{"aws:token": "1"}
	if judge.DecideIdentity(r, judge.Policies{Identity: []*judge.Document{doc}}).Allowed {
		t.Error("the key aws:TO\u212AEN is read as aws:token")
	}
	const action = "sts:AssumeRole"
	if judge.MatchAction("\u017Fts:AssumeRole", action) || !judge.MatchAction("STS:assumeROLE", action) {
		t.Error("actions fold other letters than those of ASCII")
	}
}

// AWS documents integers and decimals. How it reads another spelling is not known, so such a document
// is refused.
func TestNumbersAWSDoesNotDocument(t *testing.T) {
	for _, value := range []string{
		"0x10", "1_000", "inf", "-Infinity", "nan", "1e3", "+5", "007", ".5", "5.", "", " 5", "0b1", "0x1p4",
	} {
		text := withCondition(`"NumericEqualsIfExists":{"aws:Key":["5","` + value + `"]}`)
		_, err := judge.Parse(text, judge.IdentityPolicy)
		var broken *judge.SyntaxError
		if !errors.As(err, &broken) || broken.Code != judge.InvalidNumber || broken.Detail != value {
			t.Errorf("%q: %v, want that it is no number", value, err)
		}
	}
	for _, value := range []string{"0", "-1", "60.0", "${aws:username}"} {
		text := withCondition(`"NumericEquals":{"aws:Key":"` + value + `"}`)
		if _, err := judge.Parse(text, judge.IdentityPolicy); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func withCondition(condition string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` +
		condition + `}}}`
}
