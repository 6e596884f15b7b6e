package main

import (
	"cmp"
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/server"
)

type demoCmd struct {
	Listen        string `env:"PORTCULLIS_LISTEN" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where the console listens; loopback only."`
	SandboxListen string `name:"sandbox-listen" env:"PORTCULLIS_SANDBOX_LISTEN" default:"127.0.0.1:8081" placeholder:"ADDR" help:"Where the sandbox organization listens; loopback only."`
	MetricsListen string `name:"metrics-listen" env:"PORTCULLIS_METRICS_LISTEN" default:"127.0.0.1:0" placeholder:"ADDR" help:"Where /metrics is; off for nowhere."`
	Accounts      int    `default:"24" help:"Accounts of the sandbox organization, when it is made."`
	DataDir       string `name:"data-dir" env:"PORTCULLIS_DATA_DIR" placeholder:"DIR" help:"The folder that keeps everything."`
	rolloutFlags  `embed:""`
	LogLevel      string `name:"log-level" env:"PORTCULLIS_LOG_LEVEL" enum:"debug,info,warn,error" default:"warn" help:"What is logged: debug, info, warn or error."`
}

func (cmd demoCmd) Run(c *console) error {
	if err := cmd.check(); err != nil {
		return err
	}
	dir := cmp.Or(cmd.DataDir, server.DefaultDataDir("demo"))
	s, err := server.Start(c.ctx, server.Config{
		Demo: true, Listen: cmd.Listen, MetricsListen: cmd.MetricsListen,
		Database: server.Database{Dir: dir},
		Sandbox:  &server.Sandbox{Listen: cmd.SandboxListen, ListenFlag: "--sandbox-listen", Accounts: cmd.Accounts, Snapshot: server.SnapshotPath(dir)},
		Workers:  cmd.Workers, MaxInFlight: cmd.MaxInFlight, MaxFailures: cmd.MaxFailures,
		Log: logFlags{LogLevel: cmd.LogLevel, LogFormat: "text"}.logger(c.err), Version: version,
	})
	if err != nil {
		return err
	}
	cmd.greet(c, s, dir)
	err = untilStopped(c.ctx, s)
	fmt.Fprintln(c.out, "Stopped. Everything is kept in", dir)
	return err
}

func (cmd demoCmd) check() error {
	if cmd.Accounts < 1 || cmd.Accounts > maxAccounts {
		return usagef("--accounts: %d is out of range; give 1 to %d", cmd.Accounts, maxAccounts)
	}
	return cmd.rolloutFlags.check()
}

// greet says what there is to do now.
func (cmd demoCmd) greet(c *console, s *server.Server, dir string) {
	names, domain, password := server.DemoPeople()
	fmt.Fprintf(c.out, "\nPortcullis is ready:  %s\n\n", s.URL())
	fmt.Fprintf(c.out, "  Sign in as   %s\n", strings.Join(names, ", "))
	fmt.Fprintf(c.out, "               each %s, with the password %s\n", domain, password)
	fmt.Fprintf(c.out, "  API          %s/api/v1 with the token portcullis-demo-NAME, such as portcullis-demo-editor\n", s.URL())
	fmt.Fprintf(c.out, "  AWS sandbox  %s\n", s.SandboxURL())
	printKeys(c, s.Sandbox())
	if url := s.MetricsURL(); url != "" {
		fmt.Fprintf(c.out, "  Metrics      %s\n", url)
	}
	fmt.Fprintf(c.out, "  Data         %s\n", dir)
	fmt.Fprintf(c.out, "  Stop         Ctrl+C\n\n")
}
