package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"

	"portcullis.internal/portcullis/internal/server"
)

// logFlags say what is told on standard error while a server runs.
type logFlags struct {
	LogLevel  string `name:"log-level" env:"PORTCULLIS_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"What is logged: debug, info, warn or error."`
	LogFormat string `name:"log-format" env:"PORTCULLIS_LOG_FORMAT" enum:"text,json" default:"json" help:"How: text or json."`
}

func (f logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// databaseFlags say where the data is.
type databaseFlags struct {
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" secret:"" placeholder:"URL" help:"The Postgres database."`
	DataDir     string `name:"data-dir" env:"PORTCULLIS_DATA_DIR" placeholder:"DIR" help:"The folder of the private database, of the key of the audit log and of its checkpoints."`
}

func (f databaseFlags) database() server.Database {
	dir := cmp.Or(f.DataDir, server.DefaultDataDir("data"))
	return server.Database{URL: f.DatabaseURL, Dir: dir, KeepsDir: f.DataDir != ""}
}

// open opens the database for a command. Only what goes wrong is logged: a command's
// output is for people.
func (f databaseFlags) open(c *console, run func(*server.Admin) error) error {
	log := logFlags{LogLevel: "error", LogFormat: "text"}.logger(c.err)
	admin, err := server.OpenAdmin(c.ctx, f.database(), log)
	if err != nil {
		return err
	}
	err = run(admin)
	if closeErr := admin.Close(); err == nil && closeErr != nil {
		return fmt.Errorf("closing the database: %w", closeErr)
	}
	return err
}

// rolloutFlags say how rollouts run.
type rolloutFlags struct {
	Workers     int `env:"PORTCULLIS_WORKERS" default:"50" help:"Accounts that this process writes to at once."`
	MaxInFlight int `env:"PORTCULLIS_MAX_IN_FLIGHT" default:"20" help:"Accounts of one rollout in flight, over all processes."`
	MaxFailures int `name:"max-failures" env:"PORTCULLIS_MAX_FAILURES" default:"10" help:"Failed accounts that halt a rollout."`
}

// probeFlags are the access keys of the user by whom strategies probe.
type probeFlags struct {
	ProbeKeyID  string `name:"probe-access-key-id" env:"PORTCULLIS_PROBE_ACCESS_KEY_ID" placeholder:"ID" help:"The access key of the IAM user as whom the probes of strategies assume roles."`
	ProbeSecret string `name:"probe-secret-access-key" env:"PORTCULLIS_PROBE_SECRET_ACCESS_KEY" secret:"" placeholder:"SECRET" help:"The secret access key. Use the variable: other users of the machine can see a command line."`
}

func (f rolloutFlags) check() error {
	for name, n := range map[string]int{"--workers": f.Workers, "--max-in-flight": f.MaxInFlight, "--max-failures": f.MaxFailures} {
		if n < 1 {
			return usagef("%s: %d is too few; give 1 or more", name, n)
		}
	}
	return nil
}

// prefixes reads a list of addresses and CIDRs, as of trusted proxies.
func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if addr, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, usagef("--trusted-proxies: %q is neither an address nor a CIDR", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
