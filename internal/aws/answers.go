package aws

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"portcullis.internal/portcullis/internal/access"
)

const (
	// slowAnswer is how long an attempt may last before AWS counts as silent.
	slowAnswer = 4 * time.Second
	// forgetSilence is how long after the last failed attempt a new attempt starts a new silence.
	forgetSilence = time.Minute
)

// answers notes whether AWS answers the attempts of calls in the name of one account. Throttling and a refusal are
// answers. A status of 500 or more and a lost connection are not.
type answers struct {
	mu      sync.Mutex
	next    int
	pending map[int]time.Time // when each attempt in flight was sent
	since   time.Time         // when the first of the attempts without an answer was sent; zero while AWS answers
	last    time.Time         // when the last of them failed
	cause   string
}

// begin notes that an attempt is sent, and returns the function that takes its end.
func (a *answers) begin(ctx context.Context) func(error) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.pending) == 0 && now.Sub(a.last) > forgetSilence {
		a.since = time.Time{}
	}
	if a.pending == nil {
		a.pending = map[int]time.Time{}
	}
	n := a.next
	a.next++
	a.pending[n] = now
	return func(err error) { a.end(ctx, n, err) }
}

func (a *answers) end(ctx context.Context, n int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	began := a.pending[n]
	delete(a.pending, n)
	switch {
	case err == nil || access.CloudClassOf(classify(call{}, err)) != access.CloudUnreachable:
		a.since = time.Time{}
	case errors.Is(ctx.Err(), context.Canceled): // the console broke the call off
	default:
		if a.since.IsZero() || began.Before(a.since) {
			a.since = began
		}
		a.last, a.cause = time.Now(), silenceCause(err)
	}
}

// silenceCause says in a few words how an answer was missing.
func silenceCause(err error) string {
	var e *access.CloudError
	errors.As(classify(call{}, err), &e)
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= 500 {
		return fmt.Sprintf("HTTP status %d, %s", response.HTTPStatusCode(), e.Code)
	}
	return e.Message
}

// silence says since when AWS does not answer; the zero value if it does.
func (a *answers) silence(now time.Time) access.Silence {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := access.Silence{Since: a.since, Cause: a.cause}
	for _, began := range a.pending {
		if now.Sub(began) > slowAnswer && (s.Since.IsZero() || began.Before(s.Since)) {
			s = access.Silence{Since: began, Cause: "no answer yet"}
		}
	}
	return s
}

// Silence says since when AWS does not answer the calls for an account; the zero value if it does.
func (c *Cloud) Silence(id access.AccountID) access.Silence {
	return c.counts.of(id).answers.silence(time.Now())
}
