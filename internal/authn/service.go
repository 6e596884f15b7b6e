package authn

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Config sets up a Service. Zero fields take the default named with them; none may be
// negative.
type Config struct {
	Store Store
	Now   func() time.Time // time.Now
	Log   *slog.Logger     // slog.Default()

	Hash         HashParams    // DefaultHashParams()
	HashesAtOnce int           // 2
	Window       time.Duration // in which failures count: 15 minutes
	PerEmail     int           // failures within the window: 10
	PerAddr      int           // failures within the window: 50, since an office shares an address
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	c.Hash = cmp.Or(c.Hash, DefaultHashParams())
	c.HashesAtOnce = cmp.Or(c.HashesAtOnce, 2)
	c.Window = cmp.Or(c.Window, 15*time.Minute)
	c.PerEmail = cmp.Or(c.PerEmail, 10)
	c.PerAddr = cmp.Or(c.PerAddr, 50)
	return c
}

// Service signs people in and keeps their accounts and tokens.
type Service struct {
	Config
	hashSlots hashSlots
	decoy     hash

	turnedAway recently
	refusals   refusals
}

// New makes a Service.
func New(cfg Config) *Service {
	cfg = cfg.withDefaults()
	return &Service{Config: cfg, hashSlots: make(hashSlots, cfg.HashesAtOnce), decoy: decoy(cfg.Hash)}
}

// origin is where a request comes from. It goes into the actor and the audit log.
type origin struct {
	addr      netip.Addr
	userAgent string
	requestID string
}

// network is what attempts are counted by: the address, or of IPv6 the /64 that it lies
// in. That is what one customer, often one machine, has; counted singly, each of its
// addresses would be good for as many attempts again.
func (o origin) network() string {
	n := access.Network(o.addr)
	if n.IsSingleIP() {
		return n.Addr().String()
	}
	return n.String()
}

// maxUserAgent keeps a long header from filling the audit log.
const maxUserAgent = 300

func (o origin) actor(kind access.ActorKind, p access.Person) access.Actor {
	return access.Actor{
		Kind: kind, PersonID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles, Teams: p.Teams,
		Generation: p.Generation, Addr: o.addr, UserAgent: o.userAgent[:min(len(o.userAgent), maxUserAgent)], RequestID: o.requestID,
	}
}

// Actor returns the person behind a session as they are now: whoever is disabled or
// lost a role since the last request has lost it for this one. Generation is that of the
// session, as the actor had it who signed in.
func (s *Service) Actor(ctx context.Context, personID, generation int64, addr netip.Addr, userAgent, requestID string) (access.Actor, error) {
	p, err := s.personOf(ctx, personID)
	switch {
	case access.KindOf(err) == access.KindNotFound || err == nil && p.Disabled:
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Your account is no longer active. Ask an admin of the console.")
	case err == nil && p.Generation != generation:
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "This session is over: the password was changed, or somebody ended it. Sign in again.")
	case err != nil:
		return access.Actor{}, fmt.Errorf("reading the person of a session: %w", err)
	}
	return origin{addr, userAgent, requestID}.actor(access.ActorPerson, p), nil
}

// personOf reads the person of a session, unless that was done together with it.
func (s *Service) personOf(ctx context.Context, personID int64) (access.Person, error) {
	session, _ := ctx.Value(sightKey{}).(*sight)
	if p, known := session.person(personID); known {
		return p, nil
	}
	p, err := s.Store.Person(ctx, personID)
	if err == nil {
		session.belongsTo(personID)
	}
	return p, err
}

// SignOut notes in the audit log that a person ended their session.
func (s *Service) SignOut(ctx context.Context, actor access.Actor) error {
	event := access.NewAuditEvent(actor, s.Now(), "signout", personObject(actor.PersonID), nil)
	if err := s.Store.Append(ctx, event); err != nil {
		return fmt.Errorf("recording a sign-out: %w", err)
	}
	return nil
}

func personObject(id int64) string { return fmt.Sprintf("person/%d", id) }
