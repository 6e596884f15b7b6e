package aws

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/aws/smithy-go"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"portcullis.internal/portcullis/internal/access"
)

// call says what was tried, for the error.
type call struct {
	account  access.AccountID
	action   string
	resource string
}

// classes maps AWS's codes (docs/aws-facts.md, "IAM error codes") to ours. The exact words of messages are
// not relied on, with one exception below.
var classes = map[string]access.CloudClass{
	"AccessDenied":                      access.CloudDenied,
	"AccessDeniedException":             access.CloudDenied,
	"UnauthorizedOperation":             access.CloudDenied,
	"RegionDisabledException":           access.CloudDenied,
	"ExpiredToken":                      access.CloudDenied,
	"ExpiredTokenException":             access.CloudDenied,
	"InvalidClientTokenId":              access.CloudDenied,
	"UnrecognizedClientException":       access.CloudDenied,
	"SignatureDoesNotMatch":             access.CloudDenied,
	"InvalidSignatureException":         access.CloudDenied,
	"IncompleteSignature":               access.CloudDenied,
	"RequestExpired":                    access.CloudDenied,
	"RequestTimeTooSkewed":              access.CloudDenied,
	"MissingAuthenticationToken":        access.CloudDenied,
	"AWSOrganizationsNotInUseException": access.CloudDenied,
	"NoSuchEntity":                      access.CloudGone,
	"MalformedPolicyDocument":           access.CloudMalformed,
	"ValidationError":                   access.CloudMalformed,
	"InvalidInput":                      access.CloudMalformed,
	"LimitExceeded":                     access.CloudQuota,
	"PackedPolicyTooLarge":              access.CloudQuota,
	"UnmodifiableEntity":                access.CloudUnmodifiable,
	"EntityTemporarilyUnmodifiable":     access.CloudBusy,
	"ConcurrentModification":            access.CloudBusy,
	"ServiceFailure":                    access.CloudUnreachable,
	"InternalFailure":                   access.CloudUnreachable,
	"InternalError":                     access.CloudUnreachable,
	"ServiceUnavailable":                access.CloudUnreachable,
	"ServiceException":                  access.CloudUnreachable,
	"RequestTimeout":                    access.CloudUnreachable,
	"RequestTimeoutException":           access.CloudUnreachable,
}

// classify puts a refusal into words; nil stays nil, and what is in words stays so.
func classify(of call, err error) error {
	var known *access.CloudError
	if err == nil {
		return nil
	}
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, errYielded) {
		return errYielded
	}
	var wrong *wrongAccountError
	if errors.As(err, &wrong) {
		return wrong.refusal(of)
	}
	e := &access.CloudError{Account: of.account, Action: of.action, Resource: of.resource, Err: err}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		e.RequestID = response.ServiceRequestID()
	}
	var api smithy.APIError
	var none *noCredentialsError
	switch {
	case errors.As(err, &api):
		e.Code, e.Message = api.ErrorCode(), api.ErrorMessage()
		e.Class = classOf(api, err)
		if e.Class == access.CloudDenied {
			e.Class = deniedBy(e.Message)
		}
		if credentialCodes[e.Code] && of.withOwn() {
			e.Class = access.CloudCredentials
		}
	case errors.As(err, &none) && !brokeOff(err):
		e.Class, e.Code, e.Message = noCredentials(none.err)
	default:
		e.Class, e.Code, e.Message = noAnswer(err, response)
	}
	e.Cause, e.Advice = cause(e), advice(e)
	return e
}

func classOf(api smithy.APIError, err error) access.CloudClass {
	if isThrottle(err) {
		return access.CloudThrottled
	}
	class, found := classes[api.ErrorCode()]
	switch {
	// AWS has one code for a bad document and for one that names somebody who is not
	// there; only the message tells them apart (docs/aws-facts.md, "Invalid principal").
	case class == access.CloudMalformed && strings.Contains(api.ErrorMessage(), "Invalid principal"):
		return access.CloudInvalidPrincipal
	case found:
		return class
	case serverFailed(err):
		return access.CloudUnreachable
	default:
		return access.CloudUnknown
	}
}

func serverFailed(err error) bool {
	var response *awshttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() >= 500
}

// noAnswer describes an error that did not come from AWS as a code and a message.
func noAnswer(err error, response *awshttp.ResponseError) (access.CloudClass, string, string) {
	switch {
	case errors.Is(err, errBucketEmpty):
		return access.CloudThrottled, "LocalRateLimit", errBucketEmpty.Error()
	case errors.Is(err, context.Canceled):
		return access.CloudUnreachable, "Canceled", "the call was broken off"
	case errors.Is(err, context.DeadlineExceeded):
		return access.CloudUnreachable, "Timeout", "no answer within the time given"
	case brokenOff(err):
		return access.CloudUnreachable, "BrokenOff", "the answer was broken off"
	case response != nil && response.HTTPStatusCode() > 0 && response.HTTPStatusCode() < 500:
		return access.CloudUnknown, "NotUnderstood", "the answer was not one of AWS's"
	default:
		return access.CloudUnreachable, "NoAnswer", root(err).Error()
	}
}

// brokeOff reports whether the time of a call was over, or the console broke it off.
func brokeOff(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// brokenOff reports whether the connection ended in the middle of an answer.
func brokenOff(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

// root is the innermost error of a chain, which says what went wrong without the layers of the SDK.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// codeOf returns AWS's code of an error, "" when it has none.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// gone reports whether the thing asked for is not there.
func gone(err error) bool { return err != nil && access.CloudClassOf(err) == access.CloudGone }
