package aws

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// cause says what is wrong in a few words, without naming the account: it is what
// refusals are grouped by.
func cause(e *access.CloudError) string {
	name := nameOf(e.Resource)
	switch e.Class {
	case access.CloudDenied:
		return lacking(e)
	case access.CloudCredentials:
		return "AWS does not accept the console's credentials"
	case access.CloudDeniedSCP:
		return "a service control policy forbids " + lackingAction(e)
	case access.CloudDeniedRCP:
		return "a resource control policy forbids " + lackingAction(e)
	case access.CloudThrottled:
		return "AWS throttles " + e.Action
	case access.CloudGone:
		return name + " does not exist"
	case access.CloudInvalidPrincipal:
		return "the trust policy of " + name + " names somebody who does not exist"
	case access.CloudMalformed:
		return "AWS refuses the document of " + name
	case access.CloudQuota:
		return "the document of " + name + " is over the quota"
	case access.CloudUnreachable:
		return "no answer to " + e.Action
	case access.CloudWrongAccount:
		return "the session belongs to another account"
	case access.CloudUnmodifiable:
		return name + " is AWS's own and cannot be changed"
	case access.CloudBusy:
		return name + " was being changed by somebody else for too long"
	default:
		return "AWS refused " + e.Action
	}
}

// nameOf is "role/Bob" of an ARN, which is the same in every account.
func nameOf(resource string) string {
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) == 6 && parts[5] != "" {
		return parts[5]
	}
	if resource == "" {
		return "what was asked for"
	}
	return resource
}

func advice(e *access.CloudError) string {
	if e.Class.Denied() {
		return deniedAdvice(e)
	}
	return adviceByClass[e.Class]
}

var credentialCodes = map[string]bool{
	"ExpiredToken": true, "ExpiredTokenException": true, "InvalidClientTokenId": true, "UnrecognizedClientException": true,
	"SignatureDoesNotMatch": true, "InvalidSignatureException": true, "IncompleteSignature": true, "MissingAuthenticationToken": true,
	"RequestExpired": true, "RequestTimeTooSkewed": true,
}

var adviceByClass = map[access.CloudClass]string{
	access.CloudCredentials: "AWS does not accept the console's credentials. Check the access key, its " +
		"secret, whether its session has expired, " +
		"and the clock of this machine. The console tries them again every few seconds.",
	access.CloudThrottled:        "AWS asks to slow down. Try again in a while, or lower the number of accounts pushed at once.",
	access.CloudGone:             "It does not exist in the account. Create it there, or remove it from the mapping.",
	access.CloudMalformed:        "AWS refuses the document as it is. Look at the document in the plan, and at what others have written into it.",
	access.CloudInvalidPrincipal: "A user or role that the document names does not exist. Read the account's inventory again and remove users and roles that no longer exist from the mapping.",
	access.CloudQuota:            "The document is too long for the account. Shorten the allowlists, use fewer users per role, or have the account's quota raised.",
	access.CloudUnreachable:      "It is not known whether this took effect. Read the live document before deciding; then try again.",
	access.CloudWrongAccount:     "Something between the console and AWS mixes up answers. Nothing was written with this session. Check the proxy and AWS_ENDPOINT_URL before you retry.",
	access.CloudUnmodifiable:     "A service-linked role belongs to an AWS service and cannot be changed at all. Leave it out of the mapping.",
	access.CloudBusy:             "AWS lets nobody change this while another change of it is under way, or shortly after it was made anew. See in CloudTrail who changes it that often, and try again in a few minutes.",
	access.CloudUnknown:          "AWS refused for a reason that the console does not know. Its own words are above.",
}
