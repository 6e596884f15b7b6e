package sandbox_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/smithy-go"

	"portcullis.internal/portcullis/internal/aws/sandbox"
)

func TestOUsOverTheWire(t *testing.T) {
	c := start(t, sandbox.Config{})
	ctx := t.Context()
	client := organizations.NewFromConfig(c.as(t, c.account(t, "management"), sandbox.AdminUser))
	create := func(parent *string, name string) (*string, error) {
		in := organizations.CreateOrganizationalUnitInput{ParentId: parent, Name: &name}
		out, err := client.CreateOrganizationalUnit(ctx, &in)
		if err != nil {
			return nil, err
		}
		return out.OrganizationalUnit.Id, nil
	}
	root := aws.String(c.RootID())
	unit, err := create(root, "CI/CD")
	if err != nil {
		t.Fatal(err)
	}
	account := aws.String(string(c.account(t, "network")))
	parents, err := client.ListParents(ctx, &organizations.ListParentsInput{ChildId: account})
	if err != nil {
		t.Fatal(err)
	}
	before := parents.Parents[0].Id
	move := func(from, to *string) error {
		in := organizations.MoveAccountInput{AccountId: account, SourceParentId: from, DestinationParentId: to}
		_, err := client.MoveAccount(ctx, &in)
		return err
	}
	if err := move(before, unit); err != nil {
		t.Fatal(err)
	}
	rename := organizations.UpdateOrganizationalUnitInput{OrganizationalUnitId: unit, Name: aws.String("A/B")}
	if _, err := client.UpdateOrganizationalUnit(ctx, &rename); err != nil {
		t.Fatal(err)
	}
	for _, a := range c.Accounts() {
		if a.Name == "network" && (a.OU != `Root/"A/B"` || a.OUID != *unit) {
			t.Errorf("network is in %s, %s", a.OU, a.OUID)
		}
	}
	described, err := client.DescribeAccount(ctx, &organizations.DescribeAccountInput{AccountId: account})
	if err != nil || !strings.HasSuffix(described.Account.Paths[0], "/"+*root+"/"+*unit+"/"+*account+"/") {
		t.Errorf("the account's path is %v, %v", described, err)
	}
	deep := unit
	for range 4 {
		if deep, err = create(deep, "deeper"); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(id *string) error {
		in := organizations.DeleteOrganizationalUnitInput{OrganizationalUnitId: id}
		_, err := client.DeleteOrganizationalUnit(ctx, &in)
		return err
	}
	refused := func(_ *string, err error) error { return err }
	for code, err := range map[string]error{
		"DuplicateOrganizationalUnitException": refused(create(root, "A/B")),
		"ParentNotFoundException":              refused(create(aws.String("ou-none-00000000"), "x")),
		"ConstraintViolationException":         refused(create(deep, "x")),
		"OrganizationalUnitNotEmptyException":  remove(unit),
		"OrganizationalUnitNotFoundException":  remove(aws.String("ou-none-00000000")),
		"SourceParentNotFoundException":        move(before, unit),
		"DestinationParentNotFoundException":   move(unit, aws.String("ou-none-00000000")),
	} {
		var refusal smithy.APIError
		if !errors.As(err, &refusal) || refusal.ErrorCode() != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	if err := remove(deep); err != nil {
		t.Errorf("an empty OU: %v", err)
	}
}
