package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// oneTarget is a target with one trust policy and one user policy to write.
func oneTarget() (*memoryStore, *memoryCloud) {
	cloud := newMemoryCloud(
		access.LiveDocument{Resource: roleBob, Document: document(foreign, oursOld)},
		access.LiveDocument{Resource: userAlice, Document: userOld},
	)
	return newMemoryStore(trustOperation(access.OperationPlanned), userOperation(access.OpUserPolicy)), cloud
}

func pushTarget(ctx context.Context, cfg Config) error {
	return NewPusher(cfg).Push(ctx, 3, "111122223333")
}

func TestPushWritesReadsBackAndEnds(t *testing.T) {
	store, cloud := oneTarget()
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(foreign, oursNew))
	cloud.checkLive(t, userAlice, userNew)
	if cloud.reads != 3 || len(cloud.writes) != 2 {
		t.Errorf("%d reads and %d writes, want 3 and 2", cloud.reads, len(cloud.writes))
	}
	if cloud.writes[0].Resource != roleBob {
		t.Errorf("wrote %s first, want the trust policy", cloud.writes[0].Resource)
	}
	if got := store.ops[0].LiveBefore; !sameDocument(got, document(foreign, oursOld), nil) {
		t.Errorf("kept as the document before: %s", got)
	}
	if store.eventsOf("operation.write") != 2 || store.eventsOf("target.succeeded") != 1 {
		t.Errorf("the audit log holds %v", store.events)
	}
	if len(store.result.Live) != 2 || !sameDocument(store.result.Live[0].Document, document(foreign, oursNew), nil) {
		t.Errorf("the result says that the account holds %+v", store.result.Live)
	}
}

func TestPushOfUnchangedTargetOnlyReadsOnce(t *testing.T) {
	store, cloud := oneTarget()
	cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, oursNew)}
	cloud.docs[userAlice] = access.LiveDocument{Resource: userAlice, Exists: true, Document: userNew}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetUnchanged, access.OperationUnchanged, access.OperationUnchanged)
	if cloud.reads != 1 || len(cloud.writes) != 0 {
		t.Errorf("%d reads and %d writes, want 1 and 0", cloud.reads, len(cloud.writes))
	}
}

func TestPushSurvivesACrashAtEveryPoint(t *testing.T) {
	t.Run("each outcome by itself", func(t *testing.T) { crashAtEveryPoint(t, atOnce, Points()) })
	t.Run("outcomes with the end", func(t *testing.T) {
		crashAtEveryPoint(t, time.Hour, slices.DeleteFunc(Points(), func(p Point) bool { return p == PointRecorded }))
	})
}

// atOnce makes the store confirm the claim and record the previous outcome before each write.
const atOnce = -time.Second

func crashAtEveryPoint(t *testing.T, confirm time.Duration, points []Point) {
	for _, point := range points {
		for n := 1; n <= passes(point); n++ {
			t.Run(fmt.Sprintf("%s %d", point, n), func(t *testing.T) {
				store, cloud := oneTarget()
				crash := errors.New("killed")
				seen := 0
				err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud, ConfirmClaimEvery: confirm, Fault: func(p Point) error {
					if p == point {
						seen++
					}
					if seen == n && p == point {
						return crash
					}
					return nil
				}})
				if !errors.Is(err, crash) {
					t.Fatalf("got %v: the push never came to %s a %d. time", err, point, n)
				}
				store.lapse()
				if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
					t.Fatal(err)
				}
				store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
				cloud.checkLive(t, roleBob, document(foreign, oursNew))
				cloud.checkLive(t, userAlice, userNew)
				if len(cloud.writes) != 2 || store.eventsOf("operation.write") != 2 {
					t.Errorf("%d writes and %d audit events of writes, want 2 and 2", len(cloud.writes), store.eventsOf("operation.write"))
				}
				if got := store.ops[0].LiveBefore; !sameDocument(got, document(foreign, oursOld), nil) {
					t.Errorf("the document before was lost; kept is %s", got)
				}
			})
		}
	}
}

// Writes in quick succession wait for the store once, at the end. If they are slow, the push asks
// the store between them whether the claim is still valid.
func TestOutcomesOfQuickWritesAreCommittedTogether(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		apart int
	}{"quick": {300 * time.Millisecond, 0}, "slow": {1100 * time.Millisecond, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, cloud := oneTarget()
				cloud.onWrite = func(_ int, apply func()) error {
					time.Sleep(c.takes) // of the bubble's clock
					apply()
					return nil
				}
				recorded := 0
				err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud, Fault: func(p Point) error {
					if p == PointRecorded {
						recorded++
					}
					return nil
				}})
				if err != nil || recorded != c.apart {
					t.Errorf("%d outcomes were committed by themselves (%v), want %d", recorded, err, c.apart)
				}
				store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
			})
		})
	}
}

// passes is how often oneTarget comes to a point.
func passes(p Point) int {
	switch p {
	case PointWriting, PointWrote:
		return 2
	default:
		return 1
	}
}

func TestPushFindsOutAboutLostAnswers(t *testing.T) {
	for name, effective := range map[string]bool{"took effect": true, "took none": false} {
		t.Run(name, func(t *testing.T) {
			store, cloud := oneTarget()
			cloud.onWrite = func(n int, apply func()) error {
				if n == 1 && !effective {
					return cloudError(access.CloudUnreachable)
				}
				apply()
				if n == 1 {
					return cloudError(access.CloudUnreachable)
				}
				return nil
			}
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
				t.Fatal(err)
			}
			store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
			cloud.checkLive(t, roleBob, document(foreign, oursNew))
			want := 2
			if !effective {
				want = 3
			}
			if len(cloud.writes) != want {
				t.Errorf("%d writes, want %d", len(cloud.writes), want)
			}
		})
	}
}

func TestPushFailsOnARefusalNobodyKnows(t *testing.T) {
	store, cloud := oneTarget()
	cloud.onWrite = func(int, func()) error { return cloudError(access.CloudUnknown) }
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetFailed, access.OperationFailed, access.OperationFailed)
	if len(cloud.writes) != 2*maxSends {
		t.Errorf("%d writes, want %d of each document", len(cloud.writes), maxSends)
	}
}

func TestPushPutsOffWhatIsThrottledOrUnreachable(t *testing.T) {
	for _, class := range []access.CloudClass{access.CloudThrottled, access.CloudUnreachable} {
		t.Run("read "+string(class), func(t *testing.T) {
			store, cloud := oneTarget()
			cloud.onRead = func(int) error { return cloudError(class) }
			var later *SnoozeError
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); !errors.As(err, &later) {
				t.Fatalf("got %v, want to be called again later", err)
			}
			store.checkEnd(t, access.TargetRunning, access.OperationPlanned, access.OperationPlanned)
			if left := time.Until(store.until); left > later.After {
				t.Errorf("the claim is valid for another %s, and the push goes on in %s", left, later.After)
			}
		})
	}
	t.Run("write throttled", func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.onWrite = func(int, func()) error { return cloudError(access.CloudThrottled) }
		var later *SnoozeError
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); !errors.As(err, &later) {
			t.Fatalf("got %v, want to be called again later", err)
		}
		cloud.onWrite = nil
		store.lapse()
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
	})
}

func TestPushGivesUpOnAnAccountThatStaysUnreachable(t *testing.T) {
	store, cloud := oneTarget()
	store.target.StartedAt = time.Now().Add(-time.Hour)
	cloud.onRead = func(int) error { return cloudError(access.CloudUnreachable) }
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetFailed, access.OperationSkipped, access.OperationSkipped)
	if store.result.Class != access.CloudUnreachable || store.result.Advice == "" {
		t.Errorf("got %+v, want the class unreachable and an advice", store.result)
	}
}

func TestPushRefusals(t *testing.T) {
	t.Run("account cannot be read", func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.onRead = func(int) error { return cloudError(access.CloudDenied) }
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationSkipped, access.OperationSkipped)
	})
	t.Run("account suspended", func(t *testing.T) {
		store, cloud := oneTarget()
		store.account.State = access.AccountSuspended
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationSkipped, access.OperationSkipped)
		if cloud.reads != 0 {
			t.Error("a suspended account was asked")
		}
	})
	t.Run("trust policy refused, so it stays out of the user policy", func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.onWrite = func(n int, do func()) error {
			if n == 1 {
				return cloudError(access.CloudQuota)
			}
			do()
			return nil
		}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationFailed, access.OperationWritten)
		cloud.checkLive(t, userAlice, userCut)
		if store.result.Class != access.CloudQuota {
			t.Errorf("class %q, want quota", store.result.Class)
		}
	})
	t.Run("user missing blocks nothing", func(t *testing.T) {
		store, cloud := oneTarget()
		delete(cloud.docs, userAlice)
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationSkipped)
		if store.result.Message == "" {
			t.Error("nobody is told that alice is missing")
		}
	})
	t.Run("conflict writes nothing over it", func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, oursOther)}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetConflict, access.OperationConflict, access.OperationWritten)
		cloud.checkLive(t, roleBob, document(foreign, oursOther))
		cloud.checkLive(t, userAlice, userCut)
	})
}

func TestPushWritesNothingWhenTheStoreRefuses(t *testing.T) {
	down := errors.New("the database is down")
	for method, writes := range map[string]int{"ClaimTarget": 0, "RecordIntents": 0, "RecordOutcome": 1, "FinishTarget": 2} {
		t.Run(method, func(t *testing.T) {
			store, cloud := oneTarget()
			store.refuse[method] = down
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud, ConfirmClaimEvery: atOnce}); !errors.Is(err, down) {
				t.Fatalf("got %v, want the store's error", err)
			}
			if len(cloud.writes) != writes {
				t.Errorf("%d writes, want %d", len(cloud.writes), writes)
			}
			store.refuse = map[string]error{}
			store.lapse()
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
				t.Fatal(err)
			}
			store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
			if len(cloud.writes) != 2 {
				t.Errorf("%d writes in the end, want 2", len(cloud.writes))
			}
		})
	}
}

func TestPushStopsAfterNewerClaim(t *testing.T) {
	store, cloud := oneTarget()
	takeOver := func(n int, apply func()) error {
		apply()
		if n == 1 {
			store.lapse()
			if _, ok, err := store.ClaimTarget(t.Context(), 3, "111122223333", time.Hour); !ok || err != nil {
				t.Errorf("the second claim: %v, %v", ok, err)
			}
		}
		return nil
	}
	cloud.onWrite = takeOver
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud, ConfirmClaimEvery: atOnce}); err != nil {
		t.Fatal(err)
	}
	if len(cloud.writes) != 1 {
		t.Errorf("%d writes, want the one that was on its way", len(cloud.writes))
	}
	store.checkEnd(t, access.TargetRunning, access.OperationIntended, access.OperationPlanned)
}

// A process that is frozen between two of its steps finds, once it goes on, that its
// lease has run out: by its own clock, before it asks anybody.
func TestPushFrozenPastItsLeaseWritesNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		store.refuse["RenewClaim"] = errors.New("no connection")
		frozen := func(p Point) error {
			if p == PointWriting {
				time.Sleep(time.Minute) // of the bubble's clock
			}
			return nil
		}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud, Fault: frozen}); err != nil {
			t.Fatal(err)
		}
		if len(cloud.writes) != 0 {
			t.Errorf("%d writes after the lease had run out", len(cloud.writes))
		}
	})
}

func TestPushKeepsItsClaimThroughSlowCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		slow := func(p Point) error {
			if p == PointWriting {
				time.Sleep(time.Minute) // of the bubble's clock
			}
			return nil
		}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud, Fault: slow}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
	})
}

func TestPushReadsBackUntilTheWriteShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.lag = 3 + 1 // the first read comes before the writes
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
	})
}

func TestPushSaysWhenAWriteNeverShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.onWrite = func(int, func()) error { return nil }
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationWritten, access.OperationWritten)
		if store.result.Message == "" || store.result.Advice == "" {
			t.Errorf("got %+v, want a message and an advice", store.result)
		}
	})
}

func TestPushOfClaimedTargetDoesNothing(t *testing.T) {
	store, cloud := oneTarget()
	if _, ok, err := store.ClaimTarget(t.Context(), 3, "111122223333", time.Hour); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	if cloud.reads != 0 {
		t.Error("AWS was asked")
	}
}

func TestPushCancelledLeavesTheTargetToTheNextClaim(t *testing.T) {
	store, cloud := oneTarget()
	ctx, cancel := context.WithCancel(t.Context())
	cloud.onWrite = func(_ int, apply func()) error { apply(); cancel(); return ctx.Err() }
	if err := pushTarget(ctx, Config{Store: store, Cloud: cloud}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want cancelled", err)
	}
	store.lapse()
	cloud.onWrite = nil
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
	if len(cloud.writes) != 2 {
		t.Errorf("%d writes, want 2: the first took effect", len(cloud.writes))
	}
}

// A rollout that is paused or halted starts nothing: a claimed target is released before its first
// call to AWS or before its first write.
func TestStoppedRolloutReleasesTargets(t *testing.T) {
	for name, late := range map[string]bool{"before it was claimed": false, "after the account was read": true} {
		t.Run(name, func(t *testing.T) {
			store, cloud := oneTarget()
			wanted := 0
			if late {
				store.refuse["RecordIntents"] = access.ErrNotRunning
				wanted = 1
			} else {
				store.rollout.State = access.RolloutPaused
			}
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
				t.Fatal(err)
			}
			if store.target.State != access.TargetWaiting {
				t.Errorf("the target is %s", store.target.State)
			}
			if len(cloud.writes) != 0 || cloud.reads != wanted {
				t.Errorf("%d writes, %d reads, want 0 and %d", len(cloud.writes), cloud.reads, wanted)
			}
		})
	}
}
