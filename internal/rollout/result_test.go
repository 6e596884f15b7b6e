package rollout

import (
	"errors"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func stepsOf(states ...access.OperationState) []step {
	steps := make([]step, len(states))
	for i, s := range states {
		steps[i] = step{decision: decision{state: s, message: string(s) + ".", class: access.CloudQuota}}
	}
	return steps
}

func TestResult(t *testing.T) {
	const (
		written, unchanged, conflict = access.OperationWritten, access.OperationUnchanged, access.OperationConflict
		failed, skipped              = access.OperationFailed, access.OperationSkipped
	)
	for name, c := range map[string]struct {
		steps   []step
		want    access.TargetState
		message string
	}{
		"nothing to do":         {stepsOf(unchanged, unchanged), access.TargetUnchanged, ""},
		"no operations":         {nil, access.TargetUnchanged, ""},
		"one written":           {stepsOf(unchanged, written), access.TargetSucceeded, ""},
		"a user missing":        {stepsOf(written, skipped), access.TargetSucceeded, "skipped."},
		"only users missing":    {stepsOf(skipped, skipped, skipped), access.TargetUnchanged, "skipped. And 2 more."},
		"conflict beats":        {stepsOf(written, conflict), access.TargetConflict, "conflict."},
		"failure beats":         {stepsOf(conflict, written, failed), access.TargetFailed, "failed."},
		"two failures, said so": {stepsOf(failed, failed), access.TargetFailed, "failed. And 1 more."},
	} {
		t.Run(name, func(t *testing.T) {
			got := result(c.steps, nil)
			if got.State != c.want || got.Message != c.message {
				t.Errorf("got %s %q, want %s %q", got.State, got.Message, c.want, c.message)
			}
		})
	}
}

func TestRefusedAlwaysAdvises(t *testing.T) {
	for _, class := range access.CloudClasses() {
		r := newRefusal(&access.CloudError{Class: class, Account: "111122223333", Action: "iam:GetRole", Code: "Some"})
		if r.class != class || r.advice == "" || !strings.Contains(r.message, "111122223333") {
			t.Errorf("%s: got %+v, want an advice and the account", class, r)
		}
	}
	if r := newRefusal(errors.New("boom")); r.class != access.CloudUnknown || r.advice == "" {
		t.Errorf("got %+v, want class unknown with advice", r)
	}
}

func TestUserPolicyThatNamesOtherRolesIsWritten(t *testing.T) {
	failed := trustOperation(access.OperationPlanned)
	failed.Resource.Name = "Bobby"
	steps := []step{
		{op: failed, decision: decision{state: access.OperationFailed}},
		{op: userOperation(access.OpUserPolicy), decision: decision{write: true, document: userNew}},
	}
	holdBack(steps, access.Account{ID: "111122223333"})
	if !steps[1].write {
		t.Errorf("got %+v: skipped for a role that the policy does not name", steps[1].decision)
	}
}
