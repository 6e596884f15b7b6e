package store_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestStoppedTargetsDoNotDependOnHowMuchWasRolledOut: accounts that many rollouts have
// pushed are told as quickly as others, by the last of these.
func TestStoppedTargetsDoNotDependOnHowMuchWasRolledOut(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 50,000 targets")
	}
	const accounts, rollouts = 100, 500
	s := storetest.New(t)
	organization(t, s, accounts)
	first := must[access.Rollout](t)(s.StartRollout(t.Context(), access.Rollout{Title: "x", State: access.RolloutRunning, MaxInFlight: 2, CreatedAt: t0}, planFor(accounts), access.Staging{}, nil))
	for _, sql := range []string{
		"UPDATE rollouts SET state = 'aborted', waiting = 0, running = 0, skipped = 100, ended_at = now()",
		"UPDATE targets SET state = 'skipped', ended_at = now(), lease_state = NULL, lease_until = NULL, claim = 1, started_at = now()",
		"INSERT INTO rollouts OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(r, jsonb_build_object('id', r.id + g))).* FROM rollouts r, generate_series(1, 499) g",
		"INSERT INTO targets SELECT (jsonb_populate_record(t, jsonb_build_object('rollout_id', t.rollout_id + g))).* FROM targets t, generate_series(1, 499) g",
		"ANALYZE",
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	var ids []access.AccountID
	for i := range accounts {
		ids = append(ids, accountID(i))
	}
	var found map[access.AccountID]access.StoppedTarget
	logDuration(t, "reading the last pushes of all accounts", func() { found = must[map[access.AccountID]access.StoppedTarget](t)(s.StoppedTargets(t.Context(), ids)) })
	for _, id := range ids {
		if got, want := found[id], (access.StoppedTarget{Rollout: first.ID + rollouts - 1, State: access.TargetSkipped}); got != want {
			t.Fatalf("account %s is at %+v, want %+v", id, got, want)
		}
	}
}
