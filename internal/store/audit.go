package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// maxUserAgent is how much of what a browser says of itself is kept.
const maxUserAgent = 400

// Append adds events to the audit log.
func (s *Store) Append(ctx context.Context, events ...access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tx.note(events...)
		return nil
	})
}

// appendEvents links the noted events to the end of the chain. The end stays locked until
// the commit, which comes next.
func (tx *txn) appendEvents(ctx context.Context) error {
	if len(tx.events) == 0 {
		return nil
	}
	if !tx.end.locked {
		b := &pgx.Batch{}
		tx.queueAuditEnd(b)
		if err := tx.batch(ctx, b); err != nil {
			return fmt.Errorf("locking the end of the audit log: %w", err)
		}
	}
	seq, prev := tx.end.seq, tx.end.hash
	rows := make([]access.AuditEvent, len(tx.events))
	for i, e := range tx.events {
		rows[i] = link(e, seq, prev)
		seq, prev = rows[i].Seq, rows[i].Hash
	}
	b := &pgx.Batch{}
	queueEvents(b, rows)
	b.Queue("UPDATE audit_head SET seq = $1, hash = $2", seq, prev)
	if err := tx.batch(ctx, b); err != nil {
		return fmt.Errorf("appending to the audit log: %w", err)
	}
	return nil
}

// auditEnd is the end of the audit log, while it is locked.
type auditEnd struct {
	locked bool
	seq    int64
	hash   string
}

// queueAuditEnd locks the end of the audit log. It has to be the last that a transaction
// locks.
func (tx *txn) queueAuditEnd(b *pgx.Batch) {
	b.Queue(lockedIdleTimeout)
	b.Queue("SELECT seq, hash FROM audit_head FOR UPDATE").QueryRow(func(row pgx.Row) error {
		tx.end.locked = true
		return row.Scan(&tx.end.seq, &tx.end.hash)
	})
}

// queueEvents adds all events in one statement: a push has one for each of its writes.
func queueEvents(b *pgx.Batch, events []access.AuditEvent) {
	n := len(events)
	seqs, people, ats, kinds := make([]int64, n), make([]int64, n), make([]time.Time, n), make([]string, n)
	var texts [9][]string
	for i, e := range events {
		seqs[i], people[i], ats[i], kinds[i] = e.Seq, e.PersonID, e.At, string(e.Kind)
		for k, text := range [...]string{e.Name, e.Addr, e.UserAgent, e.RequestID, e.Action, e.Object, string(e.Detail), e.Prev, e.Hash} {
			texts[k] = append(texts[k], text)
		}
	}
	args := []any{seqs, ats, kinds, people}
	for _, t := range texts {
		args = append(args, t)
	}
	b.Queue(`INSERT INTO audit_events (seq, at, kind, person_id, name, addr, user_agent, request_id, action, object, detail, prev, hash)
		SELECT seq, at, kind, person_id, name, addr, user_agent, request_id, action, object, detail::json, prev, hash
		FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
			AS e (seq, at, kind, person_id, name, addr, user_agent, request_id, action, object, detail, prev, hash)`, args...)
}

// link makes an event the successor of the one numbered seq with the hash prev. What a
// client sent is brought into a form that Postgres gives back as it is: a request must
// not be able to keep itself out of the log.
func link(e access.AuditEvent, seq int64, prev string) access.AuditEvent {
	for _, text := range []*string{&e.Name, &e.Addr, &e.UserAgent, &e.RequestID, &e.Action, &e.Object} {
		*text = storable(*text)
	}
	if len(e.UserAgent) > maxUserAgent {
		e.UserAgent = strings.ToValidUTF8(e.UserAgent[:maxUserAgent], "")
	}
	if len(e.Detail) == 0 {
		e.Detail = json.RawMessage("{}")
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	e.Seq, e.Prev = seq+1, prev
	e.Hash = e.ChainHash(prev)
	return e
}

// storable makes a text from outside storable in Postgres: a text of AWS or of a browser must not
// keep its own record from being stored.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

const auditColumns = "seq, at, kind, person_id, name, addr, user_agent, request_id, action, object, detail::text, prev, hash"

func scanEvent(row pgx.CollectableRow) (access.AuditEvent, error) {
	var e access.AuditEvent
	var detail string
	err := row.Scan(&e.Seq, &e.At, &e.Kind, &e.PersonID, &e.Name, &e.Addr, &e.UserAgent, &e.RequestID, &e.Action, &e.Object, &detail, &e.Prev, &e.Hash)
	e.Detail = json.RawMessage(detail)
	return e, err
}

// History returns the events of one object, oldest first.
func (s *Store) History(ctx context.Context, object string) ([]access.AuditEvent, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+auditColumns+" FROM audit_events WHERE object = $1 ORDER BY seq", object)
	if err != nil {
		return nil, translate(fmt.Errorf("reading the history of %s: %w", object, err))
	}
	events, err := pgx.CollectRows(rows, scanEvent)
	if err != nil {
		return nil, translate(fmt.Errorf("reading the history of %s: %w", object, err))
	}
	return events, nil
}

// Audit lists events, the newest first. It does not count them.
func (s *Store) Audit(ctx context.Context, f access.AuditFilter) (access.Page[access.AuditEvent], error) {
	var none access.Page[access.AuditEvent]
	before, more, err := decodeIDCursor(f.Cursor)
	if err != nil {
		return none, err
	}
	w, err := auditConditions(f)
	if err != nil {
		return none, err
	}
	if more {
		w.and("seq < ?", before)
	}
	query := "SELECT " + auditColumns + " FROM audit_events" + w.sql() + " ORDER BY seq DESC" + w.limit(f.Size()+1)
	rows, err := s.pool.Query(ctx, query, w.args...)
	if err != nil {
		return none, translate(fmt.Errorf("reading the audit log: %w", err))
	}
	events, err := pgx.CollectRows(rows, scanEvent)
	if err != nil {
		return none, translate(fmt.Errorf("reading the audit log: %w", err))
	}
	return cut(events, f.Size(), -1, func(e access.AuditEvent) string { return encodeIDCursor(e.Seq) }), nil
}

// auditConditions narrows by what the filter names. An action and an object also stand
// for all below them: "change" for "change.submit", "rollout/3" for "rollout/3/1111…".
func auditConditions(f access.AuditFilter) (*conditions, error) {
	w := &conditions{}
	if f.Person != "" {
		w.and("name ILIKE ?", containing(f.Person))
	}
	if f.Action != "" {
		w.and("(action = ? OR action LIKE ?)", f.Action, beginning(f.Action+"."))
	}
	if f.Object != "" {
		w.and("(object = ? OR object LIKE ?)", f.Object, beginning(f.Object+"/"))
	}
	if f.Addr != "" {
		if err := auditAddr(w, f.Addr); err != nil {
			return nil, err
		}
	}
	if !f.From.IsZero() {
		w.and("at >= ?", f.From)
	}
	if !f.To.IsZero() {
		w.and("at < ?", f.To)
	}
	if f.Search != "" {
		p := containing(f.Search)
		w.and("(name ILIKE ? OR action ILIKE ? OR object ILIKE ? OR addr ILIKE ? OR detail::text ILIKE ?)", p, p, p, p, p)
	}
	return w, nil
}

// auditAddr narrows to one address by the index, or to those within a CIDR.
func auditAddr(w *conditions, text string) error {
	if addr, err := netip.ParseAddr(text); err == nil {
		w.and("addr = ? AND addr <> ''", addr.Unmap().String())
		return nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return access.Invalid("addr", "%q is no address; one looks like 203.0.113.7, and several are a CIDR such as 203.0.113.0/24", text)
	}
	w.and("CASE WHEN addr ~ '^[0-9a-f.:]+$' THEN addr::inet <<= ?::inet ELSE false END", prefix.Masked().String())
	return nil
}
