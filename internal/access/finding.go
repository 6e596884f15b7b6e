package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// FindingKind is what is wrong.
type FindingKind string

// The kinds of finding.
const (
	FindingDrift         FindingKind = "drift"          // a document of ours is not as desired
	FindingBypass        FindingKind = "bypass"         // somebody else's statement lets somebody past the mappings
	FindingDeadPrincipal FindingKind = "dead_principal" // a mapped or trusted user does not exist
	FindingUnreachable   FindingKind = "unreachable"    // the account cannot be read
)

// FindingKinds lists the kinds in the order in which pages show them.
func FindingKinds() []FindingKind {
	return []FindingKind{FindingDrift, FindingBypass, FindingDeadPrincipal, FindingUnreachable}
}

// FindingReason names more exactly in which way.
type FindingReason string

// The reasons.
const (
	ReasonMissing    FindingReason = "missing"    // what is desired is not there
	ReasonEdited     FindingReason = "edited"     // it is there, and means something else
	ReasonLeftOver   FindingReason = "left_over"  // it is ours, and nothing asks for it
	ReasonUnfit      FindingReason = "unfit"      // what is desired cannot be written any more
	ReasonAllow      FindingReason = "allow"      // an Allow of others
	ReasonUniqueID   FindingReason = "unique_id"  // a document names somebody who was deleted
	ReasonNoUser     FindingReason = "no_user"    // a mapping names a user who is not there
	ReasonUnreadable FindingReason = "unreadable" // AWS refuses, or does not answer
	ReasonKeptOut    FindingReason = "kept_out"   // a Deny of ours is for a user who was removed from the role
)

// FindingState is the state of a finding.
type FindingState string

// A finding is open until a scan no longer sees it, or somebody says why it may stay.
//
//	open ──▶ resolved            a scan no longer sees it
//	  │ ▲
//	  ▼ │ what was found is no longer the same
//	acknowledged ──▶ resolved
const (
	FindingOpen         FindingState = "open"
	FindingAcknowledged FindingState = "acknowledged"
	FindingResolved     FindingState = "resolved"
)

// FindingStates lists the states.
func FindingStates() []FindingState {
	return []FindingState{FindingOpen, FindingAcknowledged, FindingResolved}
}

// Finding is something live in AWS that is not as desired. Account, Kind, Resource and
// Subject tell findings apart: what a later scan finds under the same four is the same
// finding, seen again.
type Finding struct {
	ID          int64
	Account     AccountID
	AccountName string
	Kind        FindingKind
	Reason      FindingReason
	Resource    Resource // whose document it is; of the kind "" where it is the account's
	Subject     string   // a Sid, a user, a unique id; "" where the resource says it all
	Sentence    string   // for people
	Advice      string   // what to do about it
	Live        string   // the document as it is in AWS
	Desired     string   // the document as it should be
	FirstSeen   time.Time
	LastSeen    time.Time
	ResolvedAt  time.Time
	Ack         *Acknowledgement
	Version     int64
}

// Acknowledgement says why a finding may stay.
type Acknowledgement struct {
	By     PersonRef
	At     time.Time
	Reason string
}

// State returns the state of the finding.
func (f Finding) State() FindingState {
	switch {
	case !f.ResolvedAt.IsZero():
		return FindingResolved
	case f.Ack != nil:
		return FindingAcknowledged
	default:
		return FindingOpen
	}
}

// Object names the finding in the audit log.
func (f Finding) Object() string { return fmt.Sprintf("finding/%d", f.ID) }

// Key tells the findings of one account apart.
func (f Finding) Key() string {
	return strings.Join([]string{string(f.Kind), string(f.Resource.Kind), f.Resource.Path, f.Resource.Name, f.Subject}, "\x00")
}

// Digest tells whether what was found is still the same: an acknowledgement holds for
// what was seen when it was given, and for nothing else.
func (f Finding) Digest() string {
	h := sha256.New()
	for _, part := range []string{string(f.Reason), f.Live, f.Desired} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// MaxAcknowledgement is how long the reason of an acknowledgement may be.
const MaxAcknowledgement = 1000

// Acknowledge notes that the finding may stay, and why. digest is of what the actor has
// seen: what looks different by now has to be looked at first.
func (f *Finding) Acknowledge(actor Actor, at time.Time, digest, reason string) error {
	reason = strings.TrimSpace(reason)
	switch {
	case f.State() == FindingResolved:
		return Errorf(KindConflict, "This finding is resolved: the last scan did not see it any more.")
	case digest != f.Digest():
		return Errorf(KindConflict, "What was found looks different by now. Look at it again before you acknowledge it.")
	case reason == "":
		return Invalid("reason", "Say why this may stay as it is.")
	case len([]rune(reason)) > MaxAcknowledgement:
		return Invalid("reason", "The reason is at most %d characters long.", MaxAcknowledgement)
	}
	f.Ack = &Acknowledgement{By: actor.Ref(), At: at, Reason: reason}
	f.Version++
	return nil
}

// Reopen removes an acknowledgement.
func (f *Finding) Reopen() error {
	if f.State() != FindingAcknowledged {
		return Errorf(KindConflict, "This finding is not acknowledged.")
	}
	f.Ack = nil
	f.Version++
	return nil
}

// Repairable reports whether a push of the account can put the finding right.
func (f Finding) Repairable() bool {
	switch f.Reason {
	case ReasonMissing, ReasonEdited, ReasonKeptOut:
		return f.Kind == FindingDrift
	default:
		return f.Reason == ReasonUniqueID
	}
}

// FindingQuery narrows a list of findings. The zero value lists those that are open.
type FindingQuery struct {
	States  []FindingState // default: open
	Kinds   []FindingKind
	Account AccountID
	Group   string // those of one FindingGroup
	PageQuery
}

// Scan is what one look at an account found.
type Scan struct {
	Account  AccountID
	ReadAt   time.Time // as of when the account was read
	Revision int64     // that it was held against
	At       time.Time
	Findings []Finding

	// Whole says that all there is was looked at, so that what was not found is resolved.
	Whole bool
}

// ScanOutcome is what a scan changed: findings that are new, those that look different
// now than when they were acknowledged, and those that are resolved.
type ScanOutcome struct {
	Opened, Reopened, Resolved []Finding
}

// Changed reports whether there is anything to tell.
func (o ScanOutcome) Changed() bool { return len(o.Opened)+len(o.Reopened)+len(o.Resolved) > 0 }

// StoppedTarget is the state of the last push of an account.
type StoppedTarget struct {
	Rollout int64       // that had the account as a target last; 0 for none
	State   TargetState // of the account in it
	Busy    bool        // some rollout that goes on has still to push the account
}

// FindingCounts counts what is open, by kind.
type FindingCounts map[FindingKind]int

// Total counts all.
func (c FindingCounts) Total() int {
	n := 0
	for _, k := range c {
		n += k
	}
	return n
}

// FindingGroup is findings that say the same of different accounts.
type FindingGroup struct {
	Group     string // names the group; see FindingQuery
	Newest    Finding
	Findings  int
	Accounts  int
	FirstSeen time.Time
	LastSeen  time.Time
}

// Sentence is what all of the group say, without the account of which they say it.
func (g FindingGroup) Sentence() string {
	if g.Findings == 1 {
		return g.Newest.Sentence
	}
	s := strings.ReplaceAll(g.Newest.Sentence, " ("+g.Newest.AccountName+")", "")
	return strings.ReplaceAll(s, string(g.Newest.Account), "…")
}

// MaxFindingsTogether is how many findings can be acknowledged at once.
const MaxFindingsTogether = 1000

// FindingSelection is what matches a query: so many, and what they are like.
type FindingSelection struct {
	Count       int
	Fingerprint string // "" where there are more than MaxFindingsTogether
}

// Fingerprint tells whether findings are still the same, and look the same. They are in
// the order of their ids.
func Fingerprint(findings []Finding) string {
	h := sha256.New()
	for _, f := range findings {
		fmt.Fprintf(h, "%d:%s,", f.ID, f.Digest())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// FindingChoice chooses findings to be acknowledged together: single ones, or all that
// match a query.
type FindingChoice struct {
	Digests     map[int64]string // of what was seen of each; nil for all that match
	Query       FindingQuery
	Fingerprint string // of what was seen of all that match
}

// Check refuses a choice of nothing, and of more than can be acknowledged together.
func (c FindingChoice) Check() error {
	switch {
	case c.Digests == nil && c.Fingerprint == "":
		return Invalid("findings", "Choose what to acknowledge. At most %d findings can be acknowledged together: narrow the list.", MaxFindingsTogether)
	case c.Digests != nil && len(c.Digests) == 0:
		return Invalid("findings", "Choose at least one finding.")
	case len(c.Digests) > MaxFindingsTogether:
		return Invalid("findings", "At most %d findings can be acknowledged together.", MaxFindingsTogether)
	default:
		return nil
	}
}

// Acknowledge acknowledges what was chosen, or nothing where something looks different
// from what was seen. found is what the choice is about by now, in the order of ids.
func (c FindingChoice) Acknowledge(found []Finding, actor Actor, at time.Time, reason string) error {
	switch {
	case c.Digests == nil && Fingerprint(found) != c.Fingerprint:
		return Errorf(KindConflict, "What matches is no longer what you saw: findings have come, gone or changed. Look at the list again.")
	case len(found) < len(c.Digests):
		return Errorf(KindNotFound, "Not all of the chosen findings are there.")
	}
	for i := range found {
		digest := found[i].Digest()
		if c.Digests != nil {
			digest = c.Digests[found[i].ID]
		}
		if err := found[i].Acknowledge(actor, at, digest, reason); err != nil {
			if len(FieldsOf(err)) > 0 {
				return err
			}
			return Wrap(KindOf(err), err, "Finding %d: %s", found[i].ID, MessageOf(err))
		}
	}
	return nil
}
