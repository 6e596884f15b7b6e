package aws

import (
	"math/rand/v2"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// newRetryer repeats what the SDK repeats, and besides ConcurrentModification, which the
// SDK does not know as passing (docs/aws-facts.md, "Retries of the SDK"), and calls whose answer was
// broken off. The attempts alone are the limit: the SDK's quota of retries is per client, and there is
// a client per account.
func newRetryer(cfg Config) sdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = throttledShare * cfg.MaxAttempts
		o.Backoff = backoffFor(cfg.MaxAttempts, fullJitter(cfg.BackoffBase, cfg.BackoffCap), fullJitter(cfg.BackoffBase, min(cfg.BackoffCap, throttledCap)))
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{"ConcurrentModification": {}}}, retry.IsErrorRetryableFunc(brokenOffAgain))
	})
}

// brokenOffAgain repeats a call whose answer was broken off, as the SDK does where there was
// no answer at all.
func brokenOffAgain(err error) sdk.Ternary {
	if brokenOff(err) {
		return sdk.TrueTernary
	}
	return sdk.UnknownTernary
}

// throttledCap bounds the wait after throttling. The pace slows down all calls to the place, so a
// longer wait of one call would only waste its turn. It is about one turn at the steady rate of IAM.
const throttledCap = 150 * time.Millisecond

// throttledShare is how many times more often a call is repeated that AWS throttles: it
// is certain that nothing has happened, and what was read before stays read.
const throttledShare = 3

// backoffFor gives up on others than throttling, with their own error, after so many
// attempts.
func backoffFor(attempts int, others, throttling retry.BackoffDelayerFunc) retry.BackoffDelayerFunc {
	return func(attempt int, err error) (time.Duration, error) {
		if isThrottle(err) {
			return throttling(attempt, err)
		}
		if attempt >= attempts {
			return 0, err
		}
		return others(attempt, err)
	}
}

// fullJitter waits a random time up to the base, doubled with each attempt.
func fullJitter(base, most time.Duration) retry.BackoffDelayerFunc {
	return func(attempt int, _ error) (time.Duration, error) {
		ceiling := most
		if attempt < 30 {
			ceiling = min(most, base<<max(attempt-1, 0))
		}
		return rand.N(ceiling + 1), nil
	}
}
