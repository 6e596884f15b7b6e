package order

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

const chinaAlice = "arn:aws-cn:iam::111122223333:user/alice"

func chinaRole(account, name string) string { return "arn:aws-cn:iam::" + account + ":role/" + name }

func policyOf(resources ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssume","Effect":"Allow","Action":"sts:AssumeRole",` +
		`"Resource":["` + strings.Join(resources, `","`) + `"]}]}`
}

func TestFirstFormOfAUserPolicyOpensNothingNew(t *testing.T) {
	old, fresh := chinaRole("111122223333", "Old"), chinaRole("444455556666", "New")
	op := access.PlannedOperation{
		Kind: access.OpUserPolicy, Before: policyOf(old), BeforeKnown: true, After: policyOf(old, fresh),
		Requires: access.Requirements{Opens: []access.Opening{{
			Account: "444455556666", Role: access.RoleName{Path: "/", Name: "New"}, Basis: access.BasisWritten,
		}}}.Encode(),
	}
	form, ok, err := FirstForm(op)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if !iam.AllowsAssumeRole(form, old) || iam.AllowsAssumeRole(form, fresh) {
		t.Errorf("the first form is %s, want it to allow %s only", form, old)
	}
}

func TestFirstFormOfATrustPolicyKeepsTheDeny(t *testing.T) {
	ours := `[{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"arn:aws-cn:iam::111122223333:user/bob"},"Action":"sts:AssumeRole"}]`
	others := `{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":"arn:aws-cn:iam::111122223333:root"},"Action":"sts:AssumeRole"}`
	before := `{"Version":"2012-10-17","Statement":[` + others + `]}`
	op := access.PlannedOperation{
		Kind: access.OpTrustPolicy, Before: before, BeforeKnown: true, OursAfter: ours,
		Requires: access.Requirements{Revoked: []access.UserName{{Account: "111122223333", Path: "/", Name: "alice"}}}.Encode(),
	}
	final := op
	if err := setOurs(&final, ours); err != nil {
		t.Fatal(err)
	}
	form, ok, err := FirstForm(final)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	for _, part := range []string{SidDenyRevoked, chinaAlice, "Theirs", "user/bob"} {
		if !strings.Contains(form, part) {
			t.Errorf("the closing form is %s, want %q in it", form, part)
		}
	}
	if strings.Contains(final.After, SidDenyRevoked) {
		t.Errorf("the final form is %s, want no Deny in it", final.After)
	}
}

func TestOperationWithoutRequirementsHasOneForm(t *testing.T) {
	form, ok, err := FirstForm(access.PlannedOperation{Kind: access.OpUserPolicy, After: userPolicy(chinaRole("111122223333", "Bob"))})
	if ok || err != nil || form != userPolicy(chinaRole("111122223333", "Bob")) {
		t.Errorf("got %s, %v, %v", form, ok, err)
	}
}
