package judge

// Request is one call. The question is whether the principal may carry out the action on
// the resource.
type Request struct {
	Principal Principal
	Action    string // for example "sts:AssumeRole"; case does not matter
	Resource  string // an ARN, or "*" for an action without resources
	Keys      Keys
}

// Keys are the condition keys of a request, for example "aws:sourceip": "203.0.113.7".
// Names must be in lower case. A key that is not in the map is absent from the request.
type Keys map[string]string

// Principal is the IAM user or the role session that makes a request.
type Principal struct {
	// ARN is the user's ARN, or the session's arn:aws:sts::ACCOUNT:assumed-role/ROLE/NAME.
	ARN string
	// RoleARN is the ARN of the session's role. It is empty for a user.
	RoleARN string
	// ID is the unique ID: AIDA… of a user, AROA… of the session's role. If it is empty, a
	// document that names the principal by its ID does not match.
	ID string
	// Account is the account ID, twelve digits.
	Account string
	// Partition is the account's partition. Empty means "aws".
	Partition string
}

// Policies are the documents on the principal's side. A nil document permits nothing and
// denies nothing.
type Policies struct {
	Identity []*Document // of the user, or of the session's role
	Session  *Document   // nil if the session has no session policy
}

// Decision says whether a request is allowed and why.
type Decision struct {
	Allowed bool
	Reason  Reason
	// Statement is the first statement that decided, in the document that Reason names. It
	// is nil if the reason is a missing Allow.
	Statement *Statement
}

// Reason says which document decided a request.
type Reason string

// The reasons of an allowed request.
const (
	GrantedByTrust    Reason = "allowed by the trust policy"
	GrantedByIdentity Reason = "allowed by an identity policy"
)

// The reasons of a denied request: an explicit Deny, or no Allow.
const (
	DeniedByTrust        Reason = "denied by the trust policy"
	DeniedByIdentity     Reason = "denied by an identity policy"
	DeniedBySession      Reason = "denied by the session policy"
	NotTrusted           Reason = "not allowed by the trust policy"
	NotGrantedByIdentity Reason = "not allowed by any identity policy"
	NotGrantedBySession  Reason = "not allowed by the session policy"
)
