package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"portcullis.internal/portcullis/internal/access"
)

// txn is one transaction, seen in three ways: by pgx and the job queue as it is, and by
// gorm through orm. Within one, nothing else may ask the pool for a connection.
type txn struct {
	pgx.Tx
	store  *Store
	orm    *gorm.DB
	events []access.AuditEvent
	end    auditEnd
	last   bool // what is about to be sent is the last before the events
}

// querier is what reads rows: a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// inTx runs do in a transaction and appends the events it noted, as the very last, since
// the end of the audit log is what all transactions share.
func (s *Store) inTx(ctx context.Context, do func(tx *txn) error) error {
	conn, done, err := s.takeConn(ctx)
	if err != nil {
		return err
	}
	defer done()
	raw, err := rawConn(conn)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, raw, func(ptx pgx.Tx) error {
		tx := &txn{Tx: ptx, store: s, orm: s.ormOn(ctx, conn)}
		if err := do(tx); err != nil {
			return err
		}
		return tx.appendEvents(ctx)
	})
	return translate(err)
}

// takeConn waits for a turn and a connection, for connTimeout at most.
func (s *Store) takeConn(ctx context.Context) (conn *sql.Conn, done func(), err error) {
	wait, cancel := context.WithTimeout(ctx, connTimeout)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
	case <-wait.Done():
		return nil, nil, notConnected(ctx, wait.Err())
	}
	if conn, err = s.sql.Conn(wait); err != nil {
		<-s.turns
		return nil, nil, notConnected(ctx, err)
	}
	return conn, func() {
		_ = conn.Close()
		<-s.turns
	}, nil
}

// notConnected is the error of a transaction that got no connection.
func notConnected(ctx context.Context, err error) error {
	err = fmt.Errorf("connecting to the database: %w", err)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return busy(err)
	}
	return translate(err)
}

// note keeps events to be appended when the transaction ends.
func (tx *txn) note(events ...access.AuditEvent) { tx.events = append(tx.events, events...) }

// batch sends several statements in one go and leaves their results to read.
func (tx *txn) batch(ctx context.Context, b *pgx.Batch) error {
	return tx.SendBatch(ctx, b).Close()
}

func rawConn(conn *sql.Conn) (*pgx.Conn, error) {
	var raw *pgx.Conn
	err := conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T", driver)
		}
		raw = c.Conn()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reaching the connection: %w", err)
	}
	return raw, nil
}

func (s *Store) ormOn(ctx context.Context, conn *sql.Conn) *gorm.DB {
	orm := s.orm.Session(&gorm.Session{NewDB: true, Context: ctx, SkipDefaultTransaction: true})
	orm.Statement.ConnPool = within{conn}
	return orm
}

// read returns gorm for a statement of its own.
func (s *Store) read(ctx context.Context) *gorm.DB { return s.orm.WithContext(ctx) }

// within is a connection on which a transaction is open already. It hides BeginTx, so
// that gorm cannot open another, and refuses to end the one that is not its own.
type within struct{ conn *sql.Conn }

func (w within) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return w.conn.PrepareContext(ctx, query)
}

func (w within) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return w.conn.ExecContext(ctx, query, args...)
}

func (w within) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return w.conn.QueryContext(ctx, query, args...)
}

func (w within) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return w.conn.QueryRowContext(ctx, query, args...)
}

var errNotOurs = errors.New("the transaction is ended by whoever began it")

// Commit refuses.
func (within) Commit() error { return errNotOurs }

// Rollback refuses.
func (within) Rollback() error { return errNotOurs }

// checkAffected refuses a statement that should have met exactly n rows.
func checkAffected(tag pgconn.CommandTag, n int64, what string) error {
	if tag.RowsAffected() != n {
		return fmt.Errorf("%s: %d rows were met, want %d", what, tag.RowsAffected(), n)
	}
	return nil
}
