package access

import "time"

// AllowlistRow is an allowlist as lists show it: without its entries.
type AllowlistRow struct {
	ID          string
	Name        string
	Description string
	Entries     int
	IPv4        int
	IPv6        int
	Endpoints   int
	Mappings    int   // mappings that use it
	ChangedIn   int64 // the newest revision that touched it or an entry
}

// MappingQuery narrows a list of mappings. Zero fields do not narrow.
type MappingQuery struct {
	Allowlist string // by name
	Role      string // path and name
	User      string // short form
	PageQuery
}

// ChangeQuery narrows a list of changes. Zero fields do not narrow.
type ChangeQuery struct {
	States  []ChangeState
	Author  int64
	Flagged bool // applied alone and not reviewed since
	// Uncounted leaves Total at -1, where nobody asks how many there are.
	Uncounted bool
	PageQuery
}

// RolloutQuery narrows a list of rollouts.
type RolloutQuery struct {
	States   []RolloutState
	ChangeID int64
	PageQuery
}

// TargetQuery narrows the targets of a rollout.
type TargetQuery struct {
	States []TargetState
	Wave   int // 0 for all
	Class  CloudClass
	Cause  string // as Target.Cause
	PageQuery
}

// OURow is an OU with the number of accounts directly in it, and with all OUs below.
type OURow struct {
	OU
	Direct int
	Total  int
}

// Containing is an entry that contains an address, with the allowlist it is in.
type Containing struct {
	AllowlistID string
	Allowlist   string
	Entry       Entry
}

// ChangeDecision is stored with a change, in the same transaction.
type ChangeDecision struct {
	Events []AuditEvent
	Plan   *Plan // replaces the change's frozen plan when set
}

// Application is what is to be made of a change that is being applied.
type Application struct {
	Rollout Rollout // state, max in flight, limits, who; the store fills in ids and counts
	Staging Staging // the zero value is one wave
	Events  []AuditEvent
	Digests TargetDigests // of the approved plan, which workers compare with their operations
}

// Totals counts what there is at the head.
type Totals struct {
	Revision   int64
	Allowlists int
	Entries    int
	Mappings   int
	Accounts   int
	Unreadable int // accounts whose roles and users could not be read
	OUs        int
}

// Stats is what a monitor wants to know of the whole console, whichever replica it asks.
type Stats struct {
	Rollouts map[RolloutState]int // that have not ended
	Targets  TargetCounts         // of those
	Ended    []RolloutEnd         // since the time asked for, oldest first
	Jobs     []JobCount           // that have not ended
	Findings FindingCounts        // that are open
	Readings map[string]Reading   // of "organization" and "accounts"
	Refused  int                  // replicas whose own credentials AWS refuses
	Silent   int                  // targets in flight whose calls AWS does not answer
}

// Reading says when something was read from AWS last, and when that failed last; zero for never.
type Reading struct{ SucceededAt, FailedAt time.Time }

// RolloutEnd is how a rollout ended, and how long it took from its start.
type RolloutEnd struct {
	State RolloutState
	At    time.Time
	Took  time.Duration
}

// JobCount is how many background jobs of a queue are in a state.
type JobCount struct {
	Queue string
	State string
	Count int
}
