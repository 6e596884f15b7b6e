package harness

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// SDKConfig is the SDK's configuration of whoever holds a key, at an address of the
// network ("" for wherever the connection comes from).
func (s *Sandbox) SDKConfig(key sandbox.Credential, from string) aws.Config {
	return aws.Config{
		Region:           Region,
		BaseEndpoint:     aws.String(s.Endpoint),
		Credentials:      credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
		HTTPClient:       &http.Client{Timeout: 30 * time.Second, Transport: located{from}},
		RetryMaxAttempts: 1,
	}
}

// located says in each request where in the network it comes from.
type located struct{ from string }

func (l located) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.from != "" {
		r = r.Clone(r.Context())
		r.Header.Set("X-Sandbox-Source-Ip", l.from)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Assume lets a user of an account try to assume a role of that account from an address.
func (s *Sandbox) Assume(t testing.TB, account access.AccountID, user, role, from string) error {
	t.Helper()
	client := sts.NewFromConfig(s.SDKConfig(s.Credential(account, user), from))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := client.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn:         aws.String("arn:aws:iam::" + string(account) + ":role/" + role),
		RoleSessionName: aws.String(user),
	})
	return err
}
