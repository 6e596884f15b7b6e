package rollout

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

const (
	alice = "arn:aws:iam::111122223333:user/alice"
	carol = "arn:aws:iam::111122223333:user/carol"
	dave  = "arn:aws:iam::444455556666:user/ops/dave"

	carolsID = "AIDACAROLCAROLCAROL01"
	ghostID  = "AIDANOBODYNOBODYNOBOD"
)

var userCarol = access.Resource{Kind: access.ResourceUser, Path: "/", Name: "carol"}

// pairOf is our pair of statements for some users.
func pairOf(network string, users ...string) string {
	names := `"` + strings.Join(users, `","`) + `"`
	return `[{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":[` + names + `]},"Action":"sts:AssumeRole"},` +
		`{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":[` + names + `]},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"` + network + `"}}}]`
}

// crowd is a trust policy for alice, carol and dave, who is of another account, in an
// account whose IAM knows those that are given.
func crowd(known ...string) (*memoryStore, *memoryCloud) {
	op := trustOperation(access.OperationPlanned)
	op.Before, op.OursBefore = document(foreign, ""), ""
	op.OursAfter = pairOf("103.15.250.0/24", alice, carol, dave)
	op.After = document(foreign, op.OursAfter)
	cloud := newMemoryCloud(access.LiveDocument{Resource: roleBob, Document: document(foreign, "")})
	cloud.people = append([]string{}, known...)
	return newMemoryStore(op), cloud
}

func TestMissingUserBlocksNobody(t *testing.T) {
	store, cloud := crowd(alice, carol)
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(foreign, pairOf("103.15.250.0/24", alice, carol)))
	if !strings.Contains(store.result.Message, "ops/dave") || !strings.Contains(store.ops[0].Message, "ops/dave") {
		t.Errorf("the target says %q, the operation %q; want both to name dave", store.result.Message, store.ops[0].Message)
	}
	if got := len(cloud.writes); got != 2 {
		t.Errorf("%d writes, want the refused one and one without dave", got)
	}
	if got := store.eventsOf("operation.write"); got != 2 {
		t.Errorf("%d events of writes, want one for each document that was sent", got)
	}
}

func TestMissingUserIsLetInByAPushAfterwards(t *testing.T) {
	store, cloud := crowd(alice, carol)
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	cloud.people = append(cloud.people, dave)
	again, _ := crowd()
	again.ops[0].OursBefore = pairOf("103.15.250.0/24", alice, carol)
	if err := pushTarget(t.Context(), Config{Store: again, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	again.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(foreign, pairOf("103.15.250.0/24", alice, carol, dave)))
	if again.result.Message != "" {
		t.Errorf("the target says %q, want nothing", again.result.Message)
	}
}

// A user whose own policy is part of the target was looked at anyway: no write is spent
// on finding out.
func TestMissingUserOfTheAccountIsKnownFromReading(t *testing.T) {
	store, cloud := crowd(alice, dave)
	store.ops = append(store.ops, access.Operation{ID: 2, State: access.OperationPlanned, PlannedOperation: access.PlannedOperation{
		Kind: access.OpUserPolicy, Resource: userCarol, BeforeKnown: true, After: userNew, OursAfter: userNew,
	}})
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationSkipped)
	cloud.checkLive(t, roleBob, document(foreign, pairOf("103.15.250.0/24", alice, dave)))
	if len(cloud.writes) != 1 {
		t.Errorf("%d writes, want one", len(cloud.writes))
	}
}

func TestNobodyLeftLeavesNoStatement(t *testing.T) {
	store, cloud := crowd()
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetUnchanged, access.OperationUnchanged)
	cloud.checkLive(t, roleBob, document(foreign, ""))
	if !strings.Contains(store.result.Message, "alice, carol, ops/dave") {
		t.Errorf("the target says %q, want all three named", store.result.Message)
	}
}

// A user who was created moments ago is there, and AWS refuses to name them for a while.
func TestNewUserIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := crowd(alice, carol, dave)
		ready := time.Now().Add(90 * time.Second)
		cloud.onWrite = func(_ int, apply func()) error {
			if time.Now().Before(ready) {
				return cloudError(access.CloudInvalidPrincipal)
			}
			apply()
			return nil
		}
		tries := untilEnd(t, store, cloud)
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
		if tries < 3 || tries > 4 {
			t.Errorf("it took %d tries, want some and few", tries)
		}
		if store.eventsOf("operation.write") != 1 {
			t.Errorf("%d events of one write", store.eventsOf("operation.write"))
		}
	})
}

func TestNewUserIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := crowd(alice, carol, dave)
		cloud.onWrite = func(int, func()) error { return cloudError(access.CloudInvalidPrincipal) }
		begun := time.Now()
		untilEnd(t, store, cloud)
		store.checkEnd(t, access.TargetFailed, access.OperationFailed)
		if took := time.Since(begun); took < newFor || took > newFor+time.Minute {
			t.Errorf("given up after %s, want after %s", took, newFor)
		}
		if store.result.Class != access.CloudInvalidPrincipal || store.result.Advice == "" {
			t.Errorf("got %+v", store.result)
		}
	})
}

// While one role waits for a new user, the others of the account do not.
func TestNewUserDelaysOnlyTheirOwnRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := crowd(alice, carol, dave)
		other := trustOperation(access.OperationPlanned)
		other.ID, other.Resource.Name = 3, "Admin"
		mayBob := access.Operation{ID: 4, State: access.OperationPlanned, PlannedOperation: access.PlannedOperation{
			Kind: access.OpUserPolicy, Resource: userAlice, BeforeKnown: true, After: userNew, OursAfter: userNew, // names Bob
		}}
		store.ops = append(store.ops, other, mayBob)
		cloud.docs[other.Resource] = access.LiveDocument{Resource: other.Resource, Exists: true, Document: document(foreign, oursOld)}
		cloud.docs[userAlice] = access.LiveDocument{Resource: userAlice, Exists: true}
		cloud.onWrite = func(n int, apply func()) error {
			if cloud.writes[n-1].Resource == roleBob {
				return cloudError(access.CloudInvalidPrincipal)
			}
			apply()
			return nil
		}
		err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud})
		var later *SnoozeError
		if !errors.As(err, &later) {
			t.Fatalf("got %v, want it snoozed", err)
		}
		cloud.checkLive(t, other.Resource, document(foreign, oursNew))
		cloud.checkLive(t, userAlice, userCut)
	})
}

// AWS answers a write to a deleted user with NoSuchEntity, or with AccessDenied because the permissions
// boundary is gone with the user.
func TestUserWhoIsDeletedWhileWritingBlocksNothing(t *testing.T) {
	for _, class := range []access.CloudClass{access.CloudGone, access.CloudDenied} {
		store, cloud := oneTarget()
		cloud.onWrite = func(n int, apply func()) error {
			if n == 2 {
				delete(cloud.docs, userAlice)
				return cloudError(class)
			}
			apply()
			return nil
		}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationSkipped)
	}
}

// A denied write to a role says whether the role is there.
func TestDeniedWriteToARole(t *testing.T) {
	for want, gone := range map[access.CloudClass]bool{access.CloudGone: true, access.CloudDenied: false} {
		store, cloud := oneTarget()
		store.ops = store.ops[:1]
		cloud.onWrite = func(int, func()) error {
			if gone {
				delete(cloud.docs, roleBob)
			}
			return cloudError(access.CloudDenied)
		}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationFailed)
		if store.result.Class != want || len(cloud.writes) != 1 {
			t.Errorf("class %s after %d writes, want %s after one", store.result.Class, len(cloud.writes), want)
		}
	}
}

// Where a user of ours was deleted since the plan was made, IAM shows an id in our
// statements. Nobody has edited them.
func TestDeletedUserIsNoConflict(t *testing.T) {
	store, cloud := crowd(alice, carol, dave)
	store.ops[0].OursBefore = pairOf("12.148.72.0/23", alice, carol)
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, pairOf("12.148.72.0/23", alice, carolsID))}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(foreign, pairOf("103.15.250.0/24", alice, carol, dave)))
}

// A recreated user has another id: what was written for the old one has to be written
// again, although it reads as if the name were there.
func TestRecreatedUserIsNamedAnew(t *testing.T) {
	store, cloud := crowd(alice, carol, dave)
	store.ops[0].OursBefore = store.ops[0].OursAfter
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, pairOf("103.15.250.0/24", alice, carolsID, dave))}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(foreign, pairOf("103.15.250.0/24", alice, carol, dave)))
}

// A user who is created again has no inline policy: the one that the plan saw is gone with the
// deleted user. That is no edit, also where the push died between the two writes.
func TestRecreatedUserGetsTheUserPolicy(t *testing.T) {
	target := func() (*memoryStore, *memoryCloud) {
		store, cloud := crowd(alice, carol, dave)
		store.ops[0].OursBefore = store.ops[0].OursAfter
		op := userOperation(access.OpUserPolicy)
		op.Resource, op.Before, op.OursBefore = userCarol, userNew, userNew
		store.ops = append(store.ops, op)
		live := document(foreign, pairOf("103.15.250.0/24", alice, carolsID, dave))
		cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: live}
		cloud.docs[userCarol] = access.LiveDocument{Resource: userCarol, Exists: true, ID: "AIDACAROLCAROLCAROL02"}
		return store, cloud
	}
	for _, point := range Points() {
		store, cloud := target()
		died := false
		_ = pushTarget(t.Context(), Config{Store: store, Cloud: cloud, Fault: func(p Point) error {
			if p == point && !died {
				died = true
				return errLeaseExpired
			}
			return nil
		}})
		store.lapse()
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
		cloud.checkLive(t, roleBob, document(foreign, pairOf("103.15.250.0/24", alice, carol, dave)))
		cloud.checkLive(t, userCarol, userNew)
		if len(cloud.writes) != 2 {
			t.Errorf("%s: %d writes, want 2", point, len(cloud.writes))
		}
	}
}

// A rollback restores the earlier document. The push writes the name of a deleted user in place of
// the unique id, also if the live document shows this id.
func TestRollbackNamesARecreatedUser(t *testing.T) {
	const before, after = "12.148.72.0/23", "103.15.250.0/24"
	for name, live := range map[string]string{
		"the rollout's document is live": pairOf(after, alice, carol),
		"the id is live":                 pairOf(before, alice, carolsID),
	} {
		store, cloud := crowd(alice, carol, dave)
		store.ops[0].OursBefore, store.ops[0].OursAfter = pairOf(after, alice, carol), pairOf(before, alice, carolsID)
		cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, live)}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
		cloud.checkLive(t, roleBob, document(foreign, pairOf(before, alice, carol)))
	}
}

// The statements before do not tell whose id it is, and AWS refuses it.
func TestRollbackLeavesOutAnUnknownID(t *testing.T) {
	store, cloud := crowd(alice, carol, dave)
	store.ops[0].OursBefore = pairOf("12.148.72.0/23", alice)
	store.ops[0].OursAfter = pairOf("103.15.250.0/24", alice, ghostID)
	live := document(foreign, pairOf("12.148.72.0/23", alice))
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: live}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(foreign, pairOf("103.15.250.0/24", alice)))
	if !strings.Contains(store.result.Message, ghostID) {
		t.Errorf("the target says %q, want the id named", store.result.Message)
	}
}

func TestSomebodyElsesIDIsAConflict(t *testing.T) {
	store, cloud := crowd(alice, carol, dave)
	store.ops[0].OursBefore = pairOf("12.148.72.0/23", alice)
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, pairOf("12.148.72.0/23", alice, carolsID))}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetConflict, access.OperationConflict)
}

// oldCrowd is a crowd whose users were created a year ago, so that AWS refuses no document because a user is new.
func oldCrowd(known ...string) (*memoryStore, *memoryCloud) {
	store, cloud := crowd(known...)
	cloud.created = time.Now().AddDate(-1, 0, 0)
	return store, cloud
}

// AWS refuses a document that names the id of a deleted user, also in statements of others.
func TestDeadIDsOfOthersAreLeftOutAtOnce(t *testing.T) {
	others := `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":["` + ghostID + `","` + alice +
		`"]},"Action":"sts:AssumeRole"}`
	dead := `{"Sid":"Dead","Effect":"Allow","Principal":{"AWS":"` + ghostID + `"},"Action":"sts:AssumeRole"}`
	kept := strings.Replace(others, `"`+ghostID+`",`, "", 1)
	live := document(foreign+","+others+","+dead, "")
	for name, c := range map[string]struct {
		before string
		writes int
	}{
		"the plan shows the id too":     {live, 1},
		"the id is new since the plan":  {document(foreign, ""), 2},
		"the plan shows the name still": {strings.ReplaceAll(live, ghostID, carol), 2},
	} {
		t.Run(name, func(t *testing.T) {
			store, cloud := oldCrowd(alice, carol, dave)
			store.ops[0].Before = c.before
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: live}
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
				t.Fatalf("got %v, want no wait", err)
			}
			store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
			cloud.checkLive(t, roleBob, document(foreign+","+kept, store.ops[0].OursAfter))
			if len(cloud.writes) != c.writes {
				t.Errorf("%d writes, want %d", len(cloud.writes), c.writes)
			}
			if !strings.Contains(store.result.Message, ghostID) || !strings.Contains(store.ops[0].Message, ghostID) {
				t.Errorf("the target says %q, the operation %q; want both to name the id", store.result.Message,
					store.ops[0].Message)
			}
			if !strings.Contains(store.ops[0].LiveBefore, ghostID) {
				t.Error("the document before was not kept as it was")
			}
		})
	}
}

// A dead id is no reason to write a document that is otherwise as desired.
func TestDeadIDOfOthersAloneCausesNoWrite(t *testing.T) {
	store, cloud := oldCrowd(alice, carol, dave)
	others := `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":["` + ghostID + `","` + alice +
		`"]},"Action":"sts:AssumeRole"}`
	store.ops[0].Before = document(others, "")
	live := document(others, store.ops[0].OursAfter)
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: live}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetUnchanged, access.OperationUnchanged)
	if len(cloud.writes) != 0 {
		t.Errorf("%d writes, want none", len(cloud.writes))
	}
}

// IAM may show the id of a principal who exists, for a moment. The reading after the refusal shows the
// name, and nothing of others is lost.
func TestIDThatIsShownForAMomentIsNotDead(t *testing.T) {
	store, cloud := oldCrowd(alice, carol, dave)
	others := `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":"` + ghostID + `"},"Action":"sts:AssumeRole"}`
	named := strings.Replace(others, ghostID, carol, 1)
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(others, "")}
	cloud.onRead = func(int) error {
		if len(cloud.writes) == 1 {
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(named, "")}
		}
		return nil
	}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(named, store.ops[0].OursAfter))
	if len(cloud.writes) != 2 || store.result.Message != "" {
		t.Errorf("%d writes, and the target says %q; want 2 and nothing", len(cloud.writes), store.result.Message)
	}
}

// A push that dies after it has left out a dead id leaves it out again: AWS refuses no document twice.
func TestDeadIDStaysLeftOutAfterACrash(t *testing.T) {
	store, cloud := oldCrowd(alice, carol, dave)
	others := `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":["` + ghostID + `","` + alice +
		`"]},"Action":"sts:AssumeRole"}`
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(others, "")}
	crash := errors.New("killed")
	err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud, Fault: func(p Point) error {
		if p == PointWriting && len(cloud.writes) == 1 {
			return crash
		}
		return nil
	}})
	if !errors.Is(err, crash) {
		t.Fatalf("got %v, want the crash", err)
	}
	store.lapse()
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten)
	if len(cloud.writes) != 2 {
		t.Errorf("%d writes, want the refused one and one without the id", len(cloud.writes))
	}
}

// Nothing about a document that AWS refuses changes by waiting, unless it names a new user.
func TestRefusedDocumentIsNotRepeated(t *testing.T) {
	for _, class := range []access.CloudClass{access.CloudMalformed, access.CloudInvalidPrincipal} {
		t.Run(string(class), func(t *testing.T) {
			store, cloud := oldCrowd(alice, carol, dave)
			cloud.onWrite = func(int, func()) error { return cloudError(class) }
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
				t.Fatalf("got %v, want no wait", err)
			}
			store.checkEnd(t, access.TargetFailed, access.OperationFailed)
			if len(cloud.writes) != 1 || store.result.Class != class {
				t.Errorf("%d writes, class %s; want one, %s", len(cloud.writes), store.result.Class, class)
			}
		})
	}
}

// untilEnd pushes, as a worker does, until the push is no longer snoozed.
func untilEnd(t *testing.T, store *memoryStore, cloud *memoryCloud) (tries int) {
	t.Helper()
	for tries = 1; tries < 100; tries++ {
		err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud})
		var later *SnoozeError
		if !errors.As(err, &later) {
			if err != nil {
				t.Fatal(err)
			}
			return tries
		}
		time.Sleep(later.After) // of the bubble's clock
	}
	t.Fatal("it was snoozed forever")
	return 0
}

// refusesStrangers lets the account refuse a trust policy that names somebody of whom
// its IAM does not know, as IAM does.
func (c *memoryCloud) refusesStrangers(w access.Write) error {
	if c.people == nil || w.Resource.Kind != access.ResourceRole {
		return nil
	}
	for part := range strings.SplitSeq(w.Document, `"`) {
		if strings.Contains(part, ":user/") && !slices.Contains(c.people, part) || part == ghostID || part == carolsID {
			return cloudError(access.CloudInvalidPrincipal)
		}
	}
	return nil
}
