package load

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// The goals of a change: what touches little takes little, however large the organization.
const (
	fewGoal  = time.Second
	allGoal  = 2 * time.Second
	warmGoal = 100 * time.Millisecond
)

// kind is a change that is measured: one more entry in a list.
type kind struct {
	what, list string
	goal       time.Duration
}

var kinds = []kind{
	{"a list that one account in a hundred uses", "al-7", fewGoal},
	{"the largest list, which no mapping uses", "al-large", fewGoal},
	{"a list that all accounts use", "al-review", allGoal},
}

// steps are what people wait for, in order. Each ends with the page that it leads to.
var steps = []string{"edit, and see the draft", "the draft once more", "submit, and see the change", "the reviewer's page", "approve", "apply, and see the rollout"}

// measureChanges takes changes from the first edit to the rollout, in organizations of
// three sizes.
func measureChanges(t *testing.T, r *report) {
	s := r.section(t, "Changes", fmt.Sprintf("One more entry in a list, from the edit to the rollout, by page, in databases that hold %s, and a tenth and a hundredth of it. Every step is timed from the request to the last byte of the resulting page.", full))
	sizes := []company{full.over(100), full.over(10), full}
	took := map[string][]time.Duration{}
	for _, size := range sizes {
		crew, peak := walkThrough(t, size, took)
		if size == full {
			s.add("memory of the console, at most", "", "%s", peak)
		}
		crew.Stop()
	}
	for _, k := range kinds {
		for _, step := range steps {
			d := took[k.what+": "+step]
			growth := math.Sqrt(float64(d[2]) / float64(d[0]))
			goal := k.goal
			if step == "the draft once more" || step == "the reviewer's page" {
				goal = warmGoal
			}
			s.add(k.what+": "+step+": at 1×, 10×, 100×; growth per 10×", fmt.Sprintf("≤ %s%s", goal, over(d[2] > goal)), "%s, %s, %s; %.2f", millis(d[0]), millis(d[1]), millis(d[2]), growth)
		}
	}
}

// walkThrough makes every kind of change in a company of a size.
func walkThrough(t *testing.T, size company, took map[string][]time.Duration) (*harness.Crew, string) {
	t.Helper()
	db := harness.NewDurableDatabase(t)
	crew := harness.NewCrew(harness.Serve(t, db, elsewhere...), db)
	crew.AddAllowlist("first", "103.15.250.0/24 office")
	crew.Stop()
	size.seed(db)
	crew.Console = crew.Again()
	editor, approver, operator := crew.SignIn(crew.Editor), crew.SignIn(crew.Approver), crew.SignIn(crew.Operator)
	editor.Get("/allowlists/al-7").Want(http.StatusOK)
	for _, k := range kinds {
		var page *harness.Page
		timed := func(step string, do func() *harness.Page) {
			began := time.Now()
			page = do().Want(http.StatusOK)
			took[k.what+": "+step] = append(took[k.what+": "+step], time.Since(began))
		}
		form := editor.Get("/allowlists/"+k.list).Form("/entries").Fill("lines", "9.9.9.9/32 one more")
		timed(steps[0], func() *harness.Page { return form.Submit() })
		path := page.Path()
		timed(steps[1], func() *harness.Page { return editor.Get(path) })
		form = page.Form("/edit").Fill("title", "One more office").Fill("reason", "NET-1: it is new")
		timed(steps[2], func() *harness.Page { return form.Submit("Submit for review") })
		timed(steps[3], func() *harness.Page { return approver.Get(path) })
		form = page.Form("/review")
		timed(steps[4], func() *harness.Page { return form.Submit("Approve") })
		form = operator.Get(path).Form("/apply")
		timed(steps[5], func() *harness.Page { return form.Submit("Apply") })
		if !strings.HasPrefix(page.Path(), "/rollouts/") {
			t.Fatalf("applying %s leads to %s", k.what, page)
		}
	}
	return crew, mebibytes(crew.PeakRSS())
}
