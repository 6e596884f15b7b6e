package main

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/server"
)

type serveCmd struct {
	Listen            string        `env:"PORTCULLIS_LISTEN" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where the console listens."`
	MetricsListen     string        `name:"metrics-listen" env:"PORTCULLIS_METRICS_LISTEN" placeholder:"ADDR" help:"Where /metrics is; off for nowhere. Default: 127.0.0.1:9090, or a free port where that is taken."`
	PublicURL         string        `name:"public-url" env:"PORTCULLIS_PUBLIC_URL" placeholder:"URL" help:"The console's address as browsers see it."`
	DriftInterval     time.Duration `name:"drift-interval" env:"PORTCULLIS_DRIFT_INTERVAL" default:"1h" help:"How often every account is read and compared with the desired state; 0 for never."`
	TrustedProxies    []string      `name:"trusted-proxies" env:"PORTCULLIS_TRUSTED_PROXIES" placeholder:"CIDR,…" help:"Proxies whose X-Forwarded-For is believed."`
	DeployRole        string        `name:"deploy-role" env:"PORTCULLIS_DEPLOY_ROLE" default:"PortcullisDeploy" placeholder:"NAME" help:"The role that the console assumes in each account; its path, if any, comes first."`
	ExternalID        string        `name:"external-id" env:"PORTCULLIS_EXTERNAL_ID" secret:"" placeholder:"ID" help:"The external id that the deployment role demands."`
	IAMRate           float64       `name:"iam-rate" env:"PORTCULLIS_IAM_RATE" default:"0" placeholder:"N" help:"Calls a second to the IAM of one account; 0 for the default of 10, -1 for no limit."`
	STSRate           float64       `name:"sts-rate" env:"PORTCULLIS_STS_RATE" default:"0" placeholder:"N" help:"Calls a second to STS; 0 for the default of 100, -1 for no limit."`
	OrganizationsRate float64       `name:"organizations-rate" env:"PORTCULLIS_ORGANIZATIONS_RATE" default:"0" placeholder:"N" help:"Calls a second to Organizations; 0 for the default of 20, -1 for no limit."`
	APIRate           float64       `name:"api-rate" env:"PORTCULLIS_API_RATE" default:"0" placeholder:"N" help:"Calls of the HTTP API a second with one token; 0 for the default of 100, -1 for no limit."`
	probeFlags        `embed:""`
	oidcFlags         `embed:""`
	auditFlags        `embed:""`
	NoAuditKey        bool `name:"no-audit-key" help:"Run without a key: no checkpoint of the audit log is signed."`
	Migrate           bool `help:"Bring the schema of the database up to date first. The role in DATABASE_URL must own it."`
	PrivateDatabase   bool `name:"private-database" help:"Use a private Postgres in the data folder, and start it if it does not run."`
	databaseFlags     `embed:""`
	rolloutFlags      `embed:""`
	logFlags          `embed:""`

	SingleAdministrator bool `name:"single-administrator" env:"PORTCULLIS_SINGLE_ADMINISTRATOR" help:"Let one person apply changes alone, flagged, while no second person was vouched for."`
}

func (cmd serveCmd) Run(c *console) error {
	cfg, err := cmd.config(c)
	if err != nil {
		return err
	}
	s, err := server.Start(c.ctx, cfg)
	if err != nil {
		return err
	}
	cfg.Log.Info("ready", "url", s.URL(), "metrics", s.MetricsURL(), "version", version)
	return untilStopped(c.ctx, s)
}

func (cmd serveCmd) config(c *console) (server.Config, error) {
	if err := cmd.check(); err != nil {
		return server.Config{}, err
	}
	proxies, err := prefixes(cmd.TrustedProxies)
	if err != nil {
		return server.Config{}, err
	}
	oidc, err := cmd.oidc()
	if err != nil {
		return server.Config{}, err
	}
	database, err := cmd.database()
	if err != nil {
		return server.Config{}, err
	}
	return server.Config{
		OIDC: oidc, APIRate: cmd.APIRate,
		Listen: cmd.Listen, MetricsListen: cmd.MetricsListen, PublicURL: cmd.PublicURL, TrustedProxies: proxies,
		Database: database,
		Cloud: server.Cloud{
			DeployRole: cmd.DeployRole, ExternalID: cmd.ExternalID, IAMRate: cmd.IAMRate, STSRate: cmd.STSRate,
			OrganizationsRate: cmd.OrganizationsRate, ProbeKeyID: cmd.ProbeKeyID, ProbeSecret: cmd.ProbeSecret,
		},
		SingleAdministrator: cmd.SingleAdministrator,
		Workers:             cmd.Workers, MaxInFlight: cmd.MaxInFlight, MaxFailures: cmd.MaxFailures,
		AuditKey: cmd.AuditKey, NoAuditKey: cmd.NoAuditKey, DriftInterval: cmd.driftInterval(),
		Log: cmd.logger(c.err), Version: version,
	}, nil
}

// database is where the data is. A private database is used only if that is asked for: a setting that got lost must not
// start an empty console.
func (cmd serveCmd) database() (server.Database, error) {
	d := cmd.databaseFlags.database()
	switch {
	case cmd.PrivateDatabase && d.URL != "":
		return d, usagef("--private-database is given, and DATABASE_URL too; leave out one of the two")
	case !cmd.PrivateDatabase && d.URL == "":
		return d, usagef("no database is named: set DATABASE_URL, or use --private-database for a Postgres in the data folder")
	}
	d.Migrate = cmd.Migrate
	return d, nil
}

// driftInterval is the interval between scans, as server.Config has it: -1 for never.
func (cmd serveCmd) driftInterval() time.Duration {
	if cmd.DriftInterval <= 0 {
		return -1
	}
	return cmd.DriftInterval
}

// untilStopped waits for a signal or a failure, then stops in an orderly way.
func untilStopped(ctx context.Context, s *server.Server) error {
	err := s.Wait(ctx)
	if stopErr := s.Stop(context.WithoutCancel(ctx)); err == nil && stopErr != nil {
		return fmt.Errorf("stopping: %w", stopErr)
	}
	return err
}
