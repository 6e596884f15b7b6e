package harness

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// EditByHand puts a document in place of a role's trust policy, as an administrator of
// the account does behind the console's back.
func (s *Sandbox) EditByHand(account access.AccountID, role, document string) {
	s.t.Helper()
	cfg := s.SDKConfig(s.Credential(s.Credentials("")[0].Account, sandbox.AdminUser), "")
	out, err := sts.NewFromConfig(cfg).AssumeRole(s.t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + string(account) + ":role/OrganizationAccountAccessRole"), RoleSessionName: aws.String("by-hand"),
	})
	if err != nil {
		s.t.Fatalf("becoming an administrator of %s: %v", account, err)
	}
	c := out.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken))
	if _, err := iam.NewFromConfig(cfg).UpdateAssumeRolePolicy(s.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: &document}); err != nil {
		s.t.Fatalf("editing %s in %s: %v", role, account, err)
	}
}
