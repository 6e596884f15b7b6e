package e2e

import (
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

// TestSignInAtAProvider takes a browser, under the console's own policy of what may run
// and be loaded, to the identity provider and back.
func TestSignInAtAProvider(t *testing.T) {
	issuer, db, box := harness.NewIssuer(t), harness.NewDatabase(t), harness.StartSandbox(t, 2)
	env := append(append(box.Env(), issuer.Env()...), "PORTCULLIS_OIDC_ROLES=sec=viewer", "PORTCULLIS_OIDC_CREATE=true")
	c := harness.Serve(t, db, env...)
	issuer.Is("subject-1", "nora@example.com", "sec")
	b := openTab(t, c)
	b.open("/allowlists")
	b.look("signin-provider")
	b.press("Sign in through your organization")
	b.want("Allowlists", "Name of subject-1")
	if b.path() != "/allowlists" {
		t.Errorf("the browser ends at %s, want where it began", b.where())
	}
	b.look("after-provider")
	b.open("/profile")
	b.look("profile-provider")
}
