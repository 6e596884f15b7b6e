package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/telemetry"
)

// SandboxRunning is a sandbox organization that answers.
type SandboxRunning struct {
	URL  string
	org  *sandbox.Organization
	stop func() error
}

// StartSandbox starts a sandbox organization.
func StartSandbox(ctx context.Context, s Sandbox, log *slog.Logger) (*SandboxRunning, error) {
	cfg := Config{Sandbox: &s}.withDefaults().Sandbox
	org, err := sandbox.New(sandbox.Config{Accounts: cfg.Accounts, SnapshotPath: cfg.Snapshot, Log: log})
	if err != nil {
		return nil, fmt.Errorf("making the sandbox organization: %w", err)
	}
	l, err := listen(ctx, "The sandbox organization", cfg.Listen, cmp.Or(cfg.ListenFlag, "--listen"))
	if err != nil {
		return nil, err
	}
	return &SandboxRunning{URL: "http://" + l.Addr().String(), org: org, stop: org.Serve(l)}, nil
}

// Stop ends the sandbox and writes its snapshot.
func (s *SandboxRunning) Stop(context.Context) error { return s.stop() }

// Credentials are the access keys of the management account and of sample users.
func (s *SandboxRunning) Credentials() []sandbox.Credential { return s.org.Credentials() }

// consoleCredentials are the access keys that the console itself uses in the sandbox.
func (s *SandboxRunning) consoleCredentials() (sandbox.Credential, error) {
	for _, c := range s.org.Credentials() {
		if c.User == sandbox.ConsoleUser {
			return c, nil
		}
	}
	return sandbox.Credential{}, fmt.Errorf("the sandbox organization has no user %s for the console", sandbox.ConsoleUser)
}

// noLimit is the rate towards a sandbox of our own, which has no quota to spare.
const noLimit = -1

// connect sets up AWS, or the sandbox in its place.
func connect(ctx context.Context, cfg Config, box *SandboxRunning) (*aws.Cloud, error) {
	c, err := cloudConfig(cfg, box)
	if err != nil {
		return nil, err
	}
	return aws.New(ctx, c)
}

// probing sets up how strategies probe; nil where no probe user is set. In the sandbox it
// is a sample user.
func probing(ctx context.Context, cfg Config, box *SandboxRunning) (rollout.Probing, error) {
	c, err := cloudConfig(cfg, box)
	if err != nil {
		return nil, err
	}
	c.AccessKeyID, c.SecretAccessKey = cfg.Cloud.ProbeKeyID, cfg.Cloud.ProbeSecret
	if box != nil && c.AccessKeyID == "" {
		for _, k := range box.Credentials() {
			if k.User == probeSample {
				c.AccessKeyID, c.SecretAccessKey = k.AccessKeyID, k.SecretAccessKey
			}
		}
	}
	if c.AccessKeyID == "" && c.SecretAccessKey == "" {
		return nil, nil
	}
	p, err := aws.NewProber(ctx, c)
	if err != nil {
		return nil, err
	}
	return p.Probe, nil
}

// probeSample is the sandbox's user by whom strategies probe.
const probeSample = "alice"

func cloudConfig(cfg Config, box *SandboxRunning) (aws.Config, error) {
	c := aws.Config{
		Region: cfg.Cloud.Region, Endpoint: cfg.Cloud.Endpoint,
		AccessKeyID: cfg.Cloud.AccessKeyID, SecretAccessKey: cfg.Cloud.SecretKey,
		DeployRole: cfg.Cloud.DeployRole, ExternalID: cfg.Cloud.ExternalID,
		IAMRate: cfg.Cloud.IAMRate, STSRate: cfg.Cloud.STSRate, OrganizationsRate: cfg.Cloud.OrganizationsRate, Log: cfg.Log, Trace: cfg.tracing.Calls(),
	}
	if box != nil {
		keys, err := box.consoleCredentials()
		if err != nil {
			return c, err
		}
		c.Region, c.Endpoint = "us-east-1", box.URL
		c.AccessKeyID, c.SecretAccessKey = keys.AccessKeyID, keys.SecretAccessKey
		c.IAMRate, c.STSRate, c.OrganizationsRate = noLimit, noLimit, noLimit
	}
	return c, nil
}

// watchCloud adds the calls to AWS and their limits to the metrics.
func watchCloud(m *telemetry.Metrics, cloud *aws.Cloud) {
	m.CountCalls(cloud.TotalCounts)
	for _, p := range aws.Purposes() {
		m.CountPurpose(string(p), func() access.CallCount { return cloud.CountsFor(p) })
	}
	m.WatchCallRates(func() telemetry.CallRates { return telemetry.CallRates(cloud.Paces()) })
}
