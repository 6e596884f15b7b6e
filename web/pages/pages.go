package pages

import (
	"net/http"
	"time"

	"portcullis.internal/portcullis/web/transport"

	"github.com/labstack/echo/v4"
)

// Config is what the pages are made of.
type Config struct {
	Server       *transport.Server
	Changes      Changes
	Rollouts     Rollouts
	Organization Organization
	Identity     Identity
	Provider     Provider     // an identity provider; nil without one
	Jobs         http.Handler // the job queue's own pages; nil for none

	Now     func() time.Time
	Version string
	Demo    bool // the sign-in page tells who can sign in
}

// Pages are the console's pages and forms.
type Pages struct {
	site  *site
	nouns []interface{ routes() }
}

// New makes the pages.
func New(cfg Config) *Pages {
	s := &site{Server: cfg.Server, now: cfg.Now, version: cfg.Version, demo: cfg.Demo, ous: cfg.Changes}
	return &Pages{site: s, nouns: []interface{ routes() }{
		&signInPages{s, cfg.Identity, cfg.Identity, cfg.Provider},
		&overviewPage{s, cfg.Changes, cfg.Rollouts, cfg.Organization, cfg.Organization},
		&allowlistPages{s, cfg.Changes, cfg.Changes},
		&mappingPages{s, cfg.Changes},
		&explainPage{s, cfg.Changes},
		&changePages{
			site: s, reader: cfg.Changes, editor: cfg.Changes, reviewer: cfg.Changes, scheduler: cfg.Changes,
			allowlists: cfg.Changes, strategies: cfg.Changes,
		},
		&strategyPages{s, cfg.Changes},
		&historyPages{s, cfg.Changes},
		&settingsPages{s, cfg.Changes},
		&rolloutPages{s, cfg.Rollouts, cfg.Rollouts, cfg.Changes},
		&targetPages{s, cfg.Rollouts, cfg.Changes},
		&accountPages{s, cfg.Changes, cfg.Organization},
		&organizationPages{s, cfg.Organization, cfg.Organization},
		&findingPages{s, cfg.Organization},
		&auditPages{s, cfg.Changes},
		&scenarioPages{s, cfg.Changes},
		&tokenPages{s, cfg.Identity},
		&peoplePages{s, cfg.Identity, cfg.Identity, cfg.Provider != nil},
		&profilePages{s, cfg.Identity, cfg.Identity},
		&jobPages{s, cfg.Jobs},
	}}
}

// AddRoutes adds every page and form to the server's route table.
func (p *Pages) AddRoutes() {
	for _, n := range p.nouns {
		n.routes()
	}
}

// ErrorPage answers a browser with a page that says what went wrong.
func (p *Pages) ErrorPage(c echo.Context, f transport.Failure) error { return p.site.errorPage(c, f) }

// site is what all pages share: the server, and what surrounds a page.
type site struct {
	*transport.Server
	now     func() time.Time
	version string
	demo    bool
	ous     OUReader
}
