package rollout

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func userSideOp(seq int, user string, part int, after string) access.Operation {
	return access.Operation{Seq: seq, PlannedOperation: access.PlannedOperation{Kind: access.OpUserSidePolicy, Resource: access.UserSidePolicy(user, part), After: after, OursAfter: after}}
}

func attachOp(seq int, user, before, after string) access.Operation {
	return access.Operation{Seq: seq, PlannedOperation: access.PlannedOperation{
		Kind: access.OpAttachments, Resource: access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: user}, BeforeKnown: true, OursBefore: before, OursAfter: after,
	}}
}

func sideOp(seq int, before, after string) access.Operation {
	return access.Operation{Seq: seq, PlannedOperation: access.PlannedOperation{Kind: access.OpTrustPolicy, Resource: roleBob, OursBefore: before, OursAfter: after}}
}

const (
	userSide    = `[{"Sid":"PortcullisUserSide","Effect":"Allow","Action":"sts:AssumeRole","Condition":`
	admitsAlice = userSide + `{"StringEquals":{"aws:username":["alice"]}}}]`
	admitsBoth  = userSide + `{"StringEquals":{"aws:username":["alice","bob"]}}}]`
	pairOfAlice = `[{"Sid":"PortcullisAllow","Effect":"Allow","Action":"sts:AssumeRole",` +
		`"Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"}}]`

	aboutBob    = `"Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/Bob"}]}`
	policyOfBob = `{"Statement":[{"Sid":"PortcullisDenyNetwork","Effect":"Deny",` + aboutBob
	openBob     = `{"Statement":[{"Sid":"PortcullisAllow","Effect":"Allow",` + aboutBob
)

// TestWhatRestsOnAFailedStepWaits: a role is not opened before the user-side policy is written, a
// user-side policy gives up no role that is still open, and the parts of a user's policies keep
// their order.
func TestWhatRestsOnAFailedStepWaits(t *testing.T) {
	account := access.Account{ID: "111122223333"}
	for name, c := range map[string]struct {
		first, then access.Operation
		held        bool
	}{
		"opening a role, the user-side policy failed":      {userSideOp(0, "alice", 1, policyOfBob), sideOp(1, pairOfAlice, admitsAlice), true},
		"opening a role, the attachment failed":            {attachOp(0, "bob", "", "x"), sideOp(1, admitsAlice, admitsBoth), true},
		"a role that is open to them already":              {userSideOp(0, "alice", 1, policyOfBob), sideOp(1, admitsAlice, admitsBoth), false},
		"a role that no longer admits them":                {userSideOp(0, "bob", 1, "{}"), sideOp(1, admitsBoth, admitsAlice), false},
		"removing a restriction, the role failed":          {sideOp(0, admitsBoth, admitsAlice), userSideOp(1, "bob", 1, "{}"), true},
		"detaching a user-side policy, the role failed":    {sideOp(0, admitsBoth, admitsAlice), attachOp(1, "bob", "x", ""), true},
		"a policy that keeps the role, another role's end": {sideOp(0, admitsBoth, admitsAlice), userSideOp(1, "bob", 1, policyOfBob), false},
		"a policy that only allows the role":               {sideOp(0, admitsBoth, admitsAlice), userSideOp(1, "bob", 1, openBob), true},
		"the next part of the same user's policies":        {userSideOp(0, "alice", 3, policyOfBob), userSideOp(1, "alice", 2, policyOfBob), true},
		"a part of another user's policies":                {userSideOp(0, "alice", 3, policyOfBob), userSideOp(1, "bob", 2, policyOfBob), false},
	} {
		steps := []step{{op: c.first, decision: decision{state: access.OperationFailed}}, {op: c.then, decision: decision{write: true, document: c.then.After}}}
		holdBack(steps, account)
		if held := steps[1].blocked; held != c.held {
			t.Errorf("%s: held back %v (%s), want %v", name, held, steps[1].message, c.held)
		}
	}
}

// TestUserPolicyWithPatternsLeavesTheRoleOut: a user's policy opens a role that it names by a pattern just as it opens one
// that it names as it is.
func TestUserPolicyWithPatternsLeavesTheRoleOut(t *testing.T) {
	for resource, held := range map[string]bool{
		`arn:aws:iam::111122223333:role/Bob`: true,
		`arn:aws:iam::*:role/Bob`:            true,
		`arn:aws:iam::*:role/Bobby`:          false,
	} {
		store, cloud := oneTarget()
		resources := `["arn:aws:iam::111122223333:role/Admin","` + resource + `"]`
		policy := `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssumeRole","Effect":"Allow","Action":"sts:AssumeRole","Resource":` + resources + `}]}`
		store.ops[1].After, store.ops[1].OursAfter = policy, policy
		if strings.Contains(resource, "*") { // the plan expands patterns
			opens := []access.Opening{{Account: "111122223333", Role: access.RoleName{Path: "/", Name: "Bob"}, Basis: access.BasisWritten}}
			store.ops[1].Requires = access.Requirements{Opens: opens}.Encode()
		}
		edited := document(foreign, oursOther)
		cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: edited}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetConflict, access.OperationConflict, access.OperationWritten)
		want := policy
		if held {
			want = userCut
		}
		cloud.checkLive(t, userAlice, want)
	}
}

// TestWaitingIsPassedOn: what rests on a step that waits itself waits too.
func TestWaitingIsPassedOn(t *testing.T) {
	steps := []step{
		{op: userSideOp(0, "alice", 2, policyOfBob), decision: decision{state: access.OperationConflict}},
		{op: attachOp(1, "alice", "", "x"), decision: decision{write: true}},
		{op: sideOp(2, pairOfAlice, admitsAlice), decision: decision{write: true}},
	}
	holdBack(steps, access.Account{ID: "111122223333"})
	if !steps[1].blocked || !steps[2].blocked || steps[2].state != access.OperationSkipped {
		t.Errorf("the attachment waits: %v, the role: %v", steps[1].blocked, steps[2].blocked)
	}
}

// TestAttachmentsOfOthersStay decides over what is live at the moment of the push.
func TestAttachmentsOfOthersStay(t *testing.T) {
	one, two := access.UserSidePolicy("alice", 1).ARN("aws", "111122223333"), access.UserSidePolicy("alice", 2).ARN("aws", "111122223333")
	const theirs = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	doc := func(arns ...string) string { return access.AttachmentsDocument(arns) }
	op := attachOp(0, "alice", doc(one), doc(one, two))
	for name, c := range map[string]struct {
		state access.OperationState
		live  string
		write string
		end   access.OperationState
	}{
		"as planned":                       {access.OperationPlanned, doc(one), doc(one, two), ""},
		"somebody attached another":        {access.OperationPlanned, doc(one, theirs), doc(one, two, theirs), ""},
		"attached already":                 {access.OperationPlanned, doc(one, two, theirs), "", access.OperationUnchanged},
		"somebody detached ours":           {access.OperationPlanned, doc(theirs), "", access.OperationConflict},
		"interrupted before":               {access.OperationIntended, doc(one, theirs), doc(one, two, theirs), ""},
		"interrupted, done":                {access.OperationIntended, doc(one, two), "", access.OperationWritten},
		"interrupted, then ours were gone": {access.OperationIntended, "", "", access.OperationConflict},
	} {
		op.State = c.state
		d := decide(op, access.LiveDocument{Resource: op.Resource, Exists: true, Document: c.live}, nil)
		if d.write != (c.write != "") || d.document != c.write || d.state != c.end {
			t.Errorf("%s: write %v %q, state %q (%s), want %q, %q", name, d.write, d.document, d.state, d.message, c.write, c.end)
		}
	}
	if d := decide(op, access.LiveDocument{Resource: op.Resource}, nil); d.state != access.OperationSkipped {
		t.Errorf("no such user: %q, want it skipped", d.state)
	}
}

// TestMissingUserSidePolicyIsCreated: a managed policy that does not exist yet is no failure.
func TestMissingUserSidePolicyIsCreated(t *testing.T) {
	op := userSideOp(0, "alice", 1, policyOfBob)
	op.State, op.BeforeKnown = access.OperationPlanned, true
	if d := decide(op, access.LiveDocument{Resource: op.Resource}, nil); !d.write || d.document != policyOfBob {
		t.Errorf("decided %+v, want it written", d)
	}
	op.Kind, op.After, op.OursAfter, op.OursBefore = access.OpDeleteUserSidePolicy, "", "", policyOfBob
	if d := decide(op, access.LiveDocument{Resource: op.Resource}, nil); d.write || d.state != access.OperationUnchanged {
		t.Errorf("decided %+v on one that is gone, want unchanged", d)
	}
}
