package main_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// TestSignInThroughTheOrganization takes a browser from the console's sign-in page to the
// identity provider and back.
func TestSignInThroughTheOrganization(t *testing.T) {
	issuer, db, box := harness.NewIssuer(t), harness.NewDatabase(t), harness.StartSandbox(t, 2)
	env := append(append(box.Env(), issuer.Env()...), "PORTCULLIS_OIDC_ROLES=sec=auditor,sec=viewer", "PORTCULLIS_OIDC_CREATE=true")
	console := harness.Serve(t, db, env...)
	issuer.Is("subject-1", "new@example.com", "sec")

	v := console.NewVisitor()
	page := v.Get("/audit").Want(http.StatusOK, "Sign in through your organization")
	page = page.Follow("Sign in through your organization").Want(http.StatusOK, "Audit log", "signin.ok")
	if !strings.HasPrefix(page.Path(), "/audit") {
		t.Errorf("the browser ends at %s, want where it began", page.Path())
	}
	v.Get("/people").Want(http.StatusForbidden)
	profile := v.Get("/profile").Want(http.StatusOK, "new@example.com", "Name of subject-1")
	if strings.Contains(profile.Text(), "Present password") {
		t.Error("somebody without a password is asked for it")
	}
	// Where the browser was sent back from counts only in the browser that went there.
	if n := issuer.Redeemed(); n != 1 {
		t.Errorf("%d codes were redeemed, want 1", n)
	}
	stranger := console.NewVisitor()
	stranger.Get("/signin/oidc/callback?code=x&state="+strings.Repeat("s", 43)).Want(http.StatusUnauthorized, "not begun in this browser")
	if n := issuer.Redeemed(); n != 1 {
		t.Errorf("%d codes were redeemed, want that of the first sign-in alone", n)
	}
	issuer.Refuse("access_denied")
	stranger.Get("/signin/oidc").Want(http.StatusUnauthorized, "did not sign you in")
	issuer.Refuse("")
	issuer.Is("subject-2", "stranger@example.com", "others")
	stranger.Get("/signin/oidc").Want(http.StatusForbidden, "None of your groups")
	stranger.Get("/signin/oidc?next=//evil.example.com").Want(http.StatusForbidden)
}

func TestOIDCUsage(t *testing.T) {
	env := []string{harness.NewDatabase(t).Env()}
	command(t, append(env, "PORTCULLIS_OIDC_CLIENT_ID=x"), "serve").refused(t, 2, "PORTCULLIS_OIDC_ISSUER")
	command(t, append(env, "PORTCULLIS_OIDC_ISSUER=https://i.example.com", "PORTCULLIS_OIDC_CLIENT_ID=x", "PORTCULLIS_OIDC_ROLES=sec=root"), "serve").refused(t, 2, "root")
	for name, bad := range map[string]string{"TRUST_EMAIL": "all", "LINK": "upn"} {
		command(t, append(env, "PORTCULLIS_OIDC_ISSUER=https://i.example.com", "PORTCULLIS_OIDC_CLIENT_ID=x",
			"PORTCULLIS_OIDC_"+name+"="+bad), "serve").refused(t, 2, bad)
	}
	command(t, append(env, "PORTCULLIS_OIDC_ISSUER=http://i.example.com", "PORTCULLIS_OIDC_CLIENT_ID=x"), "serve").refused(t, 1, "https")
}

// TestWrongIssuerIsNamedAtStart starts a console whose provider calls itself by another issuer.
func TestWrongIssuerIsNamedAtStart(t *testing.T) {
	issuer, db, box := harness.NewIssuer(t), harness.NewDatabase(t), harness.StartSandbox(t, 1)
	issuer.CallItself(issuer.URL + "/")
	console := harness.Serve(t, db, append(box.Env(), issuer.Env()...)...)
	harness.Eventually(t, 20*time.Second, "the log names the issuer", func() (bool, string) {
		return strings.Contains(console.Output(), "--oidc-issuer="+issuer.URL+"/"), console.Output()
	})
}
