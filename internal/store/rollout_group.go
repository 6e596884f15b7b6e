package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// Pushes commit intents and ends together: while one transaction is on its way, whatever
// else wants to commit gathers, and goes with the next. Nobody waits for company, and a
// hundred accounts in flight cost a few transactions and not two hundred, each of which
// would wait for the same rollout and the same end of the audit log.
//
// What is committed together stays apart in one respect: a work whose claim is lost is
// left out, and when a transaction is refused before its commit, each work is tried by
// itself, so that only the one that is to blame fails.

// work is what one claim wants committed.
type work struct {
	claim  access.Claim
	docs   documentSet
	queue  func(b *pgx.Batch) error // its statements
	check  func() error             // what they met; nil for nothing to check
	events []access.AuditEvent
	writes bool                 // it wants to write
	end    *access.TargetResult // set where the target ends

	rollout access.Rollout // after the commit, where the target ended
	err     error
	done    chan struct{}
}

// workQueue is what waits to be committed. One at a time commits: more would wait for the
// same rows.
type workQueue struct {
	mu      sync.Mutex
	waiting []*work
	busy    bool
}

// The bounds of one transaction.
const (
	worksAtOnce = 64
	workTimeout = 30 * time.Second
)

// commit has a work committed and waits for it. When the context ends first, nobody knows
// what became of it, as when the answer to a commit is lost. So it is where the store is
// closed meanwhile, which is lifetime.ErrStopping.
func (s *Store) commit(ctx context.Context, w *work) error {
	w.done = make(chan struct{})
	if err := s.enqueue(w); err != nil {
		return err
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// enqueue adds a work to those that wait, and sees to it that they are committed.
func (s *Store) enqueue(w *work) error {
	s.works.mu.Lock()
	defer s.works.mu.Unlock()
	if !s.works.busy {
		if err := s.life.Go(s.commitAll); err != nil {
			return err
		}
		s.works.busy = true
	}
	s.works.waiting = append(s.works.waiting, w)
	return nil
}

// commitAll commits until no work waits any more. Works of many callers are committed
// together, so it outlives each of them and ends with the store: then those that wait fail.
func (s *Store) commitAll(life context.Context) {
	for {
		group := s.nextGroup()
		if len(group) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(life, workTimeout)
		s.commitGroup(ctx, group)
		cancel()
	}
}

// nextGroup removes the works from the queue that can be committed together: the ends of one
// rollout, since its row is locked, and intents of any.
func (s *Store) nextGroup() []*work {
	s.works.mu.Lock()
	defer s.works.mu.Unlock()
	var group, rest []*work
	ending := int64(0)
	for _, w := range s.works.waiting {
		fits := len(group) < worksAtOnce && (w.end == nil || ending == 0 || ending == w.claim.Target.RolloutID)
		if !fits {
			rest = append(rest, w)
			continue
		}
		if w.end != nil {
			ending = w.claim.Target.RolloutID
		}
		group = append(group, w)
	}
	s.works.waiting = rest
	s.works.busy = len(group) > 0
	return group
}

func (s *Store) commitGroup(ctx context.Context, group []*work) {
	reached, err := s.tryGroup(ctx, group)
	for errors.Is(err, access.ErrBusy) && ctx.Err() == nil { // a lock is held; a person would be told
		reached, err = s.tryGroup(ctx, group)
	}
	if err != nil && !reached && len(group) > 1 {
		for _, w := range group {
			s.commitGroup(ctx, []*work{w})
		}
		return
	}
	for _, w := range group {
		if err != nil {
			w.err = s.life.Err(err)
		}
		close(w.done)
	}
}

// tryGroup commits a group. reached tells whether an error came from the commit itself, after which
// it is unknown whether the transaction was committed.
func (s *Store) tryGroup(ctx context.Context, group []*work) (reached bool, err error) {
	err = s.inTx(ctx, func(tx *txn) error {
		if err := tx.doWorks(ctx, group); err != nil {
			return err
		}
		if err := tx.appendEvents(ctx); err != nil {
			return err
		}
		tx.events, reached = nil, true
		return nil
	})
	return reached, err
}

func (tx *txn) doWorks(ctx context.Context, group []*work) error {
	current, err := tx.lockClaims(ctx, group)
	if err != nil {
		return err
	}
	o, err := tx.queueWorks(ctx, current)
	if err != nil {
		return err
	}
	for _, w := range current {
		if w.check != nil {
			if err := w.check(); err != nil {
				return err
			}
		}
		tx.note(w.events...)
	}
	return tx.endWorks(ctx, current, o)
}

// lockClaims locks the targets whose claim is current, and marks the others as lost. What
// has not begun to write does not begin once its rollout is paused, halted or aborted.
func (tx *txn) lockClaims(ctx context.Context, group []*work) ([]*work, error) {
	var rollouts, claims []int64
	var accounts []string
	for _, w := range group {
		rollouts, accounts, claims = append(rollouts, w.claim.Target.RolloutID), append(accounts, string(w.claim.Target.Account)), append(claims, w.claim.Number)
	}
	// The claim number is part of the key: a work of an earlier claim on the same target may
	// still be waiting after its worker has given up.
	type key struct {
		rollout int64
		account access.AccountID
		claim   int64
	}
	found := map[key]bool{} // and whether it may write
	err := eachRow(ctx, tx, `SELECT t.rollout_id, t.account_id, t.claim,
			r.state = 'running' OR EXISTS (SELECT FROM operations o WHERE o.rollout_id = t.rollout_id AND o.account_id = t.account_id AND o.intended_at IS NOT NULL)
		FROM targets t JOIN rollouts r ON r.id = t.rollout_id
		JOIN unnest($1::bigint[], $2::text[], $3::bigint[]) c (rollout_id, account_id, claim) ON t.rollout_id = c.rollout_id AND t.account_id = c.account_id AND t.claim = c.claim
		WHERE t.lease_state = 'leased' ORDER BY t.account_id, t.rollout_id FOR NO KEY UPDATE OF t`, []any{rollouts, accounts, claims}, func(row pgx.Rows) error {
		var k key
		var may bool
		err := row.Scan(&k.rollout, &k.account, &k.claim, &may)
		found[k] = may
		return err
	})
	if err != nil {
		return nil, err
	}
	var current []*work
	for _, w := range group {
		switch may, there := found[key{w.claim.Target.RolloutID, w.claim.Target.Account, w.claim.Number}]; {
		case !there:
			w.err = access.ErrClaimLost
		case w.writes && !may:
			w.err = access.ErrNotRunning
		default:
			w.err = nil
			current = append(current, w)
		}
	}
	// In the order in which others lock several accounts.
	slices.SortStableFunc(current, func(a, b *work) int {
		return strings.Compare(string(a.claim.Target.Account), string(b.claim.Target.Account))
	})
	return current, nil
}

// queueWorks sends all statements of all works in one go and, where targets end, locks
// their rollout after them. Documents come first and sorted, so that two replicas that
// store the same ones do not wait for each other in a circle.
func (tx *txn) queueWorks(ctx context.Context, current []*work) (*opened, error) {
	b, docs := &pgx.Batch{}, documentSet{}
	var ending int64
	for _, w := range current {
		for key, body := range w.docs {
			docs[key] = body
		}
	}
	if len(docs) > 0 {
		keys, bodies := docs.sort()
		b.Queue(insertDocuments, keys, bodies)
	}
	for _, w := range current {
		if err := w.queue(b); err != nil {
			return nil, err
		}
		if w.end != nil {
			ending = w.claim.Target.RolloutID
		}
	}
	if ending == 0 {
		if slices.ContainsFunc(current, func(w *work) bool { return len(w.events) > 0 }) {
			tx.queueAuditEnd(b)
		}
		return nil, tx.batch(ctx, b)
	}
	var o opened
	queueOpen(b, ending, &o)
	return &o, tx.batch(ctx, b)
}

// endWorks counts the targets that ended and moves their rollout on.
func (tx *txn) endWorks(ctx context.Context, current []*work, o *opened) error {
	if o == nil {
		return nil
	}
	continued := false
	for _, w := range current {
		if w.end == nil {
			continue
		}
		o.CountEnd(w.claim.Target, *w.end)
		if err := tx.moveToWave(ctx, o, w.claim.Target, w.end.Continue.Wave); err != nil {
			return err
		}
		continued = continued || w.end.State == access.TargetWaiting
	}
	if continued && o.State.LeavesOut() { // it was aborted or rolled back meanwhile, so nothing continues
		if err := tx.leaveOut(ctx, o); err != nil {
			return err
		}
	}
	tx.last = true
	if err := tx.moveOn(ctx, o); err != nil {
		return err
	}
	for _, w := range current {
		if w.end != nil {
			w.rollout = o.Rollout
		}
	}
	return nil
}
