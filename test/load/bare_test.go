package load

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/test/harness"
)

// document is one document that a rollout has written.
type document struct {
	resource access.Resource
	text     string
}

// bare makes the calls that a rollout cannot do without, and nothing else: no record, no
// comparison, no second thought. In each account it assumes the deployment role, reads,
// writes every document, and reads back. A call that is cut it repeats, as the SDK does for
// everybody.
type bare struct{ cfg aws.Config }

func newBare(s *harness.Sandbox, concurrency int) *bare {
	cfg := s.SDKConfig(s.Credentials("")[0], "")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = concurrency
	cfg.RetryMaxAttempts = retry.DefaultMaxAttempts
	cfg.HTTPClient = &http.Client{Timeout: 30 * time.Second, Transport: transport}
	return &bare{cfg: cfg}
}

// run works on so many accounts at once, and returns how long all of them took.
func (b *bare) run(t *testing.T, documents map[access.AccountID][]document, concurrency int) time.Duration {
	t.Helper()
	ids := make(chan access.AccountID)
	failed := make(chan error, len(documents))
	began := time.Now()
	var workers sync.WaitGroup
	for range concurrency {
		workers.Go(func() {
			for id := range ids {
				if err := b.account(t.Context(), id, documents[id]); err != nil {
					failed <- fmt.Errorf("account %s: %w", id, err)
				}
			}
		})
	}
	for id := range documents {
		ids <- id
	}
	close(ids)
	workers.Wait()
	took := time.Since(began)
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	return took
}

func (b *bare) account(ctx context.Context, id access.AccountID, documents []document) error {
	session, err := sts.NewFromConfig(b.cfg).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + string(id) + ":role/PortcullisDeploy"), RoleSessionName: aws.String("bare-loop"),
	})
	if err != nil {
		return err
	}
	cfg, c := b.cfg.Copy(), session.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken))
	client := iam.NewFromConfig(cfg)
	if err := read(ctx, client); err != nil {
		return err
	}
	for _, d := range documents {
		if err := write(ctx, client, d); err != nil {
			return err
		}
	}
	return read(ctx, client)
}

func read(ctx context.Context, client *iam.Client) error {
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(client, &iam.GetAccountAuthorizationDetailsInput{
		Filter: []types.EntityType{types.EntityTypeUser, types.EntityTypeRole},
	})
	for pages.HasMorePages() {
		if _, err := pages.NextPage(ctx); err != nil {
			return err
		}
	}
	return nil
}

func write(ctx context.Context, client *iam.Client, d document) error {
	if d.resource.Kind == access.ResourceRole {
		_, err := client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &d.resource.Name, PolicyDocument: &d.text})
		return err
	}
	_, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &d.resource.Name, PolicyName: aws.String(access.UserPolicyName), PolicyDocument: &d.text})
	return err
}
