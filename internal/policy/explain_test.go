package policy

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

func TestTheArticlesVerdicts(t *testing.T) {
	c, err := NewCompiler(articleInput(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		addr string
		want iam.Verdict
	}{
		{"103.15.250.0", iam.Allowed},
		{"103.15.250.7", iam.Allowed},
		{"103.15.250.255", iam.Allowed},
		{"12.148.72.0", iam.Allowed},
		{"12.148.73.255", iam.Allowed},
		{"::ffff:12.148.73.255", iam.Allowed},
		{"103.15.251.0", iam.Denied},
		{"103.15.249.255", iam.Denied},
		{"12.148.74.0", iam.Denied},
		{"12.148.71.255", iam.Denied},
		{"8.8.8.8", iam.Denied},
		{"2001:db8::1", iam.Denied},
		{"", iam.Denied},
	} {
		got, err := c.Explain(aliceFrom(tc.addr))
		if err != nil {
			t.Fatalf("Explain from %q: %v", tc.addr, err)
		}
		if got.Verdict != tc.want {
			t.Errorf("from %q: %s (%s), want %s", tc.addr, got.Verdict, got.Sentence, tc.want)
		}
		if by := map[iam.Verdict]string{iam.Allowed: "PortcullisAllow", iam.Denied: "PortcullisDenyNetwork"}[tc.want]; got.Statement != by || got.Document != iam.DocumentTrust {
			t.Errorf("from %q: decided by %q of the %s, want %q of the trust policy", tc.addr, got.Statement, got.Document, by)
		}
		// The article's own documents give the same.
		own := iam.Evaluate(aliceFrom(tc.addr), articleTrust, []string{articleUser})
		if own.Verdict != tc.want {
			t.Errorf("the article's documents from %q: %s, want %s", tc.addr, own.Verdict, tc.want)
		}
	}
}

// TestPoliciesThatNobodyRead: who is trusted through the account may get the role by a
// policy of their own that is not ours, so that no Denied is said that is not known.
func TestPoliciesThatNobodyRead(t *testing.T) {
	in := inventoryInput(t)
	in.State.Mappings[0].Users = []access.UserName{{Name: "gone"}}
	r := aliceFrom("8.8.8.8")
	r.RoleAccount, r.Principal.Account = "444455556666", ""
	explain := func() iam.Decision {
		t.Helper()
		c, err := NewCompiler(in)
		if err != nil {
			t.Fatal(err)
		}
		d, err := c.Explain(r)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if got := explain(); got.Verdict != iam.CannotTell || !strings.Contains(got.Sentence, "AdministratorAccess") {
		t.Errorf("%+v, want that it cannot be told, for the policy AdministratorAccess", got)
	}
	inv := inventoryOf(t, in)
	inv.Users[0].AttachedPolicies = nil
	in.Inventory.Put(inv)
	if got := explain(); got.Verdict != iam.Denied {
		t.Errorf("%+v, want denied where the user holds nothing", got)
	}
}
