package judge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/judge"
)

func TestParse(t *testing.T) {
	got, err := judge.Parse(`{"Version":"2012-10-17","Id":"x","Statement":[
		{"Sid":"A","Effect":"Allow","Principal":{"AWS":["`+alice+`","*"],"Service":"ec2.amazonaws.com"},
			"Action":"sts:AssumeRole"},
		{"Effect":"Deny","Principal":"*","NotAction":["sts:TagSession"],
			"Condition":{"ForAllValues:StringNotLikeIfExists":{"AWS:Key":["a",true,1.50]}}}]}`, judge.TrustPolicy)
	if err != nil {
		t.Fatal(err)
	}
	want := &judge.Document{Kind: judge.TrustPolicy, Variables: true, Statements: []judge.Statement{
		{
			Number: 1, Sid: "A", Actions: []string{"sts:AssumeRole"},
			Principals: []judge.PrincipalElement{
				{Type: "AWS", Value: alice}, {Type: "AWS", Value: "*"}, {Type: "Service", Value: "ec2.amazonaws.com"},
			},
		},
		{
			Number: 2, Deny: true, NotActions: []string{"sts:TagSession"},
			Principals: []judge.PrincipalElement{{Type: "*", Value: "*"}},
			Conditions: []judge.Condition{{
				Operator: "stringlike", Negated: true, IfExists: true, ForAll: true,
				Key: "aws:key", Values: []string{"a", "true", "1.50"},
			}},
		},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseErrors(t *testing.T) {
	const trusted = `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`
	const own = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`
	wrap := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	with := func(statement, old, replacement string) string {
		return wrap(trusted, strings.Replace(statement, old, replacement, 1))
	}
	checkErrors(t, judge.TrustPolicy, []broken{
		{"not JSON", `{"Version"`, judge.NotJSON, 0, "EOF"},
		{"text after it", wrap(trusted) + "{}", judge.NotJSON, 0, "text after the document"},
		{"duplicate key", `{"Id":"a","Id":"b"}`, judge.NotJSON, 0, `duplicate key "Id"`},
		{"list", `[]`, judge.NotJSON, 0, ""},
		{"unknown element", `{"Comment":"x"}`, judge.UnknownElement, 0, "Comment"},
		{"unknown version", `{"Version":"2024-01-01"}`, judge.Syntax, 0, "Version"},
		{"no Statement", `{}`, judge.Syntax, 0, "Statement"},
		{"no statements", wrap(), judge.Syntax, 0, "Statement"},
		{"statement as text", wrap(trusted, `"x"`), judge.Syntax, 2, "Statement"},
		{"unknown element of a statement", with(trusted, `{`, `{"Note":"x",`), judge.Syntax, 2, "Note"},
		{"no principal", with(trusted, `"Principal":{"AWS":"*"},`, ``), judge.MissingElement, 2, "Principal"},
		{"no effect", with(trusted, `"Effect":"Allow",`, ``), judge.MissingElement, 2, "Effect"},
		{"effect in lower case", with(trusted, `Allow`, `allow`), judge.Syntax, 2, "Effect"},
		{"resource in trust policy", with(trusted, `{`, `{"Resource":"*",`), judge.ProhibitedElement, 2, "Resource"},
		{"NotPrincipal", with(trusted, `Principal`, `NotPrincipal`), judge.ProhibitedElement, 2, "NotPrincipal"},
		{"principal as text", with(trusted, `{"AWS":"*"}`, `"x"`), judge.InvalidPrincipal, 2, ""},
		{"unknown type of principal", with(trusted, `AWS`, `Person`), judge.InvalidPrincipalType, 2, "Person"},
		{"no principals", with(trusted, `"*"`, `[]`), judge.InvalidPrincipalType, 2, "AWS"},
		{"Action and NotAction", with(trusted, `{`, `{"NotAction":"sts:TagSession",`), judge.Syntax, 2, "Action"},
		{
			"action without service", with(trusted, `sts:AssumeRole`, `AssumeRole`),
			judge.InvalidAction, 2, "AssumeRole",
		},
		{
			"action of another service", with(trusted, `sts:AssumeRole`, `s3:GetObject`),
			judge.ForeignAction, 2, "s3:GetObject",
		},
		{
			"same Sid twice", strings.ReplaceAll(wrap(trusted, trusted), `{"Effect"`, `{"Sid":"A","Effect"`),
			judge.DuplicateSid, 2, "A",
		},
		{"Sid with a dash", with(trusted, `{`, `{"Sid":"A-B",`), judge.InvalidSid, 2, "A-B"},
		{
			"unknown operator", with(trusted, `{`, `{"Condition":{"IpAddressIsIn":{"aws:SourceIp":"*"}},`),
			judge.InvalidOperator, 2, "IpAddressIsIn",
		},
		{
			"NullIfExists", with(trusted, `{`, `{"Condition":{"NullIfExists":{"aws:SourceIp":"true"}},`),
			judge.InvalidOperator, 2, "NullIfExists",
		},
		{
			"Null with a word", with(trusted, `{`, `{"Condition":{"Null":{"aws:SourceIp":"yes"}},`),
			judge.Syntax, 2, "Condition",
		},
		{
			"values within values", with(trusted, `{`, `{"Condition":{"Bool":{"aws:x":[["true"]]}},`),
			judge.Syntax, 2, "Condition",
		},
		{"condition as text", with(trusted, `{`, `{"Condition":"x",`), judge.Syntax, 2, "Condition"},
		{
			"invalid address",
			with(trusted, `{`, `{"Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","300.1.1.1/24"]}},`),
			judge.InvalidAddress, 2, "300.1.1.1/24",
		},
	})
	checkErrors(t, judge.IdentityPolicy, []broken{
		{"Id in identity policy", `{"Id":"x"}`, judge.Syntax, 0, "Id"},
		{"no version in identity policy", `{"Statement":` + own + `}`, judge.VersionRequired, 0, ""},
		{"principal in identity policy", wrap(trusted), judge.ProhibitedPrincipal, 1, ""},
		{
			"resource without arn", wrap(strings.Replace(own, `"*"`, `"role/Bob"`, 1)),
			judge.InvalidResource, 1, "role/Bob",
		},
	})
}

// broken is a document with the error that Parse must return.
type broken struct {
	name, text string
	code       judge.Code
	statement  int
	detail     string
}

func checkErrors(t *testing.T, kind judge.Kind, documents []broken) {
	t.Helper()
	for _, tt := range documents {
		_, err := judge.Parse(tt.text, kind)
		var got *judge.SyntaxError
		if !errors.As(err, &got) {
			t.Errorf("%s: got %v, want a syntax error", tt.name, err)
			continue
		}
		want := judge.SyntaxError{Code: tt.code, Statement: tt.statement, Detail: tt.detail}
		if d := cmp.Diff(want, *got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

func TestSyntaxErrorText(t *testing.T) {
	err := &judge.SyntaxError{Code: judge.MissingElement, Statement: 2, Detail: "Action"}
	if got, want := err.Error(), `statement 2: missing element: "Action"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
