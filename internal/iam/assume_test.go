package iam

import (
	"strings"
	"testing"
)

const roleX = "arn:aws:iam::111122223333:role/team/X"

// TestAssumeRoleQuestions asks of one document whether it may allow the role, and whether
// the same document with Deny in place of Allow surely denies it.
func TestAssumeRoleQuestions(t *testing.T) {
	for name, c := range map[string]struct {
		statement   string
		may, surely bool
	}{
		"the role itself":            {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/team/X"}`, true, true},
		"one of several":             {`{"Effect":"Allow","Action":["sts:TagSession","sts:AssumeRole"],"Resource":["arn:aws:iam::111122223333:role/Y","arn:aws:iam::111122223333:role/team/X"]}`, true, true},
		"any account":                {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/team/X"}`, true, true},
		"one character":              {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::11112222333?:role/team/X"}`, true, true},
		"an escaped path":            {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role\/team\/\u0058"}`, true, true},
		"any action of STS":          {`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`, true, true},
		"any action":                 {`{"Effect":"Allow","Action":"*","Resource":"*"}`, true, true},
		"the action in another case": {`{"Effect":"Allow","Action":"STS:assumerole","Resource":"*"}`, true, true},
		"all but another role":       {`{"Effect":"Allow","Action":"sts:AssumeRole","NotResource":"arn:aws:iam::111122223333:role/Y"}`, true, true},
		"all but this role":          {`{"Effect":"Allow","Action":"sts:AssumeRole","NotResource":"arn:aws:iam::*:role/team/*"}`, false, false},
		"all actions but others":     {`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, true, true},
		"all actions but this":       {`{"Effect":"Allow","NotAction":["sts:Assume*"],"Resource":"*"}`, false, false},
		"under a condition":          {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`, true, true},
		"another role":               {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/team/Xy"}`, false, false},
		"another path":               {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/X"}`, false, false},
		"another account":            {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::444455556666:role/team/X"}`, false, false},
		"the role as a mere name":    {`{"Sid":"arn:aws:iam::111122223333:role/team/X","Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/Y"}`, false, false},
		"another action":             {`{"Effect":"Allow","Action":"iam:GetRole","Resource":"arn:aws:iam::111122223333:role/team/X"}`, false, false},
		"a star that is meant":       {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/team/${*}"}`, false, false},
		"a policy variable":          {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/team/${aws:username}"}`, true, false},
		"all but a policy variable":  {`{"Effect":"Allow","Action":"sts:AssumeRole","NotResource":"arn:aws:iam::111122223333:role/team/${aws:username}"}`, true, false},
		"no resource":                {`{"Effect":"Allow","Action":"sts:AssumeRole"}`, true, false},
		"no action":                  {`{"Effect":"Allow","Resource":"*"}`, true, false},
		"an element nobody knows":    {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Except":"x"}`, true, false},
		"a malformed statement":      {`{"Effect":"Perhaps"}`, true, false},
	} {
		document := doc(c.statement)
		if got := MayAllowAssumeRole(document, roleX); got != c.may {
			t.Errorf("%s: it may allow the role: %t, want %t", name, got, c.may)
		}
		denying := strings.Replace(document, `"Allow"`, `"Deny"`, 1)
		if got := DeniesAssumeRole(denying, roleX); got != c.surely {
			t.Errorf("%s: it denies the role: %t, want %t", name, got, c.surely)
		}
		if MayAllowAssumeRole(denying, roleX) != (name == "a malformed statement") || DeniesAssumeRole(document, roleX) {
			t.Errorf("%s: a Deny allows, or an Allow denies", name)
		}
	}
	for document, may := range map[string]bool{"": false, "{": true, `{"Version":"2012-10-17"}`: true, "%7B%22Statement%22%3A%5B%5D%7D": false} {
		if got := MayAllowAssumeRole(document, roleX); got != may || DeniesAssumeRole(document, roleX) {
			t.Errorf("%q may allow the role: %t, want %t; and it denies nothing", document, got, may)
		}
	}
}
