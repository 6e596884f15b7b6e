package judge_test

import (
	"net/netip"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/judge"
)

// strangers are addresses that no generated document names.
var strangers = []string{"198.51.100.9", "203.0.113.200", "3fff::9"}

// plainCall is a call by the user that a principal of a document stands for, from an address and without anything
// special; ok is false for a principal that is not a user, an account or everyone.
func plainCall(who, addr string) (r iam.Request, ok bool) {
	user, ok := access.ParseUserARN(who)
	switch {
	case ok:
	case who == "*":
		user, ok = access.UserName{Account: home, Path: "/", Name: "stranger"}, true
	case strings.Contains(who, home):
		user, ok = access.UserName{Account: home, Path: "/", Name: "stranger"}, true
	case strings.Contains(who, away):
		user, ok = access.UserName{Account: away, Path: "/", Name: "stranger"}, true
	}
	return iam.Request{
		Principal: user, PrincipalID: "AIDA" + strings.ToUpper(user.Name) + "X", RoleAccount: home, Role: access.RoleName{
			Path: "/",
			Name: "Bob",
		},
		SessionName: user.Name, SourceIP: netip.MustParseAddr(addr), Now: now,
	}, ok
}

// TestFromAnywhereIsTrue: Bypasses says "from anywhere" only of principals whose plain calls the judge allows from any
// address, and leaves out only principals whose calls the judge denies.
func TestFromAnywhereIsTrue(t *testing.T) {
	t.Parallel()
	own, err := judge.Parse(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, judge.IdentityPolicy)
	if err != nil {
		t.Fatal(err)
	}
	all := judge.Policies{Identity: []*judge.Document{own}}
	at := iam.TrustContext{Account: home, Role: access.RoleName{Path: "/", Name: "Bob"}, Now: now}
	said, conditional, silent := 0, 0, 0
	for seed := range uint64(6000) {
		g := newGenerator(seed, 11)
		text := g.trust()
		trust, err := judge.Parse(text, judge.TrustPolicy)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		bs, err := iam.Bypasses(text, at)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for _, b := range bs {
			for _, who := range b.Who {
				named[who] = true
				if !strings.Contains(b.How, "from anywhere") {
					conditional++
					continue
				}
				for _, addr := range strangers {
					if r, ok := plainCall(who, addr); ok && !allows(r, trust, all) {
						t.Errorf("seed %d: statement %s lets %s in %s, and the judge denies a call from %s\n%s",
							seed, b.Statement, who, b.How, addr, text)
					}
				}
				said++
			}
		}
		if len(bs) > 0 {
			continue
		}
		for range 8 {
			silent++
			if r := g.request(); allows(r, trust, all) {
				t.Errorf("seed %d: no statement lets a caller in, and the judge allows %+v\n%s", seed, r, text)
			}
		}
		if t.Failed() {
			break
		}
	}
	t.Log(said, conditional, silent)
	if said < 300 || conditional < 1000 || silent < 1000 {
		t.Errorf("the generated cases are one-sided: %d, %d and %d", said, conditional, silent)
	}
}
