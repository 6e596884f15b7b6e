package rollout_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
)

// TestRetryOfAccountsThatOpenRolesOfEachOther: carol of each of two accounts has Bob of the other. Our Deny in both
// is edited between the plan and the push, so both targets end in conflict. The edits are undone, and a retry
// completes both at once.
func TestRetryOfAccountsThatOpenRolesOfEachOther(t *testing.T) {
	w := newWorld(t)
	roles := w.others(t, 2)
	one := access.UserName{Account: roles[0].ID, Path: "/", Name: "carol"}
	two := access.UserName{Account: roles[1].ID, Path: "/", Name: "carol"}
	w.edit(t, roles[0], roleOf, trusting(two.Account))
	w.edit(t, roles[1], roleOf, trusting(one.Account))
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	w.readEverything(t)
	state := desiredState(office...)
	state.Mappings = nil
	for _, a := range roles {
		state = withAlice(state, a.ID)
		state.Mappings[len(state.Mappings)-1].ID += string(a.ID)
	}
	w.push(t, s, w.plan(t, state), one.Account)
	w.readEverything(t)
	state.Mappings = append(state.Mappings, bobFor(one, roles[1]).Mappings[0], bobFor(two, roles[0]).Mappings[0])
	state.Mappings[2].ID, state.Mappings[3].ID = "mp-one", "mp-two"
	plan := w.plan(t, state)
	had := map[access.AccountID]string{}
	for _, a := range roles {
		had[a.ID] = w.state(t, a.ID).Roles["Bob"]
		w.edit(t, a, roleOf, strings.ReplaceAll(had[a.ID], "103.15.250.0/24", "0.0.0.0/1"))
	}
	r := wait(t, s, w.start(t, 1, plan).ID, "completed", completed)
	if r.Counts.Conflict != 2 {
		t.Fatalf("the counts are %+v, want two conflicts", r.Counts)
	}
	w.checkMay(t, one, false, roles[1])
	w.checkMay(t, two, false, roles[0])

	for _, a := range roles {
		w.edit(t, a, roleOf, had[a.ID])
	}
	if _, err := s.Retry(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, roles...)
	w.checkMay(t, one, true, roles[1])
	w.checkMay(t, two, true, roles[0])
}

// TestAccountsThatOpenRolesOfEachOther: carol of each of four accounts has Bob of the others. All targets are in
// flight at once, and each continues once.
func TestAccountsThatOpenRolesOfEachOther(t *testing.T) {
	w := newWorld(t)
	roles := w.others(t, 4)
	state := desiredState(office...)
	state.Mappings = nil
	for _, a := range roles {
		m := bobFor(access.UserName{Account: a.ID, Path: "/", Name: "carol"}, roles...).Mappings[0]
		m.ID += string(a.ID)
		state.Mappings = append(state.Mappings, m)
	}
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	r := wait(t, s, w.start(t, 8, w.plan(t, state)).ID, "completed", completed)
	w.checkSucceeded(t, r.ID, roles...)
	for _, target := range w.targetsOf(t, r.ID) {
		if target.Claim > 2 {
			t.Errorf("account %s was claimed %d times, want 2", target.Account, target.Claim)
		}
	}
}
