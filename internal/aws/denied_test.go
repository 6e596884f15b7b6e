package aws

import (
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"portcullis.internal/portcullis/internal/access"
)

// The texts are AWS's own forms of AccessDenied, with names of ours.
func TestWhoDenied(t *testing.T) {
	const begins = "User: arn:aws:sts::111122223333:assumed-role/PortcullisDeploy/portcullis-rollout-3 is not authorized to perform: iam:UpdateAssumeRolePolicy on resource: role Bob "
	for _, tt := range []struct {
		name, action, code, message string
		want                        access.CloudClass
		cause, advice               string
	}{
		{
			"nothing allows it", "iam:UpdateAssumeRolePolicy", "AccessDenied", begins + "because no identity-based policy allows the iam:UpdateAssumeRolePolicy action",
			access.CloudDenied, "the deployment role lacks iam:UpdateAssumeRolePolicy", "template",
		},
		{
			"another action than the one called", "iam:PutUserPolicy", "AccessDenied", strings.ReplaceAll(begins, "iam:UpdateAssumeRolePolicy", "iam:TagUser") + "because no identity-based policy allows the iam:TagUser action",
			access.CloudDenied, "the deployment role lacks iam:TagUser", "iam:TagUser",
		},
		{"no words at all", "iam:GetRole", "AccessDenied", "", access.CloudDenied, "the deployment role lacks iam:GetRole", "iam:GetRole"},
		{
			"a deny of the account", "iam:UpdateAssumeRolePolicy", "AccessDenied", begins + "with an explicit deny in an identity-based policy",
			access.CloudDenied, "a policy of the deployment role denies iam:UpdateAssumeRolePolicy", "",
		},
		{
			"a boundary", "iam:UpdateAssumeRolePolicy", "AccessDenied", begins + "because no permissions boundary allows the iam:UpdateAssumeRolePolicy action",
			access.CloudDenied, "the deployment role's permissions boundary does not allow iam:UpdateAssumeRolePolicy", "boundary",
		},
		{
			"an SCP denies", "iam:UpdateAssumeRolePolicy", "AccessDenied", begins + "with an explicit deny in a service control policy",
			access.CloudDeniedSCP, "a service control policy forbids iam:UpdateAssumeRolePolicy", "organization",
		},
		{
			"an SCP that is named", "iam:UpdateAssumeRolePolicy", "AccessDenied", begins + "with an explicit deny in a service control policy: arn:aws:organizations::999988887777:policy/o-abc/service_control_policy/p-12345678",
			access.CloudDeniedSCP, "a service control policy forbids iam:UpdateAssumeRolePolicy", "p-12345678",
		},
		{
			"an SCP does not allow", "iam:UpdateAssumeRolePolicy", "AccessDenied", begins + "because no service control policy allows the iam:UpdateAssumeRolePolicy action",
			access.CloudDeniedSCP, "a service control policy forbids iam:UpdateAssumeRolePolicy", "organization",
		},
		{
			"an RCP", "sts:AssumeRole", "AccessDenied", "User: arn:aws:iam::444455556666:user/console is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/PortcullisDeploy with an explicit deny in a resource control policy",
			access.CloudDeniedRCP, "a resource control policy forbids sts:AssumeRole", "organization",
		},
		{
			"the role is not there", "sts:AssumeRole", "AccessDenied", "User: arn:aws:iam::444455556666:user/console is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/PortcullisDeploy",
			access.CloudDenied, "the deployment role could not be assumed", "trust policy",
		},
		{
			"a key that is no key", "sts:AssumeRole", "InvalidClientTokenId", "The security token included in the request is invalid.",
			access.CloudCredentials, "AWS does not accept the console's credentials", "access key",
		},
		{
			"a session that the account does not accept", "iam:GetRole", "InvalidClientTokenId",
			"The security token included in the request is invalid.",
			access.CloudDenied, "AWS does not accept the session of the deployment role", "clock",
		},
		{
			"a clock that is wrong", "sts:AssumeRole", "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
			access.CloudCredentials, "AWS does not accept the console's credentials", "clock",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := classify(call{"111122223333", tt.action, "arn:aws:iam::111122223333:role/Bob"}, &smithy.GenericAPIError{Code: tt.code, Message: tt.message})
			e, ok := err.(*access.CloudError)
			if !ok || e.Class != tt.want || e.Cause != tt.cause || !strings.Contains(e.Advice, tt.advice) ||
				e.Class.Denied() != (tt.want != access.CloudCredentials) {
				t.Errorf("got %+v\nwant class %s, cause %q and an advice about %q", e, tt.want, tt.cause, tt.advice)
			}
		})
	}
}
