package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// startingStore is a store that can start a rollout: the model, and internal/store.
type startingStore interface {
	rollout.Store
	StartRollout(ctx context.Context, r access.Rollout, plan access.Plan, s access.Staging,
		events []access.AuditEvent) (access.Rollout, error)
}

// TestModelFollowsTheStore runs random scripts against the model and against Postgres. After each
// step, both must have given the same answer and hold the same rollouts, targets and operations.
func TestModelFollowsTheStore(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			accounts := scriptAccounts()
			postgres := storetest.New(t)
			if err := postgres.SaveOrganization(t.Context(), access.Organization{
				ID: "o-1",
				OUs: []access.OU{{
					ID: "r-1", Name: "Root",
					Path: "Root",
				}}, Accounts: accounts,
			}, false, nil); err != nil {
				t.Fatal(err)
			}
			scripts := []*script{newScript(t, newModelStore(accounts...)), newScript(t, postgres)}
			for n := range 60 {
				var said [2]string
				var held [2]holding
				for i, s := range scripts {
					said[i] = s.step(rand.New(rand.NewPCG(seed, uint64(n))))
					held[i] = s.holding()
				}
				if said[0] != said[1] {
					t.Fatalf("step %d: the model answers\n  %s\nand Postgres\n  %s", n, said[0], said[1])
				}
				if d := gocmp.Diff(held[0], held[1], cmpopts.EquateEmpty()); d != "" {
					t.Fatalf("step %d, %s: (-model +Postgres)\n%s", n, said[0], d)
				}
			}
		})
	}
}

func scriptAccounts() []access.Account {
	var accounts []access.Account
	for i := range 3 {
		accounts = append(accounts, access.Account{
			ID:   access.AccountID(fmt.Sprintf("11112222%04d", i)),
			Name: fmt.Sprint("team-", i), State: access.AccountActive, OU: "Root",
		})
	}
	return accounts
}

// script carries out steps on one of the stores.
type script struct {
	t        *testing.T
	store    startingStore
	accounts []access.Account
	rollouts []int64
	claims   []access.Claim
	live     bool // the newest claim may still be good
}

func newScript(t *testing.T, s startingStore) *script {
	return &script{t: t, store: s, accounts: scriptAccounts()}
}

// holding is all that a store holds, without times and numbers that differ.
type holding struct {
	Rollouts   []access.Rollout
	Waves      [][]access.Wave
	Targets    []access.Target
	Operations []access.Operation
}

var someTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// hide puts one time in place of all others.
func hide(times ...*time.Time) {
	for _, t := range times {
		if !t.IsZero() {
			*t = someTime
		}
	}
}

func (s *script) holding() holding {
	var h holding
	for _, id := range s.rollouts {
		r := must(s.store.Rollout(s.t.Context(), id))
		r.Revision = 0
		r.Note, _, _ = strings.Cut(r.Note, " The desired state stays") // the model has no desired state
		hide(&r.CreatedAt, &r.StartedAt, &r.EndedAt, &r.Until, &r.ConfirmedAt, &r.StoppedSince)
		h.Rollouts = append(h.Rollouts, r)
		waves := must(s.store.Waves(s.t.Context(), id))
		for i := range waves {
			w := &waves[i]
			w.Counts, w.Health = access.TargetCounts{}, access.Health{}
			hide(&w.BegunAt, &w.PushedAt, &w.EndedAt)
		}
		h.Waves = append(h.Waves, waves)
		for _, a := range s.accounts {
			s.addTarget(&h, id, a.ID)
		}
	}
	return h
}

func (s *script) addTarget(h *holding, id int64, account access.AccountID) {
	t, err := s.store.Target(s.t.Context(), id, account)
	if access.KindOf(err) == access.KindNotFound {
		return
	}
	hide(&t.StartedAt, &t.EndedAt)
	if t.State == access.TargetSkipped {
		t.Message = "" // the model words it in its own way
	}
	h.Targets = append(h.Targets, t)
	for _, op := range must(s.store.Operations(s.t.Context(), id, account)) {
		op.ID = 0
		hide(&op.IntendedAt, &op.EndedAt, &op.Resolution.At)
		h.Operations = append(h.Operations, op)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// said is an answer in words that both stores share.
func said(what string, err error) string {
	switch {
	case err == nil:
		return what + ": done"
	case errors.Is(err, access.ErrClaimLost):
		return what + ": claim lost"
	case errors.Is(err, access.ErrNotRunning):
		return what + ": not running"
	default:
		return what + ": " + string(access.KindOf(err))
	}
}

// step draws one step, which depends on the draw and on the answers so far.
func (s *script) step(r *rand.Rand) string {
	if len(s.rollouts) == 0 {
		return s.start(r)
	}
	id := pick(r, s.rollouts)
	account := pick(r, s.accounts).ID
	switch draw := r.IntN(100); {
	case draw < 10 || draw < 70 && !s.live:
		return s.claim(r)
	case draw < 78 && len(s.claims) > 0:
		return s.work(r)
	case draw < 92:
		return s.control(r, id, account)
	case len(s.rollouts) < 4:
		return s.start(r)
	default:
		return s.requeue()
	}
}

func (s *script) start(r *rand.Rand) string {
	plan := access.Plan{Documents: "docs"}
	for i, a := range s.accounts {
		if i > 0 && r.IntN(4) == 0 {
			continue
		}
		plan.Add(access.PlannedTarget{
			Account: a.ID, AccountName: a.Name, OU: a.OU,
			Operations: []access.PlannedOperation{
				{
					Kind: access.OpTrustPolicy, Resource: rolePlace(a.ID, "Bob").resource, Before: `{"b":1}`,
					BeforeKnown: true, After: `{"a":1}`, OursBefore: "[]", OursAfter: "[1]", Size: 7, Limit: 2048,
				},
				{
					Kind: access.OpUserPolicy, Resource: userPlace(a.ID, "alice").resource, BeforeKnown: true,
					After: `{"u":1}`, OursAfter: "[2]", Size: 7, Limit: 2048,
				},
			},
		})
	}
	var strategy access.Strategy
	if r.IntN(2) == 0 {
		strategy.Waves = []access.WaveRule{{
			Count: 1, RequiresApproval: r.IntN(3) == 0,
			MaxFailures: access.Limit{None: r.IntN(2) == 0},
		}}
	}
	strategy.RollBack = r.IntN(6) == 0
	started, err := s.store.StartRollout(s.t.Context(), access.Rollout{
		Title: "script", State: access.RolloutRunning, MaxInFlight: 1 +
			r.IntN(2), MaxFailures: []int{
			access.AnyFailures, access.NoFailures,
			1,
		}[r.IntN(3)], StartedBy: operator.Ref(), CreatedAt: time.Now(),
	}, plan, access.Stage(strategy, s.accounts[:plan.Len()], nil), nil)
	if err == nil {
		s.rollouts = append(s.rollouts, started.ID)
	}
	return said("start", err)
}

// claim claims the first target that can be claimed, from a drawn one on.
func (s *script) claim(r *rand.Rand) string {
	var answer string
	first := r.IntN(len(s.rollouts) * len(s.accounts))
	for i := range len(s.rollouts) * len(s.accounts) {
		n := (first + i) % (len(s.rollouts) * len(s.accounts))
		id, account := s.rollouts[n/len(s.accounts)], s.accounts[n%len(s.accounts)].ID
		c, ok, err := s.store.ClaimTarget(s.t.Context(), id, account, time.Minute)
		answer += said(fmt.Sprintf("claim %d %s: %v, number %d, %d written earlier; ", id, account, ok, c.Number,
			countEarlier(c)), err)
		if ok {
			s.claims, s.live = append(s.claims, c), true
			break
		}
	}
	return answer
}

func countEarlier(c access.Claim) int {
	n := 0
	for _, op := range c.Operations {
		if op.Earlier != nil {
			n++
		}
	}
	return n
}

// work goes on with a claim, the newest one as a rule.
func (s *script) work(r *rand.Rand) string {
	ctx := s.t.Context()
	c := s.claims[len(s.claims)-1]
	if r.IntN(6) == 0 {
		c = pick(r, s.claims)
	}
	op := pick(r, c.Operations)
	states := []access.OperationState{
		access.OperationWritten, access.OperationUnchanged, access.OperationConflict,
		access.OperationFailed, access.OperationSkipped,
	}
	calls := access.CallCount{Calls: 2, Attempts: 3, Throttles: 1, Writes: 1}
	switch draw := r.IntN(24); {
	case draw < 5:
		var intents []access.Intent
		for _, op := range some(r, c.Operations) {
			intents = append(intents, access.Intent{
				OperationID: op.ID,
				LiveBefore:  pick(r, []string{`{"b":1}`, `{"w":1}`}), Document: pick(r,
					[]string{`{"w":1}`, `{"w":2}`}),
			})
		}
		return said(fmt.Sprintf("intents %d", len(intents)), s.store.RecordIntents(ctx, c, intents, nil))
	case draw < 9:
		o := access.Outcome{
			OperationID: op.ID, State: pick(r, states[1:]),
			LiveBefore: pick(r, []string{"", `{"l":1}`}), Message: "said",
		}
		if !op.IntendedAt.IsZero() || r.IntN(2) == 0 && s.intended(c, op.ID) {
			o.State = access.OperationWritten
		}
		return said("outcome "+string(o.State), s.store.RecordOutcome(ctx, c, o, time.Minute))
	case draw < 11:
		return said("renew", s.store.RenewClaim(ctx, c, time.Minute))
	case draw < 13:
		s.live = false
		return said("expire", s.store.RenewClaim(ctx, c, -time.Second))
	case draw < 14:
		s.live = false
		return said("snooze", s.store.SnoozeClaim(ctx, c, -time.Second, calls))
	case draw < 15:
		s.live = false
		return said("release", s.store.ReleaseClaim(ctx, c, calls))
	default:
		return s.finish(r, c, calls)
	}
}

func (s *script) intended(c access.Claim, id int64) bool {
	ops := must(s.store.Operations(s.t.Context(), c.Target.RolloutID, c.Target.Account))
	return slices.ContainsFunc(ops, func(op access.Operation) bool { return op.ID == id && !op.IntendedAt.IsZero() })
}

// finish ends a target with an outcome for each operation that has none.
func (s *script) finish(r *rand.Rand, c access.Claim, calls access.CallCount) string {
	var outcomes []access.Outcome
	for _, op := range must(s.store.Operations(s.t.Context(), c.Target.RolloutID, c.Target.Account)) {
		switch op.State {
		case access.OperationPlanned:
			outcomes = append(outcomes, access.Outcome{
				OperationID: op.ID,
				State: pick(r, []access.OperationState{
					access.OperationUnchanged, access.OperationConflict,
					access.OperationFailed,
				}), LiveBefore: `{"l":2}`,
			})
		case access.OperationIntended:
			outcomes = append(outcomes, access.Outcome{OperationID: op.ID, State: access.OperationWritten})
		}
	}
	res := access.TargetResult{State: pick(r, []access.TargetState{
		access.TargetSucceeded, access.TargetUnchanged,
		access.TargetFailed, access.TargetConflict,
	}), Calls: calls}
	if isBad(res.State) {
		res.Message, res.Cause, res.Advice = "message", "cause", "advice"
		res.Class, res.Code = access.CloudDenied, "Code"
	}
	s.live = false
	after, err := s.store.FinishTarget(s.t.Context(), c, outcomes, res, nil)
	return said(fmt.Sprintf("finish %s: %s %+v", res.State, after.State, after.Counts), err)
}

// control does something that people or the background work do.
func (s *script) control(r *rand.Rand, id int64, account access.AccountID) string {
	ctx, now := s.t.Context(), time.Now()
	change := func(what string, alter func(*access.Rollout, *access.WaveProgress) error) string {
		_, err := s.store.UpdateProgress(ctx, id, func(r *access.Rollout,
			c *access.WaveProgress,
		) ([]access.AuditEvent, error) {
			return nil, alter(r, c)
		})
		return said(what, err)
	}
	only := func(alter func(*access.Rollout) error) func(*access.Rollout, *access.WaveProgress) error {
		return func(r *access.Rollout, _ *access.WaveProgress) error { return alter(r) }
	}
	target := func(what string, alter func(*access.Rollout, *access.Target) error) string {
		_, err := s.store.UpdateTarget(ctx, id, account, func(r *access.Rollout,
			t *access.Target,
		) ([]access.AuditEvent, error) {
			return nil, alter(r, t)
		})
		return said(what+" "+string(account), err)
	}
	switch r.IntN(14) {
	case 0:
		return change("pause", only(func(r *access.Rollout) error { return r.Pause(now) }))
	case 1, 2:
		return change("resume", only((*access.Rollout).Resume))
	case 3, 4:
		return change("retry", only((*access.Rollout).Retry))
	case 5:
		return change("max in flight",
			only(func(ro *access.Rollout) error { return ro.SetMaxInFlight(1 + r.IntN(3)) }))
	case 6:
		return change("approve", func(r *access.Rollout, c *access.WaveProgress) error {
			return r.ApproveWave(c,
				operator.Ref(), r.Wave)
		})
	case 7:
		return target("retry", (*access.Rollout).RetryTarget)
	case 8:
		return target("skip", (*access.Rollout).SkipTarget)
	case 9:
		if r.IntN(3) > 0 {
			return s.requeue()
		}
		return change("abort", only(func(r *access.Rollout) error { return r.Abort("reason", now) }))
	case 10:
		if r.IntN(2) == 0 {
			return s.requeue()
		}
		return change("roll back",
			only(func(r *access.Rollout) error {
				return r.RollBack(operator.Ref(), "reason", now, access.RollbackFacts{Within: time.Hour})
			}))
	case 11:
		return s.beginRollback(id)
	default:
		return s.resolve(r, id, account)
	}
}

func (s *script) requeue() string {
	n, err := s.store.RequeueExpired(s.t.Context(), time.Minute, time.Minute)
	return said(fmt.Sprintf("requeue %d", n), err)
}

// beginRollback plans the operations that were written, backwards, and starts the rollback.
func (s *script) beginRollback(id int64) string {
	plan := access.Plan{Documents: "back"}
	err := s.store.Written(s.t.Context(), id, func(w access.WrittenTarget) error {
		t := access.PlannedTarget{Account: w.Account, AccountName: w.AccountName, OU: w.OU}
		for _, op := range slices.Backward(w.Operations) {
			t.Operations = append(t.Operations, access.PlannedOperation{
				Kind: op.Kind, Resource: op.Resource,
				Before: op.Written, BeforeKnown: true, After: op.LiveBefore, Limit: op.Limit,
			})
		}
		plan.Add(t)
		return nil
	})
	if err != nil {
		return said("written", err)
	}
	r, err := s.store.BeginRollback(s.t.Context(), id, plan)
	if r.RolledBackBy != 0 && !slices.Contains(s.rollouts, r.RolledBackBy) {
		s.rollouts = append(s.rollouts, r.RolledBackBy)
	}
	return said(fmt.Sprintf("begin the rollback of %d targets: %s, by %d", plan.Len(), r.State, r.RolledBackBy), err)
}

func (s *script) resolve(r *rand.Rand, id int64, account access.AccountID) string {
	choice := pick(r, access.ConflictChoices())
	_, err := s.store.ResolveConflicts(s.t.Context(), id, account,
		func(r *access.Rollout, t *access.Target, ops []access.Operation) ([]access.Operation, []access.AuditEvent,
			error,
		) {
			var choices []access.ResolveConflict
			for _, op := range ops {
				if op.State == access.OperationConflict {
					choices = append(choices, access.ResolveConflict{
						OperationID: op.ID, Choice: choice,
						Seen: access.DocumentDigest(op.Found),
					})
				}
			}
			decided, err := t.Resolve(ops, choices, operator, time.Now())
			if err != nil {
				return nil, nil, err
			}
			return decided, nil, r.RetryTarget(t)
		})
	return said("resolve "+string(account)+" "+string(choice), err)
}
