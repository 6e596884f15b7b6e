package aws

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/smithy-go/middleware"

	"portcullis.internal/portcullis/internal/access"
)

// limits are the paces: one of IAM for each account, because IAM counts where the
// credentials belong, and one of STS and of Organizations for the console's own account,
// because AssumeRole counts on the caller's side (docs/aws-facts.md, "IAM request rates" and
// "STS request rate"). Throttling in one account slows down that account and no other.
type limits struct {
	iamRate       float64
	sts           *pace
	organizations *pace

	mu  sync.Mutex
	iam map[access.AccountID]*pace
}

// The steady rates, in calls a second. STS takes 600 of one account; the rates of IAM are not
// published, and a push makes fewer than ten calls in an account.
const (
	steadyIAM           = 8.0
	steadySTS           = 50.0
	steadyOrganizations = 2.0
)

func newLimits(cfg Config) *limits {
	return &limits{
		iamRate: cfg.IAMRate, iam: map[access.AccountID]*pace{},
		sts: newPace(cfg.STSRate, 2, steadySTS), organizations: newPace(cfg.OrganizationsRate, 5, steadyOrganizations),
	}
}

func (l *limits) iamOf(id access.AccountID) *pace {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.iam[id]
	if p == nil {
		p = newPace(l.iamRate, 2, steadyIAM)
		l.iam[id] = p
	}
	return p
}

// Paces is how fast the console calls AWS at this moment.
type Paces struct {
	SlowedAccounts int     // whose IAM is called more slowly, since it throttled
	STS            float64 // calls a second; +Inf without a limit
	Organizations  float64
}

// Paces returns how fast AWS is called at this moment.
func (c *Cloud) Paces() Paces {
	now := time.Now()
	var p Paces
	p.STS, _ = c.limits.sts.now(now)
	p.Organizations, _ = c.limits.organizations.now(now)
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	for _, one := range c.limits.iam {
		if _, slowed := one.now(now); slowed {
			p.SlowedAccounts++
		}
	}
	return p
}

// errYielded says that a scan of an account yields to a push: while AWS throttles, each call of the
// scan would delay the push, for which a person waits.
var errYielded = access.Errorf(access.KindConflict, "The account is being pushed to while AWS throttles there; it is read afterwards.")

// yieldToPush notes the calls of pushes, and refuses those of scans where they would be in the way.
func yieldToPush(ctx context.Context, p *pace) error {
	if purposeOf(ctx) != ForScan {
		p.pushedTo(time.Now())
		return nil
	}
	if p.isNeeded(time.Now()) {
		return errYielded
	}
	return nil
}

// errBucketEmpty says that a call would have had to wait for its turn beyond its time.
var errBucketEmpty = errors.New("no turn within the time given; the limit of calls a second is reached")

// limitAttempts makes every attempt wait for its turn, before it is signed, and tells the pace
// when AWS throttled it. Without a shared pace it is that of the place.
func limitAttempts(shared *pace) func(*middleware.Stack) error {
	return func(s *middleware.Stack) error {
		return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("PortcullisLimit", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			p, err := paceOf(ctx, shared)
			if err == nil && shared == nil {
				err = yieldToPush(ctx, p)
			}
			if err == nil {
				err = turn(ctx, p)
			}
			if err == nil {
				err = stillClaimed(ctx)
			}
			if err != nil {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, err
			}
			began, ended := time.Now(), answersOf(ctx)
			out, meta, err := next.HandleFinalize(ctx, in)
			ended(err)
			if isThrottle(err) {
				p.slowDown(began, time.Now())
			} else if err == nil {
				p.accept(time.Now())
			}
			return out, meta, err
		}), "Retry", middleware.After)
	}
}

// answersOf notes that an attempt is sent at a place, and returns the function that takes its end.
func answersOf(ctx context.Context) func(error) {
	here, err := placeOf(ctx)
	if err != nil {
		return func(error) {}
	}
	return here.counter.answers.begin(ctx)
}

func paceOf(ctx context.Context, shared *pace) (*pace, error) {
	if shared != nil {
		return shared, nil
	}
	here, err := placeOf(ctx)
	if err != nil {
		return nil, err
	}
	return here.pace, nil
}

// turn waits until the pace lets an attempt through.
func turn(ctx context.Context, p *pace) error {
	now := time.Now()
	deadline, _ := ctx.Deadline()
	at, ok := p.reserve(now, deadline)
	if !ok {
		return errBucketEmpty
	}
	if !at.After(now) {
		return ctx.Err()
	}
	timer := time.NewTimer(at.Sub(now))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
