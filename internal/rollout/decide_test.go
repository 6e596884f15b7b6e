package rollout

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

const (
	foreign = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
	vendor  = `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}`

	oursOld   = `[{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"103.15.250.0/24"}}}]`
	oursNew   = `[{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24","12.148.72.0/23"]}}}]`
	oursOther = `[{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"0.0.0.0/0"}}}]`

	userOld = `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssumeRole","Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/Former"}]}`
	userCut = `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssumeRole","Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/Admin"}]}` // userNew without Bob
	userNew = `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssumeRole","Effect":"Allow","Action":"sts:AssumeRole","Resource":["arn:aws:iam::111122223333:role/Bob","arn:aws:iam::111122223333:role/Admin"]}]}`
)

var (
	roleBob   = access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	userAlice = access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}
)

// document makes a trust policy of statements of others and of ours.
func document(others, ours string) string {
	ours = strings.TrimSuffix(strings.TrimPrefix(ours, "["), "]")
	parts := make([]string, 0, 2)
	for _, p := range []string{others, ours} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(parts, ",") + `]}`
}

func trustOperation(state access.OperationState) access.Operation {
	return access.Operation{ID: 1, State: state, PlannedOperation: access.PlannedOperation{
		Kind: access.OpTrustPolicy, Resource: roleBob, BeforeKnown: true,
		Before: document(foreign, oursOld), After: document(foreign, oursNew), OursBefore: oursOld, OursAfter: oursNew,
	}}
}

func userOperation(kind access.OperationKind) access.Operation {
	op := access.Operation{ID: 2, State: access.OperationPlanned, PlannedOperation: access.PlannedOperation{
		Kind: kind, Resource: userAlice, BeforeKnown: true, Before: userOld, OursBefore: userOld,
	}}
	if kind == access.OpUserPolicy {
		op.After, op.OursAfter = userNew, userNew
	}
	return op
}

func TestDecideTrustPolicy(t *testing.T) {
	unknownBefore := trustOperation(access.OperationPlanned)
	unknownBefore.BeforeKnown = false
	for name, c := range map[string]struct {
		op    access.Operation
		live  string
		write string // what is to be written; "" for nothing
		state access.OperationState
	}{
		"as planned":                       {trustOperation(access.OperationPlanned), document(foreign, oursOld), document(foreign, oursNew), ""},
		"others changed since":             {trustOperation(access.OperationPlanned), document(vendor, oursOld), document(vendor, oursNew), ""},
		"others gone since":                {trustOperation(access.OperationPlanned), document("", oursOld), document("", oursNew), ""},
		"desired already":                  {trustOperation(access.OperationPlanned), document(foreign, oursNew), "", access.OperationUnchanged},
		"desired already, others changed":  {trustOperation(access.OperationPlanned), document(vendor, oursNew), "", access.OperationUnchanged},
		"ours edited":                      {trustOperation(access.OperationPlanned), document(foreign, oursOther), "", access.OperationConflict},
		"ours removed":                     {trustOperation(access.OperationPlanned), document(foreign, ""), "", access.OperationConflict},
		"interrupted, took effect":         {trustOperation(access.OperationIntended), document(foreign, oursNew), "", access.OperationWritten},
		"interrupted, took no effect":      {trustOperation(access.OperationIntended), document(foreign, oursOld), document(foreign, oursNew), ""},
		"interrupted, then edited":         {trustOperation(access.OperationIntended), document(foreign, oursOther), "", access.OperationConflict},
		"written before, still there":      {trustOperation(access.OperationWritten), document(foreign, oursNew), "", access.OperationWritten},
		"written before, undone":           {trustOperation(access.OperationWritten), document(foreign, oursOld), document(foreign, oursNew), ""},
		"failed before":                    {trustOperation(access.OperationFailed), document(foreign, oursOld), "", access.OperationFailed},
		"a conflict before":                {trustOperation(access.OperationConflict), document(foreign, oursOld), "", access.OperationConflict},
		"skipped before":                   {trustOperation(access.OperationSkipped), document(foreign, oursOld), "", access.OperationSkipped},
		"not known before, nothing ours":   {unknownBefore, document(foreign, ""), document(foreign, oursNew), ""},
		"not known before, as expected":    {unknownBefore, document(foreign, oursOld), document(foreign, oursNew), ""},
		"not known before, something else": {unknownBefore, document(foreign, oursOther), "", access.OperationConflict},
		"not a policy":                     {trustOperation(access.OperationPlanned), "nonsense", "", access.OperationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			checkDecision(t, decide(c.op, access.LiveDocument{Resource: roleBob, Exists: true, Document: c.live}, nil), c.write, c.state)
		})
	}
}

// TestDecideOnAnotherRoleOfTheSameName: nothing is written to a role or user that IAM only takes for the one that is
// meant, and the advice names it.
func TestDecideOnAnotherRoleOfTheSameName(t *testing.T) {
	d := decide(trustOperation(access.OperationPlanned), access.LiveDocument{Resource: roleBob, RealName: "team/bob"}, nil)
	if d.write || d.state != access.OperationFailed || d.class != access.CloudGone {
		t.Errorf("got %+v, want a failure of the class gone", d)
	}
	if !strings.Contains(d.advice, "team/bob") || !strings.Contains(d.message, "team/bob") {
		t.Errorf("advice %q and message %q do not name the role that exists", d.advice, d.message)
	}
	d = decide(userOperation(access.OpUserPolicy), access.LiveDocument{Resource: userAlice, RealName: "ops/Alice"}, nil)
	if d.write || d.state != access.OperationSkipped || !strings.Contains(d.message, "user ops/Alice") {
		t.Errorf("got %+v, want a skipped user policy and the name of the user that exists", d)
	}
}

func TestDecideUserPolicy(t *testing.T) {
	written, deleted := userOperation(access.OpUserPolicy), userOperation(access.OpDeleteUserPolicy)
	written.State, deleted.State = access.OperationWritten, access.OperationWritten
	for name, c := range map[string]struct {
		op     access.Operation
		exists bool
		live   string
		write  bool
		state  access.OperationState
	}{
		"as planned":              {userOperation(access.OpUserPolicy), true, userOld, true, ""},
		"desired already":         {userOperation(access.OpUserPolicy), true, userNew, false, access.OperationUnchanged},
		"edited":                  {userOperation(access.OpUserPolicy), true, strings.ReplaceAll(userOld, "Former", "Root"), false, access.OperationConflict},
		"removed by somebody":     {userOperation(access.OpUserPolicy), true, "", false, access.OperationConflict},
		"no such user":            {userOperation(access.OpUserPolicy), false, "", false, access.OperationSkipped},
		"written, user gone":      {written, false, "", false, access.OperationWritten},
		"deleted, user gone":      {deleted, false, "", false, access.OperationWritten},
		"to delete":               {userOperation(access.OpDeleteUserPolicy), true, userOld, true, ""},
		"to delete, gone already": {userOperation(access.OpDeleteUserPolicy), true, "", false, access.OperationUnchanged},
		"to delete, no such user": {userOperation(access.OpDeleteUserPolicy), false, "", false, access.OperationUnchanged},
		"to delete, edited":       {userOperation(access.OpDeleteUserPolicy), true, userNew, false, access.OperationConflict},
	} {
		t.Run(name, func(t *testing.T) {
			want := ""
			if c.write && c.op.Kind == access.OpUserPolicy {
				want = userNew
			}
			d := decide(c.op, access.LiveDocument{Resource: userAlice, Exists: c.exists, Document: c.live}, nil)
			if d.write != c.write || d.state != c.state || d.document != want {
				t.Errorf("got %+v, want write %v of %q, state %q", d, c.write, want, c.state)
			}
		})
	}
}

func TestDecideMissingRoleSaysWhatToDo(t *testing.T) {
	d := decide(trustOperation(access.OperationPlanned), access.LiveDocument{Resource: roleBob}, nil)
	if d.state != access.OperationFailed || d.class != access.CloudGone || !strings.Contains(d.message, "role Bob") || d.advice == "" {
		t.Errorf("got %+v, want a failure of class gone that names role Bob and says what to do", d)
	}
}

func TestDecideKnowsPrincipalsByTheirID(t *testing.T) {
	live := strings.ReplaceAll(document(foreign, oursNew), "arn:aws:iam::111122223333:user/alice", "AIDAALICE")
	ids := principals(access.Account{ID: "111122223333"}, []access.LiveDocument{{Resource: userAlice, ID: "AIDAALICE", Exists: true}})
	d := decide(trustOperation(access.OperationPlanned), access.LiveDocument{Resource: roleBob, Exists: true, Document: live}, ids)
	if d.state != access.OperationUnchanged {
		t.Errorf("got %+v, want unchanged: AIDAALICE is alice", d)
	}
}

func checkDecision(t *testing.T, d decision, write string, state access.OperationState) {
	t.Helper()
	if d.write != (write != "") || d.state != state {
		t.Fatalf("got %+v, want write %q, state %q", d, write, state)
	}
	if d.write && !sameDocument(d.document, write, nil) {
		t.Errorf("writes %s\nwant   %s", d.document, write)
	}
	if (d.state == access.OperationConflict || d.state == access.OperationFailed) && !d.recorded && (d.message == "" || d.advice == "") {
		t.Errorf("%+v lacks a message or an advice", d)
	}
}
