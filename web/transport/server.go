package transport

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

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

// Identity is what the server needs of the sign-in service. Each call re-reads the
// person, so that a disabled person or a lost role counts at once.
type Identity interface {
	Actor(ctx context.Context, personID, generation int64, addr netip.Addr, userAgent, requestID string) (access.Actor, error)
	TokenActor(ctx context.Context, secret string, addr netip.Addr, userAgent, requestID string) (access.Actor, error)
	NoteRefusal(ctx context.Context, actor access.Actor, r authn.Refusal) error
}

// Config is what a server is made of.
type Config struct {
	Identity Identity
	Sessions *scs.SessionManager
	Assets   *Assets

	ErrorPage func(c echo.Context, f Failure) error // answers a browser; plain text where it is nil
	SignInURL string                                // where people sign in

	Log            *slog.Logger
	Now            func() time.Time              // time.Now unless a test says otherwise
	Ready          func(context.Context) error   // what /readyz asks; nil means always ready
	Checks         func(context.Context) []Check // the lines of /readyz?verbose; nil means none
	PublicURL      *url.URL                      // where browsers find the console; nil when it is not known
	TrustedProxies []netip.Prefix                // whose X-Forwarded-For is believed
	APIRate        float64                       // calls a second of one API token; 0: the default, below 0: no limit
	StreamLook     time.Duration                 // after which a stream asks again who reads it; 0 for the default
}

// Server answers requests by its route table. It is safe for concurrent use once all
// routes are added.
type Server struct {
	cfg    Config
	echo   *echo.Echo
	origin *http.CrossOriginProtection
	pace   pacers
	routes []Route

	looks     looks
	streams   openStreams
	downloads concurrencyLimit
}

// New makes a server that answers for its health and its assets.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, echo: echo.New(), origin: http.NewCrossOriginProtection(),
		pace: newPacers(cfg.APIRate), downloads: make(concurrencyLimit, downloadsAtOnce),
	}
	if cfg.PublicURL != nil {
		if err := s.origin.AddTrustedOrigin(cfg.PublicURL.Scheme + "://" + cfg.PublicURL.Host); err != nil {
			return nil, err
		}
	}
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.IPExtractor = ipExtractor(cfg.TrustedProxies)
	s.echo.Use(s.requestID, s.logRequest, s.recoverPanic, s.secure, s.pack, s.knownHost)
	s.Open("/healthz", s.healthz)
	s.Open("/readyz", s.readyz)
	s.Open("/assets/:hash/*", s.serveAsset)
	s.echo.RouteNotFound("/*", s.notFound, s.session)
	return s, nil
}

// Handler returns the server as a plain handler.
func (s *Server) Handler() http.Handler { return s.echo }

func (c *Config) check() error {
	if c.Identity == nil || c.Sessions == nil || c.Assets == nil {
		return errors.New("web/transport: sign-in, sessions or assets are missing in the configuration")
	}
	if c.ErrorPage == nil {
		c.ErrorPage = plainError
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
	c.SignInURL = cmp.Or(c.SignInURL, home)
	c.StreamLook = cmp.Or(c.StreamLook, streamLook)
	return nil
}

// HTTPS reports whether browsers reach the console over TLS.
func (s *Server) HTTPS() bool { return s.cfg.PublicURL != nil && s.cfg.PublicURL.Scheme == "https" }

// Absolute is the address of a path of the console as the browser of a request has to write it.
func (s *Server) Absolute(c echo.Context, path string) string {
	if s.cfg.PublicURL != nil {
		return s.cfg.PublicURL.Scheme + "://" + s.cfg.PublicURL.Host + path
	}
	return c.Scheme() + "://" + c.Request().Host + path
}

// AssetsURL is the address below which the assets of this program are.
func (s *Server) AssetsURL() string { return s.cfg.Assets.prefix }

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
