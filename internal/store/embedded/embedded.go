package embedded

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

// Names within the cluster. The port is a part of the socket's name and no TCP port.
const (
	superuser = "portcullis"
	database  = "portcullis"
	port      = "5432"
)

// Config says where a cluster lives.
type Config struct {
	Dir string       // the folder that holds everything; made when missing
	Log *slog.Logger // nil: no log
	// Throwaway gives up durability for speed. For tests, whose data nobody needs.
	Throwaway bool
}

func (c Config) withDefaults() Config {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// Cluster is a running private Postgres.
type Cluster struct {
	folder  folder
	process *process // nil where another process started it
}

// Start makes the cluster of a folder answer: it joins one that runs already, else starts
// it, after making it when there is none. Several processes may call it at once.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg = cfg.withDefaults()
	f, err := newFolder(cfg.Dir)
	if err != nil {
		return nil, err
	}
	who, err := chooseOwner(f)
	if err != nil {
		return nil, err
	}
	if err := f.prepare(who); err != nil {
		return nil, err
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return startLocked(ctx, cfg, f, who)
}

func startLocked(ctx context.Context, cfg Config, f folder, who owner) (*Cluster, error) {
	began := time.Now()
	joined, err := joinRunning(ctx, cfg, f)
	if err != nil {
		return nil, err
	}
	if joined {
		cfg.Log.Info("joined the private database", "dir", f.dir)
		return &Cluster{folder: f}, nil
	}
	bin, err := findBinaries(ctx, cfg, f)
	if err != nil {
		return nil, err
	}
	if err := initialise(ctx, bin, f, who); err != nil {
		return nil, err
	}
	p, err := launchUntilReady(ctx, cfg, bin, f, who)
	if err != nil {
		return nil, err
	}
	if err := ensureDatabase(ctx, f); err != nil {
		_ = p.stop()
		return nil, err
	}
	cfg.Log.Info("started the private database", "dir", f.dir, "bin", bin, "took", time.Since(began).Round(time.Millisecond))
	return &Cluster{folder: f, process: p}, nil
}

// URL returns the address of the database, in the form of DATABASE_URL.
func (c *Cluster) URL() string { return c.folder.url(database) }

// Joined reports whether another process had started the cluster already.
func (c *Cluster) Joined() bool { return c.process == nil }

// Stop shuts the cluster down and waits until it is. One that was only joined is left
// running. Close the connections first.
func (c *Cluster) Stop() error {
	if c.process == nil {
		return nil
	}
	if err := c.process.stop(); err != nil {
		return fmt.Errorf("stopping the private database in %s: %w", c.folder.dir, err)
	}
	return nil
}

func (f folder) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database}
	u.RawQuery = url.Values{"host": {f.socket}, "port": {port}}.Encode()
	return u.String()
}

// ping reports whether the cluster answers.
func (f folder) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, f.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return conn.Ping(ctx)
}

func ensureDatabase(ctx context.Context, f folder) error {
	conn, err := pgx.Connect(ctx, f.url("postgres"))
	if err != nil {
		return fmt.Errorf("connecting to the private database: %w", err)
	}
	defer conn.Close(ctx)
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&there); err != nil {
		return fmt.Errorf("looking for the private database: %w", err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize()); err != nil {
		return fmt.Errorf("creating the private database: %w", err)
	}
	return nil
}
