package web

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"
)

// Config is what the console is made of.
type Config struct {
	Changes      Changes
	Rollouts     Rollouts
	Organization Organization
	Identity     Identity
	Provider     Provider // an identity provider; nil without one
	Sessions     *scs.SessionManager
	Replies      Replies
	Jobs         http.Handler // the job queue's own pages; nil for none

	Log            *slog.Logger
	Now            func() time.Time            // time.Now unless a test says otherwise
	Ready          func(context.Context) error // what /readyz asks; nil means always ready
	PublicURL      *url.URL                    // where browsers find the console; nil when it is not known
	TrustedProxies []netip.Prefix              // whose X-Forwarded-For is believed
	Version        string
	Demo           bool          // the sign-in page tells who can sign in
	APIRate        float64       // calls a second of one API token; 0 for the default, below 0 for no limit
	StreamLook     time.Duration // after which a stream asks again who reads it; 0 for the default
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	cfg    Config
	echo   *echo.Echo
	assets *assets
	origin *http.CrossOriginProtection
	pace   pacers
	routes []Route

	looks     looks
	downloads turnstile

	description []byte // of the API
}

// New assembles the console. It fails when something that it needs is missing.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	static, err := embedded()
	if err != nil {
		return nil, err
	}
	description, err := describeAPI()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, downloads: make(turnstile, downloadsAtOnce), description: description, echo: echo.New(), assets: static, origin: http.NewCrossOriginProtection(), pace: newPacers(cfg.APIRate)}
	if cfg.PublicURL != nil {
		if err := s.origin.AddTrustedOrigin(cfg.PublicURL.Scheme + "://" + cfg.PublicURL.Host); err != nil {
			return nil, err
		}
	}
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.IPExtractor = ipExtractor(cfg.TrustedProxies)
	s.echo.Use(s.requestID, s.logRequest, s.recoverPanic, s.secure, s.pack)
	s.addRoutes()
	return s, nil
}

// Handler returns the console as a plain handler.
func (s *Server) Handler() http.Handler { return s.echo }

func (c *Config) check() error {
	switch {
	case c.Changes == nil, c.Rollouts == nil, c.Organization == nil, c.Identity == nil, c.Sessions == nil, c.Replies == nil:
		return errors.New("web: a service is missing in the configuration")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	c.StreamLook = cmp.Or(c.StreamLook, streamLook)
	return nil
}

// https reports whether browsers reach the console over TLS.
func (c *Config) https() bool { return c.PublicURL != nil && c.PublicURL.Scheme == "https" }

func ipExtractor(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(prefixNet(p)))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
