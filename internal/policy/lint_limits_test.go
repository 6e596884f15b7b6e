package policy

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// someInventory is an account with one role, which others also trust, and one user, who
// holds another policy too.
func someInventory() *access.Inventories {
	return access.InventoriesOf(map[access.AccountID]access.Inventory{"444455556666": {
		Account: "444455556666",
		Roles: []access.LiveDocument{{
			Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Exists: true,
			Document: doc(`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"sts:AssumeRole"}`, `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`),
		}},
		Users: []access.LiveUser{{
			LiveDocument:     access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}, ID: "AIDAALICE", Exists: true},
			AttachedPolicies: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}, OtherInlineSize: 1000,
		}},
	}})
}

const federatedSAML = `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::444455556666:saml-provider/corp"},"Action":"sts:AssumeRoleWithSAML","Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}`

// trusting is an account whose one role has a statement of others, and whose one user
// holds nothing else.
func trusting(statement string) *access.Inventories {
	all := someInventory()
	inv, _ := all.Of("444455556666")
	inv.Roles[0].Document = doc(statement)
	inv.Users[0].AttachedPolicies, inv.Users[0].OtherInlineSize = nil, 0
	all.Put(inv)
	return all
}

// TestLintCountsUserSideAttachments: user-side policies are filled on purpose; what may
// run out is how many can be attached.
func TestLintCountsUserSideAttachments(t *testing.T) {
	in := long(t)
	codes := func() map[string]int {
		n := map[string]int{}
		for _, i := range Lint(in) {
			n[i.Code+" "+i.Object]++
		}
		return n
	}
	userSide := len(compile(t, in, "111122223333").UserSide[0].Policies)
	for quota, want := range map[int]int{userSide * 2: 0, userSide: 1} {
		in.Accounts[0].Quotas.Attachments = quota
		if got := codes()[CodeNearQuota+" user alice"]; got != want {
			t.Errorf("%d policies of %d that may be attached: said %d times, want %d", userSide, quota, got, want)
		}
	}
}

func TestLintRefusesWhatCannotCompile(t *testing.T) {
	in := articleInput(t)
	in.State.Mappings[0].Allowlists = []string{"none"}
	issues := Lint(in)
	if len(issues) != 1 || issues[0].Code != CodeInvalid || !strings.Contains(issues[0].Message, `"none"`) {
		t.Errorf("got %+v, want one issue about the allowlist none", issues)
	}
}

func TestLintReportsExpiringEntries(t *testing.T) {
	in := articleInput(t)
	in.State.Allowlists[0].Entries[0].Expires = testNow.Add(10 * 24 * time.Hour)
	in.Options.ExpiringWithin = 30 * 24 * time.Hour
	found := false
	for _, i := range Lint(in) {
		found = found || i.Code == CodeEntryExpiring
	}
	if !found {
		t.Error("an entry that expires soon is not reported")
	}
}
