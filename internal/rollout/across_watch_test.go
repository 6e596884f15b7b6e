package rollout_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/rollout"
)

// watch asks the organization after each write of the engine whether a user gets into Bob of some accounts from
// outside of the allowlist. It also keeps which of these roles each write of the policy of the user names.
type watch struct {
	rollout.Cloud
	t     *testing.T
	world *world
	user  access.UserName
	roles []access.Account
	from  *aws.Prober

	mu     sync.Mutex
	looks  int
	opened [][]access.AccountID // by each write of the policy of the user
}

// watching watches a user of an account.
func (w *world) watching(t *testing.T, user access.UserName, roles []access.Account) *watch {
	t.Helper()
	return &watch{Cloud: w.calls, t: t, world: w, user: user, roles: roles, from: w.prober(t, user, elsewhere)}
}

// prober assumes roles as a user, from an address.
func (w *world) prober(t *testing.T, user access.UserName, address string) *aws.Prober {
	t.Helper()
	all := w.org.AccountCredentials(user.Account)
	name := strings.TrimPrefix(user.Path, "/") + user.Name
	keys := all[slices.IndexFunc(all, func(c sandbox.Credential) bool { return c.User == name })]
	prober, err := aws.NewProber(t.Context(), aws.Config{
		Region: "us-east-1", Endpoint: w.endpoint + "/from/" + address,
		AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return prober
}

// Write writes a document, and looks.
func (w *watch) Write(ctx context.Context, scope access.Scope, write access.Write) error {
	err := w.Cloud.Write(ctx, scope, write)
	if err == nil && scope.Account.ID == w.user.Account && write.Resource == userOf(w.user) {
		w.mu.Lock()
		w.opened = append(w.opened, w.names(write.Document))
		w.mu.Unlock()
	}
	w.look(write.Resource.String() + " of " + string(scope.Account.ID))
	return err
}

func userOf(u access.UserName) access.Resource {
	return access.Resource{Kind: access.ResourceUser, Path: u.Path, Name: u.Name}
}

// names lists the accounts whose Bob a user policy names.
func (w *watch) names(document string) []access.AccountID {
	var found []access.AccountID
	resources, _ := iam.AssumeResources(document)
	for _, r := range resources {
		if account, _, ok := access.ParseRoleARN(r); ok {
			found = append(found, account)
		}
	}
	return found
}

// look fails the test if the user gets into any of the roles from elsewhere.
func (w *watch) look(after string) {
	for _, a := range w.roles {
		answer, err := w.from.Probe(context.Background(), a, access.RoleName{Path: "/", Name: "Bob"})
		if err != nil || answer.Allowed {
			w.t.Errorf("after %s was written: %s assumes Bob of %s from %s: %v (%v)",
				after, w.user.Name, a.ID, elsewhere, answer.Allowed, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
}

// written lists the accounts whose Bob the policy of the user named, by each write of it.
func (w *watch) written() [][]access.AccountID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.opened)
}

// forget forgets the writes of the policy of the user.
func (w *watch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = nil
}

// checkLooked fails unless the watch has looked at least so often.
func (w *watch) checkLooked(t *testing.T, least int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.looks < least {
		t.Errorf("looked %d times, want at least %d", w.looks, least)
	}
}

// checkOrder fails unless the organization recorded, before each write of the policy of the user that opens a role,
// the write of the trust policy of that role, and a read of it after that write. It returns how many roles were
// opened.
func (w *watch) checkOrder(t *testing.T, after int) int {
	t.Helper()
	calls := w.ofRollouts(after)
	var had []access.AccountID
	n, at := 0, 0
	opened := w.written()
	for _, names := range opened {
		for ; ; at++ {
			if at == len(calls) {
				t.Fatalf("the organization recorded fewer writes of the policy of %s than the %d that were sent",
					w.user.Name, len(opened))
			}
			c := calls[at]
			if strings.HasSuffix(c.Action, "UserPolicy") && isWrite(c.Action) && c.Resource == w.user.ARN("aws") {
				break
			}
		}
		for _, account := range names {
			if !slices.Contains(had, account) {
				n++
				checkVerified(t, calls[:at], account)
			}
		}
		had = names
		at++
	}
	return n
}

// ofRollouts are the calls of the engine that AWS has accepted.
func (w *watch) ofRollouts(after int) []sandbox.Call {
	return slices.DeleteFunc(w.world.org.Calls()[after:], func(c sandbox.Call) bool {
		return c.Outcome != "ok" || !strings.Contains(c.Caller, "/portcullis-rollout-")
	})
}

// checkVerified fails unless calls contain a write of Bob of an account and a read of it after that.
func checkVerified(t *testing.T, calls []sandbox.Call, account access.AccountID) {
	t.Helper()
	bob := access.RoleName{Path: "/", Name: "Bob"}.ARN("aws", account)
	wrote := lastCall(calls, func(c sandbox.Call) bool {
		return c.Action == "iam:UpdateAssumeRolePolicy" && c.Resource == bob
	})
	read := lastCall(calls, func(c sandbox.Call) bool {
		swept := c.Action == "iam:GetAccountAuthorizationDetails" && c.Account == account
		return swept || c.Action == "iam:GetRole" && c.Resource == bob
	})
	if wrote < 0 || read < wrote {
		t.Errorf("Bob of %s was opened after its write (call %d) and its read (call %d); want the write, then the read",
			account, wrote, read)
	}
}

// lastCall is the index of the last call that matches; -1 for none.
func lastCall(calls []sandbox.Call, match func(sandbox.Call) bool) int {
	for i, c := range slices.Backward(calls) {
		if match(c) {
			return i
		}
	}
	return -1
}
