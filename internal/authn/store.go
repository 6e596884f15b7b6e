package authn

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Store is what the package needs of the database.
type Store interface {
	PersonByEmail(ctx context.Context, email string) (access.Person, string, error) // with the password hash
	Person(ctx context.Context, id int64) (access.Person, error)
	People(ctx context.Context) ([]access.Person, error)
	CreatePerson(ctx context.Context, p access.Person, passwordHash string, event access.AuditEvent) (access.Person, error)
	// InvitePerson adds a person with a link to choose a password, good until LinkUntil; MakeLink gives one to a person
	// in place of the password and any earlier link, and ends their sessions and tokens. PersonByLink finds the person of
	// a link that is good; UseLink stores the password that they chose, once.
	InvitePerson(ctx context.Context, p access.Person, linkHash []byte, event access.AuditEvent) (access.Person, error)
	MakeLink(ctx context.Context, personID int64, linkHash []byte, until time.Time, event access.AuditEvent) error
	PersonByLink(ctx context.Context, linkHash []byte, at time.Time) (access.Person, error)
	UseLink(ctx context.Context, linkHash []byte, at time.Time, passwordHash string, event access.AuditEvent) error

	// Groups says which people count together. Each method that creates or alters a person records the act of the
	// event's actor; the system vouches. Vouch vouches for a person, if check lets the person and the groups be.
	Groups(ctx context.Context) (access.Groups, error)
	Vouch(
		ctx context.Context, personID int64, basis access.VouchBasis, event access.AuditEvent,
		check func(access.Person, access.Groups) error,
	) (access.Person, error)

	// UpdatePerson locks a person and saves what decide leaves of name, roles, teams,
	// generation and whether they are disabled, with its events. Decide also sees everybody
	// else, the settings and the review rules. Whoever is disabled loses their tokens.
	UpdatePerson(ctx context.Context, id int64, decide func(p *access.Person, personContext access.PersonContext) ([]access.AuditEvent, error)) (access.Person, error)
	// SetPassword stores the same password in another form.
	SetPassword(ctx context.Context, personID int64, passwordHash string, event access.AuditEvent) error
	// ReplacePassword stores another password, and ends the person's sessions and any link, on request their tokens. It
	// returns the generation of the sessions that are good from now on; EndSessions does so
	// too.
	ReplacePassword(ctx context.Context, personID int64, passwordHash string, tokens bool, event access.AuditEvent) (int64, error)
	EndSessions(ctx context.Context, personID int64, tokens bool, event access.AuditEvent) (int64, error)

	// PersonByIdentity finds whom an identity provider knows as a subject; LinkIdentity ties
	// a subject to a person, each to one.
	PersonByIdentity(ctx context.Context, issuer, subject string) (access.Person, error)
	LinkIdentity(ctx context.Context, issuer, subject string, personID int64, event access.AuditEvent) error

	// TokenByHash finds a token that is neither revoked nor expired, with its person, and
	// notes its use.
	TokenByHash(ctx context.Context, hash []byte, at time.Time) (access.Token, access.Person, error)
	CreateToken(ctx context.Context, t access.Token, hash []byte, event access.AuditEvent) (access.Token, error)
	Tokens(ctx context.Context) ([]access.Token, error)
	// Settings are those at the head.
	Settings(ctx context.Context) (access.Settings, error)
	RevokeToken(ctx context.Context, id int64, at time.Time, event access.AuditEvent) error

	// CountFailures counts failed sign-ins by e-mail and by address since a time.
	CountFailures(ctx context.Context, email, addr string, since time.Time) (byEmail, byAddr int, err error)
	// RecordSignIn notes an attempt and its audit event.
	RecordSignIn(ctx context.Context, email, addr string, ok bool, at time.Time, event access.AuditEvent) error

	Append(ctx context.Context, events ...access.AuditEvent) error

	// What a session store needs, on a hash of the token. SessionFind also reads a person,
	// if one has the id; SessionTouch moves the end of a session that is there.
	SessionFind(ctx context.Context, hash []byte, personID int64) (access.Session, bool, error)
	SessionSave(ctx context.Context, hash []byte, data []byte, expiry time.Time, about access.SignedIn) error
	SessionTouch(ctx context.Context, hash []byte, expiry time.Time) error
	SessionDelete(ctx context.Context, hash []byte) error
	SessionSweep(ctx context.Context, now time.Time) error
	// Sessions lists the open sessions of a person; here is the hash of the one that asks.
	// EndSession ends one of theirs for good.
	Sessions(ctx context.Context, personID int64, here []byte) ([]access.SignedIn, error)
	EndSession(ctx context.Context, personID, id int64, event access.AuditEvent) error
}
