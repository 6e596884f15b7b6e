package access

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUserSideOwner(t *testing.T) {
	for _, user := range []string{"alice", "a-1", "x+=,.@-_", "-"} {
		for _, n := range []int{1, 2, 10} {
			got, m, ok := UserSideOwner(UserSidePolicy(user, n))
			if got != user || m != n || !ok {
				t.Errorf("the owner of part %d of %q is %q, part %d, %v", n, user, got, m, ok)
			}
		}
	}
	for _, r := range []Resource{
		{Path: "/", Name: "Portcullis-alice-1"},
		{Path: UserSidePath, Name: "alice-1"},
		{Path: UserSidePath, Name: "Portcullis-alice"},
		{Path: UserSidePath, Name: "Portcullis-alice-01"},
		{Path: UserSidePath, Name: "Portcullis-alice-0"},
		{Path: UserSidePath, Name: "Portcullis--1"},
		{Path: "/team/", Name: "Mine"},
	} {
		if user, _, ok := UserSideOwner(r); ok {
			t.Errorf("%s%s is taken for a user-side policy of %q", r.Path, r.Name, user)
		}
	}
}

func TestAttachmentsTellOursFromOthers(t *testing.T) {
	userSide := UserSidePolicy("alice", 2).ARN("aws-cn", "111122223333")
	admin := "arn:aws-cn:iam::aws:policy/job-function/Billing"
	doc := AttachmentsDocument([]string{userSide, admin, userSide})
	arns, err := Attachments(doc)
	if diff := cmp.Diff([]string{userSide, admin}, arns); err != nil || diff != "" {
		t.Errorf("read %v (%v) of %s", arns, err, doc)
	}
	ours, others := UserSideAttachments(arns)
	if len(ours) != 1 || ours[0] != userSide || len(others) != 1 || others[0] != admin {
		t.Errorf("ours %v, others %v", ours, others)
	}
	if AttachmentsDocument(nil) != "" {
		t.Error("no attachments have a document")
	}
	if _, err := Attachments("[]"); err == nil {
		t.Error("a list is read as attachments")
	}
}
