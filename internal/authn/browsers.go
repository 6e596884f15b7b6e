package authn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// BrowserLife is how long a browser stays known after a sign-in.
const BrowserLife = 180 * 24 * time.Hour

// BrowserSignIn is an attempt to sign in with a password in a browser.
type BrowserSignIn struct {
	Email, Password      string
	Browser              string // the proof that an earlier sign-in in this browser returned; "" for none
	Addr                 netip.Addr
	UserAgent, RequestID string
}

// SignInBrowser is SignIn for a client that keeps a cookie. It returns a proof that this person has
// signed in with this client. An attempt with a proof has its own counter: failures of strangers,
// for the same e-mail or from the same address, do not lock it out.
func (s *Service) SignInBrowser(ctx context.Context, in BrowserSignIn) (access.Actor, string, error) {
	a := attempt{
		email: attemptEmail(in.Email), password: in.Password, origin: origin{in.Addr, in.UserAgent, in.RequestID},
	}
	var err error
	if a.known, err = s.counterOf(ctx, a.email, in.Browser); err != nil {
		return access.Actor{}, "", err
	}
	actor, err := s.signIn(ctx, a)
	if err != nil {
		return access.Actor{}, "", err
	}
	proof, err := s.proveBrowser(ctx, a.email)
	if err != nil { // without a proof the person is still signed in
		s.Log.WarnContext(ctx, "proving a browser failed", "person", actor.PersonID, "error", err)
	}
	return actor, proof, nil
}

// counterOf is the counter of a known browser; "" for a client without a valid proof.
func (s *Service) counterOf(ctx context.Context, email, proof string) (string, error) {
	if proof == "" {
		return "", nil
	}
	person, stored, err := s.Store.PersonByEmail(ctx, email)
	switch {
	case access.KindOf(err) == access.KindNotFound || err == nil && stored == "":
		return "", nil
	case err != nil:
		return "", fmt.Errorf("looking up %s: %w", email, err)
	}
	nonce, rest, _ := strings.Cut(proof, ".")
	issued, _, _ := strings.Cut(rest, ".")
	if !hmac.Equal([]byte(proof), []byte(browserProof(person.ID, stored, nonce, issued))) {
		return "", nil
	}
	at, err := strconv.ParseInt(issued, 10, 64)
	if err != nil || s.Now().Sub(time.Unix(at, 0)) > BrowserLife {
		return "", nil //nolint:nilerr // a proof that says no time is none
	}
	return "browser/" + nonce, nil
}

// proveBrowser makes a proof for the browser of a person who has just signed in.
func (s *Service) proveBrowser(ctx context.Context, email string) (string, error) {
	person, stored, err := s.Store.PersonByEmail(ctx, email)
	if err != nil {
		return "", fmt.Errorf("looking up %s: %w", email, err)
	}
	return browserProof(person.ID, stored, rand.Text(), strconv.FormatInt(s.Now().Unix(), 10)), nil
}

// browserProof signs a nonce and a time for a person. The key comes from the stored password hash,
// which no client knows, so all replicas have it, and a new password makes every proof invalid.
func browserProof(personID int64, stored, nonce, issued string) string {
	key := sha256.Sum256([]byte("portcullis known browser\x00" + stored))
	mac := hmac.New(sha256.New, key[:])
	fmt.Fprintf(mac, "%d.%s.%s", personID, nonce, issued)
	return nonce + "." + issued + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
