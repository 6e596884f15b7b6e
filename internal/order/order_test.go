package order

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/iam"
)

// The tests are about role Bob of account here, alice of the same account and dave of account there.
const (
	here, there = access.AccountID("111111111111"), access.AccountID("222222222222")
	unread      = access.AccountID("333333333333") // was never read
	china       = access.AccountID("444444444444")

	aliceARN = "arn:aws:iam::111111111111:user/alice"
	daveARN  = "arn:aws:iam::222222222222:user/dave"
	bobHere  = "arn:aws:iam::111111111111:role/Bob"
	bobAny   = "arn:aws:iam::*:role/Bob"
)

var (
	alice = access.UserName{Account: here, Path: "/", Name: "alice"}
	dave  = access.UserName{Account: there, Path: "/", Name: "dave"}
	bob   = access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}

	organization = access.Accounts{
		{ID: here, Name: "one"}, {ID: there, Name: "two"}, {ID: unread, Name: "three"}, {ID: china, Name: "four", Partition: "aws-cn"},
	}
)

func allow(sid string, principals ...string) string { return statement(sid, "Allow", "", principals) }

func deny(sid, condition string, principals ...string) string {
	return statement(sid, "Deny", condition, principals)
}

func statement(sid, effect, condition string, principals []string) string {
	who := `{"AWS":["` + strings.Join(principals, `","`) + `"]}`
	if len(principals) == 1 {
		who = `{"AWS":"` + principals[0] + `"}`
	}
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Sid":"` + sid + `","Effect":"` + effect + `","Principal":` + who + `,"Action":"sts:AssumeRole"` + condition + `}`
}

const (
	office     = `{"NotIpAddress":{"aws:SourceIp":"103.15.250.0/24"}}`
	foreignEC2 = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
)

// mapped are our statements for users who may assume the role from the office.
func mapped(arns ...string) []string {
	if len(arns) == 0 {
		return nil
	}
	return []string{allow("PortcullisAllow", arns...), deny("PortcullisDenyNetwork", office, arns...)}
}

func document(statements ...string) string { return accesstest.Document(statements...) }

func userPolicy(resources ...string) string {
	if len(resources) == 0 {
		return ""
	}
	return document(`{"Sid":"PortcullisAssumeRole","Effect":"Allow","Action":"sts:AssumeRole","Resource":["` + strings.Join(resources, `","`) + `"]}`)
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

// trustOp plans a trust policy of Bob: ours are our statements after, in a document of ours.
func trustOp(t fataler, before string, ours ...string) access.PlannedOperation {
	t.Helper()
	var ss []iam.Statement
	if len(ours) > 0 {
		list, err := iam.Ours(document(ours...))
		if err != nil {
			t.Fatal(err)
		}
		if ss, err = iam.ParseStatements(list); err != nil {
			t.Fatal(err)
		}
	}
	is, err := iam.Rewrite(before, ss)
	if err != nil {
		t.Fatal(err)
	}
	return access.PlannedOperation{
		Kind: access.OpTrustPolicy, Resource: bob, Before: before, BeforeKnown: true, After: is.Merged,
		OursBefore: is.OursBefore, OursAfter: is.OursAfter, Size: iam.Size(is.Merged), Limit: 2048,
	}
}

func userOp(u access.UserName, before, after string) access.PlannedOperation {
	kind := access.OpUserPolicy
	if after == "" {
		kind = access.OpDeleteUserPolicy
	}
	return access.PlannedOperation{
		Kind: kind, Resource: access.Resource{Kind: access.ResourceUser, Path: u.Path, Name: u.Name}, Before: before, BeforeKnown: true, After: after,
		OursBefore: before, OursAfter: after, Size: iam.Size(after), Limit: 2048,
	}
}

func user(u access.UserName, document string, groups ...string) access.LiveUser {
	live := access.LiveUser{Groups: groups}
	live.Resource = access.Resource{Kind: access.ResourceUser, Path: u.Path, Name: u.Name}
	live.Exists, live.Document = true, document
	return live
}

func role(document string) access.LiveDocument {
	return access.LiveDocument{Resource: bob, Exists: true, Document: document}
}

// read is the reading of an account with Bob and some users.
func read(trust string, users ...access.LiveUser) access.Inventory {
	inv := access.Inventory{Users: users}
	if trust != "" {
		inv.Roles = []access.LiveDocument{role(trust)}
	}
	return inv
}

func reading(known map[access.AccountID]access.Inventory) Reading {
	return Reading{Accounts: organization, Inventories: access.InventoriesOf(known)}
}

func target(account access.AccountID, ops ...access.PlannedOperation) access.PlannedTarget {
	return access.PlannedTarget{Account: account, AccountName: "acc-" + string(account), Operations: ops}
}

// requirements arranges a plan and returns the first operation of its first target.
func arranged(t *testing.T, r Reading, targets ...access.PlannedTarget) (access.PlannedOperation, access.Requirements) {
	t.Helper()
	plan := access.NewPlan("", targets...)
	if _, refusals := Arrange(r, &plan); len(refusals) > 0 {
		t.Fatal(refusals)
	}
	op := plan.Target(0).Operations[0]
	requires, err := access.ParseRequirements(op.Requires)
	if err != nil {
		t.Fatal(err)
	}
	return op, requires
}
