package web

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/web/api"
	"portcullis.internal/portcullis/web/pages"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

//go:embed all:static
var staticFiles embed.FS

// assets are those of this program, packed when they are first needed.
var assets = sync.OnceValues(func() (*transport.Assets, error) { return transport.LoadAssets(staticFiles) })

// descriptionParts are the description of the API, in parts that people read.
//
//go:embed openapi/*.yaml
var descriptionParts embed.FS

// Changes is what the console needs of the change service.
type Changes interface {
	pages.Changes
	api.Changes
}

// Rollouts is what the console needs of the rollout service.
type Rollouts interface {
	pages.Rollouts
	api.Rollouts
}

// Organization is what the console needs of the drift service.
type Organization interface {
	pages.Organization
	api.Organization
}

// Identity is what the console needs of the sign-in service.
type Identity interface {
	transport.Identity
	pages.Identity
	api.Identity
}

// Config is what the console is made of.
type Config struct {
	Changes      Changes
	Rollouts     Rollouts
	Organization Organization
	Identity     Identity
	Provider     pages.Provider // an identity provider; nil without one
	Sessions     *scs.SessionManager
	Replies      api.Replies
	Jobs         http.Handler // the job queue's own pages; nil for none

	Log            *slog.Logger
	Now            func() time.Time                        // time.Now unless a test says otherwise
	Ready          func(context.Context) error             // what /readyz asks; nil means always ready
	Checks         func(context.Context) []transport.Check // the lines of /readyz?verbose; nil means none
	PublicURL      *url.URL                                // where browsers find the console; nil when it is not known
	TrustedProxies []netip.Prefix                          // whose X-Forwarded-For is believed
	Version        string
	Demo           bool          // the sign-in page tells who can sign in
	APIRate        float64       // calls a second of one API token; 0 for the default, below 0 for no limit
	StreamLook     time.Duration // after which a stream asks again who reads it; 0 for the default
}

// New assembles the console: a server with the routes of the pages and of the API. It
// fails when something that it needs is missing.
func New(cfg Config) (*transport.Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	static, err := assets()
	if err != nil {
		return nil, err
	}
	var p *pages.Pages // made below; no request comes before
	server, err := transport.New(transport.Config{
		Identity: cfg.Identity, Sessions: cfg.Sessions, Assets: static,
		ErrorPage: func(c echo.Context, f transport.Failure) error { return p.ErrorPage(c, f) },
		SignInURL: view.SignInURL(),
		Log:       cfg.Log, Now: cfg.Now, Ready: cfg.Ready, Checks: cfg.Checks, PublicURL: cfg.PublicURL,
		TrustedProxies: cfg.TrustedProxies,
		APIRate:        cfg.APIRate, StreamLook: cfg.StreamLook,
	})
	if err != nil {
		return nil, err
	}
	p = pages.New(pages.Config{
		Server: server, Changes: cfg.Changes, Rollouts: cfg.Rollouts, Organization: cfg.Organization,
		Identity: cfg.Identity, Provider: cfg.Provider, Jobs: cfg.Jobs, Now: cfg.Now, Version: cfg.Version, Demo: cfg.Demo,
	})
	p.AddRoutes()
	a, err := api.New(api.Config{
		Server: server, Changes: cfg.Changes, Rollouts: cfg.Rollouts, Organization: cfg.Organization,
		Identity: cfg.Identity, Replies: cfg.Replies,
		Description: descriptionParts, Sentence: view.FailureSentence, Log: cfg.Log, Now: cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	a.AddRoutes()
	return server, nil
}

func (c *Config) check() error {
	switch {
	case c.Changes == nil, c.Rollouts == nil, c.Organization == nil, c.Identity == nil,
		c.Sessions == nil, c.Replies == nil:
		return errors.New("web: a service is missing in the configuration")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}
