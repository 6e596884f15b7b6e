package iam

import (
	"strings"
	"testing"
)

const roleX = "arn:aws:iam::111122223333:role/team/X"

// allow begins a statement. OWN and IAM stand for the beginnings of ARNs (inFull).
const allow = `{"Effect":"Allow","Action":"sts:AssumeRole"`

var inFull = strings.NewReplacer("OWN", "arn:aws:iam::111122223333:role", "IAM", "arn:aws:iam::")

// TestAssumeRoleQuestions asks of one document whether it may allow the role, and whether
// the same document with Deny in place of Allow surely denies it.
func TestAssumeRoleQuestions(t *testing.T) {
	for name, c := range map[string]struct {
		statement   string
		may, surely bool
	}{
		"the role itself":            {allow + `,"Resource":"OWN/team/X"}`, true, true},
		"one of several":             {`{"Effect":"Allow","Action":["sts:*Session","sts:AssumeRole"],"Resource":["OWN/Y","OWN/team/X"]}`, true, true},
		"any account":                {allow + `,"Resource":"IAM*:role/team/X"}`, true, true},
		"one character":              {allow + `,"Resource":"IAM11112222333?:role/team/X"}`, true, true},
		"an escaped path":            {allow + `,"Resource":"OWN\/team\/\u0058"}`, true, true},
		"any action of STS":          {`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`, true, true},
		"any action":                 {`{"Effect":"Allow","Action":"*","Resource":"*"}`, true, true},
		"the action in another case": {`{"Effect":"Allow","Action":"STS:assumerole","Resource":"*"}`, true, true},
		"all but another role":       {allow + `,"NotResource":"OWN/Y"}`, true, true},
		"all but this role":          {allow + `,"NotResource":"IAM*:role/team/*"}`, false, false},
		"all actions but others":     {`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, true, true},
		"all actions but this":       {`{"Effect":"Allow","NotAction":["sts:Assume*"],"Resource":"*"}`, false, false},
		"under a condition":          {allow + `,"Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"false"}}}`, true, true},
		"another role":               {allow + `,"Resource":"OWN/team/Xy"}`, false, false},
		"another path":               {allow + `,"Resource":"OWN/X"}`, false, false},
		"another account":            {allow + `,"Resource":"IAM444455556666:role/team/X"}`, false, false},
		"the role as a mere name":    {allow + `,"Sid":"OWN/team/X","Resource":"OWN/Y"}`, false, false},
		"another action":             {`{"Effect":"Allow","Action":"iam:GetRole","Resource":"OWN/team/X"}`, false, false},
		"a star that is meant":       {allow + `,"Resource":"OWN/team/${*}"}`, false, false},
		"a policy variable":          {allow + `,"Resource":"OWN/team/${aws:username}"}`, true, false},
		"all but a policy variable":  {allow + `,"NotResource":"OWN/team/${aws:username}"}`, true, false},
		"no resource":                {`{"Effect":"Allow","Action":"sts:AssumeRole"}`, true, false},
		"no action":                  {`{"Effect":"Allow","Resource":"*"}`, true, false},
		"an unknown element":         {allow + `,"Resource":"*","Except":"x"}`, true, false},
		"a malformed statement":      {`{"Effect":"Perhaps"}`, true, false},
	} {
		document := doc(inFull.Replace(c.statement))
		if got := MayAllowAssumeRole(document, roleX); got != c.may {
			t.Errorf("%s: it may allow the role: %t, want %t", name, got, c.may)
		}
		denying := strings.Replace(document, `"Allow"`, `"Deny"`, 1)
		if got := DeniesAssumeRole(denying, roleX); got != c.surely {
			t.Errorf("%s: it denies the role: %t, want %t", name, got, c.surely)
		}
		malformed := strings.Contains(c.statement, "Perhaps")
		if got := MayAllowAssumeRole(denying, roleX); got != malformed {
			t.Errorf("%s: its Deny may allow the role: %t, want %t", name, got, malformed)
		}
		if DeniesAssumeRole(document, roleX) {
			t.Errorf("%s: its Allow denies the role", name)
		}
	}
	for document, may := range map[string]bool{
		"": false, "{": true, `{"Version":"2012-10-17"}`: true, "%7B%22Statement%22%3A%5B%5D%7D": false,
	} {
		if got := MayAllowAssumeRole(document, roleX); got != may || DeniesAssumeRole(document, roleX) {
			t.Errorf("%q may allow the role: %t, want %t; and it denies nothing", document, got, may)
		}
	}
}
