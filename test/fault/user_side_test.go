package fault

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// TestListsTooLongForATrustPolicy: an allowlist of 200 networks is enforced on the users'
// side, over the wire; it grows to several managed policies while answers are lost and
// the console is killed; attached policies of others stay; and at the end nothing of it
// is left.
func TestListsTooLongForATrustPolicy(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 5)
	f.AddAllowlist("branches", networks(20, 200))
	draft := f.AddMapping(harness.Mapping{Role: "Bob", Users: "alice\ndave", Allowlists: []string{"branches"}, Except: "Root/Suspended\nRoot/Workloads/Acquired"})
	rollout := f.Decide(draft, "Bob from all branches")
	f.plansUserSide(rollout)
	f.ends(rollout)
	f.userSide(1, "20.1.198.7", "20.1.199.7", "20.2.0.7")
	f.pushAgainWritesNothing()

	f.box.SetFaults(slow(20*time.Millisecond), sandbox.Fault{Actions: []string{"iam:CreatePolicy*", "iam:AttachUserPolicy"}, LoseAnswer: 0.4})
	written := f.box.Writes()
	rollout = f.Decide(f.AddEntries("branches", networks(21, 200)+networks(22, 200)), "Many more branches")
	f.whenWritten(written, 10)
	f.Kill()
	f.Console = f.Again()
	f.ends(rollout)
	f.box.SetFaults()
	f.userSide(2, "22.1.198.7", "22.1.199.7", "22.2.0.7")
	f.pushAgainWritesNothing()

	editor := f.SignIn(f.Editor)
	mapping := editor.Get("/mappings").Follow("Bob")
	f.ends(f.Decide(editor.Get(mapping.Path()+"/remove").Form("/remove").Submit().Want(200), "Bob is closed"))
	for _, id := range f.accounts {
		s := f.box.State(id)
		if len(s.Policies) != 0 || fmt.Sprint(s.Attached) != fmt.Sprint(f.before[id].Attached) {
			t.Errorf("account %s keeps policies %v and attachments %v, want none and %v", id, s.Policies, s.Attached, f.before[id].Attached)
		}
		if err := f.box.Assume(t, id, "alice", "Bob", "20.1.198.7"); err == nil {
			t.Errorf("account %s: alice is still let in", id)
		}
	}
	f.strangersUntouched()
	f.chainVerifies()
}

// networks are n networks of 256 addresses, every second one, so that none can be joined
// with another.
func networks(first, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d.%d.%d.0/24\n", first, i/100, 2*(i%100))
	}
	return b.String()
}

// plansUserSide checks that the plan of a rollout has user-side policies.
func (f *fleet) plansUserSide(rollout string) {
	f.t.Helper()
	for _, target := range f.API(f.Editor).Plan(rollout) {
		for _, op := range target.Operations {
			if op.Kind == string(access.OpUserSidePolicy) {
				return
			}
		}
	}
	f.t.Fatal("the plan has no user-side policy; the allowlist is not too long for a trust policy")
}

// ends waits for the end of a rollout that has to reach every account.
func (f *fleet) ends(rollout string) {
	f.t.Helper()
	r := f.API(f.Editor).WaitForRollout(rollout, endsWithin)
	if r.State != "completed" || r.Targets != len(f.accounts) || r.Counts["succeeded"]+r.Counts["unchanged"] != r.Targets {
		for _, target := range f.API(f.Editor).Targets(rollout) {
			f.t.Logf("target: %+v", target)
		}
		f.t.Fatalf("the rollout is %s with %v, want completed with all %d accounts succeeded", r.State, r.Counts, len(f.accounts))
	}
}

// userSide checks over the wire that both users get in from an address of the list and from
// nowhere else, through so many parts, and that nobody else's attachment has moved.
func (f *fleet) userSide(parts int, from string, elsewhere ...string) {
	f.t.Helper()
	for _, a := range f.box.Accounts() {
		id, parts := a.ID, parts
		if !slices.Contains(f.accounts, id) {
			continue
		}
		if a.Name == "shared-services" && parts == 1 {
			parts = 0 // its quota was raised: there the list fits into the trust policy
		}
		s := f.box.State(id)
		if len(s.Policies) != 2*parts {
			f.t.Errorf("account %s holds %d managed policies, want %d for each of two users", id, len(s.Policies), parts)
		}
		for _, user := range []string{"alice", "dave"} {
			ours, others := access.UserSideAttachments(s.Attached[user])
			if len(ours) != parts || len(others) != len(f.before[id].Attached[user]) {
				f.t.Errorf("account %s: to %s are attached %v, want %d of ours beside %v", id, user, s.Attached[user], parts, f.before[id].Attached[user])
			}
			if err := f.box.Assume(f.t, id, user, "Bob", from); err != nil {
				f.t.Errorf("account %s: %s from %s: %v, want to be let in", id, user, from, err)
			}
			for _, addr := range elsewhere {
				if err := f.box.Assume(f.t, id, user, "Bob", addr); err == nil {
					f.t.Errorf("account %s: %s is let in from %s", id, user, addr)
				}
			}
		}
		if err := f.box.Assume(f.t, id, "carol", "Bob", from); err == nil {
			f.t.Errorf("account %s: carol, whom nobody mapped, is let in", id)
		}
	}
}
