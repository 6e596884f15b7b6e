package aws_test

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

func TestOrganizationAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 12})
	id, err := w.OrganizationID(t.Context())
	if err != nil || !strings.HasPrefix(id, "o-") {
		t.Fatalf("the organization is %q (%v)", id, err)
	}
	member := w.account(t, "identity")
	got, found, err := w.OrganizationAccount(t.Context(), member.ID)
	if err != nil || !found || got.ID != member.ID || got.Name != "identity" || got.State != access.AccountActive {
		t.Errorf("got %+v, %v, %v; want the account", got, found, err)
	}
	w.org.SetAccountState(member.ID, access.AccountLeft)
	if got, found, err := w.OrganizationAccount(t.Context(), member.ID); found || err != nil {
		t.Errorf("an account that has left: got %+v, %v, %v; want that it is not found", got, found, err)
	}
	// Whatever else AWS answers does not say that the account has left.
	for _, code := range []string{
		"AccessDeniedException", "TooManyRequestsException",
		"AWSOrganizationsNotInUseException", "ServiceException", "InvalidInputException",
	} {
		w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{
			Actions: []string{"organizations:DescribeAccount"},
			Fail:    1, Status: 400, Code: code,
		}}})
		if _, found, err := w.OrganizationAccount(t.Context(), member.ID); err == nil || found {
			t.Errorf("%s: found %v, error %v; want an error", code, found, err)
		}
	}
}
