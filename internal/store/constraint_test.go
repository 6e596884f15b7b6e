package store_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestImpossibleRows tries to store what must not be, past all Go code.
func TestImpossibleRows(t *testing.T) {
	s := desired(t)
	organization(t, s, 3)
	c := approve(t, s, []access.Edit{{Op: access.EditUpdateAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office 2"}}}, planFor(3))
	r := must[access.Rollout](t)(apply(t.Context(), s, c, 2, 1))
	open := approve(t, s, []access.Edit{{Op: access.EditUpdateAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office 3"}}}, planFor(1))
	for _, sql := range []string{
		confirmation("'other_organization', 'o-1', 'o-2'"),
		"INSERT INTO sync_acceptances SELECT id, 1, 'Ada', 'ada@example.com', now() FROM sync_confirmations",
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ name, sql, want string }{
		{"two heads", "INSERT INTO head (one, revision) VALUES (false, 0)", "head_one"},
		{"a head beyond the revisions", "UPDATE head SET revision = 99", "head_revision"},
		{"a revision that changes", "UPDATE revisions SET created_at = now() WHERE number = 1", "neither changed nor removed"},
		{"a revision without a change", "INSERT INTO revisions (number, created_at) VALUES (99, now())", "revisions_check"},
		{"an entry that changes", "UPDATE entries SET note = 'x' WHERE endpoint IS NULL", "only be given the revision"},
		{"an entry that is gone", "DELETE FROM entries", "only be given the revision"},
		{"a mapping's user that is gone", "DELETE FROM mapping_users", "neither changed nor removed"},
		{"an allowlist that comes back", "UPDATE allowlists SET removed_in = NULL, id = 'zz', name = 'zz' WHERE removed_in IS NOT NULL", "only be given the revision"},
		{"removed before it was added", "UPDATE allowlists SET removed_in = 1 WHERE removed_in IS NULL AND added_in = 1", "allowlists_check"},
		{"two live allowlists of one name", "INSERT INTO allowlists (id, name, description, added_in) VALUES ('z', 'office 2', '', 1)", "allowlists_live_name"},
		{"an entry twice", "INSERT INTO entries (allowlist_id, kind, prefix, note, ticket, added_in) VALUES ('a1', 'cidr', '103.15.250.0/24', '', '', 1)", "entries_live_prefix"},
		{"a CIDR with host bits", "INSERT INTO entries (allowlist_id, kind, prefix, note, ticket, added_in) VALUES ('a1', 'cidr', '10.1.2.3/16', '', '', 1)", "invalid cidr"},
		{"an entry of two kinds", "INSERT INTO entries (allowlist_id, kind, prefix, endpoint, note, ticket, added_in) VALUES ('a1', 'cidr', '1.0.0.0/8', 'vpc-1', '', '', 1)", "entries_check"},
		{"a VPC that is an endpoint", "INSERT INTO entries (allowlist_id, kind, endpoint, note, ticket, added_in) VALUES ('a1', 'vpc', 'vpce-1', '', '', 1)", "entries_check"},
		{"an applied change without a rollout", "UPDATE changes SET rollout_id = NULL WHERE state = 'applied'", "applied_is_complete"},
		{"an approved change with a revision", "UPDATE changes SET revision = 1 WHERE state = 'approved'", "applied_is_complete"},
		{"in review without a digest", "UPDATE changes SET digest = '' WHERE state = 'approved'", "reviewed_has_digest"},
		{"a review of one's own", "INSERT INTO reviews (change_id, author_id, reviewer_id, reviewer_name, reviewer_email, verdict, digest, base, comment, at, void) VALUES (3, 1, 1, '', '', 'approve', 'd', 0, '', now(), false)", "reviewer_is_not_the_author"},
		{"an author made up to review one's own", "INSERT INTO reviews (change_id, author_id, reviewer_id, reviewer_name, reviewer_email, verdict, digest, base, comment, at, void) VALUES (3, 5, 1, '', '', 'approve', 'd', 0, '', now(), false)", "reviews_change_id_author_id"},
		{"two current reviews of one person", "INSERT INTO reviews (change_id, author_id, reviewer_id, reviewer_name, reviewer_email, verdict, digest, base, comment, at, void) VALUES (3, 1, 2, '', '', 'approve', 'd', 0, '', now(), false)", "reviews_one_each"},
		{"a document under another's name", "INSERT INTO documents VALUES (sha256('x'), 'y')", "documents_check"},
		{"a document that changes", "UPDATE documents SET body = 'x'", "neither changed nor removed"},
		{"more in flight than the limit", "UPDATE rollouts SET running = max_in_flight + 1 WHERE state = 'running'", "max_in_flight_is_kept"},
		{"completed with targets left", "UPDATE rollouts SET state = 'completed', ended_at = now()", "completed_has_no_rest"},
		{"ended without a time", "UPDATE rollouts SET state = 'aborted', waiting = 0", "ended_has_time"},
		{"fewer than no targets", "UPDATE rollouts SET failed = -1", "rollouts_failed"},
		{"a target that failed at no time", "UPDATE targets SET state = 'failed', lease_state = NULL, lease_until = NULL WHERE state = 'running'", "ended_has_time"},
		{"in flight without a lease", "UPDATE targets SET lease_until = NULL WHERE state = 'running'", "running_is_leased"},
		{"waiting and in flight", "UPDATE targets SET lease_state = 'queued' WHERE state = 'waiting'", "running_is_leased"},
		{"leased and never claimed", "UPDATE targets SET lease_state = 'leased' WHERE state = 'running'", "leased_was_claimed"},
		{"written without an intent", "UPDATE operations SET state = 'written', ended_at = now(), written = before_doc", "intent_comes_first"},
		{"written, and what is unknown", "UPDATE operations SET state = 'written', ended_at = now(), intended_at = now() WHERE kind = 'trust_policy'", "written_is_kept"},
		{"an audit event without a hash", "INSERT INTO audit_events VALUES (999, now(), '', 0, '', '', '', '', 'a', '', '{}', 'p', '')", "audit_events_hash"},
		{"an e-mail in capitals", "INSERT INTO people (email, name, password_hash, created_at) VALUES ('A@x', 'A', '', now())", "people_email"},
		{
			"an active account left behind", "UPDATE accounts SET keeps_documents = true WHERE state = 'ACTIVE'",
			"an_active_account_is_written",
		},
		{"two organizations", "INSERT INTO organization (one) VALUES (false)", "organization_one"},
		{"an organization recorded at no time", "UPDATE organization SET recorded_at = NULL", "recorded_has_time"},
		{
			"another organization of the same id", confirmation("'other_organization', 'o-1', 'o-1'"),
			"another_organization",
		},
		{
			"vanished accounts of another organization", confirmation("'vanished_accounts', 'o-1', 'o-2'"),
			"another_organization",
		},
		{"a confirmation that changes", "UPDATE sync_confirmations SET seen = 'o-3'", "neither changed nor removed"},
		{"a confirmation that is gone", "DELETE FROM sync_confirmations", "neither changed nor removed"},
		{"two confirmations at once", confirmation("'other_organization', 'o-1', 'o-3'"), "sync_confirmations_open"},
		{
			"a confirmation accepted by no one", "UPDATE sync_confirmations SET accepted_at = now()",
			"acceptance_has_a_basis",
		},
		{"an applied confirmation that was not accepted", "UPDATE sync_confirmations SET closed_at = now(), outcome " +
			"= 'applied'", "applied_was_accepted"},
		{"an acceptance that changes", "UPDATE sync_acceptances SET name = 'Ben'", "neither changed nor removed"},
		{
			"an acceptance given twice", "INSERT INTO sync_acceptances SELECT * FROM sync_acceptances",
			"sync_acceptances_pkey",
		},
		{"an account id that is none", "INSERT INTO accounts (id, name, email, state, ou, tags, partition, management) VALUES ('12', '', '', 'ACTIVE', '', '{}', 'aws', false)", "accounts_id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Pool().Exec(t.Context(), tt.sql)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a refusal by %s", err, tt.want)
			}
		})
	}
	if open.ID != 3 || r.ID != 2 {
		t.Errorf("change %d and rollout %d are not those that the rows above name", open.ID, r.ID)
	}
}

// confirmation inserts a confirmation of a kind, a recorded and a seen organization.
func confirmation(kind string) string {
	return "INSERT INTO sync_confirmations (kind, recorded, seen, vanished, lost, active, digest, asked_at) VALUES (" +
		kind + ", '[]', 0, 0, repeat('a', 64), now())"
}

// TestNarrowRole does the work of the console as the role that GrantConsole
// makes, and what that role must not do.
func TestNarrowRole(t *testing.T) {
	address := storetest.NewURL(t)
	role := store.ConsoleRole{Name: "portcullis_app", Password: "a-long-password"}
	for range 2 { // once more, as the next migration does
		if ok := must[bool](t)(store.GrantConsole(t.Context(), address, role)); !ok {
			t.Fatal("the role was not made")
		}
	}
	u := must[*url.URL](t)(url.Parse(address))
	u.User = url.User(role.Name)
	s := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: u.String()}))
	defer s.Close()
	r := start(t, s, 2, 1, 0)
	c := claim(t, s, r, accountID(0))
	intents := []access.Intent{{OperationID: c.Operations[0].ID, Document: "{}"}}
	if err := s.RecordIntents(t.Context(), c, intents, []access.AuditEvent{event("operation.write", "x")}); err != nil {
		t.Fatal(err)
	}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), c, nil, access.TargetResult{State: access.TargetSucceeded}, nil))
	push(t, s, r, accountID(1), access.TargetUnchanged)
	if err := s.SessionSweep(t.Context(), t0); err != nil {
		t.Error(err)
	}
	acceptOther(t, s)
	if err := s.CheckSchema(t.Context()); err != nil {
		t.Errorf("CheckSchema: %v", err)
	}
	if owns := must[bool](t)(s.OwnsTables(t.Context())); owns {
		t.Error("the role counts as an owner of the tables")
	}
	for _, sql := range []string{
		"CREATE TABLE mine (n int)", "UPDATE audit_checkpoints SET hash = hash", "DELETE FROM audit_checkpoints",
		"DELETE FROM audit_head", "UPDATE installation SET demo = true",
		"UPDATE audit_events SET name = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events", "ALTER TABLE audit_events DISABLE TRIGGER USER",
		"UPDATE entries SET note = 'x'", "DELETE FROM entries", "DELETE FROM revisions", "UPDATE documents SET body = 'x'", "DELETE FROM reviews", "DELETE FROM operations", "DROP TABLE audit_events",
		"UPDATE plan_operations SET ours_after = before_doc", "UPDATE plan_targets SET account_name = 'x'",
		"UPDATE target_digests SET digest = repeat('0', 64)", "DELETE FROM target_digests",
		"UPDATE sync_confirmations SET digest = repeat('b', 64)", "DELETE FROM sync_confirmations", "DELETE FROM " +
			"organization",
		"UPDATE sync_acceptances SET person_id = 7", "DELETE FROM sync_acceptances",
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("%s: got %v, want permission denied", sql, err)
		}
	}
}

// acceptOther refuses a sync of another organization, accepts it, and saves it.
func acceptOther(t *testing.T, s *store.Store) {
	t.Helper()
	other := company()
	other.ID = "o-2"
	for _, a := range must[[]access.Account](t)(s.Accounts(t.Context())) {
		other.Gone = append(other.Gone, a.ID)
	}
	err := s.SaveOrganization(t.Context(), other, false, nil)
	wantKind(t, err, access.KindConflict, "o-2")
	if err := s.SyncFailed(t.Context(), err, "another organization", "replica-1"); err != nil {
		t.Fatal(err)
	}
	operator := access.System("command-line")
	c := must[access.SyncConfirmation](t)(s.AcceptSync(t.Context(), func(c *access.SyncConfirmation,
		people access.PersonContext,
	) ([]access.AuditEvent, error) {
		return []access.AuditEvent{c.Event(operator, t0)}, c.Accept(operator, people.Others, people.Groups, false, t0)
	}))
	if c.Basis != access.AcceptedByOperator {
		t.Errorf("accepted by %q", c.Basis)
	}
	if err := s.SaveOrganization(t.Context(), other, true, nil); err != nil {
		t.Fatal(err)
	}
	if r := must[access.OrganizationRecord](t)(s.Organization(t.Context(), 10)); r.ID != "o-2" ||
		r.Awaits != nil || r.Error != "" {
		t.Errorf("the record is %+v", r)
	}
}

// What was planned and approved is never edited, not even by the owner of the tables, and not by the
// console's role, which may update what becomes of an operation.
func TestPlannedWritesAreNotEdited(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a2", Allowlist: &access.Allowlist{Name: "home"}}}, planFor(1))
	for _, sql := range []string{
		"UPDATE plan_operations SET ours_after = before_doc", "UPDATE plan_operations SET resource_name = 'Admin'", "UPDATE plan_targets SET account_id = '222222222222'",
		"UPDATE operations SET ours_after = before_doc", "UPDATE operations SET after_doc = before_doc", "UPDATE operations SET ours_before = after_doc", "UPDATE operations SET resource_name = 'Admin'",
		"UPDATE operations SET kind = 'delete_user_policy', after_doc = NULL WHERE kind = 'user_policy'", "DELETE FROM operations",
		"UPDATE target_digests SET digest = repeat('0', 64)", "DELETE FROM target_digests",
		fmt.Sprintf("DELETE FROM plan_targets WHERE change_id = %d", r.ChangeID), fmt.Sprintf("DELETE FROM plan_operations WHERE change_id = %d", r.ChangeID),
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "can be neither changed nor removed") {
			t.Errorf("%s: got %v, want it refused", sql, err)
		}
	}
	plan := planFor(2)
	must[access.Change](t)(s.UpdateChange(t.Context(), c.ID, func(*access.Change) (access.ChangeDecision, error) {
		return access.ChangeDecision{Plan: &plan}, nil // a plan that is not applied is replaced as a whole
	}))
	if got := must[access.Plan](t)(s.Plan(t.Context(), c.ID)); got.Len() != 2 {
		t.Errorf("%d targets after the plan was replaced, want 2", got.Len())
	}
}
