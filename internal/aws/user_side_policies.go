package aws

import (
	"cmp"
	"context"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"portcullis.internal/portcullis/internal/access"
)

func policyResource(path, name *string) access.Resource {
	return access.Resource{Kind: access.ResourcePolicy, Path: sdk.ToString(path), Name: sdk.ToString(name)}
}

// attachmentsOf names the attachments of a user.
func attachmentsOf(user access.Resource) access.Resource {
	user.Kind = access.ResourceAttachments
	return user
}

func attachedARNs(attached []types.AttachedPolicy) []string {
	arns := make([]string, len(attached))
	for i, p := range attached {
		arns[i] = sdk.ToString(p.PolicyArn)
	}
	return arns
}

func liveAttachments(r access.Resource, user *string, arns []string) access.LiveDocument {
	return access.LiveDocument{Resource: r, ID: sdk.ToString(user), Exists: true, Document: access.AttachmentsDocument(arns)}
}

// livePolicy returns the default version, which is the one in effect.
func livePolicy(d types.ManagedPolicyDetail) (access.LiveDocument, error) {
	live := access.LiveDocument{Resource: policyResource(d.Path, d.PolicyName), ID: sdk.ToString(d.PolicyId), Exists: true}
	for _, v := range d.PolicyVersionList {
		if sdk.ToString(v.VersionId) == sdk.ToString(d.DefaultVersionId) {
			var err error
			live.Document, err = decode(v.Document)
			return live, err
		}
	}
	return live, nil
}

func (s *session) readPolicy(ctx context.Context, r access.Resource) (access.LiveDocument, error) {
	arn := r.ARN(s.partition, s.account)
	var policy *types.Policy
	err := s.do(ctx, "iam:GetPolicy", arn, func(client *iam.Client) error {
		out, err := client.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
		if err == nil {
			policy = out.Policy
		}
		return err
	})
	if gone(err) {
		return access.LiveDocument{Resource: r}, nil
	}
	if err != nil {
		return access.LiveDocument{}, err
	}
	live := access.LiveDocument{Resource: r, ID: sdk.ToString(policy.PolicyId), Exists: true}
	err = s.do(ctx, "iam:GetPolicyVersion", arn, func(client *iam.Client) error {
		out, err := client.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: policy.DefaultVersionId})
		if err != nil {
			return err
		}
		live.Document, err = decode(out.PolicyVersion.Document)
		return err
	})
	return live, err
}

func (s *session) readAttachments(ctx context.Context, r access.Resource) (access.LiveDocument, error) {
	live, err := s.findUser(ctx, r)
	if err != nil || !live.Exists {
		return live, err
	}
	arns, err := s.listAttached(ctx, r)
	if gone(err) {
		return access.LiveDocument{Resource: r}, nil
	}
	live.Document = access.AttachmentsDocument(arns)
	return live, err
}

// listAttached lists all managed policies that are attached to a user.
func (s *session) listAttached(ctx context.Context, r access.Resource) ([]string, error) {
	var arns []string
	in := &iam.ListAttachedUserPoliciesInput{UserName: &r.Name}
	for {
		var out *iam.ListAttachedUserPoliciesOutput
		err := s.do(ctx, "iam:ListAttachedUserPolicies", r.ARN(s.partition, s.account), func(client *iam.Client) error {
			var err error
			out, err = client.ListAttachedUserPolicies(ctx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		arns = append(arns, attachedARNs(out.AttachedPolicies)...)
		if !out.IsTruncated {
			return arns, nil
		}
		in.Marker = out.Marker
	}
}

// writePolicy creates a managed policy, or gives it a new default version. IAM keeps at most five
// versions and deletes none, so writePolicy deletes the oldest version that is not the default. A
// repetition after an interruption does no harm: the document in effect changes in one step. The
// SDK repeats a call whose answer is lost, and each repetition may add a version, so the versions
// may fill up during one write. Then writePolicy first checks whether the document is live, and
// only then deletes another version.
func (s *session) writePolicy(ctx context.Context, r access.Resource, document string) error {
	arn := r.ARN(s.partition, s.account)
	for made := 1; ; made++ {
		exists, err := s.makeRoom(ctx, arn)
		if err != nil {
			return err
		}
		if !exists {
			return s.createPolicy(ctx, r, document)
		}
		err = s.createVersion(ctx, arn, document)
		if access.CloudClassOf(err) != access.CloudQuota {
			return err
		}
		if live, unread := s.readPolicy(ctx, r); unread == nil && live.Document == document {
			return nil
		}
		if made == timesToMakeRoom {
			return err
		}
	}
}

// timesToMakeRoom bounds how often the versions of one policy may fill up during one write, because
// others write there too. AWS refuses a document that is too long with the same error.
const timesToMakeRoom = 3

// makeRoom deletes a version if the policy could not get another one; exists is false if there is
// no such policy.
func (s *session) makeRoom(ctx context.Context, arn string) (exists bool, err error) {
	versions, err := s.versions(ctx, arn)
	if gone(err) {
		return false, nil
	}
	if err != nil || len(versions) < versionsPerPolicy {
		return true, err
	}
	return true, s.deleteVersion(ctx, arn, oldestSpare(versions))
}

func (s *session) createPolicy(ctx context.Context, r access.Resource, document string) error {
	return s.do(ctx, "iam:CreatePolicy", r.ARN(s.partition, s.account), func(client *iam.Client) error {
		_, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{
			PolicyName: &r.Name, Path: &r.Path, PolicyDocument: &document, Description: sdk.String("Written by Portcullis; do not edit"),
		})
		return err
	})
}

func (s *session) createVersion(ctx context.Context, arn, document string) error {
	return s.do(ctx, "iam:CreatePolicyVersion", arn, func(client *iam.Client) error {
		_, err := client.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: &document, SetAsDefault: true})
		return err
	})
}

// versionsPerPolicy is IAM's fixed quota (docs/aws-facts.md, "Managed policy size").
const versionsPerPolicy = 5

func (s *session) versions(ctx context.Context, arn string) ([]types.PolicyVersion, error) {
	var versions []types.PolicyVersion
	in := &iam.ListPolicyVersionsInput{PolicyArn: &arn}
	for {
		var out *iam.ListPolicyVersionsOutput
		err := s.do(ctx, "iam:ListPolicyVersions", arn, func(client *iam.Client) error {
			var err error
			out, err = client.ListPolicyVersions(ctx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		versions = append(versions, out.Versions...)
		if !out.IsTruncated {
			return versions, nil
		}
		in.Marker = out.Marker
	}
}

// oldestSpare is the oldest version that is not the default; there always is one where
// there are several.
func oldestSpare(versions []types.PolicyVersion) *string {
	versions = slices.DeleteFunc(slices.Clone(versions), func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
	oldest := slices.MinFunc(versions, func(a, b types.PolicyVersion) int {
		return cmp.Or(createdAt(a).Compare(createdAt(b)), byVersionID(a, b))
	})
	return oldest.VersionId
}

func createdAt(v types.PolicyVersion) time.Time { return sdk.ToTime(v.CreateDate) }

// byVersionID tells versions of the same second apart: v9 came before v10.
func byVersionID(a, b types.PolicyVersion) int {
	x, y := sdk.ToString(a.VersionId), sdk.ToString(b.VersionId)
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
}

func (s *session) deleteVersion(ctx context.Context, arn string, version *string) error {
	err := s.do(ctx, "iam:DeletePolicyVersion", arn, func(client *iam.Client) error {
		_, err := client.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: version})
		return err
	})
	if gone(err) {
		return nil
	}
	return err
}

// deleteManaged removes a managed policy with its versions. IAM refuses while it is
// attached to anybody.
func (s *session) deleteManaged(ctx context.Context, r access.Resource) error {
	arn := r.ARN(s.partition, s.account)
	versions, err := s.versions(ctx, arn)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.IsDefaultVersion {
			continue
		}
		if err := s.deleteVersion(ctx, arn, v.VersionId); err != nil {
			return err
		}
	}
	err = s.do(ctx, "iam:DeletePolicy", arn, func(client *iam.Client) error {
		_, err := client.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &arn})
		return err
	})
	if gone(err) {
		return nil
	}
	return err
}

// writeAttachments attaches and detaches until those of a user's attachments that are
// ours are those of the document. What others attached is not touched, whatever the
// document says of it.
func (s *session) writeAttachments(ctx context.Context, r access.Resource, document string) error {
	wanted, err := access.Attachments(document)
	if err != nil {
		return err
	}
	live, err := s.listAttached(ctx, r)
	if gone(err) && document == "" {
		return nil
	}
	if err != nil {
		return err
	}
	ours, _ := access.UserSideAttachments(live)
	wanted, _ = access.UserSideAttachments(wanted)
	for _, arn := range wanted {
		if slices.Contains(ours, arn) {
			continue
		}
		err := s.do(ctx, "iam:AttachUserPolicy", r.ARN(s.partition, s.account), func(client *iam.Client) error {
			_, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &r.Name, PolicyArn: &arn})
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, arn := range ours {
		if slices.Contains(wanted, arn) {
			continue
		}
		err := s.do(ctx, "iam:DetachUserPolicy", r.ARN(s.partition, s.account), func(client *iam.Client) error {
			_, err := client.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: &r.Name, PolicyArn: &arn})
			return err
		})
		if err != nil && !gone(err) {
			return err
		}
	}
	return nil
}
