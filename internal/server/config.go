package server

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/telemetry"
)

// Config is what there is to set. Zero fields take the default named with them; a field may
// be negative only if its comment gives that a meaning.
type Config struct {
	Listen    string // of the console; 127.0.0.1:8080
	PublicURL string // where browsers find it; derived from Listen when that is loopback
	// MetricsListen is where /metrics is. Empty means DefaultMetricsListen, or any free port if
	// that one is in use; "off" means that there are no metrics.
	MetricsListen  string
	TrustedProxies []netip.Prefix

	Database Database
	Cloud    Cloud
	OIDC     *authn.OIDCConfig // an identity provider; nil for local accounts only
	Sandbox  *Sandbox          // runs one beside the console and uses it in place of AWS
	Demo     bool              // sample people and sample desired state; loopback only

	Workers     int // targets that this process pushes at once; 50
	MaxInFlight int // targets of one rollout in flight, over all processes; 20
	MaxFailures int // failed targets that halt a rollout; 10

	// SingleAdministrator lets one person apply changes alone, flagged, while no second person was vouched for.
	SingleAdministrator bool

	APIRate float64 // calls a second of one API token; 0 is the default, below 0 no limit

	SyncEvery     time.Duration // how often the organization is read; 1 hour
	DriftInterval time.Duration // how often every account is read and compared; 1 hour, below 0 never
	StopTimeout   time.Duration // how long Stop waits for work in flight; 15 seconds
	Log           *slog.Logger  // slog.Default()
	Version       string
	Hash          authn.HashParams // what a password costs; authn.DefaultHashParams()
	// AuditKey signs checkpoints of the audit log: the key, or a file with the key. Without one the
	// key is in the data folder. NoAuditKey runs the console without checkpoints.
	AuditKey   string
	NoAuditKey bool

	tracing   *telemetry.Tracing // nil for none
	work      *telemetry.WorkMetrics
	onRequeue func(targets int)
	scans     *scanMetrics
	replica   string                    // the name of this process for people
	probe     rollout.Probing           // nil where no probe user is set
	dieAt     func(rollout.Point) error // nil but in tests
	clock     func() time.Time          // nil but in tests
	owner     bool                      // the database role owns the tables
}

// Database says where the data is. With a URL that is used, else a private cluster in
// Dir is started, or joined where it runs already.
type Database struct {
	URL string
	Dir string
	// KeepsDir says that the operator named Dir: it holds the key of the audit log and its checkpoints, also when the
	// database is elsewhere.
	KeepsDir bool
	Migrate  bool // bring the schema of a database at URL up to date; a private one always is
	MaxConns int  // 30

	trace pgx.QueryTracer // nil for none
}

// private reports whether the database is a cluster in the data folder.
func (d Database) private() bool { return d.URL == "" }

// keepsFiles reports whether files in the data folder belong to this database.
func (d Database) keepsFiles() bool { return d.private() || d.KeepsDir }

// Cloud says how AWS is reached. Empty fields leave it to the SDK's own settings.
type Cloud struct {
	Region            string
	Endpoint          string
	AccessKeyID       string
	SecretKey         string
	DeployRole        string // path and name of the role in each account; PortcullisDeploy
	ExternalID        string
	IAMRate           float64 // calls a second to one account's IAM; 0 is the default, below 0 no limit
	STSRate           float64 // calls a second to STS, the same
	OrganizationsRate float64 // calls a second to Organizations, the same

	ProbeKeyID  string // access key of the user by whom strategies probe; empty for none
	ProbeSecret string
}

// Sandbox sets up a sandbox organization.
type Sandbox struct {
	Listen   string // 127.0.0.1:8081
	Accounts int    // 24
	Snapshot string // file that keeps its state over a restart; empty for none

	ListenFlag string // how the command line calls Listen; --listen when empty
}

// demoHash is what a password costs in the demo, where everybody knows it: enough to
// sign in quickly and to have all people there within the first second.
var demoHash = authn.HashParams{Memory: 19 * 1024, Time: 2, Threads: 1}

// The defaults that others refer to.
const (
	DefaultListen        = "127.0.0.1:8080"
	DefaultSandboxListen = "127.0.0.1:8081"
	DefaultMetricsListen = "127.0.0.1:9090"
	DefaultDeployRole    = "PortcullisDeploy"
	DefaultAccounts      = 24
	metricsOff           = "off"
)

func (c Config) withDefaults() Config {
	c.Listen = cmp.Or(c.Listen, DefaultListen)
	c.Database.MaxConns = cmp.Or(c.Database.MaxConns, 30)
	c.Cloud.DeployRole = cmp.Or(c.Cloud.DeployRole, DefaultDeployRole)
	c.Workers = cmp.Or(c.Workers, 50)
	c.SyncEvery = cmp.Or(c.SyncEvery, time.Hour)
	c.DriftInterval = cmp.Or(c.DriftInterval, time.Hour)
	c.StopTimeout = cmp.Or(c.StopTimeout, 15*time.Second)
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Demo {
		c.Hash = cmp.Or(c.Hash, demoHash)
	}
	if c.Sandbox != nil {
		sandbox := *c.Sandbox
		sandbox.Listen = cmp.Or(sandbox.Listen, DefaultSandboxListen)
		sandbox.Accounts = cmp.Or(sandbox.Accounts, DefaultAccounts)
		c.Sandbox = &sandbox
	}
	return c
}

// check refuses what cannot work or would be unsafe.
func (c Config) check() error {
	if c.Database.URL == "" && c.Database.Dir == "" {
		return access.Errorf(access.KindInvalid, "No database is named. Set DATABASE_URL, or give a folder for a private one with --data-dir.")
	}
	if !c.Database.private() {
		if err := store.CheckURL(c.Database.URL); err != nil {
			return err
		}
	}
	if c.Demo && c.Database.Dir == "" {
		return access.Errorf(access.KindInvalid, "The demo keeps its sandbox in a data folder. Give one with --data-dir.")
	}
	if c.Demo && !loopback(c.Listen) {
		return access.Errorf(access.KindInvalid, "The demo signs everybody in with a known password, so it listens on loopback only; %s is not. Use --listen 127.0.0.1:8080, or run portcullis serve.", c.Listen)
	}
	if c.Demo && c.Sandbox != nil && !loopback(c.Sandbox.Listen) {
		return access.Errorf(access.KindInvalid, "The demo's sandbox listens on loopback only; %s is not. Use --sandbox-listen 127.0.0.1:8081, or run portcullis sandbox.", c.Sandbox.Listen)
	}
	if c.PublicURL == "" && !loopback(c.Listen) {
		return access.Errorf(access.KindInvalid, "The console listens on %s, which other machines can reach, so it "+
			"must "+
			"know the address that browsers use: requests for any other host are refused. Give that address, such as "+
			"https://portcullis.example.com (--public-url), or listen on 127.0.0.1 (--listen).", c.Listen)
	}
	if oidc := c.oidc(); oidc != nil {
		if _, err := authn.NewOIDC(*oidc, nil); err != nil {
			return err
		}
	}
	if _, err := c.publicURL(); err != nil {
		return err
	}
	return c.checkAuditKey()
}

// oidc is the identity provider with where it sends people back to: the address that
// browsers know, which on this machine itself is the one that is listened on.
func (c Config) oidc() *authn.OIDCConfig {
	if c.OIDC == nil {
		return nil
	}
	cfg := *c.OIDC
	public, err := c.publicURL()
	switch {
	case err != nil:
	case public != nil:
		cfg.RedirectURL = public.JoinPath(oidcCallback).String()
	case loopback(c.Listen):
		cfg.RedirectURL = "http://" + c.Listen + oidcCallback
	}
	return &cfg
}

// oidcCallback is the path to which the identity provider sends people back.
const oidcCallback = "/signin/oidc/callback"

// publicURL is where browsers find the console; nil when that is not known.
func (c Config) publicURL() (*url.URL, error) {
	if c.PublicURL == "" {
		return nil, nil //nolint:nilnil // not to know it is no error
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return nil, access.Errorf(access.KindInvalid, "%q is no address for the console: give scheme and host as browsers see them, such as https://portcullis.example.com (--public-url).", c.PublicURL)
	}
	if u.Scheme == "http" && !loopback(u.Host) {
		return nil, access.Errorf(access.KindInvalid, "%s is plain HTTP, over which session cookies can be read on the way. Put TLS in front of the console and give its https address (--public-url).", c.PublicURL)
	}
	return u, nil
}

// insecureCookies reports whether browsers reach the console over plain HTTP on this
// machine, the one place where cookies may go without Secure.
func (c Config) insecureCookies() bool {
	if u, err := c.publicURL(); err == nil && u != nil {
		return u.Scheme == "http"
	}
	return loopback(c.Listen)
}

// loopback reports whether an address, with or without a port, is this machine itself.
func loopback(addr string) bool {
	host := addr
	if h, _, err := net.SplitHostPort(addr); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// The layout of a data folder.
func clusterDir(dataDir string) string { return filepath.Join(dataDir, "postgres") }

// SnapshotPath is where the sandbox of a data folder keeps its state.
func SnapshotPath(dataDir string) string { return filepath.Join(dataDir, "sandbox.json") }
