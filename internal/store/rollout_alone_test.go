package store_test

import (
	"slices"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// rollBack rolls a rollout back as the operator, and returns what decided on it.
func rollBack(t *testing.T, s *store.Store, id int64) (access.RollbackFacts, error) {
	t.Helper()
	var facts access.RollbackFacts
	_, err := s.RollBack(t.Context(), id, operator.Ref(), func(
		r *access.Rollout, _ *access.WaveProgress, f access.RollbackFacts,
	) ([]access.AuditEvent, error) {
		facts = f
		return nil, r.RollBack(operator.Ref(), "why", t0, f)
	})
	return facts, err
}

// writeIn writes the first operation of a rollout in an account.
func writeIn(t *testing.T, s *store.Store, r access.Rollout, account access.AccountID) access.Rollout {
	t.Helper()
	c := claim(t, s, r, account)
	op := c.Operations[0]
	intents := []access.Intent{{OperationID: op.ID, LiveBefore: `{"was":1}`, Document: `{"is":1}`}}
	if err := s.RecordIntents(t.Context(), c, intents, nil); err != nil {
		t.Fatal(err)
	}
	outcome := []access.Outcome{{OperationID: op.ID, State: access.OperationWritten}}
	return must[access.Rollout](t)(
		s.FinishTarget(t.Context(), c, outcome, access.TargetResult{State: access.TargetSucceeded}, nil))
}

func startMore(t *testing.T, s *store.Store, plan access.Plan) access.Rollout {
	t.Helper()
	e := entry(t, "198.51.100.0/24")
	c := approve(t, s, []access.Edit{{Op: access.EditAddEntry, ID: "a1", Key: e.Key(), Entry: &e}}, plan)
	return must[access.Rollout](t)(apply(t.Context(), s, c, 3, 0))
}

func TestRollBackOfTheLastWriterOnly(t *testing.T) {
	other := func(name string) access.Plan {
		return access.NewPlan("docs", access.PlannedTarget{
			Account: accountID(0), AccountName: "a", OU: "Root/Prod", Operations: []access.PlannedOperation{{
				Kind: access.OpTrustPolicy, Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: name},
				Before: `{"before":1}`, BeforeKnown: true, After: `{"after":9}`, OursBefore: "[]", OursAfter: `[1]`, Size: 11, Limit: 2048,
			}},
		})
	}
	for name, tt := range map[string]struct {
		plan  access.Plan
		write bool
		later bool
	}{
		"a later rollout wrote the role":     {other("Bob"), true, true},
		"a later rollout is to write it":     {other("Bob"), false, false},
		"a later rollout wrote another role": {other("Eve"), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.New(t)
			first := writeIn(t, s, start(t, s, 1, 1, 0), accountID(0))
			second := startMore(t, s, tt.plan)
			if tt.write {
				writeIn(t, s, second, accountID(0))
			}
			facts, err := rollBack(t, s, first.ID)
			if tt.later != (facts.WrittenBy == second.ID) || tt.later != (access.KindOf(err) == access.KindConflict) {
				t.Errorf("written by %d (%v), want a refusal for rollout %d: %v", facts.WrittenBy, err, second.ID, tt.later)
			}
			if !tt.later && err != nil {
				t.Errorf("the rollback is refused: %v", err)
			}
		})
	}
}

func TestRollBackFollowsTheSetting(t *testing.T) {
	s := storetest.New(t)
	r := writeIn(t, s, start(t, s, 1, 1, 0), accountID(0))
	if within := must[access.Settings](t)(s.Settings(t.Context())).MayRollBackWithin(); within != time.Hour {
		t.Errorf("the setting is %s at first, want 1h", within)
	}
	never := time.Duration(0)
	edit := access.Edit{Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &access.Settings{RollBackWithin: &never}}
	must[access.Rollout](t)(apply(t.Context(), s, approve(t, s, []access.Edit{edit}, planFor(0)), 1, 0))
	facts, err := rollBack(t, s, r.ID)
	if facts.Within != 0 || access.KindOf(err) != access.KindConflict {
		t.Errorf("with the setting at 0: %v within %s, want a refusal after the end", err, facts.Within)
	}
}

func TestUnreviewedActBlocksTheNextOne(t *testing.T) {
	s := storetest.New(t)
	first := writeIn(t, s, start(t, s, 2, 2, 0), accountID(0))
	second, inFlight := startMore(t, s, planFor(0)), claim(t, s, first, accountID(1))
	if _, err := rollBack(t, s, first.ID); err != nil {
		t.Fatal(err)
	}
	// The change of the rollback does not exist before nothing is in flight.
	facts, err := rollBack(t, s, second.ID)
	if u := facts.Unreviewed; u == nil || u.Rollout != first.ID || access.KindOf(err) != access.KindConflict {
		t.Fatalf("while the first is rolled back: %+v, %v; want a refusal that names it", u, err)
	}
	must[access.Rollout](t)(
		s.FinishTarget(t.Context(), inFlight, nil, access.TargetResult{State: access.TargetUnchanged}, nil))
	first = must[access.Rollout](t)(s.BeginRollback(t.Context(), first.ID, planFor(1)))
	flagged := must[access.Rollout](t)(s.Rollout(t.Context(), first.RolledBackBy)).ChangeID
	facts, err = rollBack(t, s, second.ID)
	if u := facts.Unreviewed; u == nil || u.Change != flagged || len(u.Reviewers) == 0 || access.KindOf(err) != access.KindConflict {
		t.Fatalf("with the flag: %+v, %v; want a refusal that names change %d and reviewers", u, err, flagged)
	}
	c := approve(t, s, []access.Edit{{Op: access.EditUpdateAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "hq"}}}, planFor(0))
	alone := func() error {
		_, err := s.ApplyChange(t.Context(), c.ID, func(c *access.Change, head int64) (access.Application, error) {
			rollout := access.Rollout{
				Title: c.Title, State: access.RolloutRunning, MaxInFlight: 1, StartedBy: operator.Ref(), CreatedAt: t0,
				StartedAt: t0,
			}
			return access.Application{Rollout: rollout}, c.ApplyAlone(operator, c.Digest, "fire", head+1, t0)
		})
		return err
	}
	if err := alone(); access.KindOf(err) != access.KindConflict {
		t.Fatalf("break-glass with the flag: %v, want KindConflict", err)
	}
	must[access.Change](t)(s.UpdateChange(t.Context(), flagged, func(c *access.Change) (access.ChangeDecision, error) {
		return access.ChangeDecision{}, c.Review(approver, access.VerdictApprove, c.Digest, "fine", time.Now().UTC())
	}))
	if err := alone(); err != nil {
		t.Errorf("break-glass after the review: %v", err)
	}
}

// TestUnreviewedActBlocksItsGroup: an account that counts together with the person cannot act alone either, and is not
// named as a reviewer. In the mode single administrator, a change can be applied all the same.
func TestUnreviewedActBlocksItsGroup(t *testing.T) {
	s := storetest.New(t)
	first := writeIn(t, s, start(t, s, 1, 1, 0), accountID(0))
	second := startMore(t, s, planFor(0))
	if _, err := rollBack(t, s, first.ID); err != nil {
		t.Fatal(err)
	}
	must[access.Rollout](t)(s.BeginRollback(t.Context(), first.ID, planFor(1)))
	_, err := s.Pool().Exec(t.Context(), `INSERT INTO person_acts (person_id, by_id, by_name, act, at)
		VALUES ($1, $2, 'Operator', 'add', now())`, approver.PersonID, operator.PersonID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.RollBack(t.Context(), second.ID, approver.Ref(), func(
		_ *access.Rollout, _ *access.WaveProgress, f access.RollbackFacts,
	) ([]access.AuditEvent, error) {
		if f.Unreviewed == nil || !f.Unreviewed.Other || slices.Contains(f.Unreviewed.Reviewers, approver.Name) {
			t.Errorf("for an account of the same group: %+v, want the act and other reviewers", f.Unreviewed)
		}
		return nil, f.Unreviewed.Blocked()
	})
	if access.KindOf(err) != access.KindConflict {
		t.Errorf("rolled back by an account of the same group: %v, want KindConflict", err)
	}
	c := approve(t, s, []access.Edit{{Op: access.EditUpdateAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "hq"}}}, planFor(0))
	_, err = s.ApplyChange(t.Context(), c.ID, func(c *access.Change, head int64) (access.Application, error) {
		rollout := access.Rollout{
			Title: c.Title, State: access.RolloutRunning, MaxInFlight: 1, StartedBy: operator.Ref(), CreatedAt: t0, StartedAt: t0,
		}
		return access.Application{Rollout: rollout}, c.ApplySingle(operator, c.Digest, head+1, t0)
	})
	if err != nil {
		t.Errorf("applied in the mode single administrator: %v", err)
	}
}
