package aws

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"portcullis.internal/portcullis/internal/access"
)

// A session lasts as short as STS allows, and is renewed while there is still time for
// the calls of one push (docs/aws-facts.md, "Session length").
const (
	sessionDuration = 15 * time.Minute
	renewBefore     = 5 * time.Minute
)

// session is the assumed deployment role in one account for one scope.
type session struct {
	account     access.AccountID
	resources   []access.Resource // that it may write to
	partition   string
	role        string // ARN
	credentials *sdk.CredentialsCache
	iam         *iam.Client
	log         *slog.Logger
	place       *place
}

// sessionKey is what the sessions have in common that differ in what they may write to.
type sessionKey struct {
	account access.AccountID
	name    string
}

// sessionCache keeps the sessions that were in use lately: at most two generations of
// them, so that ten thousand accounts that are gone through once are not kept.
type sessionCache struct {
	mu         sync.Mutex
	young, old map[sessionKey][]*session
	size       int // of the young generation
	begun      time.Time
}

// generation is how many sessions there are in a generation.
const generation = 500

func newSessionCache() *sessionCache { return &sessionCache{young: map[sessionKey][]*session{}} }

// get finds a session or makes it.
func (s *sessionCache) get(key sessionKey, resources []access.Resource, now time.Time, build func() (*session, error)) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size >= generation || now.Sub(s.begun) > sessionDuration {
		s.young, s.old, s.size, s.begun = map[sessionKey][]*session{}, s.young, 0, now
	}
	fits := func(one *session) bool { return slices.Equal(one.resources, resources) }
	if i := slices.IndexFunc(s.young[key], fits); i >= 0 {
		return s.young[key][i], nil
	}
	var one *session
	if i := slices.IndexFunc(s.old[key], fits); i >= 0 {
		one = s.old[key][i]
	} else {
		var err error
		if one, err = build(); err != nil {
			return nil, err
		}
	}
	s.young[key] = append(s.young[key], one)
	s.size++
	return one, nil
}

// open returns a session that may read everything and write to the scope's resources,
// with credentials that are good, and the context of its calls.
func (c *Cloud) open(ctx context.Context, scope access.Scope) (context.Context, *session, error) {
	key := sessionKey{scope.Account.ID, sessionName(scope.SessionName)}
	s, err := c.sessions.get(key, scope.Resources, time.Now(), func() (*session, error) { return c.build(key, scope) })
	if err != nil {
		return ctx, nil, err
	}
	ctx = at(ctx, s.place)
	if _, err := s.credentials.Retrieve(ctx); err != nil {
		return ctx, nil, s.refusal("sts:AssumeRole", s.role, err)
	}
	return ctx, s, nil
}

func (c *Cloud) build(key sessionKey, scope access.Scope) (*session, error) {
	partition := c.partition(scope.Account)
	policy, err := policyFor(partition, key.account, scope.Resources)
	if err != nil {
		return nil, err
	}
	s := &session{account: key.account, resources: scope.Resources, partition: partition, role: c.role.ARN(partition, key.account), log: c.cfg.Log, iam: c.clients.iam}
	provider := stscreds.NewAssumeRoleProvider(c.clients.sts, s.role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration, o.Policy = key.name, sessionDuration, &policy
		if c.cfg.ExternalID != "" {
			o.ExternalID = &c.cfg.ExternalID
		}
	})
	bound := boundProvider{account: key.account, role: s.role, assume: provider, identity: c.clients.identity}
	s.credentials = sdk.NewCredentialsCache(bound, func(o *sdk.CredentialsCacheOptions) { o.ExpiryWindow = renewBefore })
	s.place = &place{counter: c.counts.of(key.account), pace: c.limits.iamOf(key.account), credentials: s.credentials}
	return s, nil
}

// do runs one IAM operation and puts a refusal into words. Credentials that AWS no
// longer knows are fetched anew, once: nothing has happened when they are refused.
func (s *session) do(ctx context.Context, action, resource string, run func(*iam.Client) error) error {
	err := run(s.iam)
	switch codeOf(err) {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId":
		s.credentials.Invalidate()
		if _, err := s.credentials.Retrieve(ctx); err != nil {
			return s.refusal("sts:AssumeRole", s.role, err)
		}
		err = run(s.iam)
	}
	if err == nil {
		return nil
	}
	return s.refusal(action, resource, err)
}

// refusal puts a refusal into words and into the log, which has AWS's request id to ask AWS about.
// A missing object is often no failure, so the caller reports it.
func (s *session) refusal(action, resource string, err error) error {
	err = classify(call{s.account, action, resource}, err)
	var e *access.CloudError
	if errors.As(err, &e) {
		s.log.Debug("AWS refused", "account", e.Account, "action", e.Action, "resource", e.Resource, "class", e.Class, "code", e.Code, "request_id", e.RequestID)
	}
	return err
}

var notInSessionName = regexp.MustCompile(`[^\w+=,.@-]`)

// sessionName makes a name that STS accepts: 2 to 64 characters of its own set.
func sessionName(s string) string {
	s = notInSessionName.ReplaceAllString(s, "-")
	if len(s) > 64 {
		s = s[:64]
	}
	if len(s) < 2 {
		return "portcullis"
	}
	return s
}
