package fault

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/test/harness"
)

var long = flag.Bool("long", os.Getenv("PORTCULLIS_FAULT") == "full", "more kills, more accounts, more kinds of trouble")

// full reports whether the long form of the tests is wanted.
func full() bool { return *long }

// timely says where something took longer than it may. The long form, which measures,
// fails by that; the short form has to pass on a machine that is busy with other tests.
func timely(t testing.TB, what string, took, atMost time.Duration) {
	t.Helper()
	switch {
	case took <= atMost:
	case full():
		t.Errorf("%s: %s, want %s at most", what, took, atMost)
	default:
		t.Logf("%s: %s, where %s is the goal", what, took, atMost)
	}
}

// unreachable are the accounts of the sandbox that no rollout can reach: the management
// account, a suspended one, and one whose deployment role trusts somebody else.
const unreachable = 3

// endsWithin is how long a rollout may take, leases that have to run out included.
const endsWithin = 6 * time.Minute

// fleet is an organization of many accounts with a console.
type fleet struct {
	*harness.Crew
	t        *testing.T
	db       *harness.Database
	direct   *harness.Database // the same past any relay
	changes  int
	box      *harness.Sandbox
	env      []string
	accounts []access.AccountID // that a rollout can reach
	before   map[access.AccountID]sandbox.AccountState
}

// newFleet starts an organization in which so many accounts can be reached, and a
// console that has read it all and holds an allowlist.
func newFleet(t *testing.T, accounts int, env ...string) *fleet {
	t.Helper()
	return newFleetOn(t, harness.NewDatabase(t), accounts, env...)
}

// newFleetOn is newFleet on a given database.
func newFleetOn(t *testing.T, db *harness.Database, accounts int, env ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, db: db, direct: db, box: harness.StartSandbox(t, accounts+unreachable)}
	f.env = append(f.box.Env(), env...)
	f.Crew = harness.NewCrew(harness.Serve(t, f.db, f.env...), f.db)
	f.API(f.Editor).WaitForInventories(time.Minute + time.Duration(accounts)*50*time.Millisecond)
	f.AddAllowlist("office", "103.15.250.0/24 office\n12.148.72.0/23 data centre")
	for _, a := range f.box.Accounts() {
		if len(f.box.State(a.ID).Users) > 3 && a.State == access.AccountActive && a.Name != "acquired-shop" {
			f.accounts = append(f.accounts, a.ID)
		}
	}
	if len(f.accounts) != accounts {
		t.Fatalf("%d accounts can be reached, want %d", len(f.accounts), accounts)
	}
	f.remember()
	return f
}

// remember notes what every account holds before a rollout.
func (f *fleet) remember() {
	f.t.Helper()
	f.before = map[access.AccountID]sandbox.AccountState{}
	for _, id := range f.accounts {
		f.before[id] = f.box.State(id)
	}
}

// writesPerAccount is what a new mapping of a role to two users means in an account: one
// trust policy, two user policies.
const writesPerAccount = 3

// mapRole starts the rollout of a mapping that reaches every account.
func (f *fleet) mapRole(role string) (rollout string) {
	f.t.Helper()
	draft := f.AddMapping(harness.Mapping{Role: role, Users: "alice\nbob", Allowlists: []string{"office"}, Except: "Root/Suspended\nRoot/Workloads/Acquired"})
	return f.Decide(draft, "Alice and Bob may take "+role)
}

// mapped maps a role in every account, so that a change is one write in each.
func (f *fleet) mapped() *fleet {
	f.t.Helper()
	f.endsAsDesired(f.mapRole("Bob"))
	return f
}

// change opens the allowlist to one network more, which is one write in every account
// when a role is mapped.
func (f *fleet) change() (rollout string) {
	f.t.Helper()
	f.changes++
	return f.Decide(f.AddEntries("office", fmt.Sprintf("52.95.%d.0/24 one more", f.changes)), fmt.Sprintf("Network %d", f.changes))
}

// whenWritten waits until so many writes have taken effect since a count.
func (f *fleet) whenWritten(since, n int) {
	f.t.Helper()
	harness.Eventually(f.t, endsWithin, fmt.Sprintf("%d writes take effect", n), func() (bool, string) {
		done := f.box.Writes() - since
		return done >= n, fmt.Sprint(done)
	})
}

// endsAsDesired waits for the end of a rollout and fails the test unless everything is
// as it has to be, whatever happened on the way.
func (f *fleet) endsAsDesired(rollout string) harness.Rollout {
	f.t.Helper()
	api := f.API(f.Editor)
	r := api.WaitForRollout(rollout, endsWithin)
	if r.State != "completed" || r.Targets != len(f.accounts) || r.Counts["succeeded"]+r.Counts["unchanged"] != r.Targets {
		f.t.Errorf("the rollout is %s with %v, want completed with all %d accounts succeeded", r.State, r.Counts, len(f.accounts))
	}
	f.targetsEnded(api, rollout)
	f.documentsAreThere(api, rollout)
	f.strangersUntouched()
	f.documentsBeforeKept(api, rollout)
	f.auditedOnce(rollout)
	f.chainVerifies()
	f.countedRight()
	f.remember()
	return r
}

// countedRight checks that no console ever corrected the counts of a rollout.
func (f *fleet) countedRight() {
	f.t.Helper()
	if strings.Contains(f.Output(), "corrected the counts of a rollout") {
		f.t.Error("the counts of a rollout differed from its targets")
	}
}

// auditedOnce checks that each write stands in the audit log exactly once.
func (f *fleet) auditedOnce(rollout string) {
	f.t.Helper()
	const events = "FROM audit_events WHERE action = 'operation.write' AND object LIKE $1"
	written := f.direct.Int("SELECT count(*) FROM operations WHERE rollout_id = $1 AND state = 'written'", rollout)
	all := f.direct.Int("SELECT count(*) "+events, "rollout/"+rollout+"/%")
	once := f.direct.Int("SELECT count(DISTINCT detail->>'operation') "+events, "rollout/"+rollout+"/%")
	if all != written || once != written {
		f.t.Errorf("the audit log has %d events of %d writes, want one for each of %d", all, once, written)
	}
}

// writes are the calls that write, as the sandbox remembers them.
func (f *fleet) writes() []sandbox.Call {
	f.t.Helper()
	return slices.DeleteFunc(f.box.Calls(""), func(c sandbox.Call) bool { return !slices.Contains(harness.WriteActions, c.Action) })
}

// targetsEnded checks that no account was lost or got stuck, and none was counted twice.
func (f *fleet) targetsEnded(api *harness.API, rollout string) {
	f.t.Helper()
	seen := map[access.AccountID]bool{}
	for _, target := range api.Targets(rollout) {
		if seen[target.Account] {
			f.t.Errorf("account %s is in the rollout twice", target.Account)
		}
		seen[target.Account] = true
		if target.State != "succeeded" && target.State != "unchanged" {
			f.t.Errorf("account %s is %s: %s", target.Account, target.State, target.Message)
		}
	}
	for _, id := range f.accounts {
		if !seen[id] {
			f.t.Errorf("account %s is not in the rollout", id)
		}
	}
}

// documentsAreThere compares what the sandbox holds with what the plan promised.
func (f *fleet) documentsAreThere(api *harness.API, rollout string) {
	f.t.Helper()
	for _, target := range api.Plan(rollout) {
		state := f.box.State(target.Account)
		for _, op := range target.Operations {
			if got, want := held(state, op.Resource), text(op.After); !iam.Equal(got, want, nil) {
				f.t.Errorf("%s of account %s holds\n%s\nwant\n%s", op.Resource, target.Account, got, want)
			}
		}
	}
}

// held is a document as an account holds it.
func held(s sandbox.AccountState, r access.Resource) string {
	name := strings.TrimPrefix(r.Path, "/") + r.Name
	if r.Kind == access.ResourceRole {
		return s.Roles[name]
	}
	return s.Users[name][access.UserPolicyName]
}

// text is a document in an answer of the API, "" for none.
func text(raw json.RawMessage) string {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return ""
	}
	return string(raw)
}

// strangersUntouched checks that every statement of somebody else is as it was.
func (f *fleet) strangersUntouched() {
	f.t.Helper()
	for _, id := range f.accounts {
		now := f.box.State(id)
		for role, before := range f.before[id].Roles {
			if !iam.Equal(foreign(f.t, now.Roles[role]), foreign(f.t, before), nil) {
				f.t.Errorf("role %s of account %s: the statements of others were\n%s\nand are\n%s", role, id, foreign(f.t, before), foreign(f.t, now.Roles[role]))
			}
		}
	}
}

func foreign(t *testing.T, document string) string {
	t.Helper()
	rest, err := iam.Foreign(document)
	if err != nil {
		t.Fatalf("reading %s: %v", document, err)
	}
	return rest
}

// documentsBeforeKept checks that the console kept what stood there before the rollout:
// not what an interrupted attempt had left there.
func (f *fleet) documentsBeforeKept(api *harness.API, rollout string) {
	f.t.Helper()
	for _, id := range f.accounts {
		for _, op := range api.Operations(rollout, id) {
			if op.State != "written" {
				f.t.Errorf("%s of account %s is %s, want written: %s", op.Resource, id, op.State, op.Message)
				continue
			}
			got, want := text(op.LiveBefore), held(f.before[id], op.Resource)
			if got == "" && want == "" {
				continue
			}
			if !iam.Equal(got, want, nil) {
				f.t.Errorf("%s of account %s: the console kept\n%s\nas the document before, which was\n%s", op.Resource, id, got, want)
			}
		}
	}
}

func (f *fleet) chainVerifies() {
	f.t.Helper()
	harness.MustCommand(f.t, []string{f.db.Env()}, "", "audit", "verify")
}

// pushAgainWritesNothing has everything pushed once more: nothing is to be done.
func (f *fleet) pushAgainWritesNothing() {
	f.t.Helper()
	written := f.box.Writes()
	r := f.API(f.Editor).WaitForRollout(f.PushAgain(), endsWithin)
	if r.State != "completed" || r.Counts["unchanged"] != r.Targets || r.Targets != len(f.accounts) {
		f.t.Errorf("pushed again the rollout is %s with %v, want %d unchanged", r.State, r.Counts, len(f.accounts))
	}
	if again := f.box.Writes() - written; again != 0 {
		f.t.Errorf("pushed again there were %d writes, want none", again)
	}
}

// slow makes every call take a while, so that there is a middle to strike in.
func slow(latency time.Duration) sandbox.Fault {
	return sandbox.Fault{Latency: sandbox.Duration(latency), Jitter: sandbox.Duration(latency / 2)}
}

// most returns how many accounts were worked on at the same time at most, by the
// sandbox's own record of calls within accounts.
func most(calls []sandbox.Call) int {
	type edge struct {
		at   time.Time
		step int
	}
	first, last := map[access.AccountID]time.Time{}, map[access.AccountID]time.Time{}
	for _, c := range calls {
		if at, seen := first[c.Account]; !seen || c.Time.Before(at) {
			first[c.Account] = c.Time
		}
		if c.Time.After(last[c.Account]) {
			last[c.Account] = c.Time
		}
	}
	var edges []edge
	for id := range first {
		edges = append(edges, edge{first[id], 1}, edge{last[id], -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
	now, peak := 0, 0
	for _, e := range edges {
		now += e.step
		peak = max(peak, now)
	}
	return peak
}
