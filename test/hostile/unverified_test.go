package hostile

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tryUnverified accepts roles without proof as everyone who must not: those without the role, the starter of the rollout
// and the author of its change. The starter and the author get the role approver for it.
func tryUnverified(t *testing.T, w *world) {
	rollout := w.db.Strings("SELECT id::text FROM rollouts WHERE change_id::text = $1", w.changes["applied"])[0]
	path := "/rollouts/" + rollout + "/open-unverified"
	body := map[string]any{"accounts": []string{w.targets[0]}, "reason": "it is urgent"}
	form := url.Values{"accounts": {w.targets[0]}, "reason": {"it is urgent"}}
	accepted := func() string {
		return w.db.Strings("SELECT open_unverified FROM rollouts WHERE id::text = $1", rollout)[0]
	}
	refused := func(who, why string) {
		t.Helper()
		a := w.as(t, who)
		if page := a.form(path, form); !strings.Contains(page.body, why) {
			t.Errorf("%s: %d without %q: %s", who, page.status, why, clip(page.body))
		}
		for _, got := range []answer{a.api(path, body), a.form(path, form)} {
			if got.status != http.StatusForbidden {
				t.Errorf("%s: %d, want 403: %s", who, got.status, clip(got.body))
			}
		}
		if got := accepted(); got != "" {
			t.Fatalf("%s has accepted %q", who, got)
		}
	}
	for _, who := range []string{"viewer", "editor", "operator", "auditor", "admin"} {
		refused(who, "It needs the role approver")
	}
	const grant = "INSERT INTO person_roles SELECT id, 'approver' FROM people WHERE name = $1"
	const revoke = "DELETE FROM person_roles USING people WHERE people.id = person_id AND name = $1 AND role = 'approver'"
	for who, why := range map[string]string{
		"editor":   "wrote or edited the change of this rollout",
		"operator": "started this rollout",
	} {
		w.db.Exec(grant, w.people[who].Name)
		refused(who, why)
		w.db.Exec(revoke, w.people[who].Name)
	}
	a := w.as(t, "approver")
	for what, accounts := range map[string][]string{
		"no account":         {},
		"an unknown account": {"999999999999"},
		"two in one":         {w.targets[0] + ",999999999999"},
	} {
		got := a.api(path, map[string]any{"accounts": accounts, "reason": "it is urgent"})
		if got.status != http.StatusUnprocessableEntity || accepted() != "" {
			t.Errorf("%s: %d, and %q is accepted: %s", what, got.status, accepted(), clip(got.body))
		}
	}
	if got := a.api(path, body); got.status != http.StatusOK || accepted() != w.targets[0] {
		t.Errorf("a reviewer: %d, and %q is accepted: %s", got.status, accepted(), clip(got.body))
	}
	if n := w.db.Int("SELECT count(*) FROM audit_events WHERE action = 'rollout.open_unverified'"); n != 1 {
		t.Errorf("%d audit events, want 1", n)
	}
}
