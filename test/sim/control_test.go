package sim

import (
	"context"
	"errors"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// openedRollout is a copy of a rollout, with what its way depends on, at a time. moveOn saves it.
type openedRollout struct {
	access.Rollout
	row      *modelRollout
	progress access.WaveProgress
	at       time.Time
}

func (m *modelStore) open(r *modelRollout) *openedRollout {
	o := &openedRollout{Rollout: r.Rollout, row: r, at: time.Now()}
	o.progress.Strategy = r.strategy
	if r.Wave > 0 {
		o.progress.Wave = r.waves[r.Wave-1]
	}
	return o
}

// moveOn advances a rollout as far as it goes without a person, starts the targets that may start,
// and saves it.
func (m *modelStore) moveOn(o *openedRollout) (access.Rollout, error) {
	for {
		m.advance(o)
		again, err := m.startTargets(o)
		if err != nil {
			return access.Rollout{}, err
		}
		if !again {
			break
		}
	}
	o.saveWave()
	o.row.Rollout, o.row.wakeAt = o.Rollout, o.WakeAt(o.at)
	return o.Rollout, nil
}

func (m *modelStore) advance(o *openedRollout) {
	for {
		state := o.State
		o.Advance(&o.progress, o.at)
		if state != o.State && o.State.LeavesOut() {
			m.skipTargets(o.row, leftOutText(o.State))
			recount(o)
		}
		if o.PendingWork(&o.progress) != access.PendingNextWave {
			return
		}
		o.saveWave()
		o.progress.Next = o.row.waves[o.Wave]
	}
}

// saveWave saves what moves of the wave under way.
func (o *openedRollout) saveWave() {
	if w := o.progress.Wave; w.Number > 0 {
		o.row.waves[w.Number-1] = w
	}
}

func leftOutText(s access.RolloutState) string {
	if s == access.RolloutRollingBack {
		return "The rollout was rolled back before this account was started."
	}
	return "The rollout was aborted before this account was started."
}

func (t *modelTarget) skip(why string, at time.Time) {
	t.State, t.lease, t.until, t.EndedAt, t.Message = access.TargetSkipped, "", time.Time{}, at, why
	for i := range t.ops {
		switch op := &t.ops[i]; {
		case op.State != access.OperationPlanned:
		case op.IntendedAt.IsZero():
			op.State, op.EndedAt = access.OperationSkipped, at
		default:
			op.State, op.EndedAt, op.Message = access.OperationFailed, at, access.EffectUnknown
		}
	}
}

// skipTargets skips waiting targets and started targets that no worker has claimed yet.
func (m *modelStore) skipTargets(r *modelRollout, why string) {
	for _, t := range r.targets {
		if t.State == access.TargetWaiting || t.lease == "queued" {
			t.skip(why, time.Now())
		}
	}
}

// retryTargets makes failed and conflicting targets wait again, all of them or one.
func retryTargets(r *modelRollout, account access.AccountID) {
	for _, t := range r.targets {
		if !isBad(t.State) || account != "" && account != t.Account {
			continue
		}
		for i := range t.ops {
			planAgain(&t.ops[i])
		}
		t.State, t.Pass, t.StartedAt, t.EndedAt = access.TargetWaiting, access.PassFirst, time.Time{}, time.Time{}
		t.Message, t.Class, t.Code, t.Cause, t.Advice = "", "", "", "", ""
	}
}

func planAgain(op *access.Operation) {
	switch op.State {
	case access.OperationFailed, access.OperationConflict, access.OperationSkipped, access.OperationUnchanged:
		op.State, op.EndedAt, op.Message = access.OperationPlanned, time.Time{}, ""
		if op.IntendedAt.IsZero() {
			op.LiveBefore = ""
		}
	}
}

// recount counts the targets of a rollout.
func recount(o *openedRollout) {
	o.Counts, o.Later, o.WaveBad = access.TargetCounts{}, 0, 0
	left := map[int]int{}
	for _, t := range o.row.targets {
		o.Counts.Add(t.State, 1)
		switch {
		case t.State == access.TargetWaiting && t.Wave > o.Wave:
			o.Later++
		case isBad(t.State) && t.Wave == o.Wave:
			o.WaveBad++
		}
		if t.State == access.TargetWaiting {
			left[t.Wave]++
		}
	}
	for i := range o.row.waves {
		if w := &o.row.waves[i]; w.Number > o.Wave {
			w.Left = left[w.Number]
		}
	}
}

type (
	decideProgress = func(*access.Rollout, *access.WaveProgress) ([]access.AuditEvent, error)
	decideTarget   = func(*access.Rollout, *access.Target) ([]access.AuditEvent, error)
)

// UpdateProgress lets decide change a rollout and its wave progress, and makes its targets follow.
func (m *modelStore) UpdateProgress(_ context.Context, id int64, decide decideProgress) (access.Rollout, error) {
	r, err := m.find(id)
	if err != nil {
		return access.Rollout{}, err
	}
	o := m.open(r)
	before := o.Rollout
	if _, err := decide(&o.Rollout, &o.progress); err != nil {
		return access.Rollout{}, err
	}
	if o.State.LeavesOut() && before.State != o.State {
		m.skipTargets(r, leftOutText(o.State))
	}
	if o.Counts.Failed+o.Counts.Conflict < before.Counts.Failed+before.Counts.Conflict {
		retryTargets(r, "")
	}
	recount(o)
	o.saveWave()
	return m.moveOn(o)
}

// RollBack is UpdateProgress with facts that allow the rollback.
func (m *modelStore) RollBack(ctx context.Context, id int64, _ access.PersonRef,
	decide func(*access.Rollout, *access.WaveProgress, access.RollbackFacts) ([]access.AuditEvent, error),
) (access.Rollout, error) {
	return m.UpdateProgress(ctx, id, func(r *access.Rollout, c *access.WaveProgress) ([]access.AuditEvent, error) {
		return decide(r, c, access.RollbackFacts{Within: access.MaxRollBackWithin})
	})
}

// Append adds nothing.
func (m *modelStore) Append(context.Context, ...access.AuditEvent) error { return nil }

// Former hands on nothing.
func (m *modelStore) Former(context.Context, int64, func(access.PlannedTarget) error) error {
	return nil
}

// Settings allow a rollback for as long as they can.
func (m *modelStore) Settings(context.Context) (access.Settings, error) {
	within := access.MaxRollBackWithin
	return access.Settings{RollBackWithin: &within}, nil
}

// UpdateTarget lets decide change a rollout and one of its targets.
func (m *modelStore) UpdateTarget(_ context.Context, id int64, account access.AccountID,
	decide decideTarget,
) (access.Rollout, error) {
	return m.updateTarget(id, account, func(r *access.Rollout, t *access.Target, _ *modelTarget) error {
		_, err := decide(r, t)
		return err
	})
}

// ResolveConflicts lets decide say what to do about conflicting operations of a target.
func (m *modelStore) ResolveConflicts(_ context.Context, id int64, account access.AccountID,
	decide access.DecideConflicts,
) (access.Rollout, error) {
	return m.updateTarget(id, account, func(r *access.Rollout, t *access.Target, row *modelTarget) error {
		decided, _, err := decide(r, t, append([]access.Operation(nil), row.ops...))
		if err != nil {
			return err
		}
		for _, d := range decided {
			if op := row.op(d.ID); op.State == access.OperationConflict {
				op.Resolution = d.Resolution
			}
		}
		return nil
	})
}

func (m *modelStore) updateTarget(id int64, account access.AccountID,
	decide func(*access.Rollout, *access.Target, *modelTarget) error,
) (access.Rollout, error) {
	r, t, err := m.findTarget(id, account)
	if err != nil {
		return access.Rollout{}, err
	}
	o, altered := m.open(r), t.Target
	if err := decide(&o.Rollout, &altered, t); err != nil {
		return access.Rollout{}, err
	}
	switch was := t.State; {
	case was == altered.State:
	case altered.State == access.TargetWaiting:
		retryTargets(r, account)
	case altered.State == access.TargetSkipped && was == access.TargetWaiting:
		t.skip(altered.Message, o.at)
	default:
		return access.Rollout{}, errors.New("a target goes from " + string(was) + " to " + string(altered.State) +
			" by a push only")
	}
	recount(o)
	return m.moveOn(o)
}

// MoveRollouts looks again at the rollouts whose time has come, and returns those.
func (m *modelStore) MoveRollouts(context.Context) ([]int64, error) {
	var due []int64
	now := time.Now()
	for _, r := range m.rollouts {
		if r.wakeAt.IsZero() || r.wakeAt.After(now) {
			continue
		}
		due = append(due, r.ID)
		if _, err := m.moveOn(m.open(r)); err != nil {
			return nil, err
		}
	}
	return due, nil
}

// Written hands on what a rollout has written, or may have, in each account.
func (m *modelStore) Written(_ context.Context, id int64, each func(access.WrittenTarget) error) error {
	r, err := m.find(id)
	if err != nil {
		return err
	}
	for _, t := range r.targets {
		w := access.WrittenTarget{Account: t.Account, AccountName: t.AccountName, OU: t.OU}
		for _, op := range t.ops {
			if !op.IntendedAt.IsZero() {
				w.Operations = append(w.Operations, writtenOperation(op))
			}
		}
		if len(w.Operations) == 0 {
			continue
		}
		if err := each(w); err != nil {
			return err
		}
	}
	return nil
}

// writtenOperation is an operation with the fields that internal/store reads for a rollback.
func writtenOperation(op access.Operation) access.Operation {
	w := access.Operation{
		RolloutID: op.RolloutID, Account: op.Account, Seq: op.Seq, State: op.State,
		LiveBefore: op.LiveBefore, Written: op.Written,
	}
	w.Kind, w.Resource, w.Limit = op.Kind, op.Resource, op.Limit
	return w
}

// BeginRollback starts the rollout that rolls another one back.
func (m *modelStore) BeginRollback(_ context.Context, id int64, plan access.Plan) (access.Rollout, error) {
	r, err := m.find(id)
	if err != nil {
		return access.Rollout{}, err
	}
	o := m.open(r)
	if o.State != access.RolloutRollingBack || o.Counts.Running > 0 || o.RolledBackBy != 0 {
		return o.Rollout, nil
	}
	back, err := m.start(access.Rollout{
		Kind: access.RolloutRollback, RollsBack: o.ID, Title: "Roll back: " +
			o.Title, Revision: o.Revision, State: access.RolloutRunning,
		MaxInFlight: o.MaxInFlight, StartedBy: o.Undoer(), CreatedAt: o.at, StartedAt: o.at,
	}, plan, access.Staging{})
	if err != nil {
		return access.Rollout{}, err
	}
	o.RolledBackBy = back.ID
	return m.moveOn(o)
}

// Waves returns the waves of a rollout, without counts.
func (m *modelStore) Waves(_ context.Context, id int64) ([]access.Wave, error) {
	r, err := m.find(id)
	if err != nil {
		return nil, err
	}
	return append([]access.Wave(nil), r.waves...), nil
}
