package sandbox_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

func TestTheCompanyIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	one, err := json.Marshal(sandbox.NewCompany(24))
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(sandbox.NewCompany(24))
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(two) {
		t.Error("two companies of 24 accounts differ")
	}
}

// What benchmarks and tests rely on in every account that a rollout can reach.
func TestWhatEveryAccountHas(t *testing.T) {
	t.Parallel()
	o, err := sandbox.New(sandbox.Config{Accounts: 40})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(o.Accounts()), 40; got != want {
		t.Fatalf("accounts: got %d, want %d", got, want)
	}
	seen := map[access.AccountID]bool{}
	for _, a := range o.Accounts() {
		s, _ := o.State(a.ID)
		if !a.ID.Valid() || seen[a.ID] {
			t.Errorf("%s has the id %q", a.Name, a.ID)
		}
		seen[a.ID] = true
		if a.Name == "management" {
			continue
		}
		for _, role := range []string{"Admin", "ReadOnly", "Deploy", "Bob", sandbox.DeployRole} {
			if s.Roles[role] == "" {
				t.Errorf("%s has no role %s", a.Name, role)
			}
		}
		for _, user := range []string{"alice", "bob", "carol", "dave", "erin"} {
			if s.Users[user] == nil {
				t.Errorf("%s has no user %s", a.Name, user)
			}
		}
		for _, role := range []string{"ReadOnly", "Deploy", "Bob"} {
			if strings.Contains(s.Roles[role], `"Deny"`) {
				t.Errorf("%s: somebody denies something on %s: %s", a.Name, role, s.Roles[role])
			}
		}
	}
}

func TestTenThousandAccountsFit(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a few hundred megabytes")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	o, err := sandbox.New(sandbox.Config{Accounts: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := (after.HeapAlloc - before.HeapAlloc) >> 20
	t.Logf("10,000 accounts: %v, %d MB", took.Round(time.Millisecond), used)
	if used > 400 {
		t.Errorf("10,000 accounts need %d MB, want no more than 400", used)
	}
	seen := map[access.AccountID]bool{}
	for _, a := range o.Accounts() {
		seen[a.ID] = true
	}
	if got, want := len(seen), 10_000; got != want {
		t.Errorf("different account ids: got %d, want %d", got, want)
	}
	runtime.KeepAlive(o)
}

func TestAnEmptyPageIsNotTheEnd(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{PageSize: 5})
	client := organizations.NewFromConfig(c.as(t, c.Accounts()[0].ID, sandbox.ConsoleUser))
	in := &organizations.ListAccountsInput{}
	empty, total := 0, 0
	for {
		out, err := client.ListAccounts(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		total += len(out.Accounts)
		if len(out.Accounts) == 0 && out.NextToken != nil {
			empty++
		}
		for _, a := range out.Accounts {
			if a.State == "" || len(a.Paths) != 1 || a.Status != "" {
				t.Errorf("account %s: State %q, retired Status %q, Paths %v", *a.Id, a.State, a.Status, a.Paths)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if empty != 1 || total != 24 {
		t.Errorf("got %d accounts and %d empty pages, want 24 and 1", total, empty)
	}
}

func TestStateOutlivesARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sandbox.json")
	first, err := sandbox.New(sandbox.Config{SnapshotPath: path})
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := first.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := dial(first, addr)
	id := c.account(t, "payments-prod")
	if err := setTrust(c.asAdmin(t, id), "Bob", article(id, "erin")); err != nil {
		t.Fatal(err)
	}
	if _, err := iam.NewFromConfig(c.asAdmin(t, id)).CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("zoe")}); err != nil {
		t.Fatal(err)
	}
	want, _ := first.State(id)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, sandbox.Config{SnapshotPath: path})
	got, _ := again.State(id)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := again.assume(from(again.as(t, id, "erin"), "103.15.250.1"), id, "Bob"); err != nil {
		t.Errorf("erin's key and grant after a restart: %v", err)
	}
}

func TestAdminEndpoints(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	admin := c.asAdmin(t, id)
	post := func(path, body string) int {
		t.Helper()
		res, err := http.Post(c.endpoint+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for body, want := range map[string]int{
		`{"rules":[{"actions":["iam:GetRole"],"throttle":1,"count":1,"latency":"1ms"}]}`: http.StatusOK,
		`{"rules":[{"throtle":1}]}`:         http.StatusBadRequest,
		`{"rules":[{"latency":"quickly"}]}`: http.StatusBadRequest,
	} {
		if got := post("/_sandbox/faults", body); got != want {
			t.Errorf("%s: got %d, want %d", body, got, want)
		}
	}
	c.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:GetRole"}, Throttle: 1, Count: 1}}})
	get := func() error {
		_, err := iam.NewFromConfig(admin).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("Bob")})
		return err
	}
	if got := code(get()); got != "Throttling" {
		t.Errorf("the first call: got %q, want it throttled", got)
	}
	if err := get(); err != nil {
		t.Errorf("the second call: %v", err)
	}
	var calls struct {
		Total  int
		Counts []sandbox.CallCount
		Calls  []sandbox.Call
	}
	res, err := http.Get(c.endpoint + "/_sandbox/calls?action=iam:GetRole&account=" + string(id))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&calls); err != nil {
		t.Fatal(err)
	}
	if calls.Total != 2 || len(calls.Calls) != 2 || calls.Calls[0].Fault != "throttled" || calls.Calls[1].Outcome != "ok" || !strings.Contains(calls.Calls[1].Caller, "assumed-role/OrganizationAccountAccessRole/test") {
		t.Errorf("calls: %+v", calls)
	}
	if got := post("/_sandbox/reset", ""); got != http.StatusNoContent || len(c.Calls()) != 0 {
		t.Errorf("reset: got %d and %d calls", got, len(c.Calls()))
	}
}

func TestReadsLag(t *testing.T) {
	t.Parallel()
	clock := make(chan time.Time, 1)
	clock <- time.Now()
	c := start(t, sandbox.Config{Now: func() time.Time { n := <-clock; clock <- n; return n }})
	id := c.account(t, "payments-prod")
	admin := c.asAdmin(t, id)
	before := getTrust(t, admin, "Bob")
	c.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:UpdateAssumeRolePolicy"}, Lag: sandbox.Duration(5 * time.Second)}}})
	if err := setTrust(admin, "Bob", article(id, "alice")); err != nil {
		t.Fatal(err)
	}
	if got := getTrust(t, admin, "Bob"); got != before {
		t.Errorf("right after the write: got %s, want what was there before", got)
	}
	if got, _ := c.State(id); !strings.Contains(got.Roles["Bob"], "NotIpAddress") {
		t.Errorf("the state itself: got %s, want what was written", got.Roles["Bob"])
	}
	c.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:PutUserPolicy"}, Lag: sandbox.Duration(5 * time.Second)}}})
	putUserPolicy(t, admin, "bob", identity("Allow", "*"))
	if got := policyNames(t, admin, "bob"); len(got) != 0 {
		t.Errorf("right after the write: bob has %v, want nothing yet", got)
	}
	clock <- (<-clock).Add(6 * time.Second)
	if got := getTrust(t, admin, "Bob"); !strings.Contains(got, "NotIpAddress") {
		t.Errorf("later: got %s, want what was written", got)
	}
	if d := cmp.Diff([]string{"test"}, policyNames(t, admin, "bob")); d != "" {
		t.Errorf("later: %s", d)
	}
}

// policyNames lists a user's inline policies as a sweep over the account shows them.
func policyNames(t *testing.T, cfg aws.Config, user string) []string {
	t.Helper()
	out, err := iam.NewFromConfig(cfg).GetAccountAuthorizationDetails(t.Context(), &iam.GetAccountAuthorizationDetailsInput{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range out.UserDetailList {
		for _, p := range u.UserPolicyList {
			if *u.UserName == user {
				names = append(names, *p.PolicyName)
			}
		}
	}
	return names
}

func TestCallWithLostAnswerHasEffect(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	admin := c.asAdmin(t, id)
	for _, answer500 := range []bool{false, true} {
		user := map[bool]string{false: "alice", true: "bob"}[answer500]
		c.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:UpdateAssumeRolePolicy"}, LoseAnswer: 1, Answer500: answer500, Count: 1}}})
		if err := setTrust(admin, "Bob", article(id, user)); err == nil {
			t.Error("the answer came")
		}
		if got := getTrust(t, admin, "Bob"); !strings.Contains(got, "user/"+user) {
			t.Errorf("the write of %s had no effect: %s", user, got)
		}
	}
}
