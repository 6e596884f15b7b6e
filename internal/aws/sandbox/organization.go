package sandbox

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Config says how large the organization is and how it behaves. Zero fields take the
// default named with them; none may be negative.
type Config struct {
	Accounts     int              // how many accounts NewCompany makes; DefaultAccounts
	ExternalID   string           // what the deployment roles demand; empty: nothing
	SnapshotPath string           // where the state is kept between starts; empty: it is not kept
	PageSize     int              // the largest page of any list; 0: AWS's own sizes
	Now          func() time.Time // the organization's clock; time.Now
	Log          *slog.Logger     // nil: no log
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Accounts = cmp.Or(c.Accounts, DefaultAccounts)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// Organization is an http.Handler that answers as AWS does. One lock guards the whole
// state: everything is in memory and no step under the lock waits for anything.
type Organization struct {
	cfg      Config
	log      *slog.Logger
	sessions sessions
	cache    cache
	faults   faults
	calls    callLog
	admin    http.Handler
	saver    *saver

	mu       sync.RWMutex
	company  *Company
	accounts map[access.AccountID]*account
	entities map[string]entity   // by unique id
	keys     map[string]keyOwner // by access key id
	lagging  map[string]lagged   // documents that reads still show as they were
}

// New makes the organization: as the snapshot has it when there is one, else the
// made-up company.
func New(cfg Config) (*Organization, error) {
	asked := cfg.Accounts
	cfg = cfg.withDefaults()
	o := &Organization{cfg: cfg, log: cfg.Log}
	company, err := cfg.company()
	if err != nil {
		return nil, err
	}
	if asked != 0 && asked != len(company.Accounts) {
		o.log.Warn("the saved sandbox organization is kept as it is; move its file away for one of another size", "path", cfg.SnapshotPath, "accounts", len(company.Accounts), "asked_for", asked)
	}
	o.adopt(company)
	o.admin = o.adminHandler()
	o.saver = newSaver(o, cfg.SnapshotPath)
	return o, nil
}

func (cfg Config) company() (*Company, error) {
	if cfg.SnapshotPath != "" {
		if c, err := loadCompany(cfg.SnapshotPath); c != nil || err != nil {
			return c, err
		}
	}
	return cfg.seed(), nil
}

// seed is the organization as it is at its very start.
func (cfg Config) seed() *Company {
	c := NewCompany(cfg.Accounts)
	if cfg.ExternalID != "" {
		c.demandExternalID(cfg.ExternalID)
	}
	return c
}

// adopt makes a company the state, with the look-ups that belong to it.
func (o *Organization) adopt(c *Company) {
	o.company = c
	o.accounts = make(map[access.AccountID]*account, len(c.Accounts))
	o.entities = map[string]entity{}
	o.keys = map[string]keyOwner{}
	o.lagging = map[string]lagged{}
	for _, a := range c.Accounts {
		o.accounts[a.ID] = a
		for _, r := range a.Roles {
			o.entities[r.ID] = entity{account: a, role: r}
		}
		for _, u := range a.Users {
			o.enlist(a, u)
		}
	}
}

// enlist makes a user known by its id and its keys.
func (o *Organization) enlist(a *account, u *user) {
	o.entities[u.ID] = entity{account: a, user: u}
	for _, k := range u.Keys {
		o.keys[k.ID] = keyOwner{account: a, user: u, secret: k.Secret}
	}
}

func (o *Organization) now() time.Time { return o.cfg.Now() }

// Start listens and serves until stop is called. The address that it returns has the
// port that was chosen when listen asks for port 0.
func (o *Organization) Start(listen string) (addr string, stop func() error, err error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", listen)
	if err != nil {
		return "", nil, access.Wrap(access.KindUnavailable, err, "The sandbox organization cannot listen on %s. Is the port in use by something else? Stop that, or choose another address.", listen)
	}
	return l.Addr().String(), o.Serve(l), nil
}

// Serve answers on a listener until the stop that it returns is called.
func (o *Organization) Serve(l net.Listener) (stop func() error) {
	srv := &http.Server{Handler: o, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(o.log.Handler(), slog.LevelDebug)}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	return func() error { return o.stop(srv, done) }
}

func (o *Organization) stop(srv *http.Server, done <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close() // whoever still waits for an answer does not get one
	}
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, o.Close())
}

// Close writes what the snapshot does not have yet.
func (o *Organization) Close() error { return o.saver.close() }

func (o *Organization) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isAdmin(r.URL.Path) {
		o.admin.ServeHTTP(w, r)
		return
	}
	o.serveAPI(w, r)
}
