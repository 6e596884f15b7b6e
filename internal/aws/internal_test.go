package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/smithy-go"

	"portcullis.internal/portcullis/internal/access"
)

func resources(kind access.ResourceKind, n int) []access.Resource {
	out := make([]access.Resource, n)
	for i := range out {
		out[i] = access.Resource{Kind: kind, Path: "/team-a/", Name: fmt.Sprintf("name-%03d", i)}
	}
	return out
}

// writableByAction lists what a session policy lets a push write to, by the action.
func writableByAction(t *testing.T, text string) map[string][]string {
	t.Helper()
	var p sessionPolicy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, s := range p.Statement[1:] {
		out[s.Action[0]] = s.Resource
	}
	return out
}

// An OU that was created after the tree was read must not take the account out of the OUs above it.
func TestAccountInAnOUThatTheTreeLacks(t *testing.T) {
	tree := access.NewOUs([]access.OU{
		{ID: "r-ab12", Name: "Root", Path: "Root"}, {ID: "ou-ab12-prod0000", ParentID: "r-ab12", Name: "Prod", Path: "Root/Prod"},
	})
	for path, want := range map[string]access.Account{
		"o-1/r-ab12/ou-ab12-prod0000/111122223333/": {OU: "Root/Prod", OUIDs: []string{"r-ab12", "ou-ab12-prod0000"}},
		"o-1/r-ab12/ou-ab12-new00000/111122223333/": {OUIDs: []string{"r-ab12", "ou-ab12-new00000"}},
		"": {},
	} {
		var got access.Account
		(&organizationSweep{}).place(tree, &got, types.Account{Paths: []string{path}})
		if got.OU != want.OU || !slices.Equal(got.OUIDs, want.OUIDs) {
			t.Errorf("%q: in %q, %v, want %q, %v", path, got.OU, got.OUIDs, want.OU, want.OUIDs)
		}
	}
}

func TestSessionPolicyFits(t *testing.T) {
	const account = access.AccountID("111122223333")
	for _, tt := range []struct {
		name         string
		roles, users int
		wantRoles    string // "named", "all" or ""
		wantUsers    string
	}{
		{"reading only", 0, 0, "", ""},
		{"one role", 1, 0, "named", ""},
		{"a usual push", 3, 5, "named", "named"},
		{"many users", 3, 60, "named", "all"},
		{"many roles", 60, 3, "all", "named"},
		{"many of both", 60, 60, "all", "all"},
	} {
		text, err := policyFor("aws", account, append(resources(access.ResourceRole, tt.roles), resources(access.ResourceUser, tt.users)...))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > maxSessionPolicy {
			t.Errorf("%s: %d characters", tt.name, len(text))
		}
		got := writableByAction(t, text)
		for action, want := range map[string]string{"iam:UpdateAssumeRolePolicy": tt.wantRoles, "iam:PutUserPolicy": tt.wantUsers} {
			if how := breadth(got[action]); how != want {
				t.Errorf("%s: %s on %s (%q), want %q", tt.name, action, got[action], how, want)
			}
		}
		for _, arn := range append(got["iam:UpdateAssumeRolePolicy"], got["iam:PutUserPolicy"]...) {
			if !strings.HasPrefix(arn, "arn:aws:iam::"+string(account)+":") {
				t.Errorf("%s: %s is outside of the account", tt.name, arn)
			}
		}
	}
}

// A session for user-side policies may attach them and nothing else, and write managed policies of
// the console's own path only.
func TestSessionPolicyOfUserSidePolicies(t *testing.T) {
	const account = access.AccountID("111122223333")
	for _, n := range []int{1, 40} {
		var rs []access.Resource
		for i := range n {
			name := fmt.Sprintf("somebody-%03d", i)
			rs = append(rs, access.UserSidePolicy(name, 1), access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: name})
		}
		text, err := policyFor("aws", account, rs)
		if err != nil || len(text) > maxSessionPolicy {
			t.Fatalf("%d characters, %v", len(text), err)
		}
		for action, arns := range writableByAction(t, text) {
			for _, arn := range arns {
				if action == "iam:CreatePolicy" && !strings.HasPrefix(arn, "arn:aws:iam::111122223333:policy/portcullis/") {
					t.Errorf("%d users: %s on %s", n, action, arn)
				}
			}
		}
		if want := `"Condition":{"ArnLike":{"iam:PolicyARN":"arn:aws:iam::111122223333:policy/portcullis/*"}}`; !strings.Contains(text, want) {
			t.Errorf("%d users: attachments are not limited to user-side policies: %s", n, text)
		}
	}
}

func breadth(arns []string) string {
	switch {
	case len(arns) == 0:
		return ""
	case strings.HasSuffix(arns[0], "/*"):
		return "all"
	default:
		return "named"
	}
}

func TestSessionName(t *testing.T) {
	for in, want := range map[string]string{
		"rollout-7":              "rollout-7",
		"rollout 7/eu":           "rollout-7-eu",
		"":                       "portcullis",
		"x":                      "portcullis",
		strings.Repeat("ä", 80):  strings.Repeat("-", 64),
		"a.b@example.com,c=d+e_": "a.b@example.com,c=d+e_",
	} {
		if got := sessionName(in); got != want {
			t.Errorf("sessionName(%q) = %q, want %q", in, got, want)
		}
	}
}

// RFC 3986 has no plus sign for a space.
func TestDecode(t *testing.T) {
	got, err := decode(sdk.String("%7B%22a+b%22%3A%22%2B%20%25%22%7D"))
	if want := `{"a+b":"+ %"}`; err != nil || got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
	if _, err := decode(sdk.String("%zz")); err == nil {
		t.Error("a broken encoding was accepted")
	}
}

func TestBackoffIsFullJitterUnderACap(t *testing.T) {
	delay := fullJitter(100*time.Millisecond, time.Second)
	for attempt, ceiling := range map[int]time.Duration{1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 4: 800 * time.Millisecond, 5: time.Second, 60: time.Second} {
		least, most := time.Hour, time.Duration(0)
		for range 300 {
			d, err := delay(attempt, nil)
			if err != nil {
				t.Fatal(err)
			}
			least, most = min(least, d), max(most, d)
		}
		if most > ceiling || most < ceiling/2 || least > ceiling/2 {
			t.Errorf("attempt %d: waits from %v to %v, want them all over 0 to %v", attempt, least, most, ceiling)
		}
	}
}

func TestClassify(t *testing.T) {
	api := func(code, message string) error {
		return fmt.Errorf("wrapped: %w", &smithy.GenericAPIError{Code: code, Message: message})
	}
	for _, tt := range []struct {
		err  error
		want access.CloudClass
	}{
		{api("Throttling", "Rate exceeded"), access.CloudThrottled},
		{api("TooManyRequestsException", ""), access.CloudThrottled},
		{api("RequestLimitExceeded", ""), access.CloudThrottled},
		{api("AccessDenied", ""), access.CloudDenied},
		{api("RegionDisabledException", ""), access.CloudDenied},
		{api("NoSuchEntity", ""), access.CloudGone},
		{api("MalformedPolicyDocument", "Syntax errors in policy."), access.CloudMalformed},
		{api("MalformedPolicyDocument", `Invalid principal in policy: "AWS":"x"`), access.CloudInvalidPrincipal},
		{api("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"), access.CloudQuota},
		{api("UnmodifiableEntity", ""), access.CloudUnmodifiable},
		{api("ConcurrentModification", ""), access.CloudBusy},
		{api("EntityTemporarilyUnmodifiable", ""), access.CloudBusy},
		{api("ServiceFailure", ""), access.CloudUnreachable},
		{api("SomethingNew", ""), access.CloudUnknown},
		{fmt.Errorf("x: %w", context.Canceled), access.CloudUnreachable},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), access.CloudUnreachable},
		{fmt.Errorf("x: %w", errBucketEmpty), access.CloudThrottled},
		{errors.New("connection reset"), access.CloudUnreachable},
	} {
		err := classify(call{"111122223333", "iam:GetRole", "arn"}, tt.err)
		if got := access.CloudClassOf(err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
		var e *access.CloudError
		if !errors.As(err, &e) || e.Advice == "" || !errors.Is(err, tt.err) {
			t.Errorf("%v: no advice, or the cause is lost: %+v", tt.err, err)
		}
		if again := classify(call{"x", "y", "z"}, err); again != err {
			t.Errorf("%v was classified twice", tt.err)
		}
	}
	if err := classify(call{}, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

// Every class has something to do about it, and a cause that names no account.
func TestEveryClassHasAdvice(t *testing.T) {
	const account = "111122223333"
	for _, class := range access.CloudClasses() {
		e := &access.CloudError{Class: class, Account: account, Action: "iam:UpdateAssumeRolePolicy", Resource: "arn:aws:iam::" + account + ":role/Bob", Code: "X"}
		if advice(e) == "" || cause(e) == "" || strings.Contains(cause(e), account) {
			t.Errorf("%s: advice %q, cause %q", class, advice(e), cause(e))
		}
	}
}

func TestSizesRemember(t *testing.T) {
	s := newSizes()
	steps := []struct {
		pages int
		all   bool
		want  int
	}{{3, false, 4}, {2, false, 4}, {2, true, 2}, {1, false, 2}}
	if got := s.of("a"); got != 1 {
		t.Errorf("of an unknown account: got %d, want 1", got)
	}
	for _, step := range steps {
		s.saw("a", step.pages, step.all)
		if got := s.of("a"); got != step.want {
			t.Errorf("after %d pages (all: %v): got %d, want %d", step.pages, step.all, got, step.want)
		}
	}
}
