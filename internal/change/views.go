package change

import (
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/policy"
)

// Head asks for the newest revision where a revision is asked for.
const Head int64 = -1

// Input is what a person types of a change.
type Input struct {
	Title  string
	Reason string
	Edits  []access.Edit
}

// AllowlistView is an allowlist as its page shows it.
type AllowlistView struct {
	access.AllowlistRow
	Entries  access.Page[access.Entry]
	Mappings access.Page[access.Mapping] // that use it
	Drafts   []access.Change             // the actor's open drafts, which edits can be added to
	Settings access.Settings             // for the days of notice, and how long an emergency may last
	Sizes    []policy.RoleSize           // how full the trust policies are that depend on it
}

// AccountView is an account as its page shows it: what is known to be in it, and what
// the desired state makes of it.
type AccountView struct {
	access.Account
	Roles     []access.LiveRole
	Users     []access.LiveUser
	Refusals  []policy.Issue // what could not be compiled, in words
	Known     bool           // false where its roles and users were never read
	RolePage  int            // counts of the whole account
	UserCount int
}

// View is a change as its page shows it: everything a reviewer needs.
type View struct {
	access.Change
	Diff        policy.StateDiff         // entries and mappings, before and after
	Impact      policy.Impact            // who gains and loses what
	Issues      []policy.Issue           // errors first
	Cleared     []policy.Issue           // what deserved a second look before the change and does not after
	LeftBehind  []access.Account         // would be written to, but are not active and keep documents
	Targets     int                      // accounts of the plan
	Writes      int                      // operations of the plan
	Folded      []access.FoldedOperation // equal operations in many accounts, folded into one
	Problem     string                   // why the edits cannot be planned, in words; "" when they can
	Fields      []access.FieldError
	History     []access.AuditEvent
	Own         []string // "You are mapped to role X": the reader's own stake
	Permissions access.ChangePermissions
	Rollout     *access.Rollout
	Computed    time.Time

	Guards       []access.Guard // what would lock people out, also the reader
	Needs        []access.NeedStatus
	Comments     []access.Comment
	Rules        []access.RuleChange
	Settings     []access.SettingChange
	Names        map[string]string   // of the allowlists and mappings in the scopes of Rules, by id
	OUs          *access.OUs         // for the texts about selectors
	ChangedSince access.ChangedSince // changes of others since the base of a change that is not applied yet
	FourEyes     access.FourEyes     // whether two humans are needed now
	OneGroup     string              // why a change in review cannot be approved: all people count as one group
	Warnings     string              // the digest of the warnings of a submitted change

	Strategies      []access.StrategyChange
	DefaultStrategy *access.SettingChange // nil if it stays
}

// ExplainRequest asks which user can assume which role, from which network. Revision is Head, or a
// past one, which is looked at as of when it was made; ChangeID, when set, asks about the state
// that a change would make.
type ExplainRequest struct {
	Account        access.AccountID
	Role           string // path and name
	User           string // short form
	SourceIP       string
	SourceVPC      string
	SourceVPCE     string
	MFA            bool
	SessionName    string
	SourceIdentity string
	Revision       int64
	At             time.Time // the desired state of a date in place of a revision; zero for none
	ChangeID       int64
}

// Explanation is the answer.
type Explanation struct {
	iam.Decision
	Revision    int64
	At          time.Time // as of when expiries count
	TrustPolicy string    // the document that decided, pretty
	UserPolicy  string
}

// Overview is what the first page shows.
type Overview struct {
	access.Totals
	ForYou []access.Change // what waits for this actor
	Recent []access.Change

	Expiring []access.Expiring // soon, or expired and being removed
	Missed   []access.Change   // whose schedule was not kept

	FourEyes access.FourEyes // whether changes need two humans now
	OneGroup string          // if they do not: who counts as one group, why, and what to do
}
