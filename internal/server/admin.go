package server

import (
	"context"
	"log/slog"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/store"
)

// Admin is the console's data for the command line: whoever can reach the database may
// do everything, and the audit log says that the command line did it.
type Admin struct {
	store    *store.Store
	identity *authn.Service

	organization *drift.Service

	database Database
	log      *slog.Logger
	started  stack
}

// commandLine is the actor of what is done by a command.
func commandLine() access.Actor { return access.System("command-line") }

// OpenAdmin opens the database that the command line works on.
func OpenAdmin(ctx context.Context, d Database, log *slog.Logger) (*Admin, error) {
	d.MaxConns = 2
	a := &Admin{database: d, log: log}
	st, err := openDatabase(ctx, d, log, &a.started)
	if err != nil {
		_ = a.started.stop(context.WithoutCancel(ctx)) // the reason why it could not be opened says more
		return nil, err
	}
	a.store, a.identity = st, authn.New(authn.Config{Store: st, Log: log})
	a.organization = drift.New(drift.Config{Store: st, Log: log})
	return a, nil
}

// Close closes the database.
func (a *Admin) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return a.started.stop(ctx)
}

// NewPerson has the data of a new person.
type NewPerson = authn.NewPerson

// OIDC says which identity provider signs people in.
type OIDC = authn.OIDCConfig

// ParseGrant reads what a group of the identity provider gives.
func ParseGrant(s string) (authn.Grant, error) { return authn.ParseGrant(s) }

// ParseEmailTrust reads which e-mail addresses of the identity provider count as verified.
func ParseEmailTrust(s string) (authn.EmailTrust, error) { return authn.ParseEmailTrust(s) }

// ParseLink reads which claim of the identity provider finds a person at their first sign-in.
func ParseLink(s string) (string, error) { return authn.ParseLink(s) }

// Place is what a person is in the console.
type Place = authn.Place

// AddPerson adds a local account.
func (a *Admin) AddPerson(ctx context.Context, p NewPerson) (access.Person, error) {
	return a.identity.AddPerson(ctx, commandLine(), p)
}

// SetPlace changes a person's roles, teams and whether they are disabled, by what change makes of
// them. confirm is their e-mail address, which the settings may require.
func (a *Admin) SetPlace(ctx context.Context, email, confirm string, change func(*Place)) (access.Person, error) {
	p, err := a.identity.PersonByEmail(ctx, commandLine(), email)
	if err != nil {
		return access.Person{}, err
	}
	place := Place{Roles: p.Roles, Teams: p.Teams, Disabled: p.Disabled}
	change(&place)
	return a.identity.SetPlace(ctx, commandLine(), p.ID, place, authn.PersonChange{Confirm: confirm})
}

// SetPassword gives a person a new password and ends their sessions and, unless they are
// to be kept, their tokens.
func (a *Admin) SetPassword(ctx context.Context, email, password string, keepTokens bool) error {
	p, err := a.identity.PersonByEmail(ctx, commandLine(), email)
	if err != nil {
		return err
	}
	_, err = a.identity.ChangePassword(ctx, commandLine(), p.ID, authn.NewPassword{New: password, KeepTokens: keepTokens})
	return err
}

// Vouch vouches for a person: the operator of the server needs no second person.
func (a *Admin) Vouch(ctx context.Context, email string) (access.Person, error) {
	p, err := a.identity.PersonByEmail(ctx, commandLine(), email)
	if err != nil {
		return access.Person{}, err
	}
	return a.identity.Vouch(ctx, commandLine(), p.ID, "")
}

// People lists everybody with an account.
func (a *Admin) People(ctx context.Context) ([]access.Person, error) {
	return a.identity.People(ctx, commandLine())
}

// NewToken has the data of a new API token.
type NewToken = authn.NewToken

// CreateToken makes an API token for a person, and returns its secret.
func (a *Admin) CreateToken(ctx context.Context, email string, n NewToken) (access.Token, string, error) {
	p, err := a.identity.PersonByEmail(ctx, commandLine(), email)
	if err != nil {
		return access.Token{}, "", err
	}
	return a.identity.CreateToken(ctx, commandLine(), p.ID, n)
}

// Tokens lists all API tokens, without their secrets.
func (a *Admin) Tokens(ctx context.Context) ([]access.Token, error) {
	return a.identity.Tokens(ctx, commandLine())
}

// RevokeToken ends an API token for good.
func (a *Admin) RevokeToken(ctx context.Context, id int64) error {
	return a.identity.RevokeToken(ctx, commandLine(), id)
}

// AcceptSync accepts what the last sync asks to confirm: another organization by its id, or vanished accounts by the
// digest of their list. The operator of the server needs no second person.
func (a *Admin) AcceptSync(ctx context.Context, reference string) (access.SyncConfirmation, error) {
	return a.organization.AcceptSync(ctx, commandLine(), reference)
}
