package aws_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

func userSideDocument(action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"Portcullis","Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
}

// TestUserSidePolicies: a user-side policy is created, written more often than IAM keeps versions,
// attached next to policies of others, read both ways, detached and deleted.
func TestUserSidePolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "payments-prod")
	part := access.UserSidePolicy("bob", 1)
	attached := access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: "bob"}
	sc := scope(a, part, attached)
	hand := w.byHand(t, a.ID)
	foreign := "arn:aws:iam::aws:policy/ReadOnlyAccess"
	if _, err := hand.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: sdk.String("bob"), PolicyArn: &foreign}); err != nil {
		t.Fatal(err)
	}
	write := func(r access.Resource, doc string) {
		t.Helper()
		if err := w.Write(t.Context(), sc, access.Write{Resource: r, Document: doc}); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (policy, attachments access.LiveDocument) {
		t.Helper()
		docs, err := w.Read(t.Context(), sc, []access.Resource{part, attached})
		if err != nil {
			t.Fatal(err)
		}
		alone, err := w.Read(t.Context(), sc, []access.Resource{part}) // by a sweep of its own, or single calls
		if err != nil || alone[0] != docs[0] {
			t.Errorf("read alone: %+v (%v), with others: %+v", alone, err, docs[0])
		}
		return docs[0], docs[1]
	}
	if p, on := read(); p.Exists || on.Document != access.AttachmentsDocument([]string{foreign}) {
		t.Errorf("before: %+v, %+v", p, on)
	}
	for _, action := range strings.Split("a b c d e f g h", " ") {
		write(part, userSideDocument("iam:Get"+action))
	}
	arn := part.ARN("aws", a.ID)
	write(attached, access.AttachmentsDocument([]string{arn})) // what others attached is not named, and stays
	if p, on := read(); p.Document != userSideDocument("iam:Geth") || on.Document != access.AttachmentsDocument([]string{foreign, arn}) {
		t.Errorf("written: %+v, %+v", p, on)
	}
	inv, err := w.Inventory(t.Context(), a)
	if found, ok := inv.Policy(part.Path, part.Name); err != nil || !ok || found.Document != userSideDocument("iam:Geth") || inv.Quotas.Attachments != 10 {
		t.Errorf("inventory: %+v, quotas %+v (%v)", inv.Policies, inv.Quotas, err)
	}
	if err := w.Write(t.Context(), sc, access.Write{Resource: part}); err == nil {
		t.Error("a policy that is attached was removed")
	}
	write(attached, "")
	write(part, "")
	write(part, "") // gone already
	if p, on := read(); p.Exists || on.Document != access.AttachmentsDocument([]string{foreign}) {
		t.Errorf("after: %+v, %+v", p, on)
	}
}

// TestUserSideAnswersLost: every lost answer adds a version and the SDK sends again, until IAM's
// five versions are full in the middle of one write. The write has its effect, no matter how many
// answers are lost.
func TestUserSideAnswersLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "payments-prod")
	part := access.UserSidePolicy("bob", 1)
	sc := scope(a, part)
	write := func(action string) error {
		return w.Write(t.Context(), sc, access.Write{Resource: part, Document: userSideDocument(action)})
	}
	for _, action := range strings.Split("a b c d e", " ") { // until all versions are used
		if err := write("iam:Get" + action); err != nil {
			t.Fatal(err)
		}
	}
	var everySecond []sandbox.Fault
	for n := range 8 {
		everySecond = append(everySecond, sandbox.Fault{Actions: []string{"iam:CreatePolicyVersion"}, LoseAnswer: 1, Skip: 2 * n, Count: 1})
	}
	w.org.SetFaults(sandbox.Faults{Rules: everySecond})
	if err := write("iam:GetRole"); err != nil {
		t.Fatalf("the answer to each write was lost, and its repetition refused: %v", err)
	}
	docs, err := w.Read(t.Context(), sc, []access.Resource{part})
	if err != nil || docs[0].Document != userSideDocument("iam:GetRole") {
		t.Errorf("written: %+v (%v)", docs, err)
	}
}

// TestUserSideSessionsAreNarrow: the session of a push of user-side policies can attach nothing
// else.
func TestUserSideSessionsAreNarrow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "payments-prod")
	bob := access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: "bob"}
	carol := access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: "carol"}
	part := access.UserSidePolicy("bob", 1)
	sc := scope(a, part, bob)
	if err := w.Write(t.Context(), sc, access.Write{Resource: part, Document: userSideDocument("iam:GetUser")}); err != nil {
		t.Fatal(err)
	}
	doc := access.AttachmentsDocument([]string{part.ARN("aws", a.ID)})
	if err := w.Write(t.Context(), sc, access.Write{Resource: carol, Document: doc}); access.CloudClassOf(err) != access.CloudDenied {
		t.Errorf("attached to somebody who is not of the push: %v", err)
	}
	other := access.Resource{Kind: access.ResourcePolicy, Path: "/", Name: "Other"}
	if err := w.Write(t.Context(), sc, access.Write{Resource: other, Document: userSideDocument("*")}); access.CloudClassOf(err) != access.CloudDenied {
		t.Errorf("a policy outside of the console's path: %v", err)
	}
}
