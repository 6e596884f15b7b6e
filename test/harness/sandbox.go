package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// Region is the AWS region that tests name. The sandbox does not care which.
const Region = "eu-central-1"

// Sandbox is an AWS organization to test against. Process is nil where it runs within
// another process, as in the demo.
type Sandbox struct {
	*Process
	Endpoint string
	t        testing.TB
}

// StartSandbox runs a sandbox organization of so many accounts as a process of its own.
func StartSandbox(t testing.TB, accounts int) *Sandbox {
	t.Helper()
	addr := freeAddr(t)
	p := start(t, Binary(t), addr, nil, "sandbox", "--listen", addr, "--accounts", strconv.Itoa(accounts))
	s := SandboxAt(t, p.URL())
	s.Process = p
	s.waitUntilReady()
	return s
}

// SandboxAt is a sandbox that runs already.
func SandboxAt(t testing.TB, endpoint string) *Sandbox { return &Sandbox{Endpoint: endpoint, t: t} }

func (s *Sandbox) waitUntilReady() {
	s.t.Helper()
	Eventually(s.t, 30*time.Second, "the sandbox answers", func() (bool, string) {
		if s.Ended() {
			s.t.Fatalf("the sandbox ended at its start:\n%s", s.Output())
		}
		resp, err := http.Get(s.Endpoint + "/_sandbox/faults")
		if err != nil {
			return false, err.Error()
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK, resp.Status
	})
}

// Env makes a console process use the sandbox as AWS, as the organization's console user.
func (s *Sandbox) Env() []string {
	s.t.Helper()
	c := s.Credentials("")[0]
	return []string{
		"AWS_ENDPOINT_URL=" + s.Endpoint, "AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey,
	}
}

// Credentials returns the keys of an account's users, or, for no account, those of the
// management account and of some samples, the console's own first.
func (s *Sandbox) Credentials(account access.AccountID) []sandbox.Credential {
	s.t.Helper()
	var out []sandbox.Credential
	s.get("credentials", url.Values{"account": {string(account)}}, &out)
	return out
}

// Credential returns the key of one user of an account.
func (s *Sandbox) Credential(account access.AccountID, user string) sandbox.Credential {
	s.t.Helper()
	all := s.Credentials(account)
	i := slices.IndexFunc(all, func(c sandbox.Credential) bool { return c.User == user })
	if i < 0 {
		s.t.Fatalf("the sandbox has no key of user %s in account %s", user, account)
	}
	return all[i]
}

// Accounts lists all accounts.
func (s *Sandbox) Accounts() []sandbox.AccountSummary {
	s.t.Helper()
	var out []sandbox.AccountSummary
	s.get("accounts", nil, &out)
	return out
}

// State is what an account holds, whatever reads are made to show.
func (s *Sandbox) State(account access.AccountID) sandbox.AccountState {
	s.t.Helper()
	var out sandbox.AccountState
	s.get("state", url.Values{"account": {string(account)}}, &out)
	return out
}

// Calls returns all calls of an action ("" for all) that are kept, oldest first.
func (s *Sandbox) Calls(action string) []sandbox.Call {
	s.t.Helper()
	return s.calls(action, 200_000)
}

// Newest returns the n newest calls, oldest first.
func (s *Sandbox) Newest(n int) []sandbox.Call {
	s.t.Helper()
	return s.calls("", n)
}

func (s *Sandbox) calls(action string, n int) []sandbox.Call {
	s.t.Helper()
	var out struct{ Calls []sandbox.Call }
	s.get("calls", url.Values{"action": {action}, "limit": {strconv.Itoa(n)}}, &out)
	return out.Calls
}

// NewestOf returns the n newest calls of an action, oldest first.
func (s *Sandbox) NewestOf(action string, n int) []sandbox.Call {
	s.t.Helper()
	return s.calls(action, n)
}

// Counts returns how often each action was called, by account and outcome.
func (s *Sandbox) Counts() []sandbox.CallCount {
	s.t.Helper()
	var out struct{ Counts []sandbox.CallCount }
	s.get("calls", url.Values{"limit": {"0"}}, &out)
	return out.Counts
}

// WriteActions are the IAM actions by which the console writes.
var WriteActions = []string{
	"iam:UpdateAssumeRolePolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy",
	"iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:DeletePolicy", "iam:AttachUserPolicy", "iam:DetachUserPolicy",
}

// Writes counts the writes that took effect, answered or not.
func (s *Sandbox) Writes() int {
	s.t.Helper()
	n := 0
	for _, c := range s.Counts() {
		if c.Outcome == "ok" && slices.Contains(WriteActions, c.Action) {
			n += c.Count
		}
	}
	return n
}

// Reset makes the sandbox as it was at its start, without faults and calls.
func (s *Sandbox) Reset() {
	s.t.Helper()
	resp, err := http.Post(s.Endpoint+"/_sandbox/reset", "", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		s.t.Fatalf("resetting the sandbox: %s", resp.Status)
	}
}

// SetFaults makes the sandbox misbehave by these rules alone; none make it behave.
func (s *Sandbox) SetFaults(rules ...sandbox.Fault) {
	s.t.Helper()
	body, err := json.Marshal(sandbox.Faults{Seed: 1, Rules: append([]sandbox.Fault{}, rules...)})
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.Post(s.Endpoint+"/_sandbox/faults", "application/json", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	s.read(resp, nil)
}

func (s *Sandbox) get(what string, q url.Values, into any) {
	s.t.Helper()
	resp, err := http.Get(s.Endpoint + "/_sandbox/" + what + "?" + q.Encode())
	if err != nil {
		s.t.Fatal(err)
	}
	s.read(resp, into)
}

func (s *Sandbox) read(resp *http.Response, into any) {
	s.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		s.t.Fatalf("the sandbox's %s: %v", resp.Request.URL.Path, err)
	}
}

// SetAccountState gives an account of the organization another state, such as SUSPENDED or LEFT.
func (s *Sandbox) SetAccountState(account access.AccountID, state access.AccountState) {
	s.t.Helper()
	s.set("accounts", url.Values{"account": {string(account)}, "state": {string(state)}})
}

// SetOrganizationID makes the same accounts another organization.
func (s *Sandbox) SetOrganizationID(id string) {
	s.t.Helper()
	s.set("organization", url.Values{"id": {id}})
}

func (s *Sandbox) set(what string, q url.Values) {
	s.t.Helper()
	resp, err := http.Post(s.Endpoint+"/_sandbox/"+what+"?"+q.Encode(), "", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		s.t.Fatalf("setting %s of the sandbox to %s: %s", what, q.Encode(), resp.Status)
	}
}
