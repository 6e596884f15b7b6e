package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// VerifyAudit recomputes the whole chain of the audit log, compares it with checkpoints whose
// signatures the caller has checked, and returns how many events it has. The error names the first
// event at which the chain is broken.
func (s *Store) VerifyAudit(ctx context.Context, known ...access.Checkpoint) (int64, error) {
	v := verification{known: map[int64][]access.Checkpoint{}}
	for _, c := range known {
		v.known[c.Seq] = append(v.known[c.Seq], c)
	}
	err := s.verify(ctx, &v)
	return v.last.Seq, err
}

// VerifyAuditSince recomputes the chain from the event of a checkpoint on (from the
// beginning for a zero one) and returns the end: what the next checkpoint is about.
func (s *Store) VerifyAuditSince(ctx context.Context, since access.Checkpoint) (access.AuditEvent, error) {
	v := verification{since: since.Seq, last: access.AuditEvent{Seq: since.Seq, Hash: since.Hash}}
	err := s.verify(ctx, &v)
	return v.last, err
}

// verification goes through the log once.
type verification struct {
	since int64 // events up to this one are trusted as they are
	last  access.AuditEvent
	known map[int64][]access.Checkpoint
}

func (s *Store) verify(ctx context.Context, v *verification) error {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return translate(pgx.BeginTxFunc(ctx, s.pool, snapshot, func(tx pgx.Tx) error {
		if err := v.chain(ctx, tx); err != nil {
			return err
		}
		if err := v.end(); err != nil {
			return err
		}
		return v.head(ctx, tx)
	}))
}

func (v *verification) chain(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, "SELECT "+auditColumns+" FROM audit_events WHERE seq > $1 ORDER BY seq", v.since)
	if err != nil {
		return fmt.Errorf("reading the audit log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return fmt.Errorf("reading the audit log: %w", err)
		}
		if err := follows(e, v.last); err != nil {
			return err
		}
		if err := signedAs(e, v.known[e.Seq]); err != nil {
			return err
		}
		v.last = e
	}
	return rows.Err()
}

func follows(e, last access.AuditEvent) error {
	switch {
	case e.Seq != last.Seq+1:
		return access.Errorf(access.KindConflict, "The audit log is broken at event %d: it is missing, and event %d comes after %d.", last.Seq+1, e.Seq, last.Seq)
	case e.Prev != last.Hash:
		return access.Errorf(access.KindConflict, "The audit log is broken at event %d: it does not follow event %d as stored now.", e.Seq, last.Seq)
	case e.Hash != e.ChainHash(e.Prev):
		return access.Errorf(access.KindConflict, "The audit log is broken at event %d: its content was changed after it was written.", e.Seq)
	default:
		return nil
	}
}

// signedAs compares an event with the checkpoints made of it: a chain that was made anew
// fits in itself, but not what was signed.
func signedAs(e access.AuditEvent, made []access.Checkpoint) error {
	for _, c := range made {
		if c.Hash != e.Hash {
			return access.Errorf(access.KindConflict, "The audit log is broken at event %d or before it: the chain was written anew after the checkpoint that was signed on %s.", e.Seq, c.At.UTC().Format("2006-01-02 15:04Z"))
		}
	}
	return nil
}

// end notices events that a checkpoint speaks of and that are gone from the end.
func (v *verification) end() error {
	for seq, made := range v.known {
		if seq > v.last.Seq {
			return access.Errorf(access.KindConflict, "The audit log is broken at event %d: event %d was there when its checkpoint was signed on %s, and the last that is there is %d.",
				v.last.Seq+1, seq, made[0].At.UTC().Format("2006-01-02 15:04Z"), v.last.Seq)
		}
	}
	return nil
}

// head notices events that are gone from the end, which the chain alone cannot.
func (v *verification) head(ctx context.Context, tx pgx.Tx) error {
	var seq int64
	var hash string
	if err := tx.QueryRow(ctx, "SELECT seq, hash FROM audit_head").Scan(&seq, &hash); err != nil {
		return fmt.Errorf("reading the end of the audit log: %w", err)
	}
	if seq != v.last.Seq || hash != v.last.Hash {
		return access.Errorf(access.KindConflict, "The audit log is broken at event %d: the log ended with event %d, and the last that is there is %d.", v.last.Seq+1, seq, v.last.Seq)
	}
	return nil
}
