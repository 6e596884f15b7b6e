package authz

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// The whole table, written out: a change to the table must be repeated here.
func TestTable(t *testing.T) {
	want := map[Permission]string{
		Read:             "viewer editor approver operator auditor admin break-glass",
		ReadAudit:        "auditor admin",
		EditChange:       "editor break-glass",
		ReviewChange:     "approver",
		ApplyChange:      "operator",
		ControlRollout:   "operator",
		SyncAccounts:     "operator admin",
		AcceptSync:       "admin",
		ManagePeople:     "admin",
		ManageFindings:   "operator",
		WithdrawAny:      "admin",
		ManageOwnAccount: "viewer editor approver operator auditor admin break-glass",
		ReadJobs:         "admin",
		BreakGlass:       "break-glass",
	}
	if len(want) != len(Permissions()) {
		t.Fatalf("%d permissions are tested, and there are %d", len(want), len(Permissions()))
	}
	for _, p := range Permissions() {
		got := ""
		for _, r := range access.Roles() {
			if Can(access.Actor{Kind: access.ActorPerson, PersonID: 1, Roles: []access.Role{r}}, p) {
				got += " " + string(r)
			}
		}
		if len(got) > 0 {
			got = got[1:]
		}
		if got != want[p] {
			t.Errorf("%s is for %q, want %q", p, got, want[p])
		}
	}
}

func TestNobodyMayAnything(t *testing.T) {
	for _, p := range Permissions() {
		if err := Require(access.Actor{}, p); access.KindOf(err) != access.KindUnauthenticated {
			t.Errorf("%s without an actor: %v, want KindUnauthenticated", p, err)
		}
		if err := Require(access.Actor{Kind: access.ActorPerson, PersonID: 1}, p); access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s without a role: %v, want KindForbidden", p, err)
		}
	}
}

func TestTheSystemNeverReviews(t *testing.T) {
	if Can(access.System("rollout"), ReviewChange) {
		t.Error("the system may review")
	}
}

func TestTokensNeedTheirScope(t *testing.T) {
	all := access.Actor{Kind: access.ActorToken, PersonID: 1, Roles: access.Roles()}
	for _, p := range Permissions() {
		if Can(all, p) {
			t.Errorf("a token without scopes may %s", p)
		}
		for _, s := range access.Scopes() {
			token := all
			token.Scopes = []access.TokenScope{s}
			if got, want := Can(token, p), scopes[p] == s; got != want {
				t.Errorf("a token with the scope %s may %s: %v, want %v", s, p, got, want)
			}
			person := token
			person.Kind = access.ActorPerson
			if !Can(person, p) {
				t.Errorf("scopes narrow somebody in a browser: %s", p)
			}
		}
		if token := (access.Actor{Kind: access.ActorToken, PersonID: 1, Scopes: access.Scopes()}); Can(token, p) {
			t.Errorf("scopes without a role give %s", p)
		}
	}
}
