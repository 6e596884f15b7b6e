package access

import (
	"errors"
	"slices"
	"time"
)

// RolloutState is where a rollout is. The package documentation draws it.
type RolloutState string

// The states of a rollout.
const (
	RolloutScheduled   RolloutState = "scheduled"
	RolloutRunning     RolloutState = "running"
	RolloutPaused      RolloutState = "paused"
	RolloutHalted      RolloutState = "halted"
	RolloutAborted     RolloutState = "aborted"
	RolloutCompleted   RolloutState = "completed"
	RolloutRollingBack RolloutState = "rolling_back"
	RolloutRolledBack  RolloutState = "rolled_back"
)

// LeavesOut reports whether what still waits is skipped: the rollout was aborted or is
// being rolled back, and starts no more targets.
func (s RolloutState) LeavesOut() bool { return s == RolloutAborted || s == RolloutRollingBack }

// TargetState is where one account of a rollout is.
type TargetState string

// The states of a target.
const (
	TargetWaiting   TargetState = "waiting"
	TargetRunning   TargetState = "running"
	TargetSucceeded TargetState = "succeeded"
	TargetUnchanged TargetState = "unchanged"
	TargetFailed    TargetState = "failed"
	TargetConflict  TargetState = "conflict"
	TargetSkipped   TargetState = "skipped"
)

// TargetStates lists the states of a target in the order in which pages show them.
func TargetStates() []TargetState {
	return []TargetState{TargetWaiting, TargetRunning, TargetSucceeded, TargetUnchanged, TargetFailed, TargetConflict, TargetSkipped}
}

// Ended reports whether nothing more happens to the target unless a person retries it.
func (s TargetState) Ended() bool { return s != TargetWaiting && s != TargetRunning }

// Rollout is the carrying out of a plan. ChangeID is 0 where a revision is pushed again
// without a change. MaxInFlight is the number of targets that may be in flight at once,
// and is never exceeded. More than MaxFailures failed or conflicting targets halt it. The limit is
// exact: see CanStart.
type Rollout struct {
	ID          int64
	Kind        RolloutKind
	ChangeID    int64
	Title       string
	Revision    int64
	Strategy    string // the name of its strategy as it was then; "" for none
	State       RolloutState
	MaxInFlight int
	MaxFailures int // or AnyFailures, NoFailures
	Counts      TargetCounts
	StartedBy   PersonRef
	Note        string // why it halted, was aborted or is rolled back
	LeftBehind  int    // accounts that it would write to, but that are not active and keep documents
	CreatedAt   time.Time
	StartedAt   time.Time
	EndedAt     time.Time

	Wave      int // the wave under way, from 1; 0 before the first
	Waves     int
	Phase     Phase     // of the wave; what it waits for while it is running
	Until     time.Time // when the phase or the maintenance window ends; zero where neither does
	Later     int       // waiting targets of waves that have not begun
	BlockedBy BlockedBy

	WaveMaxInFlight     int // accounts at once in this wave; 0: as MaxInFlight
	WaveBad             int // failed and conflicting targets of this wave
	IgnoredFailures     int // of all that failed: what was there when somebody resumed after a halt
	WaveIgnoredFailures int
	ChecksLeft          int // of this wave's health; ChecksToMake before they are made
	ChecksBad           int

	ConfirmedBy    PersonRef
	ConfirmedAt    time.Time
	RollsBack      int64 // the rollout that this one rolls back
	RolledBackBy   int64
	UndoneBy       PersonRef // who asked for it to be rolled back; nobody where its strategy did
	StoppedSince   time.Time // when it was paused or halted
	SkipsQueue     bool      // it goes ahead of older rollouts
	OpenUnverified string    // accounts whose roles may be opened without proof, separated by commas
	WindowOverride WindowOverride

	Unanswered Unanswered // targets in flight whose calls AWS does not answer; as a page reads it
	// Revokes says from whom the rollout takes access away, in a sentence; "" if it only grants access.
	Revokes string
}

// WindowOverride lets a rollout work outside of its strategy's maintenance window, as a
// person has decided. It holds through a wave, unless the rollout is paused or halts before.
type WindowOverride struct {
	Wave   int // 0 for no override
	By     string
	Reason string
}

// RolloutKind says what a rollout is for.
type RolloutKind string

// A push writes what the desired state says; a rollback puts back what a push has
// replaced.
const (
	RolloutPush     RolloutKind = "push"
	RolloutRollback RolloutKind = "rollback"
)

// Phase is what a running rollout is at.
type Phase string

// The phases of a running rollout, in their order. PhaseNext and PhaseApproved are passed
// within one transaction.
const (
	PhasePushing           Phase = ""
	PhaseMaintenanceWindow Phase = "maintenance_window" // outside of the strategy's maintenance window
	PhaseBaking            Phase = "baking"             // the wave is pushed and waits for its time
	PhaseChecking          Phase = "checking"           // the health of the wave is looked at
	PhaseAwaitingApproval  Phase = "awaiting_approval"  // a person has to approve the wave
	PhaseApproved          Phase = "approved"           // a person has approved the wave
	PhaseNext              Phase = "next"               // the next wave is to begin
	PhaseConfirm           Phase = "confirm"            // all is pushed; unless somebody confirms, it is rolled back
)

// BlockedBy says that targets wait since an older rollout is to work on their accounts first.
type BlockedBy struct {
	Rollout int64 // one of those
	Targets int
}

// ChecksToMake is the value of ChecksLeft until the checks of the wave have been made.
const ChecksToMake = -1

// GiveWayAfter is how long a paused or halted rollout keeps newer ones from the accounts
// that it has not reached.
const GiveWayAfter = time.Hour

// TargetCounts counts a rollout's targets by state.
type TargetCounts struct {
	Waiting   int
	Running   int
	Succeeded int
	Unchanged int
	Failed    int
	Conflict  int
	Skipped   int
}

// Total counts all targets.
func (c TargetCounts) Total() int { return c.Waiting + c.Running + c.Ended() }

// Ended counts the targets to which nothing more happens.
func (c TargetCounts) Ended() int {
	return c.Succeeded + c.Unchanged + c.Failed + c.Conflict + c.Skipped
}

// Of returns the count of one state.
func (c TargetCounts) Of(s TargetState) int { return *c.at(s) }

// Move moves one target from a state to another.
func (c *TargetCounts) Move(from, to TargetState) {
	*c.at(from)--
	*c.at(to)++
}

// Add counts n more targets in a state.
func (c *TargetCounts) Add(s TargetState, n int) { *c.at(s) += n }

func (c *TargetCounts) at(s TargetState) *int {
	switch s {
	case TargetWaiting:
		return &c.Waiting
	case TargetRunning:
		return &c.Running
	case TargetSucceeded:
		return &c.Succeeded
	case TargetUnchanged:
		return &c.Unchanged
	case TargetFailed:
		return &c.Failed
	case TargetConflict:
		return &c.Conflict
	default:
		return &c.Skipped
	}
}

// Target is one account in a rollout. Claim counts how often a worker has claimed it:
// a worker whose claim is no longer the newest writes nothing more.
type Target struct {
	RolloutID   int64
	Account     AccountID
	AccountName string
	OU          string
	Position    int // order within the rollout
	Wave        int // from 1
	Pass        Pass
	State       TargetState
	Claim       int64
	Message     string     // what went wrong, in words
	Class       CloudClass // "" where nothing did
	Code        string     // AWS's own code, if it was AWS that refused
	Cause       string     // what is wrong, in words that name no account
	Advice      string
	Calls       CallCount
	StartedAt   time.Time
	EndedAt     time.Time
	Unanswered  Unanswered // while AWS does not answer its calls; as a page reads it
}

// OperationState is where one IAM write of a target is.
type OperationState string

// The states of an operation: planned ─▶ intended ─▶ written | failed, or from planned
// directly to unchanged, conflict, failed or skipped. Intended without an outcome means
// that the effect is unknown until the live document has been read.
const (
	OperationPlanned   OperationState = "planned"
	OperationIntended  OperationState = "intended"
	OperationWritten   OperationState = "written"
	OperationUnchanged OperationState = "unchanged"
	OperationConflict  OperationState = "conflict"
	OperationFailed    OperationState = "failed"
	OperationSkipped   OperationState = "skipped"
)

// Operation is one IAM write in a target. LiveBefore is the whole document that was there before
// the first attempt, Written the one that was about to be put in place last, and Replaces the one that was
// live then: an operation may be written in several forms. Found is the live
// document at which a conflict was seen, and Resolution what somebody decided about it.
type Operation struct {
	ID        int64
	RolloutID int64
	Account   AccountID
	Seq       int
	PlannedOperation
	State      OperationState
	Earlier    *string // in a claim: what an older rollout has written here since this one was planned; "" for a deletion
	LiveBefore string
	Written    string
	Replaces   string
	Found      string
	Resolution Resolution
	Message    string
	IntendedAt time.Time
	EndedAt    time.Time
}

// WrittenTarget is what a rollout has written, or may have, in one account.
type WrittenTarget struct {
	Account     AccountID
	AccountName string
	OU          string
	Operations  []Operation // in the order of writing
}

// Claim is a worker's exclusive right to a target. While Until has not passed and no later
// claim was made, the worker may write.
type Claim struct {
	Rollout    Rollout
	Target     Target
	Account    Account
	Operations []Operation
	Digest     string // of the operations as they were when the rollout was made; "" if there is none
	Number     int64
	Until      time.Time
}

// OperationsDigest is the digest of the operations that the claim came with. Unless it is Digest, they are not those
// that were approved. It covers everything that decides on a write, and nothing that a rollout records.
func (c Claim) OperationsDigest() string {
	d := NewTargetDigest(c.Target.Account)
	for _, op := range c.Operations {
		d.Add(op.Seq, op.PlannedOperation)
	}
	return d.String()
}

// Attempted reports whether a write to the target was ever about to be sent.
func (c Claim) Attempted() bool {
	return slices.ContainsFunc(c.Operations, func(op Operation) bool { return !op.IntendedAt.IsZero() })
}

// Intent is what is committed before a write.
type Intent struct {
	OperationID int64
	LiveBefore  string
	Document    string // to be written; "" deletes
}

// Outcome is what is committed after a write, or in place of one.
type Outcome struct {
	OperationID int64
	State       OperationState
	LiveBefore  string // for conflict, skipped and unchanged: what was there
	Message     string
}

// TargetResult ends a target. A target that must wait for other accounts continues instead: State is
// TargetWaiting, and Continue says where.
type TargetResult struct {
	State    TargetState
	Continue Place
	Message  string
	Class    CloudClass
	Code     string
	Cause    string
	Advice   string
	Calls    CallCount
	Live     []LiveDocument // what the account holds now, as read back
}

// Continues reports whether the result lets a target continue at a later place.
func (r TargetResult) Continues(t Target) bool {
	return r.State == TargetWaiting && r.Continue.Wave >= t.Wave && r.Continue.Pass > PassFirst
}

// ErrClaimLost says that a later claim on the target was made: its holder writes nothing
// more.
var ErrClaimLost = errors.New("another worker has claimed the target")

// ErrNotRunning says that the rollout was paused, halted or aborted before anything was
// written to a target. The worker releases the target.
var ErrNotRunning = errors.New("the rollout is not running")

// Ended reports whether nothing more happens in the rollout: it came to its end, and no
// target is in flight.
func (r *Rollout) Ended() bool {
	switch r.State {
	case RolloutCompleted, RolloutAborted, RolloutRolledBack:
		return r.Counts.Running == 0
	default:
		return false
	}
}

// Adopted reports whether the operation's document is live because a person adopted it.
// Only a role's document says something that a change can say.
func (o *Operation) Adopted() bool {
	return o.Kind == OpTrustPolicy && o.State == OperationSkipped && o.Resolution.Choice == ConflictAdopt
}
