package access

// OperationKind is one kind of IAM write.
type OperationKind string

// The kinds of operation.
const (
	OpTrustPolicy      OperationKind = "trust_policy"       // iam:UpdateAssumeRolePolicy
	OpUserPolicy       OperationKind = "user_policy"        // iam:PutUserPolicy
	OpDeleteUserPolicy OperationKind = "delete_user_policy" // iam:DeleteUserPolicy

	// Of a user's gate: a managed policy that is made, or given a new default version;
	// its removal; and the user's attachments, of which only ours are written.
	OpGatePolicy       OperationKind = "gate_policy"        // iam:CreatePolicy, iam:CreatePolicyVersion
	OpDeleteGatePolicy OperationKind = "delete_gate_policy" // iam:DeletePolicy
	OpAttachments      OperationKind = "attachments"        // iam:AttachUserPolicy, iam:DetachUserPolicy
)

// Plan is what a change would write, account by account. Documents is a digest of all
// our compiled documents; foreign statements take no part in it, since a push leaves
// them as they are when it comes.
type Plan struct {
	Documents string
	Targets   []PlannedTarget
}

// PlannedTarget is one account of a plan, with its operations in the order of writing:
// trust policies first, then user policies; where there are gates, in the order that
// keeps everybody out who was never let in.
type PlannedTarget struct {
	Account     AccountID
	AccountName string
	OU          string
	Operations  []PlannedOperation
	Notes       []string // what a reviewer should know about this account
}

// PlannedOperation is one document to write. Before is the whole document when it was
// last read ("" where there is none), After the whole document as it would be ("" for a
// deletion). Ours are our statements alone, as a JSON list: OursBefore and OursAfter
// decide at the push whether somebody else has edited them, and OursAfter is what is
// merged into the document that is there by then.
type PlannedOperation struct {
	Kind        OperationKind
	Resource    Resource
	Before      string
	BeforeKnown bool // false where the account could not be read when planning
	After       string
	OursBefore  string
	OursAfter   string
	Size        int // characters without white space of After
	Limit       int
	Note        string
}

// Operations counts the operations of the whole plan.
func (p Plan) Operations() int {
	n := 0
	for _, t := range p.Targets {
		n += len(t.Operations)
	}
	return n
}
