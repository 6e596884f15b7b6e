package server

import (
	"context"
	"fmt"

	"github.com/alexedwards/scs/v2"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/web"
	"portcullis.internal/portcullis/web/pages"
	"portcullis.internal/portcullis/web/transport"
)

// The store and the cloud are what the parts ask for.
var (
	_ authn.Store   = (*store.Store)(nil)
	_ change.Store  = (*store.Store)(nil)
	_ rollout.Store = (*store.Store)(nil)
	_ drift.Store   = (*store.Store)(nil)
	_ rollout.Cloud = (*aws.Cloud)(nil)
	_ drift.Cloud   = (*aws.Cloud)(nil)
)

type services struct {
	store    *store.Store
	identity *authn.Service
	sessions *scs.SessionManager
	changes  *change.Service
	rollouts *rollout.Service
	pusher   *rollout.Pusher
	drift    *drift.Service
}

func newServices(cfg Config, st *store.Store, cloud *aws.Cloud) services {
	engine := rollout.Config{Store: st, Cloud: cloud, Log: cfg.Log, OnRequeue: cfg.onRequeue, Probe: cfg.probe, Fault: cfg.dieAt, Now: cfg.clock}
	changes := change.New(change.Config{Store: st, Log: cfg.Log, MaxInFlight: cfg.MaxInFlight, MaxFailures: cfg.MaxFailures, SingleAdministrator: cfg.SingleAdministrator})
	return services{
		store:    st,
		identity: authn.New(authn.Config{Store: st, Log: cfg.Log, Hash: cfg.Hash}),
		sessions: authn.NewSessions(authn.SessionConfig{Store: st, Insecure: cfg.insecureCookies()}),
		changes:  changes,
		rollouts: rollout.New(engine),
		pusher:   rollout.NewPusher(engine),
		drift:    drift.New(drift.Config{Store: st, Cloud: cloud, Pusher: changes, Log: cfg.Log, Watch: cfg.scans, SingleAdministrator: cfg.SingleAdministrator}),
	}
}

// console assembles the pages and the API. What they watch ends with live.
func (s services) console(cfg Config, live context.Context) (*transport.Server, error) {
	public, err := cfg.publicURL()
	if err != nil {
		return nil, err
	}
	pages, err := queuePages(s.store, cfg.Log)
	if err != nil {
		return nil, err
	}
	provider, err := s.provider(cfg)
	if err != nil {
		return nil, err
	}
	console, err := web.New(web.Config{
		Jobs: pages, Provider: provider,
		Changes: s.changes, Rollouts: untilStopped{s.rollouts, live}, Organization: s.drift,
		Identity: s.identity, Sessions: s.sessions, Replies: s.store, APIRate: cfg.APIRate,
		Log: cfg.Log, Ready: s.ready, PublicURL: public, TrustedProxies: cfg.TrustedProxies, Version: cfg.Version, Demo: cfg.Demo,
	})
	if err != nil {
		return nil, fmt.Errorf("assembling the console: %w", err)
	}
	return console, nil
}

// provider is the identity provider; nil where there is none.
func (s services) provider(cfg Config) (pages.Provider, error) {
	oidc := cfg.oidc()
	if oidc == nil {
		return nil, nil //nolint:nilnil // to have none is no error
	}
	return authn.NewOIDC(*oidc, s.identity)
}

func (s services) ready(ctx context.Context) error { return s.store.Ping(ctx) }

// untilStopped ends streams when the server stops: a stream would otherwise delay the shutdown
// until its end.
type untilStopped struct {
	*rollout.Service
	live context.Context
}

// Watch sends a rollout whenever it changes.
func (u untilStopped) Watch(ctx context.Context, actor access.Actor, id int64) (<-chan access.Rollout, error) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(u.live, cancel)
	context.AfterFunc(ctx, func() { stop() })
	updates, err := u.Service.Watch(ctx, actor, id)
	if err != nil {
		cancel()
		return nil, err
	}
	return updates, nil
}
