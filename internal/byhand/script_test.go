package byhand_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/byhand"
	"portcullis.internal/portcullis/internal/iam"
)

// company is a sandbox whose accounts are written to through the client of the console.
type company struct {
	t        *testing.T
	org      *sandbox.Organization
	endpoint string
	keys     sandbox.Credential
	cloud    *aws.Cloud
}

func newCompany(t *testing.T) *company {
	t.Helper()
	org, err := sandbox.New(sandbox.Config{Accounts: 24})
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := org.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	c := &company{t: t, org: org, endpoint: "http://" + addr}
	i := slices.IndexFunc(org.Credentials(), func(c sandbox.Credential) bool { return c.User == sandbox.ConsoleUser })
	c.keys = org.Credentials()[i]
	c.cloud, err = aws.New(t.Context(), aws.Config{
		Region: "us-east-1", Endpoint: c.endpoint, AccessKeyID: c.keys.AccessKeyID, SecretAccessKey: c.keys.SecretAccessKey,
		IAMRate: -1, STSRate: -1, OrganizationsRate: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *company) state(id access.AccountID) sandbox.AccountState {
	c.t.Helper()
	s, ok := c.org.State(id)
	if !ok {
		c.t.Fatalf("there is no account %s", id)
	}
	return s
}

func (c *company) write(id access.AccountID, r access.Resource, document string) {
	c.t.Helper()
	scope := access.Scope{Account: access.Account{ID: id, Partition: "aws"}, Resources: []access.Resource{r}, SessionName: "test"}
	if err := c.cloud.Write(c.t.Context(), scope, access.Write{Resource: r, Document: document}); err != nil {
		c.t.Fatalf("writing %s in %s: %v", r, id, err)
	}
}

// run runs the script with a real shell. cli is the folder of the program aws.
func (c *company) run(script []byte, cli string) (string, error) {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), "undo-by-hand.sh")
	if err := os.WriteFile(file, script, 0o600); err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), "sh", file)
	path := cli + string(filepath.ListSeparator) + os.Getenv("PATH")
	cmd.Env = append(os.Environ(), "PATH="+path, "AWS_ENDPOINT_URL="+c.endpoint, "AWS_REGION=", "AWS_DEFAULT_REGION=",
		"AWS_ACCESS_KEY_ID="+c.keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.keys.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// commandLine makes a folder in which this test program is the program aws.
func commandLine(t *testing.T) string {
	t.Helper()
	dir, self := t.TempDir(), os.Args[0]
	self, err := filepath.Abs(self)
	if err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\n" + standIn + "=1 exec '" + self + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func statement(sid, effect, principal, rest string) string {
	return `{"Sid":"` + sid + `","Effect":"` + effect + `","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"` + rest + `}`
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const notFrom = `,"Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24"]}}`

// undo is a change of two accounts that grants, revokes and moves users to user-side policies, as plan and as written.
type undo struct {
	plan   access.Plan
	before map[access.AccountID]sandbox.AccountState
}

// apply writes what a plan says, and returns how the accounts were before.
func (c *company) apply(plan access.Plan) undo {
	c.t.Helper()
	u := undo{plan: plan, before: map[access.AccountID]sandbox.AccountState{}}
	for t := range plan.Targets() {
		u.before[t.Account] = c.state(t.Account)
		for _, op := range t.Operations {
			c.write(t.Account, op.Resource, op.After)
		}
	}
	return u
}

func (c *company) users(id access.AccountID) (alice, carol string) {
	return "arn:aws:iam::" + string(id) + ":user/alice", "arn:aws:iam::" + string(id) + ":user/carol"
}

var (
	bob        = access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	aliceUser  = access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}
	carolUser  = access.Resource{Kind: access.ResourceUser, Path: "/", Name: "carol"}
	ownPolicy  = func(user string, n int) access.Resource { return access.UserSidePolicy(user, n) }
	assumeBob  = func(id access.AccountID) string { return allowRole(id, "Bob") }
	attachment = func(user string) access.Resource {
		return access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: user}
	}
)

func allowRole(id access.AccountID, role string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssumeRole","Effect":"Allow",` +
		`"Action":"sts:AssumeRole","Resource":"arn:aws:iam::` +
		string(id) + `:role/` + role + `"}]}`
}

// samplePlan grants Bob to alice and takes him from carol in one account, with quotes and line breaks in the documents,
// and gives alice a user-side policy for Bob in another account.
func (c *company) samplePlan() access.Plan {
	c.t.Helper()
	accounts := c.org.Accounts()
	one, two := accounts[3].ID, accounts[4].ID
	alice, carol := c.users(one)
	others := "{\n  \"Sid\": \"Vendor\", \"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::" + string(one) +
		":root\"},\n  \"Action\": \"sts:AssumeRole\", " +
		"\"Condition\": {\"StringEquals\": {\"sts:ExternalId\": \"it's $HOME `x` \\\\ \\\"q\\\"\"}}\n}"
	was := document(others, statement("PortcullisAllow", "Allow", carol, ""), statement("PortcullisDeny", "Deny", carol, notFrom))
	is := document(others, statement("PortcullisAllow", "Allow", alice, ""), statement("PortcullisDeny", "Deny", alice, notFrom))
	c.write(one, bob, was)
	c.write(one, carolUser, assumeBob(one))
	pair := access.PlannedTarget{Account: one, AccountName: "one", Operations: []access.PlannedOperation{
		{Kind: access.OpTrustPolicy, Resource: bob, Before: was, BeforeKnown: true, After: is, Limit: 2048},
		{Kind: access.OpUserPolicy, Resource: aliceUser, BeforeKnown: true, After: assumeBob(one)},
		{Kind: access.OpDeleteUserPolicy, Resource: carolUser, Before: assumeBob(one), BeforeKnown: true},
	}}
	through := `{"Sid":"PortcullisUserSide","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + string(two) + `:root"},` +
		`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:username":["alice"]}}}`
	root := c.state(two).Roles["Bob"]
	next, err := iam.Rewrite(root, statements(c.t, document(through)))
	if err != nil {
		c.t.Fatal(err)
	}
	policy := ownPolicy("alice", 1)
	arn := policy.ARN("aws", two)
	side := access.PlannedTarget{Account: two, AccountName: "two\n# not a command", Operations: []access.PlannedOperation{
		{Kind: access.OpUserSidePolicy, Resource: policy, BeforeKnown: true, After: assumeBob(two)},
		{Kind: access.OpAttachments, Resource: attachment("alice"), BeforeKnown: true, After: access.AttachmentsDocument([]string{arn})},
		{Kind: access.OpTrustPolicy, Resource: bob, Before: root, BeforeKnown: true, After: next.Merged, Limit: 2048},
	}}
	return access.NewPlan("", pair, side)
}

func statements(t *testing.T, document string) []iam.Statement {
	t.Helper()
	list, err := iam.Ours(document)
	if err != nil {
		t.Fatal(err)
	}
	ss, err := iam.ParseStatements(list)
	if err != nil {
		t.Fatal(err)
	}
	return ss
}

func scriptOf(t *testing.T, targets byhand.Targets) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := byhand.Write(&b, byhand.Head{What: "change 12 (it's\nnew)", DeployRole: sandbox.DeployRole}, targets); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ofPlan(plan access.Plan) byhand.Targets {
	return func(take func(access.PlannedTarget) error) error {
		for t := range plan.Targets() {
			if err := take(t); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestScriptPutsFormerDocumentsBack(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	u := c.apply(c.samplePlan())
	script := scriptOf(t, ofPlan(u.plan))
	cli := commandLine(t)
	for _, name := range []string{"once", "once more"} {
		calls := len(c.org.Calls())
		if out, err := c.run(script, cli); err != nil {
			t.Fatalf("%s: the script ends with %v:\n%s\n%s", name, err, out, script)
		}
		for id, was := range u.before {
			if diff := cmp.Diff(was, c.state(id)); diff != "" {
				t.Errorf("%s: account %s differs from before:\n%s", name, id, diff)
			}
		}
		if name == "once" {
			c.checkOrder(calls, u.plan.Target(0).Account)
		}
	}
}

// checkOrder wants the trust policy before the user policy that it opens, and the Deny for alice until her policy is
// removed.
func (c *company) checkOrder(from int, id access.AccountID) {
	c.t.Helper()
	var got []string
	for _, call := range c.org.Calls()[from:] {
		if call.Account == id && strings.HasPrefix(call.Action, "iam:") {
			got = append(got, strings.TrimPrefix(call.Action, "iam:"))
		}
	}
	want := []string{"UpdateAssumeRolePolicy", "PutUserPolicy", "DeleteUserPolicy", "UpdateAssumeRolePolicy"}
	if !slices.Equal(got, want) {
		c.t.Errorf("the writes in %s are %v, want %v", id, got, want)
	}
}

func TestScriptKeepsRevokedUsersOut(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	plan := c.samplePlan()
	script := string(scriptOf(t, ofPlan(plan)))
	first, rest, _ := strings.Cut(script, "# Round 2 of 4")
	alice, _ := c.users(plan.Target(0).Account)
	deny := `"Sid":"PortcullisDenyRevoked"`
	if !strings.Contains(first, deny) || !strings.Contains(first, alice) {
		t.Errorf("the first round has no Deny for %s:\n%s", alice, first)
	}
	if _, last, _ := strings.Cut(rest, "# Round 4 of 4"); strings.Contains(last, deny) {
		t.Errorf("the last round keeps the Deny:\n%s", last)
	}
	if strings.Contains(script, "\n# not a command") || strings.Contains(script, "\nnew)") {
		t.Error("a name with a line break leaves its comment")
	}
}

func TestScriptStopsAtAFailure(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	u := c.apply(c.samplePlan())
	c.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{
		Actions: []string{"iam:UpdateAssumeRolePolicy"}, Fail: 1, Status: 403, Code: "AccessDenied", Message: "No.",
	}}})
	out, err := c.run(scriptOf(t, ofPlan(u.plan)), commandLine(t))
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(out, "AccessDenied") {
		t.Fatalf("the script ends with %v, want a failure that says why:\n%s", err, out)
	}
	for _, call := range c.org.Calls() {
		if call.Action == "iam:DeleteUserPolicy" && call.Outcome == "ok" && strings.Contains(call.Caller, "undo-by-hand") {
			t.Error("the script went on after a failure")
		}
	}
}

// The memory of a script must not grow with the accounts.
func TestScriptIsStreamed(t *testing.T) {
	heap := func(accounts int) (most uint64) {
		targets := func(take func(access.PlannedTarget) error) error {
			for i := range accounts {
				id := access.AccountID(fmt.Sprintf("%012d", 111122200000+i))
				alice := "arn:aws:iam::" + string(id) + ":user/alice"
				op := access.PlannedOperation{
					Kind: access.OpTrustPolicy, Resource: bob, BeforeKnown: true,
					After: document(statement("PortcullisAllow", "Allow", alice, "")),
				}
				op.Before = document(statement("Others", "Allow", alice, strings.Repeat(" ", 2000)))
				if err := take(access.PlannedTarget{Account: id, AccountName: "a", Operations: []access.PlannedOperation{op}}); err != nil {
					return err
				}
				if i%250 == 0 {
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
			}
			return nil
		}
		if err := byhand.Write(discard{}, byhand.Head{What: "x", DeployRole: "r"}, targets); err != nil {
			t.Fatal(err)
		}
		return most
	}
	few, many := heap(250), heap(2000)
	if many > few+(24<<20) { // the documents alone are 32 MB, in four rounds
		t.Errorf("the heap is %d MB for 2,000 accounts and %d MB for 250", many>>20, few>>20)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
