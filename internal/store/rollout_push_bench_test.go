package store_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// BenchmarkPush is what one target costs the database: its claim, its intents, and its end, with
// the next target started; one at a time, and twenty at once.
func BenchmarkPush(b *testing.B) {
	for name, workers := range map[string]int{"alone": 1, "twenty": 20} {
		b.Run(name, func(b *testing.B) {
			s := storetest.New(b)
			r := start(b, s, b.N+workers, workers, 0)
			before := commits(b, s)
			b.ResetTimer()
			var next atomic.Int64
			var crew sync.WaitGroup
			for range workers {
				crew.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						pushOne(b, s, r, int(i))
					}
				})
			}
			crew.Wait()
			b.ReportMetric(float64(commits(b, s)-before)/float64(b.N), "commits/op")
		})
	}
}

func pushOne(b *testing.B, s *store.Store, r access.Rollout, i int) {
	c := claim(b, s, r, accountID(i))
	var intents []access.Intent
	var events []access.AuditEvent
	var outcomes []access.Outcome
	for _, o := range c.Operations {
		intents = append(intents, access.Intent{OperationID: o.ID, LiveBefore: o.Before, Document: o.After})
		events = append(events, event("operation.write", "rollout/1"))
		outcomes = append(outcomes, access.Outcome{OperationID: o.ID, State: access.OperationWritten})
	}
	if err := s.RecordIntents(b.Context(), c, intents, events); err != nil {
		b.Error(err)
	}
	if _, err := s.FinishTarget(b.Context(), c, outcomes, access.TargetResult{State: access.TargetSucceeded}, events[:1]); err != nil {
		b.Error(err)
	}
}

// commits counts the transactions that the database has committed.
func commits(b *testing.B, s *store.Store) int64 {
	b.Helper()
	var n int64
	if err := s.Pool().QueryRow(b.Context(), "SELECT pg_stat_clear_snapshot() IS NULL, xact_commit FROM pg_stat_database WHERE datname = current_database()").Scan(new(bool), &n); err != nil {
		b.Fatal(err)
	}
	return n
}
