package rollout_test

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
)

// A statement of others names a user who is deleted before the plan is made, or after it. AWS refuses at most
// one write, and the push does not wait.
func TestDeletedPrincipalOfOthersDelaysNothing(t *testing.T) {
	for name, afterPlan := range map[string]bool{"deleted before the plan": false, "deleted after the plan": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			account := w.some(0).ID
			admin := w.byHand(t, account)
			admin.CreateUser("zoe")
			zoe := access.UserName{Account: account, Path: "/", Name: "zoe"}.ARN("aws")
			alice := access.UserName{Account: account, Path: "/", Name: "alice"}.ARN("aws")
			others := `{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":["` + zoe + `","` + alice + `"]},"Action":"sts:AssumeRole"}`
			admin.SetTrust("Bob", `{"Version":"2012-10-17","Statement":[`+others+`]}`)
			if !afterPlan {
				admin.DeleteUser("zoe")
			}
			w.readEverything(t)
			plan := w.plan(t, desiredState(office...))
			if afterPlan {
				admin.DeleteUser("zoe")
			}
			before := len(w.org.Calls())
			target := w.push(t, w.replica(t, rollout.Config{}), plan, account)
			if target.State != access.TargetSucceeded || !strings.Contains(target.Message, "AIDA") {
				t.Errorf("the target is %s (%s), want it to have succeeded and to name the id", target.State, target.Message)
			}
			refused := 0
			for _, c := range w.org.Calls()[before:] {
				if c.Account == account && c.Action == "iam:UpdateAssumeRolePolicy" && c.Outcome != "ok" {
					refused++
				}
			}
			if want := map[bool]int{true: 1}[afterPlan]; refused != want {
				t.Errorf("AWS refused %d writes, want %d", refused, want)
			}
			bob := w.state(t, account).Roles["Bob"]
			if strings.Contains(bob, "AIDA") || !strings.Contains(bob, `"Sid":"Theirs"`) {
				t.Errorf("Bob has %s, want the statement without the id", bob)
			}
		})
	}
}
