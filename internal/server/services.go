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
	cloud    *aws.Cloud
	identity *authn.Service
	sessions *scs.SessionManager
	changes  *change.Service
	rollouts *rollout.Service
	pusher   *rollout.Pusher
	drift    *drift.Service
}

func newServices(cfg Config, st *store.Store, cloud *aws.Cloud) services {
	engine := rollout.Config{
		Store: st, Cloud: cloud, Log: cfg.Log, OnRequeue: cfg.onRequeue, Probe: cfg.probe, Fault: cfg.dieAt, Now: cfg.clock,
		Replica: cfg.replica, DeployRole: cfg.Cloud.DeployRole,
	}
	watched := drift.Config{
		Store: st, Cloud: cloud, Log: cfg.Log, Watch: cfg.scans, Replica: cfg.replica,
		SingleAdministrator: cfg.SingleAdministrator,
	}
	if cloud != nil {
		refused := func() error { _, why := cloud.CredentialsRefused(); return why }
		engine.Silence, engine.CredentialsRefused = cloud.Silence, refused
		watched.CredentialsRefused, watched.LacksExternalID = refused, cloud.LacksExternalID()
	}
	changes := change.New(change.Config{
		Store: st, Log: cfg.Log, MaxInFlight: cfg.MaxInFlight, MaxFailures: cfg.MaxFailures,
		DeployRole: cfg.Cloud.DeployRole, SingleAdministrator: cfg.SingleAdministrator,
	})
	watched.Pusher = changes
	return services{
		store:    st,
		cloud:    cloud,
		identity: authn.New(authn.Config{Store: st, Log: cfg.Log, Hash: cfg.Hash}),
		sessions: authn.NewSessions(authn.SessionConfig{Store: st, Insecure: cfg.insecureCookies()}),
		changes:  changes,
		rollouts: rollout.New(engine),
		pusher:   rollout.NewPusher(engine),
		drift:    drift.New(watched),
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
	provider, err := s.provider(cfg, live)
	if err != nil {
		return nil, err
	}
	console, err := web.New(web.Config{
		Jobs: pages, Provider: provider,
		Changes: s.changes, Rollouts: untilStopped{s.rollouts, live}, Organization: s.drift,
		Identity: s.identity, Sessions: s.sessions, Replies: s.store, APIRate: cfg.APIRate,
		Log: cfg.Log, Ready: s.ready, Checks: s.checks, PublicURL: public,
		TrustedProxies: cfg.TrustedProxies, Version: cfg.Version, Demo: cfg.Demo,
	})
	if err != nil {
		return nil, fmt.Errorf("assembling the console: %w", err)
	}
	return console, nil
}

// provider sets up the identity provider, if one is set. It checks the issuer in the background, so
// that the console starts without the provider.
func (s services) provider(cfg Config, live context.Context) (pages.Provider, error) {
	oidc := cfg.oidc()
	if oidc == nil {
		return nil, nil //nolint:nilnil // to have none is no error
	}
	provider, err := authn.NewOIDC(*oidc, s.identity)
	if err != nil {
		return nil, err
	}
	go provider.CheckIssuer(live)
	return provider, nil
}

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
