package rollout

import (
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

const (
	root = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}`

	// The users' side of Bob: alice, and no call without MFA.
	sideOfAlice = `[{"Sid":"PortcullisDenyNoMFA","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:root"},` +
		`"Action":"sts:AssumeRole","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}},` +
		`{"Sid":"PortcullisUserSide","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},` +
		`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:username":["alice"]}}}]`
)

// TestUserSidePolicyWaitsForNoStatementOfOthers: since the plan was made, another person has admitted the whole account.
// The policy of alice would open the role to her before the trust policy denies calls without MFA.
func TestUserSidePolicyWaitsForNoStatementOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		side, trust := userSideOp(0, "alice", 1, openBob), sideOp(1, "", sideOfAlice)
		side.ID, trust.ID = 1, 2
		side.State, trust.State = access.OperationPlanned, access.OperationPlanned
		trust.BeforeKnown, trust.Before, trust.After = true, document(foreign, "[]"), document(foreign, sideOfAlice)
		store := newMemoryStore(side, trust)
		cloud := newMemoryCloud(
			access.LiveDocument{Resource: roleBob, Document: document(foreign+","+root, "[]")},
			access.LiveDocument{Resource: side.Resource},
		)
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationFailed, access.OperationSkipped)
		if len(cloud.writes) != 0 {
			t.Errorf("written: %v", cloud.writes)
		}
		if store.result.Class != access.CloudBlocked {
			t.Errorf("the target failed as %q, want %q", store.result.Class, access.CloudBlocked)
		}
	})
}

// TestFormThatBecameLiveIsRecorded: a statement of others keeps a Deny in the form to be written. While the write
// waits, that statement goes, and the document is live as approved. The record must say so.
func TestFormThatBecameLiveIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trust := trustOperation(access.OperationPlanned)
		trust.OursBefore, trust.OursAfter = pairOfAlice, "[]"
		trust.Before, trust.After = document(foreign, pairOfAlice), document(foreign, "[]")
		trust.State, trust.Written, trust.IntendedAt = access.OperationIntended, document(foreign, "[]"), time.Now()
		store := newMemoryStore(trust)
		cloud := newMemoryCloud(access.LiveDocument{Resource: roleBob, Document: document(foreign+","+root, "[]")})
		waitOnce(cloud, func() {
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, "[]")}
		})
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
		if got, live := store.ops[0].Written, document(foreign, "[]"); got != live {
			t.Errorf("recorded as written: %s\nlive: %s", got, live)
		}
	})
}

// TestTargetDoesNotContinueForAPolicyThatStaysIncomplete: the policy of alice opens Admin only, whose trust policy is in
// conflict. It stays as it is, so the Deny that keeps her out of Bob stays too, and the target ends.
func TestTargetDoesNotContinueForAPolicyThatStaysIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice := access.UserName{Account: "111122223333", Path: "/", Name: "alice"}
		bob := trustOperation(access.OperationPlanned)
		bob.OursBefore, bob.OursAfter = pairOfAlice, "[]"
		bob.Before, bob.After = document(root, pairOfAlice), document(root, "[]")
		bob.Requires = access.Requirements{Revoked: []access.UserName{alice}}.Encode()
		admin := trustOperation(access.OperationPlanned)
		admin.ID, admin.Seq, admin.Resource.Name = 3, 1, "Admin"
		policy := userOperation(access.OpUserPolicy)
		policy.Seq, policy.Before, policy.OursBefore = 2, "", ""
		policy.After, policy.OursAfter = userCut, userCut
		policy.Requires = access.Requirements{Opens: []access.Opening{{
			Account: "111122223333", Role: access.RoleName{Path: "/", Name: "Admin"}, Basis: access.BasisWritten,
		}}}.Encode()
		store := newMemoryStore(bob, admin, policy)
		cloud := newMemoryCloud(
			access.LiveDocument{Resource: roleBob, Document: bob.Before},
			access.LiveDocument{Resource: admin.Resource, Document: document(foreign, oursOther)},
			access.LiveDocument{Resource: userAlice},
		)
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetConflict, access.OperationWritten, access.OperationConflict, access.OperationSkipped)
	})
}
