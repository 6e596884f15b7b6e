package aws

import (
	"context"
	"sync"
	"sync/atomic"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"

	"portcullis.internal/portcullis/internal/access"
)

// counter counts the calls in the name of one account, and notes whether AWS answers.
type counter struct {
	calls, attempts, throttles, writes atomic.Int64
	answers                            answers
}

func (c *counter) read() access.CallCount {
	return access.CallCount{Calls: c.calls.Load(), Attempts: c.attempts.Load(), Throttles: c.throttles.Load(), Writes: c.writes.Load()}
}

// Purpose is what a call to AWS is made for.
type Purpose string

// The purposes: what rollouts read and write, and what is read of accounts and of the
// organization to know what there is.
const (
	ForRollout      Purpose = "rollout"
	ForScan         Purpose = "scan"
	ForOrganization Purpose = "organization"
)

// Purposes lists the purposes.
func Purposes() []Purpose { return []Purpose{ForRollout, ForScan, ForOrganization} }

type purposeKey struct{}

// madeFor returns the context of calls for a purpose; without one they are for a rollout.
func madeFor(ctx context.Context, p Purpose) context.Context {
	return context.WithValue(ctx, purposeKey{}, p)
}

// counts has a counter for each account, one for each purpose and one for everything.
type counts struct {
	total     counter
	byPurpose map[Purpose]*counter // never altered
	mu        sync.Mutex
	byID      map[access.AccountID]*counter
}

func newCounts() *counts {
	c := &counts{byID: map[access.AccountID]*counter{}, byPurpose: map[Purpose]*counter{}}
	for _, p := range Purposes() {
		c.byPurpose[p] = &counter{}
	}
	return c
}

// purpose is the counter of what a call is made for.
func (c *counts) purpose(ctx context.Context) *counter {
	return c.byPurpose[purposeOf(ctx)]
}

func purposeOf(ctx context.Context) Purpose {
	if p, ok := ctx.Value(purposeKey{}).(Purpose); ok {
		return p
	}
	return ForRollout
}

func (c *counts) of(id access.AccountID) *counter {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.byID[id]
	if one == nil {
		one = &counter{}
		c.byID[id] = one
	}
	return one
}

// Counts returns the calls for an account since the start, AssumeRole into it included. The empty
// id has the calls to Organizations.
func (c *Cloud) Counts(id access.AccountID) access.CallCount { return c.counts.of(id).read() }

// TotalCounts returns what was asked of AWS altogether.
func (c *Cloud) TotalCounts() access.CallCount { return c.counts.total.read() }

// CountsFor returns what was asked of AWS for a purpose.
func (c *Cloud) CountsFor(p Purpose) access.CallCount { return c.counts.byPurpose[p].read() }

// writes are the operations that change something in IAM.
var writes = map[string]bool{
	"UpdateAssumeRolePolicy": true, "PutUserPolicy": true, "DeleteUserPolicy": true,
	"CreatePolicy": true, "CreatePolicyVersion": true, "DeletePolicyVersion": true, "DeletePolicy": true, "AttachUserPolicy": true, "DetachUserPolicy": true,
}

// countCalls counts calls where they begin and attempts where they are repeated.
func (c *counts) countCalls(s *middleware.Stack) error {
	err := s.Initialize.Add(middleware.InitializeMiddlewareFunc("PortcullisCountCalls", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		here, err := placeOf(ctx)
		if err != nil {
			return middleware.InitializeOutput{}, middleware.Metadata{}, err
		}
		for _, one := range []*counter{here.counter, &c.total, c.purpose(ctx)} {
			one.calls.Add(1)
			if writes[awsmiddleware.GetOperationName(ctx)] {
				one.writes.Add(1)
			}
		}
		return next.HandleInitialize(ctx, in)
	}), middleware.After)
	if err != nil {
		return err
	}
	return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("PortcullisCountAttempts", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleFinalize(ctx, in)
		if here, lost := placeOf(ctx); lost == nil {
			here.counter.countAttempt(err)
		}
		c.total.countAttempt(err)
		c.purpose(ctx).countAttempt(err)
		return out, meta, err
	}), "Retry", middleware.After)
}

func (c *counter) countAttempt(err error) {
	c.attempts.Add(1)
	if isThrottle(err) {
		c.throttles.Add(1)
	}
}

var throttleCodes = retry.IsErrorThrottles(retry.DefaultThrottles)

func isThrottle(err error) bool {
	return err != nil && throttleCodes.IsErrorThrottle(err) == sdk.TrueTernary
}
