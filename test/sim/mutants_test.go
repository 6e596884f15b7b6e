package sim

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	runMutants      = flag.Bool("sim-mutants", false, "demand that TestSchedules finds breaks of the engine")
	mutantSchedules = flag.Int("sim-mutant-schedules", 15000, "how many schedules a break may survive")
)

// mutant is one line of the engine, and a line that breaks a rule. kind is part of the violation that
// the break must cause; "" for any. Few schedules find some breaks: near is the seed of one of them.
type mutant struct {
	name, file, from, to, kind string

	near uint64
}

// mutants are breaks of the rules that TestSchedules checks. Each must be found.
var mutants = []mutant{
	{
		"no role is left out of a user policy", "internal/rollout/requires.go",
		"		if !o.held {\n			continue", "		if true {\n			continue", "opened", 0,
	},
	{
		"a role is opened whose trust policy was not set", "internal/rollout/opened.go",
		"o.held, o.why = true, notSet(*o.dep)", `o.held, o.why = false, ""`, "", 0,
	},
	{
		"a role of another account is opened however it reads", "internal/rollout/opened.go",
		"case o.dep != nil && leftByOurs(access.OpTrustPolicy, o.dep.Document, live.Document, nil):", "case o.dep != nil:",
		"opened", 0,
	},
	{
		"a role that could not be set here is opened", "internal/rollout/requires.go",
		"case t.bad() || t.state == access.OperationSkipped:", "case false:", "opened", 0,
	},
	{
		"a role is opened before its trust policy is written", "internal/rollout/requires.go",
		"case t.op.Seq > s.op.Seq && t.write:", "case false:", "opened", 0,
	},
	{
		"a removed user is kept out by no Deny", "internal/rollout/requires.go",
		"		s.closed = append(s.closed, user)", "		_ = user", "opened", 0,
	},
	{
		"a statement that others added since the plan is not seen", "internal/rollout/requires.go",
		`			keep(user, "a statement of others admits this user")`, "			_ = keep", "opened", 0,
	},
	{
		"a trust policy keeps its form although others edit it before the write", "internal/rollout/write.go",
		"	u.formTrust(s)\n	op := s.op", "	op := s.op", "opened", 0,
	},
	{
		"a plan keeps no Deny for removed users", "internal/order/arrange.go",
		"case waits:", "case false && waits:", "opened", 0,
	},
	{
		"other permissions of a removed user count for nothing", "internal/order/way_in.go",
		"case len(w.Others) > 0:", "case false:", "", 0,
	},
	{
		"users whose policies lose a role are not kept out", "internal/order/arrange.go",
		"range a.losers(t.Account, *op) {", "range a.losers(t.Account, *op)[:0] {", "opened", 110135,
	},
	{
		"users whom conditions name are removed without a Deny", "internal/order/named.go",
		"found = append(found, usersOf(account, s.Conditions)...)", "_ = usersOf(account, s.Conditions)", "opened", 402720,
	},
	{
		"user-side policies open a role that others opened before its Denies", "internal/rollout/push.go",
		"	u.refuseUnguarded()", "", "opened", 89193,
	},
	{
		"a target continues for a policy that stays as it is", "internal/rollout/requires.go",
		"if o.step.isIncomplete() && o.step.waits.IsZero() {", "if false {", "left running", 96607,
	},
	{
		"a form that became live is not recorded", "internal/rollout/write.go",
		"	u.correct(s, op.Written, docs[0])", "	_ = u.correct", "a document is not as its operation says", 189454,
	},
	{
		"a rollback ignores the order across accounts", "internal/rollout/rollback.go",
		"if !order.Concerns(*plan) {", "if true {", "opened", 0,
	},
	{
		"users are written before roles", "internal/planning/planner.go",
		"return slices.Concat(match(before.Roles, after.Roles, whole), match(before.Users, after.Users, whole))",
		"return slices.Concat(match(before.Users, after.Users, whole), match(before.Roles, after.Roles, whole))",
		"opened", 0,
	},
	{
		"a rollback writes in the order of the rollout", "internal/rollout/rollback.go",
		"for _, op := range slices.Backward(t.Operations) {",
		"for _, op := range slices.All(t.Operations) {", "opened", 0,
	},
	{
		"an edit of our part is no conflict", "internal/rollout/decide.go",
		"case asPlanned(op, live.Document, ids):",
		"case true || asPlanned(op, live.Document, ids):", "an edit by others was overwritten", 0,
	},
	{
		"a trust policy is merged into the document of the plan", "internal/rollout/documents.go",
		"return mergeTrust(live, op.OursAfter)", "return mergeTrust(op.Before, op.OursAfter)", "", 0,
	},
	{
		"a document that was read is good for a quarter of an hour", "internal/rollout/write.go",
		"const freshFor = 15 * time.Second", "const freshFor = 15 * time.Minute", "", 0,
	},
	{
		"a trust policy that was seen is good for an hour", "internal/rollout/opened.go",
		"const openedFor = time.Minute", "const openedFor = time.Hour", "opened", 0,
	},
	{
		"the local lease is an hour too long", "internal/rollout/lease.go",
		"cancel: cancel, until: asked.Add(lease)}",
		"cancel: cancel, until: asked.Add(lease + time.Hour)}", "write after the claim was lost", 0,
	},
	{
		"no intent is recorded", "internal/rollout/push.go",
		"if len(intents) == 0 {", "if len(intents) >= 0 {", "write without an intent", 0,
	},
	{
		"a write without an answer counts as done", "internal/rollout/write.go",
		"		return &noAnswerError{err}", "		s.end(access.OperationWritten, s.message)", "", 0,
	},
	{
		"targets in flight do not count", "internal/access/rollout_progress.go",
		"return max(min(n-r.Counts.Running, r.Open()), 0)", "return max(min(n, r.Open()), 0)", "too many in flight", 0,
	},
	{
		"one failure too many may come", "internal/access/rollout_progress.go",
		"return max(most, 0) + 1 - bad", "return max(most, 0) + 2 - bad", "too many failures", 0,
	},
	{
		"user-side policies do not come before the trust policy", "internal/planning/user_side.go",
		"case opensToOne(a.ID, op, users):", "case false && opensToOne(a.ID, op, users):", "opened", 0,
	},
}

// TestMutants runs TestSchedules against each break. It changes no file: the compiler gets the broken
// one by an overlay.
func TestMutants(t *testing.T) {
	if !*runMutants {
		t.Skip("takes minutes: run it with -args -sim-mutants")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := runOverlaid(t, root, nil, 0, *schedules); err != nil {
		t.Fatalf("the engine as it is breaks a rule, so that no break of it can be told from that:\n%s", tail(out))
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			out, err := runOverlaid(t, root, m.overlay(t, root), m.near, *mutantSchedules)
			switch {
			case err == nil:
				t.Errorf("%d schedules have not found it", *mutantSchedules)
			case !strings.Contains(out, "--- FAIL: TestSchedules"):
				t.Errorf("it does not run:\n%s", tail(out))
			case !strings.Contains(out, m.kind):
				t.Errorf("found, and not as %q:\n%s", m.kind, tail(out))
			default:
				t.Log(firstLine(out, " schedules with "))
			}
		})
	}
}

// overlay maps the file of a mutant to its broken form.
func (m mutant) overlay(t *testing.T, root string) map[string]string {
	t.Helper()
	path := filepath.Join(root, m.file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.from); n != 1 {
		t.Fatalf("%s has the line %d times, want once: adapt the mutant\n%s", m.file, n, m.from)
	}
	broken := filepath.Join(t.TempDir(), filepath.Base(m.file))
	if err := os.WriteFile(broken, []byte(strings.Replace(string(text), m.from, m.to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{path: broken}
}

// runOverlaid runs TestSchedules from a seed on, with some files replaced.
func runOverlaid(t *testing.T, root string, replace map[string]string, from uint64, n int) (string, error) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-count=1", "-v",
		"-run", "^TestSchedules$", "./test/sim", "-args", "-sim-stop=1",
		fmt.Sprintf("-sim-first=%d", from), fmt.Sprintf("-sim-schedules=%d", n))
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

func tail(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

func firstLine(out, with string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, with) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
