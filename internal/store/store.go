package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/lifetime"
)

// Config says which database, and how much of it. Zero fields take the default named with
// them.
type Config struct {
	URL      string
	MaxConns int             // at least 1; 4 for each processor, and no less than 16
	Log      *slog.Logger    // nil: no log
	Trace    pgx.QueryTracer // of each statement; nil: none is traced
}

func (c Config) withDefaults() Config {
	c.MaxConns = cmp.Or(c.MaxConns, max(16, 4*runtime.NumCPU()))
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	sql    *sql.DB // the same pool, as gorm wants it
	orm    *gorm.DB
	queue  *river.Client[pgx.Tx] // inserts only
	log    *slog.Logger
	life   *lifetime.Lifetime
	turns  chan struct{} // one for each transaction that may be open
	works  workQueue
	states stateCache
	world  accountCache
	names  directoryCache
}

// Open connects to a database whose schema is in place (see Migrate and CheckSchema).
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	pool, err := openPool(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{
		pool: pool, sql: stdlib.OpenDBFromPool(pool), log: cfg.Log, life: lifetime.New(),
		turns: make(chan struct{}, turnsOf(cfg.MaxConns)),
	}
	if err := s.connect(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// turnsOf is how many transactions may be open at a time. They may all wait for one lock, and a
// quarter of the connections is left for reads: a person can sign in and look meanwhile.
func turnsOf(conns int) int { return max(1, conns-conns/4) }

func (s *Store) connect() error {
	orm, err := gorm.Open(postgres.New(postgres.Config{Conn: s.sql}), &gorm.Config{
		Logger:                 logger.Default.LogMode(logger.Silent), // errors are returned, not printed
		SkipDefaultTransaction: true,
		NowFunc:                func() time.Time { return time.Now().UTC() },
	})
	if err != nil {
		return translate(fmt.Errorf("connecting to the database: %w", err))
	}
	// River tells of new jobs at most once in its cooldown, and jobs that it does not tell of wait
	// for the next poll: as many targets would be idle as were enqueued since.
	queue, err := river.NewClient(riverpgxv5.New(s.pool), &river.Config{Logger: s.log, FetchCooldown: river.FetchCooldownMin})
	if err != nil {
		return fmt.Errorf("making the job queue: %w", err)
	}
	s.orm, s.queue = orm, queue
	return nil
}

// frozen is how long a transaction may sit idle: a process that was stopped in the
// middle of one must not hold its locks for ever.
const frozen = "30s"

// lockedIdleTimeout applies once a transaction holds the rollout row or the end of the audit
// log. Other writers queue behind it, so Postgres aborts it after 5s idle. A process that
// was only suspended for that long finds its transaction rolled back, with an error that
// says to try again.
const lockedIdleTimeout = "SET LOCAL idle_in_transaction_session_timeout = '5s'"

// lockTimeout bounds each wait for a lock, on every connection. A request that waits for the end of
// the audit log, or for a row, must answer within ten seconds. A locked row can cost two waits: one
// for the turn among the sessions that wait, and one for the session that holds it. Works of rollouts are tried again
// (rollout_group.go), and so are all other jobs.
const lockTimeout = "3s"

// connTimeout bounds the wait for a connection of a transaction.
const connTimeout = 3 * time.Second

// CheckURL refuses a text that is no address of a Postgres database.
func CheckURL(url string) error {
	_, err := parseURL(url)
	return err
}

func parseURL(url string) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The cause may quote the address, and with it the password: it is left out.
		return nil, access.Errorf(access.KindInvalid, "DATABASE_URL is not an address of a Postgres database; one looks like postgres://user:password@host:5432/portcullis")
	}
	return pc, nil
}

func openPool(ctx context.Context, cfg Config) (*pgxpool.Pool, error) {
	pc, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	pc.MaxConns = int32(cfg.MaxConns)
	pc.ConnConfig.RuntimeParams["application_name"] = "portcullis"
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pc.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = frozen
	pc.ConnConfig.RuntimeParams["lock_timeout"] = lockTimeout
	pc.AfterConnect = scanUTC
	pc.ConnConfig.Tracer = cfg.Trace
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, translate(fmt.Errorf("connecting to the database: %w", err))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, openError(err, pc.ConnConfig)
	}
	return pool, nil
}

// openError says why no connection could be made, and what to correct.
func openError(err error, c *pgx.ConnConfig) error {
	var pg *pgconn.PgError
	code := ""
	if errors.As(err, &pg) {
		code = pg.Code
	}
	switch code {
	case stateWrongSecret:
		return access.Wrap(access.KindUnavailable, err,
			"the database at %s refuses the password of the role %s; correct the password in DATABASE_URL", where(c), c.User)
	case stateWrongRole:
		return access.Wrap(access.KindUnavailable, err,
			"the database at %s does not let the role %s in; create the role, or correct DATABASE_URL", where(c), c.User)
	case stateNoDatabase:
		return access.Wrap(access.KindUnavailable, err,
			"the server at %s has no such database; create it, or correct its name in DATABASE_URL", where(c))
	default:
		return access.Wrap(access.KindUnavailable, err,
			"the database at %s does not answer; see whether it runs and whether DATABASE_URL is right", where(c))
	}
}

// scanUTC makes times come back in UTC, whatever zone this machine is in.
func scanUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// where names a database without its password.
func where(c *pgx.ConnConfig) string {
	return fmt.Sprintf("%s, port %d, database %s", c.Host, c.Port, c.Database)
}

// Close cancels group commits, waits until none runs, and closes all connections. Callers
// of other methods must have returned.
func (s *Store) Close() {
	s.life.Close()
	_ = s.sql.Close()
	s.pool.Close()
}

// Writable returns an error unless the database answers and takes writes.
func (s *Store) Writable(ctx context.Context) error {
	var locked bool
	err := s.pool.QueryRow(ctx, "SELECT current_setting('transaction_read_only')::boolean").Scan(&locked)
	if err == nil && locked {
		return readOnly(errors.New("transaction_read_only is on"))
	}
	return translate(err)
}

// Pool is the pool of connections, for the workers of the job queue.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// timeNow is the time as Postgres keeps it: in UTC, to the microsecond.
func timeNow() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
