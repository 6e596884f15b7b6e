package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"portcullis.internal/portcullis/internal/access"
)

// Write puts one document in place under the scope's session policy. Deleting a policy
// that is gone already, also with its user, is a success: what was wanted is so.
// The caller must compare first: the last write wins (docs/aws-facts.md, "No conditional writes").
func (c *Cloud) Write(ctx context.Context, scope access.Scope, w access.Write) error {
	if w.Resource.Kind == access.ResourceRole && w.Document == "" {
		return access.Errorf(access.KindInvalid, "A trust policy cannot be empty: %s in account %s.", w.Resource, scope.Account.ID)
	}
	ctx, s, err := c.open(ctx, scope)
	if err != nil {
		return err
	}
	ctx = whileClaimed(ctx, scope.Held)
	arn := w.Resource.ARN(s.partition, s.account)
	switch {
	case w.Resource.Kind == access.ResourceAttachments:
		return s.writeAttachments(ctx, w.Resource, w.Document)
	case w.Resource.Kind == access.ResourcePolicy && w.Document != "":
		return s.writePolicy(ctx, w.Resource, w.Document)
	case w.Resource.Kind == access.ResourcePolicy:
		return s.deleteManaged(ctx, w.Resource)
	case w.Resource.Kind == access.ResourceRole:
		return s.do(ctx, "iam:UpdateAssumeRolePolicy", arn, func(client *iam.Client) error {
			_, err := client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &w.Resource.Name, PolicyDocument: &w.Document})
			return err
		})
	case w.Document != "":
		return s.do(ctx, "iam:PutUserPolicy", arn, func(client *iam.Client) error {
			_, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &w.Resource.Name, PolicyName: policyName(), PolicyDocument: &w.Document})
			return err
		})
	default:
		return s.deletePolicy(ctx, w.Resource, arn)
	}
}

func (s *session) deletePolicy(ctx context.Context, r access.Resource, arn string) error {
	err := s.do(ctx, "iam:DeleteUserPolicy", arn, func(client *iam.Client) error {
		_, err := client.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &r.Name, PolicyName: policyName()})
		return err
	})
	if gone(err) {
		return nil
	}
	return err
}

// policyName is the name of the one inline policy that is ours, as the SDK expects it.
func policyName() *string {
	name := access.UserPolicyName
	return &name
}
