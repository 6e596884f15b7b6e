package order

import (
	"fmt"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

func opening(account access.AccountID, role string) access.Opening {
	return access.Opening{Account: account, Role: access.RoleName{Path: "/", Name: role}}
}

func TestCutDown(t *testing.T) {
	const other, bobThere = "arn:aws:iam::111111111111:role/Other", "arn:aws:iam::222222222222:role/Bob"
	for name, tc := range map[string]struct {
		before, after string
		partition     string
		held          []access.Opening
		want          string
	}{
		"nothing held":                  {userPolicy(other), userPolicy(bobHere), "aws", nil, userPolicy(bobHere)},
		"literal":                       {"", userPolicy(bobHere, other), "aws", []access.Opening{opening(here, "Bob")}, userPolicy(other)},
		"everything":                    {"", userPolicy(bobHere), "aws", []access.Opening{opening(here, "Bob")}, ""},
		"pattern to former ARNs":        {userPolicy(bobThere, other), userPolicy(bobAny), "aws", []access.Opening{opening(here, "Bob")}, userPolicy(bobThere)},
		"pattern that was there":        {userPolicy(bobAny), userPolicy(bobAny, other), "aws", []access.Opening{opening(here, "Bob")}, userPolicy(bobAny, other)},
		"pattern of another role":       {"", userPolicy("arn:aws:iam::*:role/Ops"), "aws", []access.Opening{opening(here, "Bob")}, userPolicy("arn:aws:iam::*:role/Ops")},
		"another partition":             {"", userPolicy("arn:aws-cn:iam::444444444444:role/Bob", other), "aws-cn", []access.Opening{opening(china, "Bob")}, userPolicy(other)},
		"escaped star is no pattern":    {"", userPolicy("arn:aws:iam::111111111111:role/${*}", bobHere), "aws", []access.Opening{opening(here, "Bob")}, userPolicy("arn:aws:iam::111111111111:role/${*}")},
		"a former role that is revoked": {userPolicy(bobThere, other), userPolicy(bobHere), "aws", []access.Opening{opening(here, "Bob")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := CutDown(tc.after, tc.before, tc.partition, tc.held, 2048)
			if err != nil || !iam.Equal(got, tc.want, nil) && got != tc.want {
				t.Errorf("got %s (%v), want %s", got, err, tc.want)
			}
		})
	}
}

// TestCutDownFitsIntoLimit: the former ARNs that a pattern covers, with new roles, may be longer than the limit.
func TestCutDownFitsIntoLimit(t *testing.T) {
	var former, wanted []string
	for i := range 20 {
		former = append(former, fmt.Sprintf("arn:aws:iam::%012d:role/Bob", 500+i))
		wanted = append(wanted, fmt.Sprintf("arn:aws:iam::%012d:role/Other", 500+i))
	}
	before := userPolicy(append(former, "arn:aws:iam::111111111111:role/Revoked")...)
	limit := iam.Size(before)
	got, err := CutDown(userPolicy(append(wanted, bobAny)...), before, "aws", []access.Opening{opening(here, "Bob")}, limit)
	if err != nil || iam.Size(got) > limit || !iam.Equal(got, userPolicy(former...), nil) {
		t.Errorf("got %s (%v), want the former ARNs that are still wanted", got, err)
	}
}

func TestCutDownRefusesPolicyOfOthers(t *testing.T) {
	after := document(`{"Sid":"Theirs","Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
	if got, err := CutDown(after, "", "aws", []access.Opening{opening(here, "Bob")}, 2048); err == nil {
		t.Errorf("got %s, want an error", got)
	}
}

func TestNewlyOpened(t *testing.T) {
	planned := []access.Opening{opening(here, "Bob"), opening(there, "Bob"), opening(there, "Ops")}
	for n := range planned {
		planned[n].Basis = access.BasisWritten
	}
	got := NewlyOpened(userPolicy(bobAny, "arn:aws:iam::111111111111:role/Other"), userPolicy(bobHere), "aws", planned)
	want := map[string]access.OpeningBasis{"222222222222/Bob": access.BasisWritten, "111111111111/Other": ""}
	if len(got) != len(want) {
		t.Errorf("got %+v", got)
	}
	for _, o := range got {
		if basis, ok := want[string(o.Account)+"/"+o.Role.Name]; !ok || basis != o.Basis {
			t.Errorf("got %+v", o)
		}
	}
}
