package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
)

// modelStore keeps rollouts in memory and follows internal/store: claims, leases, intents, outcomes,
// the start of targets, control and rollbacks. conformance_test.go compares the two. A modelStore is
// used by one goroutine at a time. Methods that the simulation does not need are those of the nil
// Store, and panic.
type modelStore struct {
	rollout.Store
	accounts map[access.AccountID]access.Account
	rollouts []*modelRollout // the id of a rollout is its index and one
	jobs     []job
	nextOp   int64

	inventories func() *access.Inventories // of the organization now
}

// modelRollout is a rollout with all that belongs to it.
type modelRollout struct {
	access.Rollout
	strategy access.Strategy
	waves    []access.Wave
	targets  []*modelTarget // in their order
	wakeAt   time.Time
}

// modelTarget is a target with its lease and its operations. lease is "queued", "leased" or
// "requeued" while the target runs.
type modelTarget struct {
	access.Target
	lease string
	until time.Time
	ops   []access.Operation

	digest string // of the operations when the rollout was made
}

// job asks a worker to push a target.
type job struct {
	rollout int64
	account access.AccountID
	due     time.Time
}

// pickUpWithin is how long the job of a target may wait for a worker, as in internal/store.
const pickUpWithin = 8 * time.Second

func newModelStore(accounts ...access.Account) *modelStore {
	m := &modelStore{accounts: map[access.AccountID]access.Account{}}
	for _, a := range accounts {
		m.accounts[a.ID] = a
	}
	return m
}

func (m *modelStore) find(id int64) (*modelRollout, error) {
	if id < 1 || id > int64(len(m.rollouts)) {
		return nil, access.Errorf(access.KindNotFound, "There is no rollout %d.", id)
	}
	return m.rollouts[id-1], nil
}

func (r *modelRollout) target(id access.AccountID) *modelTarget {
	for _, t := range r.targets {
		if t.Account == id {
			return t
		}
	}
	return nil
}

func (m *modelStore) findTarget(id int64, account access.AccountID) (*modelRollout, *modelTarget, error) {
	r, err := m.find(id)
	if err != nil {
		return nil, nil, err
	}
	t := r.target(account)
	if t == nil {
		return nil, nil, access.Errorf(access.KindNotFound, "Rollout %d has no target %s.", id, account)
	}
	return r, t, nil
}

// Rollout returns one rollout.
func (m *modelStore) Rollout(_ context.Context, id int64) (access.Rollout, error) {
	r, err := m.find(id)
	if err != nil {
		return access.Rollout{}, err
	}
	return r.Rollout, nil
}

// Target returns one target of a rollout.
func (m *modelStore) Target(_ context.Context, id int64, account access.AccountID) (access.Target, error) {
	_, t, err := m.findTarget(id, account)
	if err != nil {
		return access.Target{}, err
	}
	return t.Target, nil
}

// Account returns one account.
func (m *modelStore) Account(_ context.Context, id access.AccountID) (access.Account, error) {
	a, found := m.accounts[id]
	if !found {
		return a, access.Errorf(access.KindNotFound, "There is no account %s.", id)
	}
	return a, nil
}

// Accounts returns the accounts of the organization.
func (m *modelStore) Accounts(context.Context) ([]access.Account, error) {
	return slices.SortedFunc(maps.Values(m.accounts), func(a, b access.Account) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// Inventories returns the documents that are in AWS now.
func (m *modelStore) Inventories(context.Context, []access.AccountID) (*access.Inventories, error) {
	return m.inventories(), nil
}

// Operations returns the operations of a target in the order of writing.
func (m *modelStore) Operations(_ context.Context, id int64, account access.AccountID) ([]access.Operation, error) {
	_, t, err := m.findTarget(id, account)
	if err != nil {
		return nil, err
	}
	return slices.Clone(t.ops), nil
}

// StartRollout starts a rollout of a plan.
func (m *modelStore) StartRollout(_ context.Context, r access.Rollout, plan access.Plan, s access.Staging,
	_ []access.AuditEvent,
) (access.Rollout, error) {
	return m.start(r, plan, s)
}

// start stores a rollout whose targets all wait, and lets it begin.
func (m *modelStore) start(r access.Rollout, plan access.Plan, s access.Staging) (access.Rollout, error) {
	r.State, r.Kind = cmp.Or(r.State, access.RolloutRunning), cmp.Or(r.Kind, access.RolloutPush)
	if r.CreatedAt.IsZero() {
		r.CreatedAt = time.Now()
	}
	if r.StartedAt.IsZero() && r.State == access.RolloutRunning {
		r.StartedAt = r.CreatedAt
	}
	waves := slices.Clone(s.Waves)
	if len(waves) == 0 && plan.Len() > 0 {
		waves = []access.Wave{{Number: 1, Name: "All accounts"}}
	}
	r.ID, r.Strategy, r.Waves, r.Wave = int64(len(m.rollouts)+1), s.Strategy.Name, len(waves), 0
	r.Later, r.Counts = plan.Len(), access.TargetCounts{Waiting: plan.Len()}
	row := &modelRollout{Rollout: r, strategy: s.Strategy, waves: waves}
	m.rollouts = append(m.rollouts, row)
	m.addTargets(row, plan, s)
	for i := range waves {
		w := &waves[i]
		w.RolloutID, w.State, w.Targets = r.ID, access.WaveWaiting, row.count(w.Number)
		w.Left = w.Targets
	}
	return m.moveOn(m.open(row))
}

func (r *modelRollout) count(wave int) int {
	n := 0
	for _, t := range r.targets {
		if t.Wave == wave {
			n++
		}
	}
	return n
}

func (m *modelStore) addTargets(row *modelRollout, plan access.Plan, s access.Staging) {
	for i := range plan.Len() {
		p := plan.Target(i)
		t := &modelTarget{Target: access.Target{
			RolloutID: row.ID, Account: p.Account, AccountName: p.AccountName, OU: p.OU,
			Wave: cmp.Or(s.WaveOf[p.Account], max(len(s.Waves), 1)), State: access.TargetWaiting,
		}}
		t.digest = p.Digest()
		for seq, op := range p.Operations {
			m.nextOp++
			t.ops = append(t.ops, access.Operation{
				ID: m.nextOp, RolloutID: row.ID, Account: p.Account, Seq: seq, PlannedOperation: op,
				State: access.OperationPlanned,
			})
		}
		row.targets = append(row.targets, t)
	}
	slices.SortStableFunc(row.targets, func(a, b *modelTarget) int { return a.Wave - b.Wave })
	for i, t := range row.targets {
		t.Position = i
	}
}

// ClaimTarget claims a target in flight that has no valid claim.
func (m *modelStore) ClaimTarget(_ context.Context, id int64, account access.AccountID,
	lease time.Duration,
) (access.Claim, bool, error) {
	r, t, err := m.findTarget(id, account)
	if err != nil {
		return access.Claim{}, false, nil //nolint:nilerr // as in internal/store: there is nothing to do
	}
	now := time.Now()
	if t.State != access.TargetRunning || t.lease == "leased" && !t.until.Before(now) {
		return access.Claim{}, false, nil
	}
	t.Claim++
	t.lease, t.until = "leased", now.Add(lease)
	if t.StartedAt.IsZero() {
		t.StartedAt = now
	}
	known, found := m.accounts[account]
	if !found {
		known = access.Account{ID: account, State: access.AccountClosed}
	}
	c := access.Claim{
		Rollout: r.Rollout, Target: t.Target, Account: known, Operations: slices.Clone(t.ops),
		Number: t.Claim, Until: t.until, Digest: t.digest,
	}
	m.addEarlier(r, c)
	return c, true, nil
}

// addEarlier notes what older rollouts have written since the rollout was planned.
func (m *modelStore) addEarlier(r *modelRollout, c access.Claim) {
	if r.Kind != access.RolloutPush {
		return
	}
	for i := range c.Operations {
		op := &c.Operations[i]
		for _, older := range m.rollouts[:r.ID-1] {
			t := older.target(op.Account)
			if t == nil || !t.EndedAt.IsZero() && !t.EndedAt.After(r.CreatedAt) {
				continue
			}
			for _, w := range t.ops {
				if w.State == access.OperationWritten && w.Resource == op.Resource {
					op.Earlier = &w.Written
				}
			}
		}
	}
}

// current returns the target of a claim that is the newest one.
func (m *modelStore) current(c access.Claim) (*modelRollout, *modelTarget, error) {
	r, t, err := m.findTarget(c.Target.RolloutID, c.Target.Account)
	if err != nil || t.Claim != c.Number || t.lease != "leased" {
		return nil, nil, access.ErrClaimLost
	}
	return r, t, nil
}

// RenewClaim extends the lease of a claim.
func (m *modelStore) RenewClaim(_ context.Context, c access.Claim, lease time.Duration) error {
	_, t, err := m.current(c)
	if err != nil {
		return err
	}
	t.until = time.Now().Add(lease)
	return nil
}

// SnoozeClaim lets the lease expire after a time.
func (m *modelStore) SnoozeClaim(_ context.Context, c access.Claim, after time.Duration,
	calls access.CallCount,
) error {
	_, t, err := m.current(c)
	if err != nil {
		return err
	}
	t.until = time.Now().Add(after)
	t.addCalls(calls)
	return nil
}

func (t *modelTarget) addCalls(c access.CallCount) {
	t.Calls.Calls += c.Calls
	t.Calls.Attempts += c.Attempts
	t.Calls.Throttles += c.Throttles
	t.Calls.Writes += c.Writes
}

// attempted reports whether a write to the target was ever about to be sent.
func (t *modelTarget) attempted() bool {
	return slices.ContainsFunc(t.ops, func(op access.Operation) bool { return !op.IntendedAt.IsZero() })
}

// ReleaseClaim makes a target without intended writes wait again.
func (m *modelStore) ReleaseClaim(_ context.Context, c access.Claim, calls access.CallCount) error {
	r, t, err := m.current(c)
	if err != nil || t.attempted() {
		return access.ErrClaimLost
	}
	calls.Writes = 0
	t.addCalls(calls)
	t.State, t.lease, t.until, t.StartedAt = access.TargetWaiting, "", time.Time{}, time.Time{}
	o := m.open(r)
	if o.State.LeavesOut() {
		m.skipTargets(r, leftOutText(o.State))
	}
	recount(o)
	_, err = m.moveOn(o)
	return err
}

// RecordIntents commits the intents of writes.
func (m *modelStore) RecordIntents(_ context.Context, c access.Claim, intents []access.Intent,
	_ []access.AuditEvent,
) error {
	r, t, err := m.current(c)
	if err != nil {
		return err
	}
	if r.State != access.RolloutRunning && !t.attempted() {
		return access.ErrNotRunning
	}
	var open []*access.Operation
	for _, in := range intents {
		if op := t.op(in.OperationID); op != nil && mayIntend(op.State) {
			open = append(open, op)
		}
	}
	if len(open) != len(intents) {
		return fmt.Errorf("%d of %d operations are there and open", len(open), len(intents))
	}
	for i, op := range open {
		intend(op, intents[i])
	}
	return nil
}

func mayIntend(s access.OperationState) bool {
	switch s {
	case access.OperationPlanned, access.OperationIntended, access.OperationWritten, access.OperationUnchanged:
		return true
	default:
		return false
	}
}

// intend notes an intent. The document before the first attempt stays.
func intend(op *access.Operation, in access.Intent) {
	sent := op.State == access.OperationIntended || op.State == access.OperationWritten
	if !sent && (op.IntendedAt.IsZero() || in.LiveBefore != op.Written) {
		op.LiveBefore = in.LiveBefore
	}
	if !sent {
		op.IntendedAt = time.Now()
	}
	op.Written, op.Replaces = in.Document, in.LiveBefore
	op.State, op.EndedAt, op.Message = access.OperationIntended, time.Time{}, ""
}

func (t *modelTarget) op(id int64) *access.Operation {
	for i := range t.ops {
		if t.ops[i].ID == id {
			return &t.ops[i]
		}
	}
	return nil
}

// RecordOutcome commits the outcome of one operation and renews the claim.
func (m *modelStore) RecordOutcome(_ context.Context, c access.Claim, o access.Outcome, lease time.Duration) error {
	_, t, err := m.current(c)
	if err != nil {
		return err
	}
	t.until = time.Now().Add(lease)
	return t.conclude([]access.Outcome{o})
}

// conclude gives operations their one outcome, or refuses all of them.
func (t *modelTarget) conclude(outcomes []access.Outcome) error {
	for _, o := range outcomes {
		op := t.op(o.OperationID)
		switch {
		case op == nil:
			return fmt.Errorf("there is no operation %d in account %s", o.OperationID, t.Account)
		case !mayConclude(op, o) && op.State != o.State:
			return access.Errorf(access.KindConflict, "operation %d has ended as %s already, and cannot end as %s",
				op.ID, op.State, o.State)
		case mayConclude(op, o) && o.State == access.OperationWritten && op.IntendedAt.IsZero():
			return fmt.Errorf("operation %d was written without an intent", op.ID)
		}
	}
	for _, o := range outcomes {
		if op := t.op(o.OperationID); mayConclude(op, o) {
			concludeOne(op, o)
		}
	}
	return nil
}

func mayConclude(op *access.Operation, o access.Outcome) bool {
	switch op.State {
	case access.OperationPlanned, access.OperationIntended:
		return true
	case access.OperationWritten:
		return o.State == access.OperationConflict || o.State == access.OperationFailed
	default:
		return false
	}
}

func concludeOne(op *access.Operation, o access.Outcome) {
	if op.State == access.OperationPlanned && op.IntendedAt.IsZero() {
		op.LiveBefore = o.LiveBefore
	}
	if o.State == access.OperationConflict {
		op.Found = o.LiveBefore
	}
	op.State, op.Message, op.EndedAt = o.State, o.Message, time.Now()
}

// RequeueExpired makes jobs for targets in flight whose lease has expired.
func (m *modelStore) RequeueExpired(_ context.Context, lease, _ time.Duration) (int, error) {
	n, now := 0, time.Now()
	for _, r := range m.rollouts {
		for _, t := range r.targets {
			if t.State != access.TargetRunning || !t.until.Before(now) {
				continue
			}
			switch t.lease {
			case "leased":
				t.Claim++
				t.lease = "requeued"
			case "requeued":
			}
			t.until = now.Add(max(lease, pickUpWithin))
			m.jobs = append(m.jobs, job{t.RolloutID, t.Account, now})
			n++
		}
	}
	return n, nil
}

// Listen waits for the end of the context: a simulation has no watchers.
func (m *modelStore) Listen(ctx context.Context, _ func(int64)) { <-ctx.Done() }

// SampleRollouts does nothing: a simulation has no charts.
func (m *modelStore) SampleRollouts(context.Context) error { return nil }

// Recount does nothing: the counts are checked by the simulation.
func (m *modelStore) Recount(context.Context) ([]int64, error) { return nil, nil }

// RequeueExpiredChecks does nothing: strategies of the simulation have no checks.
func (m *modelStore) RequeueExpiredChecks(context.Context, time.Duration) (int, error) {
	return 0, nil
}

// Groups is empty: no two people of the simulation count together.
func (m *modelStore) Groups(context.Context) (access.Groups, error) { return access.Groups{}, nil }
