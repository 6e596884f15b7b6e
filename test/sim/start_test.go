package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// The rules for the start and the end of a target, as internal/store has them: startTargets and
// FinishTarget. A change of these rules belongs here and nowhere else in the model.

// FinishTarget ends a target with the outcomes that are not recorded yet, and moves its rollout on.
func (m *modelStore) FinishTarget(_ context.Context, c access.Claim, outcomes []access.Outcome,
	res access.TargetResult, _ []access.AuditEvent,
) (access.Rollout, error) {
	continues := res.Continues(c.Target)
	if !res.State.Ended() && !continues {
		return access.Rollout{}, fmt.Errorf("a target does not end as %s", res.State)
	}
	r, t, err := m.current(c)
	if err != nil {
		return access.Rollout{}, err
	}
	if err := t.conclude(outcomes); err != nil {
		return access.Rollout{}, err
	}
	t.State, t.lease, t.until = res.State, "", time.Time{}
	if continues {
		t.Wave, t.Pass = res.Continue.Wave, res.Continue.Pass
	} else {
		t.EndedAt = time.Now()
	}
	t.Message, t.Class, t.Code, t.Cause, t.Advice = res.Message, res.Class, res.Code, res.Cause, res.Advice
	t.addCalls(res.Calls)
	o := m.open(r)
	o.CountEnd(c.Target, res)
	o.moveToWave(c.Target, res.Continue.Wave)
	if continues && o.State.LeavesOut() {
		m.skipTargets(r, leftOutText(o.State))
		recount(o)
	}
	return m.moveOn(o)
}

// moveToWave counts a target among those of a later wave, where it continues.
func (o *openedRollout) moveToWave(t access.Target, wave int) {
	if wave == 0 || wave == t.Wave {
		return
	}
	for i := range o.row.waves {
		switch w := &o.row.waves[i]; w.Number {
		case wave:
			w.Targets++
			w.Left++
		case t.Wave:
			w.Targets--
		}
	}
}

// Dependencies returns what became of operations of a rollout.
func (m *modelStore) Dependencies(_ context.Context, id int64, on []access.Dependency) ([]access.DependencyState, error) {
	r, err := m.find(id)
	if err != nil {
		return nil, err
	}
	var found []access.DependencyState
	for _, d := range on {
		t := r.target(d.Account)
		if t == nil {
			continue
		}
		for _, op := range t.ops {
			if op.Resource != d.Resource {
				continue
			}
			document := op.Written
			if document == "" && op.State == access.OperationUnchanged {
				document = op.LiveBefore
			}
			found = append(found, access.DependencyState{
				Dependency: d, Operation: op.State, Document: document, Target: t.State,
				Place: access.Place{Wave: t.Wave, Pass: t.Pass},
			})
		}
	}
	return found, nil
}

func isBad(s access.TargetState) bool { return s == access.TargetFailed || s == access.TargetConflict }

// startable reports whether a waiting target may start now, as far as its own rollout decides.
func (o *openedRollout) startable(t *modelTarget) bool {
	return t.State == access.TargetWaiting && t.Wave <= o.Wave && t.Pass == o.earliestPass()
}

// earliestPass is the first pass of which a target waits or is in flight, in the waves that have begun.
func (o *openedRollout) earliestPass() access.Pass {
	earliest := access.PassFinal
	for _, t := range o.row.targets {
		if (t.State == access.TargetWaiting || t.State == access.TargetRunning) && t.Wave <= o.Wave {
			earliest = min(earliest, t.Pass)
		}
	}
	return earliest
}

// startTargets starts as many targets as max in flight and the limits on failures allow, and makes
// their jobs. again asks for another turn, since targets were left to newer rollouts.
func (m *modelStore) startTargets(o *openedRollout) (again bool, err error) {
	o.BlockedBy = access.BlockedBy{}
	if o.CanStart(&o.progress) == 0 {
		return false, nil
	}
	if m.leaveToNewer(o) {
		return true, nil
	}
	n := o.CanStart(&o.progress)
	started, blocked := 0, []int64{}
	for _, t := range o.row.targets {
		if started == n || !o.startable(t) {
			continue
		}
		if by := m.blockerOf(o, t); by != 0 {
			blocked = append(blocked, by)
			continue
		}
		t.State, t.lease, t.until = access.TargetRunning, "queued", o.at.Add(pickUpWithin)
		o.Counts.Move(access.TargetWaiting, access.TargetRunning)
		m.jobs = append(m.jobs, job{o.ID, t.Account, o.at})
		started++
	}
	switch {
	case started < n && len(blocked) > 0:
		o.BlockedBy = access.BlockedBy{Rollout: slices.Min(blocked), Targets: len(blocked)}
	case started == 0 && o.Counts.Running == 0:
		return false, fmt.Errorf("rollout %d counts %d targets to start, and %d are there", o.ID, n, started)
	}
	return false, nil
}

// blockerOf returns another rollout that has to work on the account of a target first, or 0.
func (m *modelStore) blockerOf(o *openedRollout, t *modelTarget) int64 {
	for _, other := range m.rollouts {
		if other.ID == o.ID {
			continue
		}
		theirs := other.target(t.Account)
		if theirs == nil {
			continue
		}
		stopped := other.State == access.RolloutPaused || other.State == access.RolloutHalted
		gaveWay := stopped && !other.StoppedSince.After(o.at.Add(-access.GiveWayAfter))
		comesFirst := other.ID < o.ID && !o.SkipsQueue && other.EndedAt.IsZero() && !gaveWay
		if theirs.State == access.TargetRunning || theirs.State == access.TargetWaiting && comesFirst {
			return other.ID
		}
	}
	return 0
}

// leaveToNewer skips the targets whose account a newer rollout has written to.
func (m *modelStore) leaveToNewer(o *openedRollout) bool {
	left := false
	for _, t := range o.row.targets {
		if !o.startable(t) || !m.reachedByNewer(o.ID, t.Account) {
			continue
		}
		t.skip("A newer rollout has brought a newer revision to this account.", o.at)
		o.Counts.Move(access.TargetWaiting, access.TargetSkipped)
		left = true
	}
	return left
}

func (m *modelStore) reachedByNewer(id int64, account access.AccountID) bool {
	for _, newer := range m.rollouts[id:] {
		if newer.Kind != access.RolloutPush || newer.State == access.RolloutRollingBack ||
			newer.State == access.RolloutRolledBack {
			continue
		}
		if t := newer.target(account); t != nil {
			switch t.State {
			case access.TargetRunning, access.TargetSucceeded, access.TargetUnchanged:
				return true
			}
		}
	}
	return false
}
