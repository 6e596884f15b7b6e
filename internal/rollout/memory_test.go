package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// memoryStore keeps one rollout in memory, with the promises of Store that faults are
// timed against: claims, leases, intents, outcomes. The database's own behaviour is
// tested with the database.
type memoryStore struct {
	Store // what is not needed here panics

	mu      sync.Mutex
	rollout access.Rollout
	account access.Account
	target  access.Target
	ops     []access.Operation
	until   time.Time
	events  []access.AuditEvent
	result  access.TargetResult
	refuse  map[string]error // by method
	digest  string           // of the approved operations, if it differs from that of ops
}

func newMemoryStore(ops ...access.Operation) *memoryStore {
	return &memoryStore{
		rollout: access.Rollout{ID: 3, State: access.RolloutRunning, MaxInFlight: 1},
		account: access.Account{ID: "111122223333", Name: "payments", State: access.AccountActive},
		target:  access.Target{RolloutID: 3, Account: "111122223333", State: access.TargetRunning},
		ops:     ops,
		refuse:  map[string]error{},
	}
}

func (m *memoryStore) ClaimTarget(_ context.Context, _ int64, _ access.AccountID, lease time.Duration) (access.Claim, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse["ClaimTarget"]; err != nil {
		return access.Claim{}, false, err
	}
	if m.target.State != access.TargetRunning || time.Now().Before(m.until) {
		return access.Claim{}, false, nil
	}
	m.target.Claim++
	if m.target.StartedAt.IsZero() {
		m.target.StartedAt = time.Now()
	}
	m.until = time.Now().Add(lease)
	ops := append([]access.Operation(nil), m.ops...)
	claim := access.Claim{Rollout: m.rollout, Target: m.target, Account: m.account, Operations: ops, Number: m.target.Claim, Until: m.until}
	claim.Digest = cmp.Or(m.digest, claim.OperationsDigest())
	return claim, true, nil
}

// checkClaim is called with the lock.
func (m *memoryStore) checkClaim(method string, c access.Claim) error {
	if err := m.refuse[method]; err != nil {
		return err
	}
	if c.Number != m.target.Claim || m.target.State != access.TargetRunning {
		return fmt.Errorf("%s: %w", method, ErrClaimLost)
	}
	return nil
}

func (m *memoryStore) RenewClaim(_ context.Context, c access.Claim, lease time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkClaim("RenewClaim", c); err != nil {
		return err
	}
	m.until = time.Now().Add(lease)
	return nil
}

func (m *memoryStore) SnoozeClaim(_ context.Context, c access.Claim, after time.Duration, calls access.CallCount) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkClaim("SnoozeClaim", c); err != nil {
		return err
	}
	m.until = time.Now().Add(after)
	m.target.Calls.Calls += calls.Calls
	m.target.Calls.Throttles += calls.Throttles
	return nil
}

func (m *memoryStore) ReleaseClaim(_ context.Context, c access.Claim, calls access.CallCount) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkClaim("ReleaseClaim", c); err != nil {
		return err
	}
	m.target.State = access.TargetWaiting
	m.target.Calls.Calls += calls.Calls
	return nil
}

func (m *memoryStore) RecordIntents(_ context.Context, c access.Claim, intents []access.Intent, events []access.AuditEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkClaim("RecordIntents", c); err != nil {
		return err
	}
	for _, in := range intents {
		op := m.operation(in.OperationID)
		if op.State == access.OperationPlanned {
			op.State, op.LiveBefore, op.IntendedAt = access.OperationIntended, in.LiveBefore, time.Now()
		}
		op.Written, op.Replaces = in.Document, in.LiveBefore
	}
	m.events = append(m.events, events...)
	return nil
}

func (m *memoryStore) RecordOutcome(_ context.Context, c access.Claim, o access.Outcome, lease time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkClaim("RecordOutcome", c); err != nil {
		return err
	}
	m.recordOutcome(o)
	m.until = time.Now().Add(lease)
	return nil
}

func (m *memoryStore) FinishTarget(_ context.Context, c access.Claim, outcomes []access.Outcome, r access.TargetResult, events []access.AuditEvent) (access.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkClaim("FinishTarget", c); err != nil {
		return access.Rollout{}, err
	}
	for _, o := range outcomes {
		m.recordOutcome(o)
	}
	m.target.State, m.target.Message, m.target.Class, m.result = r.State, r.Message, r.Class, r
	m.events = append(m.events, events...)
	return m.rollout, nil
}

// Dependencies knows the operations of the one target only.
func (m *memoryStore) Dependencies(context.Context, int64, []access.Dependency) ([]access.DependencyState, error) {
	return nil, nil
}

func (m *memoryStore) Operations(context.Context, int64, access.AccountID) ([]access.Operation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.ops), nil
}

func (m *memoryStore) recordOutcome(o access.Outcome) {
	op := m.operation(o.OperationID)
	op.State, op.Message = o.State, o.Message
	if o.State == access.OperationConflict {
		op.Found = o.LiveBefore
	}
}

func (m *memoryStore) operation(id int64) *access.Operation {
	for i := range m.ops {
		if m.ops[i].ID == id {
			return &m.ops[i]
		}
	}
	panic(fmt.Sprintf("no operation %d", id))
}

// lapse lets the lease run out, as the time after a kill does.
func (m *memoryStore) lapse() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.until = time.Time{}
}

func (m *memoryStore) checkEnd(t *testing.T, target access.TargetState, ops ...access.OperationState) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.target.State != target {
		t.Errorf("the target is %s (%s), want %s", m.target.State, m.target.Message, target)
	}
	for i, want := range ops {
		if m.ops[i].State != want {
			t.Errorf("operation %s is %s (%s), want %s", m.ops[i].Resource, m.ops[i].State, m.ops[i].Message, want)
		}
	}
}

func (m *memoryStore) eventsOf(action string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, e := range m.events {
		if e.Action == action {
			n++
		}
	}
	return n
}

// memoryCloud is one account in memory whose calls a test may make fail.
type memoryCloud struct {
	mu      sync.Mutex
	docs    map[access.Resource]access.LiveDocument
	writes  []access.Write
	reads   int
	onWrite func(n int, apply func()) error // n counts from 1; apply makes the write take effect
	onRead  func(n int) error
	lag     int // reads that still show the documents before
	before  map[access.Resource]access.LiveDocument
	attempt func()    // called at each attempt of a write, before it is asked whether it may be made
	people  []string  // ARNs of the users that there are, where that is asked about
	created time.Time // when all users were created; zero if that is not known
}

func newMemoryCloud(docs ...access.LiveDocument) *memoryCloud {
	c := &memoryCloud{docs: map[access.Resource]access.LiveDocument{}}
	for _, d := range docs {
		d.Exists = true
		c.docs[d.Resource] = d
	}
	return c
}

func (c *memoryCloud) Read(ctx context.Context, s access.Scope, resources []access.Resource) ([]access.LiveDocument, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.onRead != nil {
		if err := c.onRead(c.reads); err != nil {
			return nil, err
		}
	}
	docs := c.docs
	if c.before != nil && c.lag > 0 {
		c.lag--
		docs = c.before
	}
	out := make([]access.LiveDocument, len(resources))
	for i, r := range resources {
		out[i] = docs[r]
		out[i].Resource = r
		if r.Kind == access.ResourceUser && c.people != nil {
			out[i].CreatedAt = c.created
			out[i].Exists = slices.ContainsFunc(c.people, func(arn string) bool { return arn == r.ARN("aws", s.Account.ID) })
		}
	}
	return out, nil
}

func (c *memoryCloud) Write(ctx context.Context, s access.Scope, w access.Write) error {
	if c.attempt != nil {
		c.attempt()
	}
	if s.Held != nil {
		if err := s.Held(); err != nil {
			return &access.CloudError{Class: access.CloudUnreachable, Err: err}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	c.writes = append(c.writes, w)
	apply := func() {
		if c.lag > 0 && c.before == nil {
			c.before = map[access.Resource]access.LiveDocument{}
			for k, v := range c.docs {
				c.before[k] = v
			}
		}
		d := c.docs[w.Resource]
		d.Document = w.Document
		c.docs[w.Resource] = d
	}
	if err := c.refusesStrangers(w); err != nil {
		return err
	}
	if c.onWrite != nil {
		return c.onWrite(len(c.writes), apply)
	}
	apply()
	return nil
}

func (c *memoryCloud) Counts(access.AccountID) access.CallCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	return access.CallCount{Calls: int64(c.reads + len(c.writes)), Writes: int64(len(c.writes))}
}

func (c *memoryCloud) checkLive(t *testing.T, r access.Resource, want string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := c.docs[r].Document; !sameDocument(got, want, nil) {
		t.Errorf("%s holds\n%s\nwant\n%s", r, got, want)
	}
}

func cloudError(class access.CloudClass) error {
	return &access.CloudError{Class: class, Account: "111122223333", Action: "iam:UpdateAssumeRolePolicy", Code: string(class)}
}

// fail lets a method fail from now on, or work again.
func (m *memoryStore) fail(method string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse[method] = err
}
