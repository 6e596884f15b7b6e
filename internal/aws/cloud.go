package aws

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"

	"portcullis.internal/portcullis/internal/access"
)

// Config says how AWS is reached. The zero value reads everything from the environment, as the SDK
// does everywhere, and uses the rates below. A field may be negative only if its comment gives that
// a meaning.
type Config struct {
	Region          string // empty: the SDK's own chain (AWS_REGION, profile)
	Endpoint        string // empty: AWS itself, or AWS_ENDPOINT_URL
	AccessKeyID     string // empty: the SDK's own chain
	SecretAccessKey string

	DeployRole string // name, or path and name; DefaultDeployRole when empty
	ExternalID string // what the deployment roles demand; empty for none
	Partition  string // of accounts that do not say themselves; "aws" when empty

	// Calls a second: IAM per account, STS and Organizations in the console's own
	// account. 0 is the default, a negative number no limit.
	IAMRate           float64
	STSRate           float64
	OrganizationsRate float64

	MaxAttempts int           // of one call; DefaultMaxAttempts when 0
	BackoffBase time.Duration // the first wait is up to so long; DefaultBackoffBase when 0
	BackoffCap  time.Duration // no wait is longer; DefaultBackoffCap when 0
	HTTPTimeout time.Duration // of one attempt; DefaultHTTPTimeout when 0
	Log         *slog.Logger  // nil: no log
	Trace       BeginSpan     // nil: nothing is traced
}

// The defaults of Config. For the rates see docs/aws-facts.md, "IAM request rates" and "STS request rate".
const (
	DefaultDeployRole        = "PortcullisDeploy"
	DefaultIAMRate           = 10
	DefaultSTSRate           = 100
	DefaultOrganizationsRate = 20
	DefaultMaxAttempts       = 8
	DefaultBackoffBase       = 500 * time.Millisecond
	DefaultBackoffCap        = 20 * time.Second
	DefaultHTTPTimeout       = 30 * time.Second
)

func (c Config) withDefaults() Config {
	c.DeployRole = cmp.Or(c.DeployRole, DefaultDeployRole)
	c.Partition = cmp.Or(c.Partition, "aws")
	c.IAMRate = cmp.Or(c.IAMRate, DefaultIAMRate)
	c.STSRate = cmp.Or(c.STSRate, DefaultSTSRate)
	c.OrganizationsRate = cmp.Or(c.OrganizationsRate, DefaultOrganizationsRate)
	c.MaxAttempts = cmp.Or(c.MaxAttempts, DefaultMaxAttempts)
	c.BackoffBase = cmp.Or(c.BackoffBase, DefaultBackoffBase)
	c.BackoffCap = cmp.Or(c.BackoffCap, DefaultBackoffCap)
	c.HTTPTimeout = cmp.Or(c.HTTPTimeout, DefaultHTTPTimeout)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// Cloud is AWS as the console uses it. It is safe for concurrent use.
type Cloud struct {
	cfg      Config
	role     access.RoleName
	clients  clients
	own      *ownCredentials
	endpoint string // of AWS; empty for its own
	limits   *limits
	counts   *counts
	sessions *sessionCache
	sizes    *sizes
}

// New loads the SDK's configuration, once. It does not talk to AWS.
func New(ctx context.Context, cfg Config) (*Cloud, error) {
	cfg = cfg.withDefaults()
	role, err := access.ParseRoleName(cfg.DeployRole)
	if err != nil {
		return nil, access.Wrap(access.KindInvalid, err, "The deployment role %q is not a role's name. Set PORTCULLIS_DEPLOY_ROLE to a name, with its path before it if it has one.", cfg.DeployRole)
	}
	base, err := config.LoadDefaultConfig(ctx, loadOptions(cfg)...)
	if err != nil {
		return nil, access.Wrap(access.KindInvalid, err, "The AWS configuration could not be loaded. Check AWS_PROFILE and the files in ~/.aws.")
	}
	if base.Region == "" && cfg.Endpoint != "" {
		base.Region = "us-east-1" // an endpoint of one's own has no regions; the signature needs one
	}
	if base.Region == "" {
		return nil, access.Errorf(access.KindInvalid, "No AWS region is set. Set AWS_REGION to the region whose STS the console shall use, for example eu-west-1.")
	}
	base.HTTPClient = plain(base.HTTPClient)
	own := &ownCredentials{provider: base.Credentials}
	base.Credentials = own
	counts, limits := newCounts(), newLimits(cfg)
	return &Cloud{
		cfg: cfg, role: role, clients: newClients(base, own, counts, limits, cfg.Trace),
		own: own, endpoint: sdk.ToString(base.BaseEndpoint),
		limits: limits, counts: counts, sessions: newSessionCache(), sizes: newSizes(),
	}, nil
}

func loadOptions(cfg Config) []func(*config.LoadOptions) error {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(httpClient(cfg)),
		config.WithLogger(sdkLog(cfg.Log)),
		config.WithRetryer(func() sdk.Retryer { return newRetryer(cfg) }),
	}
	if cfg.Region != "" {
		options = append(options, config.WithRegion(cfg.Region))
	}
	if cfg.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(cfg.Endpoint))
	}
	if cfg.AccessKeyID != "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(cfg.AccessKeyID, cfg.SecretAccessKey, "")))
	}
	return options
}

// sdkLog keeps the SDK from writing to standard error by itself. It says little, and nothing that a
// person needs.
func sdkLog(log *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(level logging.Classification, format string, args ...any) {
		log.Debug("AWS SDK: "+fmt.Sprintf(format, args...), "level", string(level))
	})
}

// httpClient shares its connections among all accounts: they all call the same hosts.
func httpClient(cfg Config) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTimeout(cfg.HTTPTimeout).WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 512, 128
	})
}

// plain is the same client without the SDK's guard against odd redirects, for which
// every request would have a goroutine of its own to watch the time. It follows none at
// all: what was signed is for nobody else. What the environment asked for, such as a
// company's certificates (AWS_CA_BUNDLE), is in the transport.
func plain(c sdk.HTTPClient) sdk.HTTPClient {
	b, ok := c.(*awshttp.BuildableClient)
	if !ok {
		return c
	}
	return inOneWrite{&http.Client{
		Transport: b.GetTransport(), Timeout: b.GetTimeout(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// inOneWrite sends small requests in one piece. Of a body as the SDK wraps it, net/http cannot tell
// that it is in memory, and sends the headers separately: twice the packets, and twice the work on
// them at both ends.
type inOneWrite struct{ client *http.Client }

// small is the size of a body that is sent together with its headers.
const small = 64 << 10

// Do sends a request, as http.Client does. The SDK makes one for each attempt, so that
// nobody else uses it.
func (c inOneWrite) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.ContentLength > 0 && r.ContentLength <= small {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		if closed := r.Body.Close(); err != nil || closed != nil {
			return nil, fmt.Errorf("reading the body of a request: %w", errors.Join(err, closed))
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.client.Do(r)
}

// partition returns the partition of an account.
func (c *Cloud) partition(a access.Account) string { return cmp.Or(a.Partition, c.cfg.Partition) }
