package webtest

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

// Author is the author of the sample changes.
func Author() access.PersonRef {
	e := People["editor"]
	return e.Ref()
}

// DraftView is a change with one edit, that its reader may edit and submit.
func DraftView() change.View {
	entry, _ := access.ParseEntry("12.148.80.0/22")
	entry.Note = "<script>alert(1)</script>"
	no := access.Errorf(access.KindConflict, "A change that is draft cannot be reviewed.")
	return change.View{
		Change: access.Change{
			ID: 12, Title: "New office <b>", State: access.ChangeDraft, Author: Author(), Base: 6, Version: 3, Required: 1,
			Edits: []access.Edit{{Op: access.EditAddEntry, ID: "al-1", Entry: &entry}}, CreatedAt: Noon, UpdatedAt: Noon,
		},
		Targets: 2, Writes: 2,
		Folded: []access.FoldedOperation{{
			Kind: access.OpTrustPolicy, Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"},
			Accounts: []access.PlannedTarget{{Account: "111122223333", AccountName: "payments"}, {Account: "111122224444", AccountName: "ledger"}},
			Example: access.PlannedOperation{
				Before: `{"Version":"2012-10-17","Statement":[]}`, After: `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow"}]}`,
				BeforeKnown: true, Size: 812, Limit: 2048,
			},
		}},
		Permissions: access.ChangePermissions{Review: no, Apply: no, Rebase: no},
	}
}

// ViewInReview is the same change, waiting for reviews.
func ViewInReview() change.View {
	v := DraftView()
	v.State, v.Digest, v.Reason = access.ChangeInReview, strings.Repeat("ab", 32), "We moved."
	no := access.Errorf(access.KindConflict, "A change that is in review cannot be submitted.")
	v.Permissions = access.ChangePermissions{Edit: no, Submit: no, Apply: no, Rebase: no, Withdraw: no}
	return v
}

// Entry reads an entry that a test needs.
func Entry(t *testing.T, key, note string) access.Entry {
	t.Helper()
	e, err := access.ParseEntry(key)
	if err != nil {
		t.Fatal(err)
	}
	e.Note = note
	return e
}

// Office is a console with one allowlist of two entries, and one mapping that uses it.
func Office(t *testing.T) *Console {
	t.Helper()
	c := New(t)
	c.Changes.OUList = []access.OURow{
		{OU: access.OU{ID: "r-ab12", Name: "Root", Path: "Root"}, Total: 24},
		{OU: access.OU{ID: "ou-ab12-prod0000", ParentID: "r-ab12", Name: "Prod", Path: "Root/Prod"}, Total: 12},
		{OU: access.OU{ID: "ou-ab12-cicd0000", ParentID: "r-ab12", Name: "CI/CD", Path: `Root/"CI/CD"`}},
	}
	c.Changes.Desired = desired{
		Allowlists: []access.AllowlistRow{{ID: "al-1", Name: "office", Description: "The offices", Entries: 2, IPv4: 2, Mappings: 1, ChangedIn: 3}},
		Entries:    []access.Entry{Entry(t, "12.148.72.0/23", "data centre"), Entry(t, "103.15.250.0/24", "head office")},
		Mappings: []access.Mapping{{
			ID: "mp-1", Role: access.RoleName{Path: "/team-a/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}, {Account: "444455556666", Path: "/ops/", Name: "dave"}},
			Accounts: access.Selector{OUs: []string{"ou-ab12-prod0000"}, Except: []string{"111122223333"}}, Allowlists: []string{"office"}, RequireMFA: true,
		}},
		Drafts: []access.Change{{ID: 12, Title: "New office"}},
	}
	return c
}

// RunningRollout is a rollout with one target that is waiting, one in flight and one done.
func RunningRollout() access.Rollout {
	operator := People["operator"]
	return access.Rollout{
		ID: 3, ChangeID: 12, Title: "New office", Revision: 7, State: access.RolloutRunning, MaxInFlight: 20, MaxFailures: 10,
		Counts: access.TargetCounts{Waiting: 1, Running: 1, Succeeded: 1}, StartedBy: operator.Ref(), CreatedAt: Noon, StartedAt: Noon,
	}
}

// ThreeTargets are the targets of RunningRollout.
func ThreeTargets() access.Page[access.Target] {
	target := func(account access.AccountID, name string, state access.TargetState) access.Target {
		return access.Target{RolloutID: 3, Account: account, AccountName: name, OU: "Root/Prod", State: state}
	}
	return access.Page[access.Target]{Total: 3, Items: []access.Target{
		target("111122223333", "payments", access.TargetSucceeded), target("111122224444", "ledger", access.TargetRunning), target("111122225555", "web", access.TargetWaiting),
	}}
}
