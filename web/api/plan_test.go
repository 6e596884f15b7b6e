package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
)

// TestALongPlanIsWhatAPlanIs: a plan that is written piece by piece reads as one that is
// encoded as a whole.
func TestALongPlanIsWhatAPlanIs(t *testing.T) {
	for n := range 4 {
		plan := access.Plan{Documents: `digest [] "<>"`}
		whole := planJSON{Change: 7, Documents: plan.Documents, Targets: []planTargetJSON{}}
		for i := range n {
			target := access.PlannedTarget{Account: access.AccountID(fmt.Sprintf("11112222333%d", i)), AccountName: "[]<b>", Operations: []access.PlannedOperation{{Kind: access.OpUserPolicy, After: `{"a":[]}`}}}
			plan.Add(target)
			whole.Targets = append(whole.Targets, toPlanTargetJSON(target))
		}
		var got bytes.Buffer
		if err := (planAnswer{change: 7, plan: plan}).writeJSON(&got); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		var g, w any
		if err := errors.Join(json.Unmarshal(got.Bytes(), &g), json.Unmarshal(want, &w)); err != nil {
			t.Fatalf("%v in %s", err, got.Bytes())
		}
		if d := cmp.Diff(w, g); d != "" {
			t.Errorf("%d targets (-whole +piece by piece):\n%s", n, d)
		}
	}
}
