package load

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

var sizes = flag.String("bench-accounts", "100,1000,10000", "how many accounts the measured rollouts have")

// The shape of the measured rollouts.
const (
	usual       = 1_000 // accounts at which everything is measured
	concurrency = 20    // accounts at once: the console's default of --max-in-flight
	latency     = 50 * time.Millisecond
	patience    = 30 * time.Minute
)

var (
	roles = []string{"Bob", "Deploy", "ReadOnly"}
	users = "alice\nbob\ncarol\ndave\nerin"
)

// nowhere are the OUs whose accounts cannot be reached.
const nowhere = "Root/Suspended\nRoot/Workloads/Acquired"

// yard is an organization of so many accounts with a console, in which three roles are
// going to be mapped.
type yard struct {
	*harness.Crew
	t        *testing.T
	api      *harness.API
	box      *harness.Sandbox
	db       *harness.Database
	env      []string
	accounts int
	changes  int
	faults   []sandbox.Fault // that hold while something is measured
}

// newYard starts a console that has read every account and holds an allowlist.
func newYard(t *testing.T, accounts int) *yard {
	t.Helper()
	y := &yard{t: t, accounts: accounts, box: harness.StartSandbox(t, accounts+3), db: harness.NewDurableDatabase(t)} // three cannot be reached
	y.env = append(y.box.Env(), fmt.Sprint("PORTCULLIS_MAX_IN_FLIGHT=", concurrency), "PORTCULLIS_MAX_FAILURES=1000",
		// Not measured here, and slow for good reasons: reading the organization, and asking again how far that is.
		"PORTCULLIS_ORGANIZATIONS_RATE=-1", "PORTCULLIS_API_RATE=-1")
	y.Crew = harness.NewCrew(harness.Serve(t, y.db, y.env...), y.db)
	y.api = y.API(y.Editor)
	y.api.WaitForInventories(patience)
	y.AddAllowlist("office", "103.15.250.0/24 office\n12.148.72.0/23 data centre\n2a0c:9a40:21::/48 IPv6")
	return y
}

// mapAll composes the mappings in one draft: three trust policies and five user policies
// in each account.
func (y *yard) mapAll() *harness.Page {
	var draft *harness.Page
	for _, role := range roles {
		m := harness.Mapping{Role: role, Users: users, Allowlists: []string{"office"}, Except: nowhere}
		if draft != nil {
			m.Draft = draft.ID()
		}
		draft = y.AddMapping(m)
	}
	return draft
}

// more opens the allowlist to one network more: three trust policies in each account.
func (y *yard) more() *harness.Page {
	y.changes++
	return y.AddEntries("office", fmt.Sprintf("52.95.%d.0/24 one more", y.changes))
}

// await waits until the console has looked once more at what rollouts have written, and
// has nothing else to do.
func (y *yard) await() {
	y.t.Helper()
	y.box.SetFaults()
	harness.EventuallyGently(y.t, patience, "the accounts of rollouts are scanned", func() (bool, string) {
		open := y.db.Int(`SELECT (SELECT count(*) FROM rollouts r WHERE NOT EXISTS (SELECT FROM rollout_scans s WHERE s.rollout_id = r.id))
			+ (SELECT count(*) FROM river_job WHERE state IN ('available', 'running', 'retryable', 'scheduled'))
			+ (SELECT count(*) FROM inventories i JOIN account_scans s ON s.account_id = i.account_id WHERE s.read_at < i.read_at)`)
		return open == 0, fmt.Sprint(open, " scans, jobs and readings are open")
	})
	y.box.SetFaults(y.faults...)
}

// slowly makes every call take its time.
func (y *yard) slowly(latency time.Duration, and ...sandbox.Fault) {
	y.t.Helper()
	y.faults = append(and, sandbox.Fault{Latency: sandbox.Duration(latency)})
	y.box.SetFaults(y.faults...)
}

// run is what one rollout took.
type run struct {
	id            string
	wall, cpu     time.Duration
	calls, writes int
	rollout       harness.Rollout
}

// roll carries a draft out and waits for its end.
func (y *yard) roll(draft *harness.Page, title string) run {
	y.t.Helper()
	y.await()
	calls, writes := callsOf(y.box)
	id := y.Decide(draft, title)
	used := y.CPU()
	r := y.api.WaitForRollout(id, patience)
	out := run{id: id, cpu: y.CPU() - used, wall: r.Ended.Sub(r.Started), rollout: r}
	if r.State != "completed" || r.Counts["succeeded"] != y.accounts {
		y.t.Fatalf("the rollout is %s with %v, want %d accounts succeeded", r.State, r.Counts, y.accounts)
	}
	after, written := callsOf(y.box)
	out.calls, out.writes = after-calls, written-writes
	return out
}

// loop makes the calls of a rollout, and no others, without the console.
func (y *yard) loop(id string) run {
	y.t.Helper()
	documents := y.written(id)
	y.await()
	calls, writes := callsOf(y.box)
	used := ownCPU(y.t)
	wall := newBare(y.box, concurrency).run(y.t, documents, concurrency)
	out := run{wall: wall, cpu: ownCPU(y.t) - used}
	after, written := callsOf(y.box)
	out.calls, out.writes = after-calls, written-writes
	return out
}

func measureRollouts(t *testing.T, r *report) {
	for _, text := range strings.Split(*sizes, ",") {
		accounts, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(text, func(t *testing.T) { measureSize(t, r, accounts) })
	}
}

const beside = "The sandbox is a separate process. The console works on %d accounts at once, and so does the loop of bare SDK calls. The loop\nassumes the deployment role, reads the account, writes the same documents and reads them back. It compares nothing, records\nnothing and cannot continue after a crash. Durations run from the start of a rollout to its end. All calls that reach the\nsandbox count. The console reads the accounts again half a minute after each rollout, before the next measurement begins."

// measureSize measures rollouts to so many accounts.
func measureSize(t *testing.T, r *report, accounts int) {
	s := r.section(t, fmt.Sprintf("Rollouts to %s accounts, compared with a bare loop of SDK calls", number(accounts)), fmt.Sprintf(beside, concurrency))
	y := newYard(t, accounts)
	y.slowly(latency)
	first := y.roll(y.mapAll(), "Five people may take three roles")
	loop := y.loop(first.id)
	y.compare(s, fmt.Sprintf("%s accounts × 3 roles × 5 users, %s a call", number(accounts), latency), goalAt(accounts), first, loop)
	s.add("– calls an account, and writes", fmt.Sprintf("%.0f, one more than the loop", y.each(loop.calls)+1), "%.2f, %.2f", y.each(first.calls), y.each(first.writes))

	y.await()
	before, writes := callsOf(y.box)
	again := y.api.WaitForRollout(y.PushAgain(), patience)
	after, writesAgain := callsOf(y.box)
	if again.Counts["unchanged"] != accounts {
		t.Errorf("pushed again: %v, want %d unchanged", again.Counts, accounts)
	}
	s.add("– pushed again, unchanged: calls an account, writes, time", "3, 0", "%.2f, %d, %s", y.each(after-before), writesAgain-writes, seconds(again.Ended.Sub(again.Started)))
	if accounts == usual {
		for _, l := range []time.Duration{0, 150 * time.Millisecond} {
			y.slowly(l)
			one := y.roll(y.more(), fmt.Sprint("At ", l))
			y.compare(s, fmt.Sprintf("%s accounts × 3 roles, %s a call", number(accounts), l), 0, one, y.loop(one.id))
		}
	}
	s.add("– memory of the console: at most, during all of this", memoryGoal(accounts), "%s", mebibytes(y.PeakRSS()))
	if accounts == usual {
		measureControl(t, y, r)
	}
}

// compare adds what a rollout took beside the bare loop.
func (y *yard) compare(s *section, what string, goal float64, one, loop run) {
	ratio := one.wall.Seconds() / loop.wall.Seconds()
	wanted := ""
	if goal > 0 {
		wanted = fmt.Sprintf("≤ %.2f%s", goal, missed(ratio <= goal))
	}
	s.add(what+": rollout, loop", "", "%s, %s", seconds(one.wall), seconds(loop.wall))
	s.add("– rollout ÷ loop", wanted, "%.2f", ratio)
	cpu := one.cpu.Seconds() / float64(one.calls) / (loop.cpu.Seconds() / float64(loop.calls))
	s.add("– processor time a call: rollout, loop, ratio", "≤ 2"+missed(cpu <= 2), "%.2f ms, %.2f ms, %.2f", 1000*one.cpu.Seconds()/float64(one.calls), 1000*loop.cpu.Seconds()/float64(loop.calls), cpu)
}

// goalAt is how much longer than the bare loop a rollout to so many accounts may take.
func goalAt(accounts int) float64 {
	if accounts > usual {
		return 1.15
	}
	return 1.10
}

func memoryGoal(accounts int) string {
	if accounts > usual {
		return "≤ 150 MiB"
	}
	return ""
}

func missed(held bool) string {
	if held {
		return ""
	}
	return ", missed"
}

// ownCPU is how much processor time this process has used.
func ownCPU(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// each is a count per account.
func (y *yard) each(n int) float64 { return float64(n) / float64(y.accounts) }

// callsOf counts the calls in the sandbox's own record that concern member accounts.
func callsOf(box *harness.Sandbox) (total, writes int) {
	for _, c := range box.Counts() {
		if !strings.HasPrefix(c.Action, "organizations:") {
			total += c.Count
		}
		if slices.Contains(harness.WriteActions, c.Action) {
			writes += c.Count
		}
	}
	return total, writes
}

// written returns the documents that a rollout wrote, as the sandbox holds them.
func (y *yard) written(rollout string) map[access.AccountID][]document {
	y.t.Helper()
	out := map[access.AccountID][]document{}
	for _, target := range y.api.Plan(rollout) {
		state := y.box.State(target.Account)
		for _, op := range target.Operations {
			name := strings.TrimPrefix(op.Resource.Path, "/") + op.Resource.Name
			text := state.Roles[name]
			if op.Resource.Kind == access.ResourceUser {
				text = state.Users[name][access.UserPolicyName]
			}
			if !json.Valid([]byte(text)) {
				y.t.Fatalf("%s of account %s holds %q", op.Resource, target.Account, text)
			}
			out[target.Account] = append(out[target.Account], document{op.Resource, text})
		}
	}
	return out
}

// number writes 10000 as 10,000.
func number(n int) string {
	text := strconv.Itoa(n)
	if n < 1000 {
		return text
	}
	return text[:len(text)-3] + "," + text[len(text)-3:]
}
