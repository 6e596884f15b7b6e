package authn_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

// tryIn tries a password in a browser, from an address, and returns the kind of the refusal and the proof.
func (f fixture) tryIn(t *testing.T, email, pass, browser string, from int) (access.Kind, string) {
	t.Helper()
	_, proof, err := f.SignInBrowser(t.Context(), authn.BrowserSignIn{
		Email: email, Password: pass, Browser: browser, Addr: addr(from), UserAgent: agent,
	})
	if err == nil {
		return "", proof
	}
	return kind(err), ""
}

// TestStrangersDoNotLockOutAKnownBrowser tries wrong passwords until strangers are refused.
func TestStrangersDoNotLockOutAKnownBrowser(t *testing.T) {
	f := setUp(t, func(c *authn.Config) { c.PerEmail, c.PerAddr = 3, 5 })
	f.add(t, "alice", access.RoleViewer)
	f.add(t, "bob", access.RoleViewer)
	const alice, bob = "alice@example.com", "bob@example.com"
	refused, known := f.tryIn(t, alice, password, "", 1)
	if refused != "" || known == "" {
		t.Fatalf("alice: %s, proof %q", refused, known)
	}
	_, bobs := f.tryIn(t, bob, password, "", 1)
	for i := range 6 { // from her own office, too
		f.tryIn(t, alice, "wrong", "", 1+i%2)
	}
	if got, _ := f.tryIn(t, alice, password, "", 9); got != access.KindTooMany {
		t.Errorf("a stranger's next attempt: %s, want too many", got)
	}
	if got, _ := f.tryIn(t, "carol@example.com", password, "", 1); got != access.KindUnauthenticated {
		t.Errorf("an attempt from the office: %s, want it counted by the address alone", got)
	}
	for name, forged := range map[string]string{
		"nonsense": "x", "an empty proof": "..", "bob's": bobs, "cut": known[:len(known)-1], "another " +
			"time": strings.Replace(known, ".1", ".2", 1),
	} {
		if got, _ := f.tryIn(t, alice, password, forged, 9); got != access.KindTooMany {
			t.Errorf("with %s proof: %s, want too many", name, got)
		}
	}
	got, again := f.tryIn(t, alice, password, known, 1)
	if got != "" || again == known {
		t.Fatalf("alice's own browser: %s, proof %q; want a sign-in and another proof", got, again)
	}

	// The known browser has its own limit.
	for range 3 {
		if got, _ := f.tryIn(t, alice, "wrong", again, 1); got != access.KindUnauthenticated {
			t.Fatalf("a wrong password in her browser: %s", got)
		}
	}
	if got, _ := f.tryIn(t, alice, password, again, 1); got != access.KindTooMany {
		t.Errorf("after three wrong passwords in her browser: %s, want too many", got)
	}
	f.clock.advance(16 * time.Minute)
	if got, _ := f.tryIn(t, alice, password, again, 1); got != "" {
		t.Errorf("after the window: %s", got)
	}
}

// TestKnownBrowserExpires uses a proof after half a year, and after the password has changed.
func TestKnownBrowserExpires(t *testing.T) {
	f := setUp(t, func(c *authn.Config) { c.PerEmail = 1 })
	alice := f.add(t, "alice", access.RoleViewer)
	_, known := f.tryIn(t, alice.Email, password, "", 1)
	strangerTries := func() { f.tryIn(t, alice.Email, "wrong", "", 2) }
	f.clock.advance(authn.BrowserLife - time.Hour)
	strangerTries()
	if got, _ := f.tryIn(t, alice.Email, password, known, 1); got != "" {
		t.Fatalf("within its life: %s", got)
	}
	f.clock.advance(2 * time.Hour)
	strangerTries()
	if got, _ := f.tryIn(t, alice.Email, password, known, 1); got != access.KindTooMany {
		t.Errorf("after its life: %s, want too many", got)
	}
	f.clock.advance(time.Hour)
	_, known = f.tryIn(t, alice.Email, password, "", 1)
	actor := access.Actor{
		Kind: access.ActorPerson, PersonID: alice.ID, Name: alice.Name, Email: alice.Email,
		Roles: alice.Roles, Addr: office,
	}
	strangerTries() // does not keep her from choosing another password in her session either
	if _, err := f.ChangePassword(t.Context(), actor, alice.ID,
		authn.NewPassword{Old: password, New: "another correct horse"}); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.tryIn(t, alice.Email, "another correct horse", known, 1); got != access.KindTooMany {
		t.Errorf("a proof from before the new password: %s, want too many", got)
	}
}
