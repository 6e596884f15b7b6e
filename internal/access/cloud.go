package access

import (
	"errors"
	"fmt"
	"time"
)

// Scope is what one push may touch. It becomes the session policy of the deployment
// role's session, and the accounts' CloudTrail shows SessionName.
type Scope struct {
	Account     Account
	Resources   []Resource
	SessionName string

	// Held refuses once the push may write no more. It is asked before each attempt of a
	// write, the last of which may come long after the first. nil never refuses.
	Held func() error
}

// Write is one IAM write. An empty Document deletes the user's policy; a role's
// document is never empty.
type Write struct {
	Resource Resource
	Document string
}

// CloudClass is a class of refusal by AWS, each with something to do about it.
type CloudClass string

// The classes of refusal.
const (
	CloudThrottled        CloudClass = "throttled"         // slow down, try again
	CloudDenied           CloudClass = "denied"            // IAM forbids it, or the session is refused
	CloudDeniedSCP        CloudClass = "denied_scp"        // a service control policy of the organization forbids it
	CloudDeniedRCP        CloudClass = "denied_rcp"        // a resource control policy of the organization forbids it
	CloudGone             CloudClass = "gone"              // no such role, user or account
	CloudMalformed        CloudClass = "malformed"         // the document is refused
	CloudInvalidPrincipal CloudClass = "invalid_principal" // a named user or role does not exist
	CloudQuota            CloudClass = "quota"             // the document is too long
	CloudUnreachable      CloudClass = "unreachable"       // no answer; the effect is unknown
	CloudUnmodifiable     CloudClass = "unmodifiable"      // a service-linked role, which is AWS's own
	CloudBusy             CloudClass = "busy"              // it is being changed, or was moments ago; that passes
	CloudWrongAccount     CloudClass = "wrong_account"     // the session belongs to another account; no write is made with it
	CloudBlocked          CloudClass = "blocked"           // a document in another account that comes first could not be set
	CloudUnknown          CloudClass = "unknown"
)

// CloudPlanChanged is a refusal by the console and not by AWS: the operations are not those that were approved.
const CloudPlanChanged CloudClass = "plan_changed"

// CloudCredentials is a refusal of the console's own credentials, or that it has none. It says nothing about an
// account.
const CloudCredentials CloudClass = "credentials"

// CloudClasses lists the classes of refusal by AWS.
func CloudClasses() []CloudClass {
	return []CloudClass{
		CloudThrottled, CloudDenied, CloudDeniedSCP, CloudDeniedRCP, CloudGone, CloudMalformed, CloudInvalidPrincipal,
		CloudQuota, CloudUnreachable, CloudUnmodifiable, CloudBusy, CloudWrongAccount, CloudUnknown,
	}
}

// Denied reports whether somebody has to allow what was refused.
func (c CloudClass) Denied() bool {
	return c == CloudDenied || c == CloudDeniedSCP || c == CloudDeniedRCP
}

// CloudError is a refusal by AWS, in words. Cause is what is wrong in a few words that
// name no account, so that the same failure in many accounts reads the same.
type CloudError struct {
	Class     CloudClass
	Account   AccountID
	Action    string // "iam:UpdateAssumeRolePolicy"
	Resource  string // ARN or name, if there is one
	Code      string // AWS's own code
	Message   string // AWS's own message
	Cause     string // "the deployment role lacks iam:UpdateAssumeRolePolicy"
	RequestID string
	Advice    string // what to do
	Err       error
}

func (e *CloudError) Error() string {
	s := e.Action
	if e.Account != "" { // the organization's own calls are in no account
		s += " in account " + string(e.Account)
	}
	s += ": " + e.Code
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

func (e *CloudError) Unwrap() error { return e.Err }

// CloudClassOf returns the class of the first *CloudError in the chain.
func CloudClassOf(err error) CloudClass {
	var e *CloudError
	if errors.As(err, &e) {
		return e.Class
	}
	return CloudUnknown
}

// CallerIdentity is who the console is to AWS.
type CallerIdentity struct {
	Account AccountID
	ARN     string
}

// Silence says since when AWS does not answer the calls for an account. The zero value means that it answers.
type Silence struct {
	Since time.Time
	Cause string // in a few words, for example "HTTP status 503, ServiceUnavailable"
}

// TargetRef names a target.
type TargetRef struct {
	Rollout int64
	Account AccountID
}

// TargetSilence says that AWS does not answer the calls that a push of a target makes. Asked is the account for which
// they are made, which may be another one than that of the target.
type TargetSilence struct {
	TargetRef
	Silence
	Asked AccountID
}

// Unanswered says of some targets in flight that AWS does not answer their calls, and that these are repeated. The zero
// value says that none is known.
type Unanswered struct {
	Targets int
	Since   time.Time // of the longest silence
	Asked   AccountID // the account of it
	Cause   string
	SeenAt  time.Time // when a replica reported it last
}

// Sentence says what AWS does not answer, since when, and when that was seen last.
func (u Unanswered) Sentence() string {
	calls := "the calls for account " + string(u.Asked)
	if u.Targets > 1 {
		calls = fmt.Sprintf("the calls for %d accounts", u.Targets)
	}
	const layout = "2006-01-02 15:04:05 UTC"
	return fmt.Sprintf("AWS does not answer %s (%s), retrying since %s. Seen last at %s.", calls, u.Cause,
		u.Since.UTC().Format(layout), u.SeenAt.UTC().Format(layout))
}

// CallCount counts what was asked of AWS. Attempts is larger than Calls where calls were
// repeated; Throttles counts the attempts that AWS throttled.
type CallCount struct {
	Calls     int64 `json:"calls"`
	Attempts  int64 `json:"attempts"`
	Throttles int64 `json:"throttles"`
	Writes    int64 `json:"writes"`
}
