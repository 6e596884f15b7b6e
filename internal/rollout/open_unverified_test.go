package rollout

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
)

// acceptStore has one rollout, whose targets other accounts block.
type acceptStore struct {
	Store // other methods panic

	rollout  access.Rollout
	change   access.Change
	requires []access.Requirements
	deps     []access.DependencyState
	events   []access.AuditEvent
}

func (s *acceptStore) Rollout(context.Context, int64) (access.Rollout, error) { return s.rollout, nil }

func (s *acceptStore) Change(context.Context, int64) (access.Change, error) { return s.change, nil }

// Groups has one bond: the person who started the rollout has added person 7.
func (s *acceptStore) Groups(context.Context) (access.Groups, error) {
	starter, added := access.Person{ID: 1, Name: "Stella"}, access.Person{ID: 7, Name: "Addie"}
	act := access.Act{ID: 1, Kind: access.ActAdd, Person: access.PersonRef{ID: 7}, By: access.PersonRef{ID: 1}}
	return access.NewGroups([]access.Person{starter, added, {ID: 9, Name: "Rita"}}, []access.Act{act}), nil
}

func (s *acceptStore) Accounts(context.Context) ([]access.Account, error) {
	return []access.Account{{ID: "444455556666"}, {ID: "111122223333"}}, nil
}

func (s *acceptStore) BlockedRequirements(context.Context, int64) ([]string, error) {
	var texts []string
	for _, r := range s.requires {
		texts = append(texts, r.Encode())
	}
	return texts, nil
}

func (s *acceptStore) Dependencies(context.Context, int64, []access.Dependency) ([]access.DependencyState, error) {
	return s.deps, nil
}

func (s *acceptStore) UpdateProgress(
	_ context.Context, _ int64, decide func(*access.Rollout, *access.WaveProgress) ([]access.AuditEvent, error),
) (access.Rollout, error) {
	r := s.rollout
	events, err := decide(&r, &access.WaveProgress{})
	if err != nil {
		return access.Rollout{}, err
	}
	s.rollout, s.events = r, append(s.events, events...)
	return r, nil
}

func reviewer(id int64) access.Actor {
	return access.Actor{Kind: access.ActorPerson, PersonID: id, Name: "Rita", Roles: []access.Role{access.RoleApprover}}
}

func blockedRollout() *acceptStore {
	return &acceptStore{
		rollout: access.Rollout{ID: 3, ChangeID: 12, State: access.RolloutCompleted, StartedBy: access.PersonRef{ID: 1}},
		change:  access.Change{ID: 12, Author: access.PersonRef{ID: 2}, Editors: []access.PersonRef{{ID: 5}}},
	}
}

func TestReviewerAcceptsRolesWithoutProof(t *testing.T) {
	store := blockedRollout()
	s := New(Config{Store: store})
	t.Cleanup(s.Close)
	accounts := []access.AccountID{"444455556666", "111122223333", "444455556666"}
	r, err := s.OpenUnverified(t.Context(), reviewer(9), 3, accounts, " the auditors know ")
	if err != nil {
		t.Fatal(err)
	}
	want := []access.AccountID{"111122223333", "444455556666"}
	if diff := cmp.Diff(want, r.Unverified()); diff != "" {
		t.Errorf("accepted accounts: %s", diff)
	}
	if len(store.events) != 1 || store.events[0].Action != "rollout.open_unverified" || store.events[0].PersonID != 9 {
		t.Fatalf("audit events: %+v", store.events)
	}
	var detail struct {
		Accounts []access.AccountID
		Reason   string
	}
	if err := json.Unmarshal(store.events[0].Detail, &detail); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, detail.Accounts); diff != "" || detail.Reason != "the auditors know" {
		t.Errorf("the audit event has the reason %q and: %s", detail.Reason, diff)
	}
}

func TestAcceptanceIsRefused(t *testing.T) {
	known := []access.AccountID{"111122223333"}
	operator := access.Actor{Kind: access.ActorPerson, PersonID: 9, Roles: []access.Role{access.RoleOperator, access.RoleEditor}}
	for name, c := range map[string]struct {
		actor    access.Actor
		state    access.RolloutState
		accounts []access.AccountID
		reason   string
		want     access.Kind
	}{
		"nobody":                 {access.Actor{}, access.RolloutRunning, known, "why", access.KindUnauthenticated},
		"no reviewer":            {operator, access.RolloutRunning, known, "why", access.KindForbidden},
		"the system":             {access.System("rollout"), access.RolloutRunning, known, "why", access.KindForbidden},
		"the starter":            {reviewer(1), access.RolloutRunning, known, "why", access.KindForbidden},
		"of the starter's group": {reviewer(7), access.RolloutRunning, known, "why", access.KindForbidden},
		"the author":             {reviewer(2), access.RolloutRunning, known, "why", access.KindForbidden},
		"an editor":              {reviewer(5), access.RolloutRunning, known, "why", access.KindForbidden},
		"no reason":              {reviewer(9), access.RolloutRunning, known, " ", access.KindInvalid},
		"no account":             {reviewer(9), access.RolloutRunning, nil, "why", access.KindInvalid},
		"an unknown account":     {reviewer(9), access.RolloutRunning, []access.AccountID{"999999999999"}, "why", access.KindInvalid},
		"a list in an account": {
			reviewer(9), access.RolloutRunning,
			[]access.AccountID{"111122223333,444455556666"},
			"why",
			access.KindInvalid,
		},
		"an aborted rollout":  {reviewer(9), access.RolloutAborted, known, "why", access.KindConflict},
		"one that rolls back": {reviewer(9), access.RolloutRollingBack, known, "why", access.KindConflict},
	} {
		store := blockedRollout()
		store.rollout.State = c.state
		s := New(Config{Store: store})
		if _, err := s.OpenUnverified(t.Context(), c.actor, 3, c.accounts, c.reason); access.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if store.rollout.OpenUnverified != "" || len(store.events) != 0 {
			t.Errorf("%s: accepted %q with %d events", name, store.rollout.OpenUnverified, len(store.events))
		}
		s.Close()
	}
}

func TestUnverifiedListsWhatKeepsPoliciesBack(t *testing.T) {
	open := func(account access.AccountID, basis access.OpeningBasis) access.Opening {
		return access.Opening{Account: account, Role: access.RoleName{Path: "/", Name: "Bob"}, Basis: basis}
	}
	store := blockedRollout()
	store.requires = []access.Requirements{
		{Opens: []access.Opening{open("1", access.BasisWritten), open("2", access.BasisWritten), open("3", access.BasisUnread)}},
		{Opens: []access.Opening{open("3", access.BasisUnread), open("4", access.BasisOpen), open("5", access.BasisInPlace)}},
	}
	dep := func(o access.Opening, operation access.OperationState) access.DependencyState {
		on := access.Dependency{Account: o.Account, Resource: o.Resource()}
		return access.DependencyState{Dependency: on, Operation: operation, Target: access.TargetSucceeded}
	}
	store.deps = []access.DependencyState{
		dep(open("1", access.BasisWritten), access.OperationWritten), dep(open("2", access.BasisWritten), access.OperationConflict),
	}
	store.rollout.OpenUnverified = "4"
	s := New(Config{Store: store})
	t.Cleanup(s.Close)
	listed := func() []access.Opening {
		found, err := s.Unverified(t.Context(), reviewer(9), 3)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	want := []access.Opening{open("2", access.BasisWritten), open("3", access.BasisUnread)}
	if diff := cmp.Diff(want, listed()); diff != "" {
		t.Errorf("without proof: %s", diff)
	}
	// All is written, so an edit since then keeps a role back. Only the push knows which.
	store.requires = []access.Requirements{{Opens: []access.Opening{open("1", access.BasisWritten), open("5", access.BasisInPlace)}}}
	if diff := cmp.Diff(store.requires[0].Opens, listed()); diff != "" {
		t.Errorf("after an edit: %s", diff)
	}
	if _, err := s.Unverified(t.Context(), access.Actor{}, 3); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("the list without an actor: %v", err)
	}
}
