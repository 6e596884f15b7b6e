package aws

import (
	"context"
	"errors"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// place is where a call is made: whom it is counted for, how fast it may come, and with
// whose credentials. It travels in the context, so that one client of each service does
// for all accounts: a client weighs several kilobytes, and there may be ten thousand
// accounts.
type place struct {
	counter     *counter
	pace        *pace
	credentials sdk.CredentialsProvider
}

type placeKey struct{}

// at returns the context of calls that are made at a place.
func at(ctx context.Context, p *place) context.Context {
	return context.WithValue(ctx, placeKey{}, p)
}

func placeOf(ctx context.Context) (*place, error) {
	p, ok := ctx.Value(placeKey{}).(*place)
	if !ok {
		return nil, errors.New("a call to AWS that belongs to no account")
	}
	return p, nil
}

type claimKey struct{}

// whileClaimed returns a context for calls that are made only while held reports no error.
func whileClaimed(ctx context.Context, held func() error) context.Context {
	if held == nil {
		return ctx
	}
	return context.WithValue(ctx, claimKey{}, held)
}

// stillClaimed checks the claim before each attempt. The context is not enough: after a freeze of
// the process it ends late.
func stillClaimed(ctx context.Context) error {
	if held, ok := ctx.Value(claimKey{}).(func() error); ok {
		return held()
	}
	return nil
}

// clients are the clients of all accounts.
type clients struct {
	iam           *iam.Client
	sts           *sts.Client
	identity      *sts.Client // with credentials of a member account, at its pace
	organizations *organizations.Client
}

func newClients(base sdk.Config, own *ownCredentials, c *counts, l *limits, t BeginSpan) clients {
	lazy := base.Copy()
	lazy.Credentials = placed{}
	return clients{
		iam: iam.NewFromConfig(lazy, func(o *iam.Options) {
			o.APIOptions = append(o.APIOptions, c.countCalls, traceCalls(t), limitAttempts(nil))
		}),
		sts: sts.NewFromConfig(base, func(o *sts.Options) {
			o.APIOptions = append(o.APIOptions, c.countCalls, traceCalls(t), limitAttempts(l.sts), own.watch)
		}),
		identity: sts.NewFromConfig(lazy, func(o *sts.Options) {
			o.APIOptions = append(o.APIOptions, c.countCalls, traceCalls(t), limitAttempts(nil))
		}),
		organizations: organizations.NewFromConfig(base, func(o *organizations.Options) {
			o.APIOptions = append(o.APIOptions, c.countCalls, traceCalls(t), limitAttempts(l.organizations))
		}),
	}
}

// placed are the credentials of whatever place a call is made at.
type placed struct{}

// Retrieve returns the credentials of the place.
func (placed) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	p, err := placeOf(ctx)
	if err != nil {
		return sdk.Credentials{}, err
	}
	return p.credentials.Retrieve(ctx)
}
