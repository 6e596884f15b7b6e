package harness

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Issuer is an OpenID Connect identity provider that signs in whoever it is told to,
// without a page of its own. It refuses what a careful one refuses: a client that it does
// not know, a code twice, a verifier that does not fit its challenge.
type Issuer struct {
	URL, ClientID, Secret string

	t        testing.TB
	key      *rsa.PrivateKey
	mu       sync.Mutex
	claims   map[string]any
	spoil    func(claims map[string]any)
	otherKey *rsa.PrivateKey
	codes    map[string]url.Values // what the code was asked for with
	refuse   string
	redeemed int
	access   map[string]bool  // the access tokens that UserInfo takes
	userInfo http.HandlerFunc // nil for a provider without UserInfo
	itself   string           // the issuer in the discovery document, if it is not URL
}

// NewIssuer starts an identity provider for a test.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{
		ClientID: "console", Secret: "a secret & more", t: t, key: key, codes: map[string]url.Values{},
		access: map[string]bool{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.describe)
	mux.HandleFunc("GET /keys", i.keys)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("GET /userinfo", i.answerUserInfo)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	i.URL = s.URL
	return i
}

// Env has a console use the provider.
func (i *Issuer) Env() []string {
	return []string{"PORTCULLIS_OIDC_ISSUER=" + i.URL, "PORTCULLIS_OIDC_CLIENT_ID=" + i.ClientID, "PORTCULLIS_OIDC_CLIENT_SECRET=" + i.Secret}
}

// Is says who signs in from now on; the e-mail address is verified.
func (i *Issuer) Is(subject, email string, groups ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claims = map[string]any{"sub": subject, "email": email, "email_verified": true, "name": "Name of " + subject, "groups": groups}
}

// Sends says which claims come in the ID token from now on, and which from UserInfo. Without the
// second the provider has no UserInfo.
func (i *Issuer) Sends(idToken, userInfo map[string]any) {
	i.AnswerUserInfo(nil)
	if userInfo != nil {
		i.AnswerUserInfo(func(w http.ResponseWriter, _ *http.Request) { answer(w, userInfo) })
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claims = idToken
}

// AnswerUserInfo has a handler answer UserInfo; nil for a provider without it. Only a provider that
// was not yet asked for its discovery document can get or lose UserInfo.
func (i *Issuer) AnswerUserInfo(h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.userInfo = h
}

// CallItself has the discovery document name another issuer; "" ends that.
func (i *Issuer) CallItself(issuer string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.itself = issuer
}

// Spoil alters the claims of every token before it is signed; nil for none.
func (i *Issuer) Spoil(spoil func(claims map[string]any)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.spoil = spoil
}

// SignWithAnother has tokens signed with a key that is not published.
func (i *Issuer) SignWithAnother(yes bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.otherKey = nil
	if yes {
		i.otherKey, _ = rsa.GenerateKey(rand.Reader, 2048)
	}
}

// Refuse sends people back with an error in place of a code; "" ends that.
func (i *Issuer) Refuse(why string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refuse = why
}

// Redeemed counts the codes that were taken for a token.
func (i *Issuer) Redeemed() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.redeemed
}

func (i *Issuer) describe(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	document := map[string]any{
		"issuer": cmp.Or(i.itself, i.URL), "authorization_endpoint": i.URL + "/authorize",
		"token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	}
	if i.userInfo != nil {
		document["userinfo_endpoint"] = i.URL + "/userinfo"
	}
	answer(w, document)
}

func (i *Issuer) answerUserInfo(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	h, known := i.userInfo, i.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	i.mu.Unlock()
	switch {
	case h == nil:
		http.NotFound(w, r)
	case !known:
		http.Error(w, "no such access token", http.StatusUnauthorized)
	default:
		h(w, r)
	}
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one", "n": raw64(i.key.N.Bytes()), "e": raw64(big.NewInt(int64(i.key.E)).Bytes()),
	}}})
}

func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, missing := range []struct {
		what string
		ok   bool
	}{
		{"response_type", q.Get("response_type") == "code"},
		{"client_id", q.Get("client_id") == i.ClientID},
		{"redirect_uri", q.Get("redirect_uri") != ""},
		{"scope", strings.Contains(" "+q.Get("scope")+" ", " openid ")},
		{"state", len(q.Get("state")) >= 32},
		{"nonce", len(q.Get("nonce")) >= 32},
		{"code_challenge_method", q.Get("code_challenge_method") == "S256"},
		{"code_challenge", len(q.Get("code_challenge")) == 43},
	} {
		if !missing.ok {
			http.Error(w, "bad "+missing.what, http.StatusBadRequest)
			return
		}
	}
	back := url.Values{"state": {q.Get("state")}}
	if i.refuse != "" {
		back.Set("error", i.refuse)
	} else {
		code := rand.Text()
		i.codes[code] = q
		back.Set("code", code)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	asked, known := i.codes[r.PostFormValue("code")]
	delete(i.codes, r.PostFormValue("code"))
	fits := raw64(sum(r.PostFormValue("code_verifier"))) == asked.Get("code_challenge")
	if id != i.ClientID || secret != i.Secret || !known || !fits || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]string{"error": "invalid_grant"})
		return
	}
	i.redeemed++
	claims := map[string]any{"iss": i.URL, "aud": i.ClientID, "nonce": asked.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	maps.Copy(claims, i.claims)
	if i.spoil != nil {
		i.spoil(claims)
	}
	accessToken := rand.Text()
	i.access[accessToken] = true
	answer(w, map[string]any{
		"access_token": accessToken, "token_type": "Bearer", "expires_in": 60,
		"id_token": i.sign(claims),
	})
}

func (i *Issuer) sign(claims map[string]any) string {
	key := i.key
	if i.otherKey != nil {
		key = i.otherKey
	}
	body, err := json.Marshal(claims)
	if err != nil {
		panic(fmt.Sprintf("claims that cannot be encoded: %v", err))
	}
	signed := raw64([]byte(`{"alg":"RS256","kid":"one","typ":"JWT"}`)) + "." + raw64(body)
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum(signed))
	if err != nil {
		panic(err)
	}
	return signed + "." + raw64(signature)
}

func sum(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

func raw64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
