package drift_test

import (
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/order"
	"portcullis.internal/portcullis/test/harness"
)

// assumes asks the organization whether a user of the account may assume a role from an address.
func (w *world) assumes(user, role, from string) bool {
	w.t.Helper()
	all := w.org.AccountCredentials(w.account.ID)
	keys := all[slices.IndexFunc(all, func(c sandbox.Credential) bool { return c.User == user })]
	prober, err := aws.NewProber(w.t.Context(), aws.Config{
		Region: "us-east-1", Endpoint: w.address + "/from/" + from, AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey,
	})
	w.must(err)
	answer, err := prober.Probe(w.t.Context(), w.account, access.RoleName{Path: "/", Name: role})
	w.must(err)
	return answer.Allowed
}

func (w *world) write(r access.Resource, document string) {
	w.t.Helper()
	w.must(w.cloud.Write(w.t.Context(), w.scope(r), access.Write{Resource: r, Document: document}))
}

func (w *world) document(r access.Resource) string {
	w.t.Helper()
	live, err := w.cloud.Read(w.t.Context(), w.scope(r), []access.Resource{r})
	w.must(err)
	return live[0].Document
}

// keptOut are the findings about users whom our Deny keeps out.
func (w *world) keptOut() []access.Finding {
	w.t.Helper()
	return slices.DeleteFunc(w.findings(), func(f access.Finding) bool { return f.Reason != access.ReasonKeptOut })
}

// TestDenyForRemovedUserStaysWhileNeeded: a statement of others in ReadOnly admits the account, and carol has all permissions.
// The Deny for carol stays after carol was removed from the role, until others remove the permissions.
func TestDenyForRemovedUserStaysWhileNeeded(t *testing.T) {
	const elsewhere, office, administrator = "8.8.8.8", "103.15.250.7", "arn:aws:iam::aws:policy/AdministratorAccess"
	readOnly := access.Resource{Kind: access.ResourceRole, Path: "/", Name: "ReadOnly"}
	w := newWorld(t)
	hand := harness.NewAdministrator(t, w.address, w.org.Credentials(), w.account.ID)
	hand.AttachPolicy("carol", administrator)
	w.write(readOnly, `{"Version":"2012-10-17","Statement":[{"Sid":"TheirAccount","Effect":"Allow",`+
		`"Principal":{"AWS":"arn:aws:iam::`+string(w.account.ID)+`:root"},"Action":"sts:AssumeRole"}]}`)
	if !w.assumes("carol", "ReadOnly", elsewhere) {
		t.Fatal("the permissions of carol do not open the role, so the test cannot fail")
	}
	w.must(w.drift.ReadInventory(t.Context(), w.account.ID))
	edits := w.edits()
	edits[1].Mapping.Role.Name = "ReadOnly"
	w.apply(edits...)
	if w.assumes("carol", "ReadOnly", elsewhere) || !w.assumes("carol", "ReadOnly", office) {
		t.Fatal("carol is not restricted to the office")
	}

	w.scan()
	without := *edits[1].Mapping
	without.Users = without.Users[:1]
	w.apply(access.Edit{Op: access.EditUpdateMapping, ID: without.ID, Mapping: &without})
	if w.assumes("carol", "ReadOnly", elsewhere) || w.assumes("carol", "ReadOnly", office) || !w.assumes("alice", "ReadOnly", office) {
		t.Error("after carol was removed, carol assumes the role or alice does not")
	}
	w.scan()
	fs := w.keptOut()
	if len(fs) != 1 || fs[0].Kind != access.FindingBypass || fs[0].Resource != readOnly ||
		!strings.Contains(fs[0].Sentence, "TheirAccount") || !strings.Contains(fs[0].Sentence, administrator) {
		t.Fatalf("got %+v, want carol kept out of ReadOnly", fs)
	}
	if drift := w.findings(access.FindingDrift); len(drift) != 0 {
		t.Errorf("the Deny is drift: %+v", drift)
	}
	if _, err := w.drift.Repair(t.Context(), w.operator, fs[0].ID); access.KindOf(err) != access.KindConflict {
		t.Errorf("repairing what others must remove: %v, want a conflict", err)
	}
	w.repush("the Deny is needed")
	if !strings.Contains(w.document(readOnly), order.SidDenyRevoked) || w.assumes("carol", "ReadOnly", elsewhere) {
		t.Error("a push of the account dropped a Deny that is needed")
	}

	hand.DetachPolicy("carol", administrator)
	w.scan()
	again := w.keptOut()
	if len(again) != 1 || again[0].Kind != access.FindingDrift || !again[0].Repairable() {
		t.Fatalf("got %+v, want a Deny that is not needed", again)
	}
	r, err := w.drift.Repair(t.Context(), w.operator, again[0].ID)
	w.must(err)
	w.waitForEnd(r.ID)
	if doc := w.document(readOnly); strings.Contains(doc, order.SidDenyRevoked) {
		t.Errorf("the Deny is still there: %s", doc)
	}
	if w.assumes("carol", "ReadOnly", elsewhere) || w.assumes("carol", "ReadOnly", office) {
		t.Error("carol assumes the role without a permission")
	}
	w.scan()
	if left := w.keptOut(); len(left) != 0 {
		t.Errorf("after the push: %+v", left)
	}
}

// repush pushes the account again and waits for the end.
func (w *world) repush(why string) {
	w.t.Helper()
	r, err := w.changes.PushAccounts(w.t.Context(), w.operator, []access.AccountID{w.account.ID}, why)
	w.must(err)
	w.waitForEnd(r.ID)
}
