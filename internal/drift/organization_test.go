package drift_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// synced is a console that has synced a sandbox organization once.
type synced struct {
	t     *testing.T
	org   *sandbox.Organization
	store *store.Store
	cloud drift.Cloud
	*drift.Service
	config drift.Config
}

const otherOrganization = "o-zzzzzzzzzz"

func newSynced(t *testing.T, accounts int) synced {
	t.Helper()
	org, cloud := startOrganization(t, accounts)
	st := storetest.New(t)
	cfg := drift.Config{Store: st, Cloud: cloud}
	s := synced{t, org, st, cloud, drift.New(cfg), cfg}
	s.sync("")
	return s
}

// sync reads the organization. The error must contain each of the words, or there must be none for "".
func (s synced) sync(words ...string) {
	s.t.Helper()
	err := s.ReadOrganization(s.t.Context())
	switch record := s.record(); {
	case words[0] == "" && (err != nil || record.Error != "" || record.SyncedAt.IsZero()):
		s.t.Fatalf("the sync failed: %v; the record says %+v", err, record)
	case words[0] == "":
	case err == nil:
		s.t.Fatalf("the sync succeeded, want an error with %q", words)
	default:
		for _, w := range words {
			if !strings.Contains(record.Error, w) || record.ErrorAt.IsZero() {
				s.t.Errorf("the record says %q, want %q in it", record.Error, w)
			}
		}
	}
}

func (s synced) record() access.OrganizationRecord {
	s.t.Helper()
	r, err := s.Organization(s.t.Context(), admin, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// states are the states of all accounts by id, with name and OU.
func (s synced) states() map[access.AccountID]access.AccountState {
	s.t.Helper()
	all, err := s.store.Accounts(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	states := map[access.AccountID]access.AccountState{}
	for _, a := range all {
		states[a.ID] = a.State
	}
	return states
}

func (s synced) wantStates(want map[access.AccountID]access.AccountState, after string) {
	s.t.Helper()
	got := s.states()
	if len(got) != len(want) {
		s.t.Errorf("%d accounts after %s, want %d", len(got), after, len(want))
	}
	for id, state := range want {
		if got[id] != state {
			s.t.Errorf("account %s is %s after %s, want %s", id, got[id], after, state)
		}
	}
}

// person adds a person to the console.
func (s synced) person(name string, roles ...access.Role) access.Actor {
	s.t.Helper()
	event := access.NewAuditEvent(access.System("test"), time.Now(), "person.add", name, nil)
	p, err := s.store.CreatePerson(s.t.Context(), access.Person{
		Email: name + "@example.com", Name: name,
		Roles: roles,
	}, "-", event)
	if err != nil {
		s.t.Fatal(err)
	}
	return access.Actor{Kind: access.ActorPerson, PersonID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles}
}

// leave makes n active accounts leave the organization.
func (s synced) leave(n int) []access.AccountID {
	s.t.Helper()
	var left []access.AccountID
	for _, a := range s.org.Accounts()[2:] {
		if len(left) < n && a.State == access.AccountActive {
			s.org.SetAccountState(a.ID, access.AccountLeft)
			left = append(left, a.ID)
		}
	}
	return left
}

func (s synced) accept(actor access.Actor, reference string) access.SyncConfirmation {
	s.t.Helper()
	c, err := s.AcceptSync(s.t.Context(), actor, reference)
	if err != nil {
		s.t.Fatalf("%s accepts: %v", actor.Name, err)
	}
	return c
}

func (s synced) refuseAccept(actor access.Actor, reference, words string) {
	s.t.Helper()
	if _, err := s.AcceptSync(s.t.Context(), actor, reference); err == nil || !strings.Contains(err.Error(), words) {
		s.t.Errorf("%s accepts %s: %v, want an error with %q", actor.Name, reference, err, words)
	}
}

func (s synced) calls(action string) int {
	n := 0
	for _, c := range s.org.CallCounts() {
		if c.Action == action {
			n += c.Count
		}
	}
	return n
}

func TestSyncRefusesOtherOrganization(t *testing.T) {
	s := newSynced(t, 12)
	first, before := s.record(), s.states()
	if first.ID == "" || first.RecordedAt.IsZero() {
		t.Fatalf("the first sync recorded %+v, want the id of the organization", first)
	}
	s.org.SetOrganizationID(otherOrganization)
	s.leave(10)
	s.sync(first.ID, otherOrganization, "Nothing was changed", "portcullis organization accept "+otherOrganization)
	s.wantStates(before, "a sync with credentials of another organization")
	r := s.record()
	if r.ID != first.ID || !r.SyncedAt.Equal(first.SyncedAt) {
		t.Errorf("the record became %+v", r)
	}
	if c := r.Awaits; c == nil || c.Kind != access.ConfirmOrganization || c.Recorded != first.ID ||
		c.Seen != otherOrganization {
		t.Errorf("awaits %+v, want the other organization", c)
	}
	s.org.SetOrganizationID(first.ID)
	for id := range before {
		s.org.SetAccountState(id, before[id])
	}
	s.sync("")
	if r := s.record(); r.Awaits != nil {
		t.Errorf("%+v awaits confirmation after a sync that succeeded", r.Awaits)
	}
}

func TestOtherOrganizationNeedsTwoAdmins(t *testing.T) {
	s := newSynced(t, 12)
	ada, ben := s.person("ada", access.RoleAdmin), s.person("ben", access.RoleAdmin)
	op := s.person("op", access.RoleOperator)
	s.org.SetOrganizationID(otherOrganization)
	s.sync(otherOrganization)
	s.refuseAccept(op, otherOrganization, "admin")
	s.refuseAccept(ada, "o-yyyyyyyyyy", "not what awaits confirmation")
	if c := s.accept(ada, otherOrganization); !c.AcceptedAt.IsZero() {
		t.Fatalf("one of two admins is enough: %+v", c)
	}
	s.refuseAccept(ada, otherOrganization, "An admin of another group")
	s.sync(otherOrganization)
	if c := s.accept(ben, s.record().Awaits.Digest); c.Basis != access.AcceptedByTwoAdmins {
		t.Errorf("accepted by %q, want two admins", c.Basis)
	}
	s.sync("")
	if r := s.record(); r.ID != otherOrganization || r.Awaits != nil {
		t.Errorf("the record is %+v, want the organization that two admins accepted", r)
	}
	events, err := s.store.Audit(t.Context(), access.AuditFilter{Action: "organization"})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range events.Items {
		actions = append(actions, e.Name+" "+e.Action)
	}
	for _, want := range []string{
		"system/drift organization.ask", "ada organization.accept",
		"ben organization.accept",
	} {
		if n := len(slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return a != want })); n != 1 {
			t.Errorf("the audit log has %d events %q, want 1; it has %q", n, want, actions)
		}
	}
}

// The word of an admin ends with the admin's place.
func TestFormerAdminDoesNotConfirm(t *testing.T) {
	s := newSynced(t, 12)
	ada, ben := s.person("ada", access.RoleAdmin), s.person("ben", access.RoleAdmin)
	s.person("cleo", access.RoleAdmin)
	s.org.SetOrganizationID(otherOrganization)
	s.sync(otherOrganization)
	s.accept(ada, otherOrganization)
	_, err := s.store.UpdatePerson(t.Context(), ada.PersonID, func(p *access.Person,
		_ access.PersonContext,
	) ([]access.AuditEvent, error) {
		p.Disabled = true
		return []access.AuditEvent{access.NewAuditEvent(ben, time.Now(), "person.place", "person", nil)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.accept(ben, otherOrganization); !c.AcceptedAt.IsZero() {
		t.Errorf("accepted by %q with the word of a disabled admin", c.Basis)
	}
}

func TestSingleAdministratorAcceptsFlagged(t *testing.T) {
	s := newSynced(t, 12)
	ada := s.person("ada", access.RoleAdmin)
	s.org.SetOrganizationID(otherOrganization)
	s.sync(otherOrganization)
	if c := s.accept(ada, otherOrganization); !c.AcceptedAt.IsZero() {
		t.Fatalf("without the mode one admin is enough: accepted by %q", c.Basis)
	}
	s = newSynced(t, 12)
	s.Service = drift.New(drift.Config{Store: s.store, Cloud: s.cloud, SingleAdministrator: true})
	ada = s.person("ada", access.RoleAdmin)
	s.org.SetOrganizationID(otherOrganization)
	s.sync(otherOrganization)
	if c := s.accept(ada, otherOrganization); c.Basis != access.AcceptedBySingleAdmin {
		t.Errorf("accepted by %q, want the flag of a single administrator", c.Basis)
	}
	events, err := s.store.Audit(t.Context(), access.AuditFilter{Action: "organization.accept"})
	if err != nil || len(events.Items) != 1 || !strings.Contains(string(events.Items[0].Detail),
		"single_administrator") {
		t.Errorf("the audit log has %v (%v), want the flag", events.Items, err)
	}
}

// An admin who added another admin accepts once, whatever account they use.
func TestOneGroupOfAdminsAcceptsOnce(t *testing.T) {
	s := newSynced(t, 12)
	ada, cleo := s.person("ada", access.RoleAdmin), s.person("cleo", access.RoleAdmin)
	event := access.NewAuditEvent(ada, time.Now(), "person.add", "ben", nil)
	ben, err := s.store.CreatePerson(t.Context(), access.Person{
		Email: "ben@example.com", Name: "ben", Roles: []access.Role{access.RoleAdmin},
	}, "-", event)
	if err != nil {
		t.Fatal(err)
	}
	s.org.SetOrganizationID(otherOrganization)
	s.sync(otherOrganization)
	s.accept(ada, otherOrganization)
	puppet := access.Actor{Kind: access.ActorPerson, PersonID: ben.ID, Name: ben.Name, Roles: ben.Roles}
	if c := s.accept(puppet, otherOrganization); !c.AcceptedAt.IsZero() {
		t.Fatalf("accepted by %q with two accounts of one group", c.Basis)
	}
	if c := s.accept(cleo, otherOrganization); c.Basis != access.AcceptedByTwoAdmins {
		t.Errorf("accepted by %q with two groups", c.Basis)
	}
}

func TestServerOperatorAcceptsAlone(t *testing.T) {
	s := newSynced(t, 12)
	s.person("ada", access.RoleAdmin)
	s.person("ben", access.RoleAdmin)
	operator := access.System("command-line")
	s.refuseAccept(operator, otherOrganization, "awaits confirmation")
	s.org.SetOrganizationID(otherOrganization)
	s.sync(otherOrganization)
	if c := s.accept(operator, otherOrganization); c.Basis != access.AcceptedByOperator {
		t.Errorf("accepted by %q, want the operator", c.Basis)
	}
	s.sync("")
}

// A list that ends too early looks like accounts that left. DescribeAccount knows them.
func TestHalfAnswerChangesNothing(t *testing.T) {
	s := newSynced(t, 40)
	before := s.states()
	names := func() map[access.AccountID]string {
		all, err := s.store.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out := map[access.AccountID]string{}
		for _, a := range all {
			out[a.ID] = a.Name + " " + a.OU + " " + a.Tags["team"]
		}
		return out
	}
	was := names()
	s.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{
		Actions:  []string{"organizations:ListAccounts"},
		Truncate: 10,
	}}})
	s.sync("")
	s.wantStates(before, "a list that ended after 10 of 40 accounts")
	for id, now := range names() {
		if was[id] != now {
			t.Errorf("account %s was %q and became %q", id, was[id], now)
		}
	}
	if n := s.calls("organizations:DescribeAccount"); n != 30 {
		t.Errorf("%d accounts were asked for, want the 30 that the list lacked", n)
	}
}

func TestSyncFailsIfMissingAccountCannotBeAskedFor(t *testing.T) {
	s := newSynced(t, 12)
	before := s.states()
	s.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{
		{Actions: []string{"organizations:ListAccounts"}, Truncate: 11},
		{
			Actions: []string{"organizations:DescribeAccount"}, Fail: 1, Status: 400, Code: "AccessDeniedException",
			Message: "not today",
		},
	}})
	s.sync("DescribeAccount", "not today", "nothing was changed")
	s.wantStates(before, "a sync that could not ask for an account")
	if r := s.record(); r.Awaits != nil {
		t.Errorf("%+v awaits confirmation, though nothing is known", r.Awaits)
	}
}

func TestFewAccountsLeave(t *testing.T) {
	s := newSynced(t, 40)
	want := s.states()
	for _, id := range s.leave(3) {
		want[id] = access.AccountLeft
	}
	s.sync("")
	s.wantStates(want, "three accounts left")
	asked := s.calls("organizations:DescribeAccount")
	s.sync("")
	if n := s.calls("organizations:DescribeAccount") - asked; n != 0 {
		t.Errorf("%d accounts were asked for that had left before", n)
	}
}

func TestManyAccountsLeaveAfterConfirmation(t *testing.T) {
	s := newSynced(t, 40)
	ada, ben := s.person("ada", access.RoleAdmin), s.person("ben", access.RoleAdmin)
	before := s.states()
	left := s.leave(5)
	s.sync("5 of 39 active accounts", "Nothing was changed")
	s.wantStates(before, "5 of 39 active accounts left")
	c := s.record().Awaits
	if c == nil || c.Kind != access.ConfirmVanished || c.Lost != 5 || len(c.Vanished) != 5 {
		t.Fatalf("awaits %+v, want the five accounts", c)
	}
	s.accept(ada, c.Digest)
	more := s.leave(1) // one more account than ada has seen
	s.sync("6 of 39 active accounts")
	if now := s.record().Awaits; now.Digest == c.Digest || len(now.Acceptances) != 0 {
		t.Errorf("awaits %+v, want another confirmation without acceptances", now)
	}
	s.refuseAccept(ben, c.Digest, "not what awaits confirmation")
	c = s.record().Awaits
	s.accept(ada, c.Digest)
	s.sync("6 of 39 active accounts")
	s.accept(ben, c.Digest)
	s.sync("")
	want := before
	for _, id := range append(left, more...) {
		want[id] = access.AccountLeft
	}
	s.wantStates(want, "two admins confirmed that six accounts left")
	if r := s.record(); r.Awaits != nil {
		t.Errorf("%+v awaits confirmation still", r.Awaits)
	}
}

func TestAccountStatesAreThoseOfAWS(t *testing.T) {
	s := newSynced(t, 12)
	want := s.states()
	all := s.org.Accounts()
	for i, state := range append(access.AccountStates(), access.AccountLeft) {
		s.org.SetAccountState(all[i+3].ID, state)
		want[all[i+3].ID] = state
	}
	s.sync("")
	s.wantStates(want, "the states changed")
	accounts, err := s.store.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts {
		if ok, _ := a.Targetable(); ok != (a.State == access.AccountActive && !a.Management) {
			t.Errorf("account %s in the state %s can be written to: %v", a.ID, a.State, ok)
		}
	}
}
