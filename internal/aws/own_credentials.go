package aws

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"portcullis.internal/portcullis/internal/access"
)

// ownCredentials notes whether STS accepts the console's own credentials. Each AssumeRole and each GetCallerIdentity
// that is signed with them tells. An answer to an older request than the newest that told does not count.
type ownCredentials struct {
	provider sdk.CredentialsProvider

	mu     sync.Mutex
	newest time.Time // when the request was sent whose answer counts
	since  time.Time // zero while the credentials are accepted
	why    *access.CloudError
}

// noCredentialsError says that the console has no credentials to sign with.
type noCredentialsError struct{ err error }

func (e *noCredentialsError) Error() string { return e.err.Error() }

func (e *noCredentialsError) Unwrap() error { return e.err }

// Retrieve implements sdk.CredentialsProvider.
func (o *ownCredentials) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	if o.provider == nil {
		return sdk.Credentials{}, &noCredentialsError{errors.New("no credentials are configured")}
	}
	c, err := o.provider.Retrieve(ctx)
	if err != nil {
		return c, &noCredentialsError{err}
	}
	return c, nil
}

// forget makes the next call fetch the credentials again, if their source renews them.
func (o *ownCredentials) forget() {
	if cache, ok := o.provider.(*sdk.CredentialsCache); ok {
		cache.Invalidate()
	}
}

// watch is a middleware that notes of each attempt whether the credentials were accepted.
func (o *ownCredentials) watch(s *middleware.Stack) error {
	return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("PortcullisOwnCredentials",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			began := time.Now()
			out, meta, err := next.HandleFinalize(ctx, in)
			o.note(began, err)
			return out, meta, err
		}), "PortcullisLimit", middleware.After)
}

// note takes the answer to a request that was sent at a time. Throttling, and an answer that is missing, tell nothing.
func (o *ownCredentials) note(began time.Time, err error) {
	var api smithy.APIError
	refusal := ownRefusal(err)
	accepted := err == nil ||
		refusal == nil && errors.As(err, &api) && classOf(api, err) != access.CloudUnreachable && !isThrottle(err)
	if refusal == nil && !accepted {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if began.Before(o.newest) {
		return
	}
	o.newest = began
	switch {
	case accepted:
		o.since, o.why = time.Time{}, nil
	case o.since.IsZero():
		o.since, o.why = time.Now(), refusal
	default:
		o.why = refusal
	}
}

// ownRefusal returns the refusal of the console's own credentials; nil if the error is something else.
func ownRefusal(err error) *access.CloudError {
	var e *access.CloudError
	if errors.As(classify(call{"", "sts:GetCallerIdentity", "the console"}, err), &e) &&
		e.Class == access.CloudCredentials {
		return e
	}
	return nil
}

// CredentialsRefused says since when STS refuses the console's own credentials, and why. The error is nil while STS
// accepts them, and before the first answer.
func (c *Cloud) CredentialsRefused() (since time.Time, why error) {
	c.own.mu.Lock()
	defer c.own.mu.Unlock()
	if c.own.why == nil {
		return time.Time{}, nil
	}
	return c.own.since, c.own.why
}

// Identity asks STS who the console is. It needs no permission. If the credentials were refused before, they are
// fetched again first.
func (c *Cloud) Identity(ctx context.Context) (access.CallerIdentity, error) {
	if _, why := c.CredentialsRefused(); why != nil {
		c.own.forget()
	}
	who, err := c.clients.sts.GetCallerIdentity(c.atOrganization(ctx), &sts.GetCallerIdentityInput{})
	if err != nil {
		return access.CallerIdentity{}, classify(call{"", "sts:GetCallerIdentity", "the console"}, err)
	}
	return access.CallerIdentity{Account: access.AccountID(sdk.ToString(who.Account)), ARN: sdk.ToString(who.Arn)}, nil
}

// ReadableOrganization returns the organization of the console's credentials. The error says why the console cannot
// list its accounts; the id is known all the same if only the list is refused.
func (c *Cloud) ReadableOrganization(ctx context.Context) (string, error) {
	id, err := c.OrganizationID(ctx)
	if err != nil {
		return "", err
	}
	_, err = c.clients.organizations.ListAccounts(c.atOrganization(ctx),
		&organizations.ListAccountsInput{MaxResults: sdk.Int32(1)})
	if err != nil {
		return id, classifyOrg("ListAccounts", "", err)
	}
	return id, nil
}

// LacksExternalID reports whether the console assumes deployment roles in AWS itself without an external id. A sandbox
// or an emulator needs none.
func (c *Cloud) LacksExternalID() bool { return c.cfg.ExternalID == "" && isAWS(c.endpoint) }

// isAWS reports whether an endpoint belongs to AWS: none is set, or it is one of its hosts, such as a VPC endpoint.
func isAWS(endpoint string) bool {
	if endpoint == "" {
		return true
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"} {
		if strings.HasSuffix(u.Hostname(), domain) {
			return true
		}
	}
	return false
}

// withOwn reports whether a call is signed with the console's own credentials.
func (c call) withOwn() bool {
	return c.action == "sts:AssumeRole" || strings.HasPrefix(c.action, "organizations:") ||
		c.action == "sts:GetCallerIdentity" && c.account == ""
}

// noCredentials describes an error of the source of the console's credentials.
func noCredentials(err error) (access.CloudClass, string, string) {
	return access.CloudCredentials, "NoCredentials", fmt.Sprintf("the console has no AWS credentials: %s", root(err))
}
