package aws

import (
	"regexp"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// AWS has one code for whatever is denied; its message mostly says what kind of policy
// denied it, "with an explicit deny in a …" or "because no … allows" (docs/aws-facts.md,
// "Access denied messages"). A denial without a reason counts as IAM's own.

// deniedBy tells the organization's policies from those of the account.
func deniedBy(message string) access.CloudClass {
	switch {
	case strings.Contains(message, "service control policy"):
		return access.CloudDeniedSCP
	case strings.Contains(message, "resource control policy"):
		return access.CloudDeniedRCP
	default:
		return access.CloudDenied
	}
}

var (
	deniedAction = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9*]+)`)
	denyingARN   = regexp.MustCompile(`arn:[a-z0-9-]+:organizations::[0-9]*:policy/\S*[a-z0-9]`)
)

// lackingAction is the action that AWS says is lacking; it may be another than the one called.
func lackingAction(e *access.CloudError) string {
	if m := deniedAction.FindStringSubmatch(e.Message); m != nil {
		return m[1]
	}
	return e.Action
}

// lacking is what is wrong where IAM denied something.
func lacking(e *access.CloudError) string {
	action := lackingAction(e)
	switch {
	case credentialCodes[e.Code]:
		return "AWS does not accept the session of the deployment role"
	case e.Code == "RegionDisabledException":
		return "STS is switched off in the region"
	case e.Action == "sts:AssumeRole":
		return "the deployment role could not be assumed"
	case strings.HasPrefix(e.Action, "organizations:"):
		return "the console's identity lacks " + action
	case strings.Contains(e.Message, "permissions boundary"):
		return "the deployment role's permissions boundary does not allow " + action
	case strings.Contains(e.Message, "explicit deny in a session policy"), strings.Contains(e.Message, "no session policy allows"):
		return "the session policy of the console does not allow " + action
	case strings.Contains(e.Message, "explicit deny"):
		return "a policy of the deployment role denies " + action
	default:
		return "the deployment role lacks " + action
	}
}

// deniedAdvice says who can help, and with what.
func deniedAdvice(e *access.CloudError) string {
	switch {
	case e.Class == access.CloudDeniedSCP:
		return "Ask those who keep the organization's policies to let the deployment role do " + lackingAction(e) + policyNote(e) + ", or leave these accounts out. An SCP cannot be overruled from within the account."
	case e.Class == access.CloudDeniedRCP:
		return "Ask those who keep the organization's policies to let the deployment role do " + lackingAction(e) + " on this resource" + policyNote(e) + ", or leave these accounts out."
	case credentialCodes[e.Code]:
		return "STS has just opened this session, and the account does not accept it. Check the clock of this " +
			"machine, and that AWS_REGION is a region that the account has enabled."
	case e.Code == "RegionDisabledException":
		return "STS is switched off in this region for the account. Switch it on in the account's settings, or set AWS_REGION to a region where it is on."
	case e.Action == "sts:AssumeRole":
		return "The deployment role could not be assumed. See that " + e.Resource + " exists, that its trust policy names the console's own identity, that the external id agrees, and that no SCP or RCP forbids it."
	case strings.HasPrefix(e.Action, "organizations:"):
		return "The console's identity may not read the organization. It needs the read actions of AWS Organizations, in the management account or in one that is a delegated administrator."
	case strings.Contains(e.Message, "permissions boundary"):
		return "The deployment role may not do this: add " + lackingAction(e) + " to the permissions boundary that it carries, then retry."
	default:
		return "The deployment role may not do this. Bring it to the template's newest version, whose policy allows " +
			lackingAction(e) + ", and see that no SCP or permissions boundary forbids it." +
			conditionAdvice(e.Action) + " Then retry."
	}
}

// conditionAdvice names the condition of the template under which an action is allowed.
func conditionAdvice(action string) string {
	switch action {
	case "iam:UpdateAssumeRolePolicy":
		return " The template allows it only for roles with the tag portcullis-managed=true."
	case "iam:PutUserPolicy", "iam:DeleteUserPolicy", "iam:AttachUserPolicy", "iam:DetachUserPolicy":
		return " The template allows it only for users with the permissions boundary portcullis-user-boundary."
	default:
		return ""
	}
}

func policyNote(e *access.CloudError) string {
	if arn := denyingARN.FindString(e.Message); arn != "" {
		return " (the policy is " + arn + ")"
	}
	return ""
}
