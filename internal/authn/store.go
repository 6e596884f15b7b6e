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
	// UpdatePerson locks a person and saves what decide leaves of name, roles, teams,
	// generation and whether they are disabled, with its events. Decide also sees everybody
	// else, the settings and the review rules. Whoever is disabled loses their tokens.
	UpdatePerson(ctx context.Context, id int64, decide func(p *access.Person, personContext access.PersonContext) ([]access.AuditEvent, error)) (access.Person, error)
	// SetPassword stores the same password in another form.
	SetPassword(ctx context.Context, personID int64, passwordHash string, event access.AuditEvent) error
	// ReplacePassword stores another password, which is good for choosing another until a
	// time where that is set, and ends the person's sessions, on request their tokens. It
	// returns the generation of the sessions that are good from now on; EndSessions does so
	// too.
	ReplacePassword(ctx context.Context, personID int64, passwordHash string, initialUntil time.Time, tokens bool, event access.AuditEvent) (int64, error)
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
