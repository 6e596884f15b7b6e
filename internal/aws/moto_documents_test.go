package aws_test

import (
	"errors"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// The sandbox and moto refuse the same conditions, with the same code and message.
func TestSandboxRefusesTheConditionsThatMotoRefuses(t *testing.T) {
	t.Parallel()
	moto := startMoto(t)
	org, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := org.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	ours := sandboxAdmin(t, org, "http://"+addr)
	theirs := iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: &moto,
		Credentials: credentials.NewStaticCredentialsProvider("any", "secret", ""),
	})
	if _, err := theirs.CreateUser(t.Context(), &iam.CreateUserInput{UserName: sdk.String("admin")}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ condition, want string }{
		"as documented": {`{"StringEquals":{"aws:username":"alice"}}`, ""},
		"operator": {
			`{"stringEquals":{"aws:username":"alice"}}`,
			"MalformedPolicyDocument: Syntax errors in policy.",
		},
		"suffix": {
			`{"StringEqualsifexists":{"aws:username":"alice"}}`,
			"MalformedPolicyDocument: Syntax errors in policy.",
		},
		"prefix": {
			`{"forAnyValue:StringEquals":{"aws:TagKeys":"a"}}`,
			"MalformedPolicyDocument: Syntax errors in policy.",
		},
		"prefix and suffix": {`{"ForAllValues:StringEqualsIfExists":{"aws:TagKeys":"a"}}`, ""},
		"address":           {`{"NotIpAddress":{"aws:SourceIp":"103.15.250.0/24"}}`, ""},
		"no date": {
			`{"DateGreaterThan":{"aws:CurrentTime":"tomorrow"}}`,
			"MalformedPolicyDocument: The policy failed legacy parsing",
		},
		"a thirteenth month": {
			`{"DateLessThan":{"aws:CurrentTime":"2026-13-01T00:00:00Z"}}`,
			"MalformedPolicyDocument: The policy failed legacy parsing",
		},
		"a day":   {`{"DateLessThan":{"aws:CurrentTime":"2026-12-01"}}`, ""},
		"seconds": {`{"DateEquals":{"aws:EpochTime":"1767225600"}}`, ""},
	} {
		document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*",` +
			`"Condition":` + c.condition + `}]}`
		for where, client := range map[string]*iam.Client{"sandbox": ours, "moto": theirs} {
			_, err := client.PutUserPolicy(t.Context(),
				&iam.PutUserPolicyInput{
					UserName: sdk.String("admin"), PolicyName: sdk.String("Test"),
					PolicyDocument: &document,
				})
			var refused smithy.APIError
			got := ""
			if errors.As(err, &refused) {
				got = refused.ErrorCode() + ": " + refused.ErrorMessage()
			} else if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%s, %s: got %q, want %q", name, where, got, c.want)
			}
		}
	}
}

// sandboxAdmin signs as the administrator of the management account.
func sandboxAdmin(t *testing.T, org *sandbox.Organization, endpoint string) *iam.Client {
	t.Helper()
	for _, k := range org.Credentials() {
		if k.User == sandbox.AdminUser {
			return iam.New(iam.Options{
				Region: "us-east-1", BaseEndpoint: &endpoint,
				Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, ""),
			})
		}
	}
	t.Fatal("the sandbox has no administrator")
	return nil
}
