package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The share of the recorded active accounts that one sync may let go without confirmation. A sync in which more
// accounts vanish than both limits say waits for two admins: organizations lose single accounts, while a half answer
// or an answer of another organization lacks many.
const (
	vanishAccounts = 3 // accounts
	vanishPercent  = 5 // percent of the active accounts
)

// OrganizationRecord is the organization that the console serves, and how its last syncs went.
type OrganizationRecord struct {
	ID         string // recorded at the first sync; "" before
	RecordedAt time.Time
	SyncedAt   time.Time // of the last sync that succeeded
	Error      string    // why the last sync failed; "" if it succeeded
	ErrorAt    time.Time
	Replica    string            // the replica on which the last sync failed
	Awaits     *SyncConfirmation // nil if nothing awaits confirmation
	LeftBehind int               // accounts that are not active and keep documents of the console

	Scan            ScanRecord
	Refused         []RefusedReplica // the longest refused first
	Unanswered      Unanswered       // of all rollouts
	LacksExternalID bool             // deployment roles in AWS itself are assumed without an external id
}

// ScanRecord says when an account was read last, and why one could not be read.
type ScanRecord struct {
	SucceededAt time.Time // zero if no account was read
	Error       string    // the last one; "" if there was none
	ErrorAt     time.Time
	Account     AccountID // that could not be read; "" if the reason is not of an account
	Replica     string    // that could read none; "" if the reason is of an account
}

// RefusedReplica is a replica of the console whose own credentials AWS refuses. It starts no target of a rollout until
// AWS accepts them.
type RefusedReplica struct {
	Replica string
	Since   time.Time
	SeenAt  time.Time // when the replica reported it last
	Error   string
}

// ConfirmationKind says what admins are asked to confirm.
type ConfirmationKind string

// The kinds of confirmation.
const (
	ConfirmOrganization ConfirmationKind = "other_organization" // the credentials belong to another organization
	ConfirmVanished     ConfirmationKind = "vanished_accounts"  // many accounts are no longer in the organization
)

// AcceptanceBasis says why a confirmation is complete.
type AcceptanceBasis string

// The bases of an acceptance. AcceptedBySingleAdmin is an exception, and every record of it says so.
const (
	AcceptedByTwoAdmins   AcceptanceBasis = "two_admins"
	AcceptedBySingleAdmin AcceptanceBasis = "single_administrator" // one admin, in the mode single administrator
	AcceptedByOperator    AcceptanceBasis = "operator"             // on the command line of the server
)

// SyncConfirmation is an answer of AWS that changes nothing until admins confirm it. Digest binds it to the ids of the
// organizations and to the exact accounts.
//
//	asked ──admins of two groups, one in the mode single administrator, or the server's operator──▶ accepted ──the next sync──▶ applied
//	  └──a sync that succeeds, or that asks for something else──▶ lapsed
type SyncConfirmation struct {
	ID       int64
	Kind     ConfirmationKind
	Recorded string            // the id of the recorded organization
	Seen     string            // the id of the organization that answered
	Vanished []VanishedAccount // sorted by id; a page may hold only the first
	Count    int               // of all vanished accounts
	Lost     int               // of those, how many were active
	Active   int               // recorded active accounts when it was asked
	Digest   string
	AskedAt  time.Time

	Acceptances []SyncAcceptance
	AcceptedAt  time.Time
	Basis       AcceptanceBasis
}

// VanishedAccount is an account that AWS no longer finds in the organization.
type VanishedAccount struct {
	ID    AccountID    `json:"id"`
	Name  string       `json:"name"`
	OU    string       `json:"ou"`
	State AccountState `json:"state"`
}

// SyncAcceptance is the word of one admin.
type SyncAcceptance struct {
	By   PersonRef
	At   time.Time
	With []int64 // accounts that counted together with the admin at that time
}

// SyncRefusedError is the error of a sync that waits for confirmation.
type SyncRefusedError struct{ Confirmation SyncConfirmation }

func (r *SyncRefusedError) Error() string { return r.Confirmation.Sentence() }

// Unwrap gives the refusal its kind.
func (r *SyncRefusedError) Unwrap() error {
	return Errorf(KindConflict, "%s", r.Confirmation.Sentence())
}

// CheckID refuses another organization than the recorded one.
func (r OrganizationRecord) CheckID(seen string) error {
	if r.ID == "" || r.ID == seen {
		return nil
	}
	return &SyncRefusedError{newConfirmation(SyncConfirmation{Kind: ConfirmOrganization, Recorded: r.ID, Seen: seen})}
}

// Admit refuses an answer of AWS that must not count yet. recorded are the accounts that the console knows. Each of
// them must be in the answer or among the accounts that AWS says it does not know.
func (r OrganizationRecord) Admit(o Organization, recorded []Account) error {
	if err := r.CheckID(o.ID); err != nil {
		return err
	}
	missing := Missing(o, recorded)
	active, gone := 0, 0
	vanished := make([]VanishedAccount, 0, len(missing))
	for _, a := range recorded {
		if a.State == AccountActive {
			active++
		}
	}
	for _, a := range missing {
		if !slices.Contains(o.Gone, a.ID) {
			return Errorf(KindConflict, "Account %s (%s) is missing from the list that AWS gave, and AWS did not "+
				"say that it has left. Nothing was changed. The next sync asks again.", a.ID, a.Name)
		}
		if a.State == AccountActive {
			gone++
		}
		vanished = append(vanished, VanishedAccount{ID: a.ID, Name: a.Name, OU: a.OU, State: a.State})
	}
	if gone <= vanishAccounts || gone*100 <= vanishPercent*active {
		return nil
	}
	c := newConfirmation(SyncConfirmation{
		Kind: ConfirmVanished, Recorded: r.ID, Seen: o.ID, Vanished: vanished, Lost: gone, Active: active,
	})
	if r.Awaits != nil && r.Awaits.Digest == c.Digest && !r.Awaits.AcceptedAt.IsZero() {
		return nil
	}
	return &SyncRefusedError{c}
}

// Missing are the recorded accounts that the answer of AWS lacks, without those that have left before.
func Missing(o Organization, recorded []Account) []Account {
	listed := make(map[AccountID]bool, len(o.Accounts))
	for i := range o.Accounts {
		listed[o.Accounts[i].ID] = true
	}
	var missing []Account
	for _, a := range recorded {
		if !listed[a.ID] && a.State != AccountLeft {
			missing = append(missing, a)
		}
	}
	return missing
}

func newConfirmation(c SyncConfirmation) SyncConfirmation {
	slices.SortFunc(c.Vanished, func(a, b VanishedAccount) int { return strings.Compare(string(a.ID), string(b.ID)) })
	c.Count = len(c.Vanished)
	h := sha256.New()
	fmt.Fprintf(h, "%s %q %q\n", c.Kind, c.Recorded, c.Seen)
	for _, a := range c.Vanished {
		fmt.Fprintln(h, a.ID)
	}
	c.Digest = hex.EncodeToString(h.Sum(nil))
	return c
}

// AppliedBy reports whether an answer of AWS was admitted because it was accepted: it lacks the accounts.
func (c SyncConfirmation) AppliedBy(o Organization) bool {
	return c.Kind == ConfirmVanished && !c.AcceptedAt.IsZero() &&
		!slices.ContainsFunc(c.Vanished, func(a VanishedAccount) bool { return !slices.Contains(o.Gone, a.ID) })
}

// Reference names the confirmation on the command line: the other organization's id, or the digest.
func (c SyncConfirmation) Reference() string {
	if c.Kind == ConfirmOrganization {
		return c.Seen
	}
	return c.Digest
}

// Sentence says what happened and what to do.
func (c SyncConfirmation) Sentence() string {
	remedy := " or the operator of the server runs: portcullis organization accept " + c.Reference()
	if c.Kind == ConfirmOrganization {
		return fmt.Sprintf("This console serves the organization %s, but its AWS credentials belong to the"+
			" organization %s. Nothing was changed."+
			" If the credentials are wrong, correct them and read the organization again."+
			" If the console is to serve %s from now on, admins of two groups must accept it on the page Accounts,",
			c.Recorded, c.Seen, c.Seen) + remedy
	}
	return fmt.Sprintf("%d of %d active accounts are no longer in the organization %s. Nothing was changed."+
		" If that is wrong, look into the answer of AWS and read the organization again."+
		" If they have left, admins of two groups must confirm their list on the page Accounts,",
		c.Lost, c.Active, c.Seen) + remedy
}

// Accept adds the word of an admin, or of the operator of the server, who needs no second. people and groups are all
// of the console: two admins of one group count once. In the mode single administrator one admin is enough, and the
// record says so.
func (c *SyncConfirmation) Accept(actor Actor, people []Person, groups Groups, single bool, at time.Time) error {
	if !c.AcceptedAt.IsZero() {
		return Errorf(KindConflict, "This is confirmed already. The next sync carries it out.")
	}
	given := func(id int64) bool {
		return slices.ContainsFunc(c.Acceptances, func(a SyncAcceptance) bool { return a.By.ID == id })
	}
	if given(actor.PersonID) {
		return Errorf(KindConflict, "You have accepted this already. An admin of another group must confirm it.")
	}
	c.Acceptances = append(c.Acceptances, SyncAcceptance{By: actor.Ref(), At: at, With: groups.With(actor.PersonID)})
	accepted := c.acceptedGroups(people, groups)
	switch {
	case actor.Kind == ActorSystem:
		c.Basis = AcceptedByOperator
	case accepted >= 2:
		c.Basis = AcceptedByTwoAdmins
	case accepted == 1 && single:
		c.Basis = AcceptedBySingleAdmin
	default:
		return nil
	}
	c.AcceptedAt = at
	return nil
}

// acceptedGroups counts the groups of the admins who have accepted. The word of a former admin does not count.
func (c *SyncConfirmation) acceptedGroups(people []Person, groups Groups) int {
	var counted [][]int64
	for _, a := range c.Acceptances {
		i := slices.IndexFunc(people, func(p Person) bool { return p.ID == a.By.ID })
		if i < 0 || people[i].Disabled || !slices.Contains(people[i].Roles, RoleAdmin) {
			continue
		}
		mine := append([]int64{a.By.ID}, a.With...)
		if !slices.ContainsFunc(counted, func(others []int64) bool { return groups.together(mine, others) }) {
			counted = append(counted, mine)
		}
	}
	return len(counted)
}

// Event records an acceptance.
func (c SyncConfirmation) Event(actor Actor, at time.Time) AuditEvent {
	detail := c.detail()
	detail["complete"] = !c.AcceptedAt.IsZero()
	if c.Basis != "" {
		detail["basis"] = c.Basis
	}
	return NewAuditEvent(actor, at, "organization.accept", "organization", detail)
}

// AskedEvent records that a sync asks for confirmation.
func (c SyncConfirmation) AskedEvent(at time.Time) AuditEvent {
	return NewAuditEvent(System("drift"), at, "organization.ask", "organization", c.detail())
}

func (c SyncConfirmation) detail() map[string]any {
	detail := map[string]any{"kind": c.Kind, "recorded": c.Recorded, "seen": c.Seen, "digest": c.Digest}
	if len(c.Vanished) > 0 {
		ids := make([]AccountID, len(c.Vanished))
		for i, a := range c.Vanished {
			ids[i] = a.ID
		}
		detail["accounts"] = ids
	}
	return detail
}
