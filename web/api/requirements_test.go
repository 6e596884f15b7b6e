package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestAPIAcceptsRolesWithoutProof(t *testing.T) {
	c := webtest.New(t)
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	c.Rollouts.Shown.OpenUnverified = "111122223333"
	body := `{"accounts":["111122223333"],"reason":"the auditors know"}`
	a := c.Tell("POST", "/rollouts/3/open-unverified", "approver", body)
	if a.Status != http.StatusOK || !strings.Contains(a.Body, `"open_unverified":["111122223333"]`) {
		t.Errorf("answered %d: %s", a.Status, a.Body)
	}
	if a := c.Tell("POST", "/rollouts/3/open-unverified", "editor", body); a.Status != http.StatusForbidden {
		t.Errorf("an editor: answered %d", a.Status)
	}
	if d := cmp.Diff([]string{`open unverified 3 [111122223333] "the auditors know"`}, c.Rollouts.Did); d != "" {
		t.Errorf("calls of the service (-want +got):\n%s", d)
	}
}

func TestAPIShowsWhatAnOperationRequires(t *testing.T) {
	c := webtest.New(t)
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	c.Rollouts.TargetPage.Items[0].Wave, c.Rollouts.TargetPage.Items[0].Pass = 2, access.PassFinal
	op := access.Operation{ID: 4, State: access.OperationPlanned, PlannedOperation: access.PlannedOperation{
		Kind: access.OpUserPolicy, BeforeKnown: true,
		After: `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssume","Effect":"Allow","Action":"sts:AssumeRole","Resource":["arn:aws:iam::100000000000:role/team/Bob"]}]}`,
		Requires: access.Requirements{Opens: []access.Opening{{
			Account: "100000000000", Role: access.RoleName{Path: "/team/", Name: "Bob"}, Basis: access.BasisUnread,
		}}}.Encode(),
	}}
	c.Rollouts.OperationList = []access.Operation{op}
	a := c.API("/rollouts/3/targets/111122223333", "viewer")
	for _, part := range []string{
		`"opens":[{"account":"100000000000","role":"team/Bob","basis":"unread"}]`, `"first_form":null`, `"wave":2,"pass":"final"`,
	} {
		if !strings.Contains(a.Body, part) {
			t.Errorf("answered %d without %s: %s", a.Status, part, a.Body)
		}
	}
}
