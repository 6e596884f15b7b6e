package byhand_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// standIn is set in the environment of the test program when it stands in for the AWS CLI. It reads the arguments that
// the script uses, and calls AWS through the SDK with the credentials of the environment.
const standIn = "PORTCULLIS_TEST_AWS_CLI"

func TestMain(m *testing.M) {
	if os.Getenv(standIn) == "" {
		os.Exit(m.Run())
	}
	if err := runCLI(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(254)
	}
}

func runCLI(ctx context.Context, args []string) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	if len(args) < 2 {
		return errors.New("usage: aws SERVICE COMMAND")
	}
	flags, err := readFlags(args[2:])
	if err != nil {
		return err
	}
	if args[0] == "sts" && args[1] == "assume-role" {
		return assumeRole(ctx, cfg, flags)
	}
	return flags.runIAM(ctx, iam.NewFromConfig(cfg), args[1])
}

type flags map[string]*string

func readFlags(args []string) (flags, error) {
	f := flags{}
	for len(args) > 0 {
		name, found := strings.CutPrefix(args[0], "--")
		if !found {
			return nil, fmt.Errorf("unknown argument %q", args[0])
		}
		key, value, joined := strings.Cut(name, "=")
		switch {
		case joined || name == "set-as-default":
			args = args[1:]
		case len(args) < 2:
			return nil, fmt.Errorf("--%s needs a value", name)
		default:
			value, args = args[1], args[2:]
		}
		f[key] = aws.String(value)
	}
	return f, nil
}

func assumeRole(ctx context.Context, cfg aws.Config, f flags) error {
	out, err := sts.NewFromConfig(cfg).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: f["role-arn"], RoleSessionName: f["role-session-name"], ExternalId: f["external-id"],
	})
	if err != nil {
		return err
	}
	c := out.Credentials
	fmt.Printf("%s\t%s\t%s\n", *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	return nil
}

func (f flags) runIAM(ctx context.Context, c *iam.Client, command string) error {
	var err error
	switch command {
	case "update-assume-role-policy":
		_, err = c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
			RoleName: f["role-name"], PolicyDocument: f["policy-document"],
		})
	case "put-user-policy":
		_, err = c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
			UserName: f["user-name"], PolicyName: f["policy-name"], PolicyDocument: f["policy-document"],
		})
	case "delete-user-policy":
		_, err = c.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: f["user-name"], PolicyName: f["policy-name"]})
	case "attach-user-policy":
		_, err = c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: f["user-name"], PolicyArn: f["policy-arn"]})
	case "detach-user-policy":
		_, err = c.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: f["user-name"], PolicyArn: f["policy-arn"]})
	default:
		return f.runPolicies(ctx, c, command)
	}
	return err
}

func (f flags) runPolicies(ctx context.Context, c *iam.Client, command string) error {
	var err error
	switch command {
	case "get-policy":
		_, err = c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: f["policy-arn"]})
	case "create-policy":
		_, err = c.CreatePolicy(ctx, &iam.CreatePolicyInput{
			Path: f["path"], PolicyName: f["policy-name"], PolicyDocument: f["policy-document"],
		})
	case "create-policy-version":
		_, err = c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{
			PolicyArn: f["policy-arn"], PolicyDocument: f["policy-document"], SetAsDefault: f["set-as-default"] != nil,
		})
	case "delete-policy-version":
		_, err = c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: f["policy-arn"], VersionId: f["version-id"]})
	case "delete-policy":
		_, err = c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: f["policy-arn"]})
	case "list-policy-versions":
		out, listErr := c.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: f["policy-arn"]})
		if listErr != nil {
			return listErr
		}
		for _, v := range out.Versions {
			if !v.IsDefaultVersion {
				fmt.Println(*v.VersionId)
			}
		}
	default:
		return fmt.Errorf("unknown command %q", command)
	}
	return err
}
