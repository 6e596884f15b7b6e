package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// If AWS refuses the console's own credentials, this says nothing about the account of a push. The push ends at once
// and gives its target back, and this replica claims no more targets until AWS accepts the credentials. Other replicas
// go on.

// credentialsError is the cancellation cause of a push whose call AWS refused because of the console's own credentials.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }

func (e *credentialsError) Unwrap() error { return e.err }

// watchedCloud is AWS as one push reaches it. It tells which accounts the push asks, and cancels the push if AWS
// refuses the console's own credentials.
type watchedCloud struct {
	Cloud
	asks   func(access.AccountID)
	cancel context.CancelCauseFunc
}

// Read implements Cloud.
func (c watchedCloud) Read(
	ctx context.Context, scope access.Scope, resources []access.Resource,
) ([]access.LiveDocument, error) {
	c.asks(scope.Account.ID)
	docs, err := c.Cloud.Read(ctx, scope, resources)
	c.check(err)
	return docs, err
}

// Write implements Cloud.
func (c watchedCloud) Write(ctx context.Context, scope access.Scope, w access.Write) error {
	c.asks(scope.Account.ID)
	err := c.Cloud.Write(ctx, scope, w)
	c.check(err)
	return err
}

func (c watchedCloud) check(err error) {
	if err != nil && access.CloudClassOf(err) == access.CloudCredentials {
		c.cancel(&credentialsError{err})
	}
}

// offerAgain is how long a job waits that a replica cannot work on, so that another replica may fetch it.
const offerAgain = time.Second

// unusable returns an error that snoozes a job while AWS refuses the console's own credentials on this replica.
func (c Config) unusable() error {
	if err := c.CredentialsRefused(); err != nil {
		return &SnoozeError{After: offerAgain, Err: err}
	}
	return nil
}

// giveBack lets any replica claim the target of a push that AWS refused because of the console's own credentials. A
// target without intended writes waits again. Of any other target the lease ends at once, and it is requeued.
func (p *Pusher) giveBack(ctx context.Context, u *push) error {
	calls := u.callsMade()
	err := p.cfg.Store.ReleaseClaim(ctx, u.claim, calls)
	if errors.Is(err, ErrClaimLost) {
		err = p.cfg.Store.SnoozeClaim(ctx, u.claim, 0, calls)
	}
	if err != nil && !errors.Is(err, ErrClaimLost) {
		return fmt.Errorf("giving back account %s of rollout %d: %w", u.claim.Target.Account, u.claim.Rollout.ID, err)
	}
	return nil
}
