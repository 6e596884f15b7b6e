package fault

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/test/harness"
)

// byHand is an IAM client that may do everything in an account, for what somebody does
// behind the console's back.
func (f *fleet) byHand(account access.AccountID) *awsiam.Client {
	f.t.Helper()
	management := f.box.Credentials("")[0].Account
	cfg := f.box.SDKConfig(f.box.Credential(management, sandbox.AdminUser), "")
	out, err := sts.NewFromConfig(cfg).AssumeRole(f.t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + string(account) + ":role/OrganizationAccountAccessRole"), RoleSessionName: aws.String("by-hand"),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	c := out.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken))
	return awsiam.NewFromConfig(cfg)
}

// edit puts a document in place of a role's trust policy.
func (f *fleet) edit(account access.AccountID, role, document string) {
	f.t.Helper()
	_, err := f.byHand(account).UpdateAssumeRolePolicy(f.t.Context(), &awsiam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: &document})
	if err != nil {
		f.t.Fatal(err)
	}
}

const (
	foreignTrust = `{"Version":"2012-10-17","Statement":[{"Sid":"TheirsNow","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	stolenTrust  = `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow0","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// TestWorldMoves changes the organization behind the console's back between a plan and
// its rollout: an account is suspended, a role is deleted, statements of ours and of
// others are edited.
func TestWorldMoves(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	c := tell(t, "Accounts suspended, roles deleted, documents edited between plan and read", "each such account ends with its own reason, and edits by others are not overwritten; the rest is written; statements of others are kept as they are now")
	f := newFleet(t, 12, "PORTCULLIS_MAX_FAILURES=1000").mapped()
	suspended, deleted, stolen, joined := f.accounts[0], f.accounts[1], f.accounts[2], f.accounts[3]
	f.changes++
	draft := f.AddEntries("office", "52.94.1.0/24 one more")
	f.box.SetAccountState(suspended, access.AccountSuspended)
	if _, err := f.byHand(deleted).DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: aws.String("Bob")}); err != nil {
		t.Fatal(err)
	}
	f.edit(stolen, "Bob", stolenTrust)
	f.edit(joined, "Bob", withForeign(t, f.box.State(joined).Roles["Bob"]))
	theirs := foreign(t, f.box.State(joined).Roles["Bob"])

	id := f.Decide(draft, "One more")
	r := f.API(f.Editor).WaitForRollout(id, endsWithin)
	got := map[access.AccountID]harness.Target{}
	for _, target := range f.API(f.Editor).Targets(id) {
		got[target.Account] = target
	}
	for account, want := range map[access.AccountID]string{suspended: "failed", deleted: "failed", stolen: "conflict", joined: "succeeded"} {
		if got[account].State != want || want != "succeeded" && got[account].Message == "" {
			t.Errorf("account %s is %s (%s), want %s with a reason", account, got[account].State, got[account].Message, want)
		}
	}
	if r.State != "completed" || r.Counts["succeeded"] != len(f.accounts)-3 {
		t.Errorf("the rollout is %s with %v, want all but three succeeded", r.State, r.Counts)
	}
	if now := f.box.State(stolen).Roles["Bob"]; !iam.Equal(now, stolenTrust, nil) {
		t.Errorf("what somebody wrote was overwritten: %s", now)
	}
	if now := foreign(t, f.box.State(joined).Roles["Bob"]); !iam.Equal(now, theirs, nil) {
		t.Errorf("the statements of others are\n%s\nwant\n%s", now, theirs)
	}
	f.chainVerifies()
	c.fact("12 accounts: one suspended, one without the role, one conflict, one with a new statement of others that was kept; %d succeeded", r.Counts["succeeded"])
}

// withForeign is a document with one statement of others more.
func withForeign(t *testing.T, document string) string {
	t.Helper()
	var doc, more struct {
		Version   string
		Statement []json.RawMessage
	}
	for text, into := range map[string]any{document: &doc, foreignTrust: &more} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	doc.Statement = append(doc.Statement, more.Statement...)
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestEditedRightAfterTheWrite has somebody edit our part between the write and its
// reading back.
func TestEditedRightAfterTheWrite(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	c := tell(t, "A document edited between our write and its reading back", "the account is not called succeeded; the edit stays")
	f := newFleet(t, 5).mapped()
	victim := f.accounts[0]
	f.box.SetFaults(sandbox.Fault{Actions: []string{"iam:Get*"}, Latency: sandbox.Duration(1500 * time.Millisecond)})
	before := f.box.State(victim).Roles["Bob"]
	id := f.change()
	harness.Eventually(t, time.Minute, "the account is written", func() (bool, string) {
		return f.box.State(victim).Roles["Bob"] != before, "it is as it was"
	})
	f.edit(victim, "Bob", stolenTrust)
	r := f.nobodyWorks(id)
	if r.Counts["succeeded"] != len(f.accounts)-1 {
		t.Errorf("the account counts as succeeded: %v", r.Counts)
	}
	if now := f.box.State(victim).Roles["Bob"]; !iam.Equal(now, stolenTrust, nil) {
		t.Errorf("the edit was overwritten: %s", now)
	}
	c.fact("the rollout ended %s with %d failed, %d in conflict", r.State, r.Counts["failed"], r.Counts["conflict"])
}

// TestEditedBetweenReadAndWrite has somebody put another document in place while our write
// of it waits for its turn, since AWS throttles it: a role made anew, as that is what is not
// throttled here.
func TestEditedBetweenReadAndWrite(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	c := tell(t, "Documents edited between our read and our write", "a write that has waited reads again: statements that others added are kept; an edit of our part is a conflict and stays")
	f := newFleet(t, 5).mapped()
	joined, stolen := f.accounts[0], f.accounts[1]
	withTheirs := withForeign(t, f.box.State(joined).Roles["Bob"])
	f.box.SetFaults(sandbox.Fault{Actions: []string{"iam:UpdateAssumeRolePolicy"}, Accounts: []access.AccountID{joined, stolen}, Throttle: 1})
	changed := time.Now()
	id := f.change()
	f.asks("iam:UpdateAssumeRolePolicy", changed, joined, stolen)
	f.makeAnew(joined, "Bob", withTheirs)
	f.makeAnew(stolen, "Bob", stolenTrust)
	edited := time.Now()
	f.asks("iam:Get", edited, joined, stolen)
	f.box.SetFaults()
	r := f.nobodyWorks(id)
	if r.Counts["succeeded"] != len(f.accounts)-1 || r.Counts["conflict"] != 1 {
		t.Errorf("the rollout is %s with %v, want one conflict and the others succeeded", r.State, r.Counts)
	}
	for _, target := range f.API(f.Editor).Plan(id) {
		want := text(target.Operations[0].After)
		switch target.Account {
		case joined:
			want = withForeign(t, want)
		case stolen:
			want = stolenTrust
		}
		if now := f.box.State(target.Account).Roles["Bob"]; !iam.Equal(now, want, nil) {
			t.Errorf("account %s holds\n%s\nwant\n%s", target.Account, now, want)
		}
	}
	f.chainVerifies()
	c.fact("a statement of others was kept, an edit of our part is in conflict; seen and written %.1f s after the edit", time.Since(edited).Seconds())
}

// makeAnew deletes a role and makes another of its name.
func (f *fleet) makeAnew(account access.AccountID, role, document string) {
	f.t.Helper()
	hand := f.byHand(account)
	if _, err := hand.DeleteRole(f.t.Context(), &awsiam.DeleteRoleInput{RoleName: &role}); err != nil {
		f.t.Fatal(err)
	}
	managed := []types.Tag{{Key: aws.String("portcullis-managed"), Value: aws.String("true")}}
	in := &awsiam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &document, Tags: managed}
	if _, err := hand.CreateRole(f.t.Context(), in); err != nil {
		f.t.Fatal(err)
	}
}

// asks waits until calls whose name begins so have come to each account after a time.
func (f *fleet) asks(action string, after time.Time, accounts ...access.AccountID) {
	f.t.Helper()
	harness.Eventually(f.t, time.Minute, "the console calls "+action, func() (bool, string) {
		asked := map[access.AccountID]bool{}
		for _, call := range f.box.Calls("") {
			if call.Time.After(after) && strings.HasPrefix(call.Action, action) {
				asked[call.Account] = true
			}
		}
		return !slices.ContainsFunc(accounts, func(id access.AccountID) bool { return !asked[id] }), fmt.Sprint(asked)
	})
}
