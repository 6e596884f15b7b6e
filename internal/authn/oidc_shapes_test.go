package authn_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

// startShape starts a provider that sends its claims as one of the products does, and a console whose group
// sec gives the role approver. The log of the console goes to log.
func startShape(
	t *testing.T, idToken, userInfo map[string]any, change func(*authn.OIDCConfig),
) (provider, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	p := setUpOIDC(t, func(c *authn.OIDCConfig) {
		c.Create = true
		c.Grants = []authn.Grant{
			{Group: "sec", Role: access.RoleApprover},
			{Group: "1c0f3a6e-0000", Role: access.RoleApprover},
		}
		if change != nil {
			change(c)
		}
	})
	p.Log = slog.New(slog.NewJSONHandler(log, nil))
	p.issuer.Sends(idToken, userInfo)
	return p, log
}

func trustIssuer(c *authn.OIDCConfig) { c.TrustEmail = authn.TrustIssuer }

type sent = map[string]any

// TestOIDCShapes signs in Ann at providers that differ in which claims they put where.
func TestOIDCShapes(t *testing.T) {
	overage := sent{
		"sub": "pairwise", "oid": "0a21", "email": "ann@example.com", "_claim_names": sent{"groups": "src1"},
		"_claim_sources": sent{"src1": sent{"endpoint": "https://graph.example.com/getMemberObjects"}},
	}
	entra := sent{
		"sub": "pairwise", "oid": "0a21", "email": "ann@example.com",
		"preferred_username": "ann@example.com", "groups": []string{"1c0f3a6e-0000"},
	}
	for name, shape := range map[string]struct {
		idToken, userInfo sent
		change            func(*authn.OIDCConfig)
		kind              access.Kind // "" if Ann gets in
		says              string
	}{
		"all claims in the ID token": {
			idToken: sent{"sub": "u1", "email": "ann@example.com", "email_verified": true, "groups": []string{"sec"}},
		},
		"Cognito: booleans and groups as text": {
			idToken: sent{"sub": "u1", "email": "ann@example.com", "email_verified": "true", "groups": "sec"},
		},
		"Okta: a thin ID token": {
			idToken:  sent{"sub": "u1", "name": "Ann"},
			userInfo: sent{"sub": "u1", "email": "ann@example.com", "email_verified": true, "groups": []string{"sec"}},
		},
		"Okta: groups alone by UserInfo": {
			idToken:  sent{"sub": "u1", "email": "ann@example.com", "email_verified": true},
			userInfo: sent{"sub": "u1", "groups": []string{"sec"}},
		},
		"Authelia: the subject alone": {
			idToken: sent{"sub": "u1", "amr": []string{"pwd", "mfa"}},
			userInfo: sent{
				"sub": "u1", "email": "ann@example.com", "email_verified": true, "name": "Ann",
				"groups": []string{"sec"},
			},
		},
		"oidc-provider: null in place of claims": {
			idToken:  sent{"sub": "u1", "email": nil, "groups": nil},
			userInfo: sent{"sub": "u1", "email": "ann@example.com", "email_verified": true, "groups": []string{"sec"}},
		},
		"Entra: no email_verified": {
			idToken: entra, userInfo: sent{"sub": "pairwise", "email": "ann@example.com"},
			change: trustIssuer,
		},
		"Entra: no email_verified, not trusted": {
			idToken: entra, userInfo: sent{
				"sub":   "pairwise",
				"email": "ann@example.com",
			}, kind: access.KindForbidden, says: "email_verified",
		},
		"Entra: found by the user name": {
			idToken: sent{
				"sub": "pairwise", "preferred_username": "ann@example.com", "email": "mail@example.com",
				"groups": []string{"sec"},
			},
			userInfo: sent{"sub": "pairwise"},
			change:   func(c *authn.OIDCConfig) { trustIssuer(c); c.LinkClaim = "preferred_username" },
		},
		"Entra: too many groups": {
			idToken: overage, userInfo: sent{"sub": "pairwise"}, change: trustIssuer,
			kind: access.KindForbidden, says: "too many groups",
		},
		"Entra: too many groups, implicit flow": {
			idToken: sent{
				"sub": "pairwise", "email": "ann@example.com",
				"hasgroups": true,
			}, change: trustIssuer, kind: access.KindForbidden, says: "too many groups",
		},
		"Keycloak: an address that is not verified": {
			idToken:  sent{"sub": "u1", "email": "ann@example.com", "email_verified": false, "groups": []string{"sec"}},
			userInfo: sent{"sub": "u1", "email": "ann@example.com", "email_verified": true},
			kind:     access.KindForbidden, says: "email_verified",
		},
		"Keycloak: an address that is not verified, of an issuer that is trusted": {
			idToken: sent{"sub": "u1", "email": "ann@example.com", "email_verified": false, "groups": []string{"sec"}},
			change:  trustIssuer, kind: access.KindForbidden, says: "email_verified",
		},
		"Google: no groups": {
			idToken:  sent{"sub": "1234", "email": "ann@example.com", "email_verified": true, "hd": "example.com"},
			userInfo: sent{"sub": "1234", "email": "ann@example.com", "email_verified": true},
			kind:     access.KindForbidden, says: "sent no groups",
		},
		"UserInfo about another person": {
			idToken:  sent{"sub": "u1"},
			userInfo: sent{"sub": "u2", "email": "ann@example.com", "email_verified": true, "groups": []string{"sec"}},
			kind:     access.KindUnauthenticated, says: "another person",
		},
		"UserInfo verifies another address": {
			idToken:  sent{"sub": "u1", "email": "ann@example.com", "groups": []string{"sec"}},
			userInfo: sent{"sub": "u1", "email": "own@example.com", "email_verified": true},
			kind:     access.KindForbidden, says: "email_verified",
		},
		"UserInfo does not verify its own address": {
			idToken:  sent{"sub": "u1", "email_verified": true, "groups": []string{"sec"}},
			userInfo: sent{"sub": "u1", "email": "ann@example.com", "email_verified": false},
			kind:     access.KindForbidden, says: "email_verified",
		},
		"UserInfo does not overrule the groups": {
			idToken:  sent{"sub": "u1", "groups": []string{"others"}},
			userInfo: sent{"sub": "u1", "email": "ann@example.com", "email_verified": true, "groups": []string{"sec"}},
			kind:     access.KindForbidden, says: "None of your groups",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := startShape(t, shape.idToken, shape.userInfo, shape.change)
			actor, err := p.signIn(t)
			if shape.kind != "" {
				if kind(err) != shape.kind || !strings.Contains(access.MessageOf(err), shape.says) {
					t.Fatalf("%+v, %v; want a refusal (%s) that says %q", actor, err, shape.kind, shape.says)
				}
				return
			}
			if err != nil || actor.Email != "ann@example.com" || !actor.Has(access.RoleApprover) {
				t.Errorf("%+v, %v; want Ann as an approver", actor, err)
			}
		})
	}
}

// TestOIDCUserInfoFails signs in while UserInfo does not answer. Unknown groups are not the same as
// no groups.
func TestOIDCUserInfoFails(t *testing.T) {
	for name, failure := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "down",
				http.StatusBadGateway)
		},
		"no JSON":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"endless":         func(w http.ResponseWriter, _ *http.Request) { writeLong(w) },
		"not an object":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) },
		"no access token": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
	} {
		for missing, idToken := range map[string]sent{
			"the address is missing":    {"sub": "u1", "groups": []string{"sec"}},
			"the groups are missing":    {"sub": "u1", "email": "ann@example.com", "email_verified": true},
			"the subject comes alone":   {"sub": "u1"},
			"the flag alone is missing": {"sub": "u1", "email": "ann@example.com", "groups": []string{"sec"}},
		} {
			p, _ := startShape(t, idToken, sent{}, nil)
			p.issuer.AnswerUserInfo(failure)
			if actor, err := p.signIn(t); kind(err) != access.KindUnavailable {
				t.Errorf("%s, %s: %+v, %v; want unavailable", name, missing, actor, err)
			}
		}
	}
}

// writeLong writes a valid answer that is longer than any provider sends.
func writeLong(w http.ResponseWriter) {
	_, _ = w.Write([]byte(`{"sub":"u1","email":"ann@example.com","email_verified":true,"groups":["sec"],"padding":"`))
	for range 3 << 10 {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<10))
	}
	_, _ = w.Write([]byte(`"}`))
}

// TestOIDCUserInfoIsAskedOnlyIfNeeded signs in with an ID token that has all claims.
func TestOIDCUserInfoIsAskedOnlyIfNeeded(t *testing.T) {
	p, _ := startShape(t, sent{
		"sub": "u1", "email": "ann@example.com", "email_verified": true,
		"groups": []string{"sec"},
	}, sent{}, nil)
	asked := false
	p.issuer.AnswerUserInfo(func(http.ResponseWriter, *http.Request) { asked = true })
	if _, err := p.signIn(t); err != nil || asked {
		t.Errorf("%v, UserInfo was asked: %v; want a sign-in without it", err, asked)
	}
}

// TestOIDCClaimNamesAreOnRecord looks for the names of claims, and not their values, in the audit log.
func TestOIDCClaimNamesAreOnRecord(t *testing.T) {
	sources := func(e access.AuditEvent) (string, string) {
		var detail struct {
			Claims map[string][]string `json:"claims"`
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil {
			t.Fatal(err)
		}
		names := slices.DeleteFunc(detail.Claims["id_token"],
			func(n string) bool { return slices.Contains([]string{"aud", "exp", "iat", "iss", "nonce"}, n) })
		return strings.Join(names, " "), strings.Join(detail.Claims["userinfo"], " ")
	}
	p, log := startShape(t, sent{"sub": "u1", "name": "Ann"}, sent{
		"sub": "u1", "email": "ann@example.com",
		"email_verified": true, "groups": []string{"sec", "board"},
	}, nil)
	if _, err := p.signIn(t); err != nil {
		t.Fatal(err)
	}
	got := p.audit(t, access.AuditFilter{Action: "signin.ok"})[0]
	if token, info := sources(got); token != "name sub" || info != "email email_verified groups "+
		"sub" || strings.Contains(string(got.Detail), "board") {
		t.Errorf("the sign-in says %s, want the names of the claims and their source", got.Detail)
	}

	p.issuer.Sends(sent{
		"sub": "u1", "email": "ann@example.com", "email_verified": true,
		"groups": []string{"board", "eng/net"},
	}, sent{})
	_, err := p.signIn(t)
	if kind(err) != access.KindForbidden || strings.Contains(access.MessageOf(err), "board") {
		t.Errorf("the refusal says %v, want it without the groups", err)
	}
	got = p.audit(t, access.AuditFilter{Action: "signin.failed"})[0]
	if token, _ := sources(got); token != "email email_verified groups sub" || strings.Contains(string(got.Detail),
		"board") {
		t.Errorf("the refusal says %s, want the names of the claims", got.Detail)
	}
	if !strings.Contains(log.String(), `"groups":["board","eng/net"]`) {
		t.Errorf("the log lacks the groups that arrived:\n%s", log)
	}
}

// TestOIDCWrongIssuerIsNamed starts with an issuer that lacks the slash at its end.
func TestOIDCWrongIssuerIsNamed(t *testing.T) {
	p, log := startShape(t, sent{"sub": "u1"}, nil, nil)
	p.CheckIssuer(t.Context())
	if log.Len() > 0 {
		t.Errorf("the right issuer: the log says %s", log)
	}
	p, log = startShape(t, sent{"sub": "u1"}, nil, nil)
	p.issuer.CallItself(p.issuer.URL + "/")
	p.CheckIssuer(t.Context())
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got,
		`"provider_says":"`+p.issuer.URL+`/"`) || !strings.Contains(got, "--oidc-issuer="+p.issuer.URL+"/") {
		t.Errorf("the log says %s, want one line with what the provider says and the flag", got)
	}
	if _, err := p.Begin(t.Context()); kind(err) != access.KindUnavailable || !strings.Contains(access.MessageOf(err),
		"another issuer") {
		t.Errorf("a sign-in: %v, want that the issuer is another", err)
	}
}

func TestOIDCSettingsOfAddresses(t *testing.T) {
	p := setUpOIDC(t, nil)
	cfg := authn.OIDCConfig{Issuer: p.issuer.URL, ClientID: "x", RedirectURL: "http://127.0.0.1:1/", LinkClaim: "upn"}
	_, err := authn.NewOIDC(cfg, p.Service)
	if kind(err) != access.KindInvalid || !strings.Contains(access.MessageOf(err), "--oidc-trust-email=issuer") {
		t.Errorf("a claim that nothing verifies: %v, want a refusal that names the flag", err)
	}
	for _, bad := range []string{"", "yes", "Verified"} {
		if got, err := authn.ParseEmailTrust(bad); kind(err) != access.KindInvalid {
			t.Errorf("ParseEmailTrust(%q) = %q, %v", bad, got, err)
		}
	}
	for _, bad := range []string{"", "claim:", "upn", "Email"} {
		if got, err := authn.ParseLink(bad); kind(err) != access.KindInvalid {
			t.Errorf("ParseLink(%q) = %q, %v", bad, got, err)
		}
	}
	if got, err := authn.ParseLink("claim:upn"); got != "upn" || err != nil {
		t.Errorf("ParseLink(claim:upn) = %q, %v", got, err)
	}
}
