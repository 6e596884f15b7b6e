package api

import (
	"encoding/json"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// The shapes of the HTTP API. They are a contract of their own: a domain type may be
// renamed or grow without changing what programs outside read.

// pageJSON is one page of a list. Next is null on the last one.
type pageJSON[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
	Total *int    `json:"total,omitempty"`
}

func toPageJSON[T, U any](p access.Page[T], convert func(T) U) pageJSON[U] {
	out := pageJSON[U]{Items: convertAll(p.Items, convert)}
	if p.Next != "" {
		out.Next = &p.Next
	}
	if p.Total >= 0 {
		out.Total = &p.Total
	}
	return out
}

// convertAll never returns nil, so that an empty list is [] and not null.
func convertAll[T, U any](in []T, convert func(T) U) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = convert(v)
	}
	return out
}

type accountJSON struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	Email          string            `json:"email,omitempty"`
	State          string            `json:"state"`
	OU             string            `json:"ou"`
	OUIDs          []string          `json:"ou_ids"`
	Tags           map[string]string `json:"tags"`
	Partition      string            `json:"partition"`
	Management     bool              `json:"management"`
	SyncedAt       time.Time         `json:"synced_at,omitzero"`
	InventoryAt    time.Time         `json:"inventory_at,omitzero"`
	InventoryError string            `json:"inventory_error,omitempty"`
	PushedRevision int64             `json:"pushed_revision"`
}

func toAccountJSON(a access.Account) accountJSON {
	tags := a.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return accountJSON{
		ID: string(a.ID), Name: a.Name, Email: a.Email, State: string(a.State), OU: a.OU, Tags: tags,
		OUIDs:     append([]string{}, a.OUIDs...),
		Partition: a.PartitionOrDefault(), Management: a.Management, SyncedAt: a.SyncedAt.UTC(), InventoryAt: a.InventoryAt.UTC(),
		InventoryError: a.InventoryError, PushedRevision: a.PushedRevision,
	}
}

type allowlistJSON struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Entries     int    `json:"entries"`
	IPv4        int    `json:"ipv4"`
	IPv6        int    `json:"ipv6"`
	Endpoints   int    `json:"endpoints"`
	Mappings    int    `json:"mappings"`
	ChangedIn   int64  `json:"changed_in"`
}

func toAllowlistJSON(a access.AllowlistRow) allowlistJSON { return allowlistJSON(a) }

// mappingJSON is a mapping as the scenario file writes it, with its id.
type mappingJSON struct {
	ID             string          `json:"id"`
	Role           string          `json:"role"`
	Users          []string        `json:"users"`
	Accounts       access.Selector `json:"accounts"`
	Allowlists     []string        `json:"allowlists"`
	Enforcement    string          `json:"enforcement"`
	RequireMFA     bool            `json:"require_mfa"`
	MFAMaxAge      string          `json:"mfa_max_age,omitempty"`
	SessionName    string          `json:"session_name"`
	SourceIdentity string          `json:"source_identity"`
}

func toMappingJSON(m access.Mapping) mappingJSON {
	m = m.OrDefault()
	out := mappingJSON{
		ID: m.ID, Role: m.Role.String(), Users: convertAll(m.Users, access.UserName.String), Accounts: m.Accounts,
		Allowlists: append([]string{}, m.Allowlists...), Enforcement: string(m.Enforcement), RequireMFA: m.RequireMFA,
		SessionName: string(m.SessionName), SourceIdentity: string(m.SourceIdentity),
	}
	if m.MFAMaxAge > 0 {
		out.MFAMaxAge = m.MFAMaxAge.String()
	}
	return out
}

type personJSON struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

func toPersonJSON(p access.PersonRef) personJSON { return personJSON(p) }

type reviewJSON struct {
	Reviewer personJSON `json:"reviewer"`
	Verdict  string     `json:"verdict"`
	Digest   string     `json:"digest"`
	Base     int64      `json:"base"`
	Comment  string     `json:"comment,omitempty"`
	At       time.Time  `json:"at"`
	Void     bool       `json:"void"`
	Because  string     `json:"void_reason,omitempty"`
	Expires  time.Time  `json:"expires_at,omitzero"` // of an approval that counts

	NotCounted string `json:"not_counted,omitempty"`
}

func toReviewsJSON(c access.Change) []reviewJSON {
	return convertAll(c.Reviews, func(r access.Review) reviewJSON {
		return reviewJSON{
			Reviewer: toPersonJSON(r.Reviewer), Verdict: string(r.Verdict), Digest: r.Digest, Base: r.Base,
			Comment: r.Comment, At: r.At.UTC(), Void: r.Void, Because: string(r.Because), Expires: c.Expires(r).UTC(),
			NotCounted: c.NotCounted(r),
		}
	})
}

// changeJSON is a change as a list shows it; changeDetailJSON adds what can be long.
type changeJSON struct {
	ID          int64      `json:"id"`
	Title       string     `json:"title"`
	Reason      string     `json:"reason"`
	State       string     `json:"state"`
	Author      personJSON `json:"author"`
	Base        int64      `json:"base"`
	Version     int64      `json:"version"`
	Digest      string     `json:"digest,omitempty"`
	Required    int        `json:"required_approvals"`
	Note        string     `json:"note,omitempty"`
	Revision    int64      `json:"revision,omitempty"`
	RolloutID   int64      `json:"rollout_id,omitempty"`
	Reverts     int64      `json:"reverts,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	SubmittedAt time.Time  `json:"submitted_at,omitzero"`
	AppliedAt   time.Time  `json:"applied_at,omitzero"`

	Dangers        []access.Danger `json:"dangers"`
	EmergencyUntil time.Time       `json:"emergency_until,omitzero"`

	Schedule *scheduledJSON `json:"schedule,omitempty"`
	Expiry   *expiryJSON    `json:"expiry,omitempty"`
	Alone    *aloneJSON     `json:"applied_alone,omitempty"`
}

// aloneJSON says who applied a change without its approvals. It is flagged until it is reviewed.
type aloneJSON struct {
	By       personJSON `json:"by"`
	Reason   string     `json:"reason"`
	At       time.Time  `json:"at"`
	Single   bool       `json:"single_administrator"`
	Reviewed *time.Time `json:"reviewed_at"`
}

func toAloneJSON(b *access.BreakGlass) *aloneJSON {
	if b == nil {
		return nil
	}
	alone := &aloneJSON{By: toPersonJSON(b.By), Reason: b.Reason, At: b.At.UTC(), Single: b.Single}
	if !b.Reviewed.IsZero() {
		at := b.Reviewed.UTC()
		alone.Reviewed = &at
	}
	return alone
}

func toChangeJSON(c access.Change) changeJSON {
	return changeJSON{
		ID: c.ID, Title: c.Title, Reason: c.Reason, State: string(c.State), Author: toPersonJSON(c.Author), Base: c.Base,
		Version: c.Version, Digest: c.Digest, Required: max(c.Required, 1), Note: c.Note, Revision: c.Revision,
		RolloutID: c.RolloutID, Reverts: c.Reverts,
		CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), SubmittedAt: c.SubmittedAt.UTC(), AppliedAt: c.AppliedAt.UTC(),
		Dangers: append([]access.Danger{}, c.Dangers...), EmergencyUntil: c.EmergencyUntil.UTC(),
		Schedule: toScheduledJSON(c.Schedule), Expiry: toExpiryJSON(c.Expiry),
		Alone: toAloneJSON(c.BreakGlass),
	}
}

// changeDetailJSON adds what the plan makes of the edits only where a change was asked
// for: whoever has just written it may not read it.
type changeDetailJSON struct {
	changeJSON
	Editors   []personJSON `json:"editors"`
	Edits     []editJSON   `json:"edits"`
	Reviews   []reviewJSON `json:"reviews"`
	Approvals int          `json:"approvals"`
	Targets   *int         `json:"targets,omitempty"`
	Writes    *int         `json:"writes,omitempty"`
	Problem   string       `json:"problem,omitempty"`
	Guards    []guardJSON  `json:"guards,omitempty"`
	Since     *sinceJSON   `json:"since,omitempty"`

	LeftBehind []goneAccountJSON `json:"left_behind,omitempty"`
}

func toChangeDetailJSON(c access.Change) changeDetailJSON {
	return changeDetailJSON{
		changeJSON: toChangeJSON(c), Editors: convertAll(c.Editors, toPersonJSON), Edits: convertAll(c.Edits, toEditJSON),
		Reviews: toReviewsJSON(c), Approvals: c.Approvals(),
	}
}

// guardJSON is what a lock-out guard has found in a change.
type guardJSON struct {
	Guard      string   `json:"guard"`
	Object     string   `json:"object"`
	Message    string   `json:"message"`
	People     []string `json:"people"`
	Addresses  []string `json:"addresses"`
	Mode       string   `json:"mode"`
	Overridden bool     `json:"overridden"`
}

func toGuardJSON(g access.Guard) guardJSON {
	return guardJSON{
		Guard: string(g.Code), Object: g.Object, Message: g.Message, People: append([]string{}, g.People...), Addresses: append([]string{}, g.Addresses...),
		Mode: string(g.Mode), Overridden: g.Overridden,
	}
}

// sinceJSON is what others have applied under a change that is still being written.
type sinceJSON struct {
	From    int64         `json:"from"`
	To      int64         `json:"to"`
	Applied []appliedJSON `json:"applied"`
	More    int           `json:"more,omitempty"`
}

type appliedJSON struct {
	Revision int64      `json:"revision"`
	Change   int64      `json:"change"`
	Title    string     `json:"title"`
	Author   personJSON `json:"author"`
	Edits    []editJSON `json:"edits"`
	Same     bool       `json:"same"`
}

func toSinceJSON(s access.ChangedSince) *sinceJSON {
	if s.From == s.To {
		return nil
	}
	return &sinceJSON{From: s.From, To: s.To, More: s.More, Applied: convertAll(s.Applied, func(a access.AppliedChange) appliedJSON {
		return appliedJSON{Revision: a.Revision, Change: a.ID, Title: a.Title, Author: toPersonJSON(a.Author), Edits: convertAll(a.Edits, toEditJSON), Same: a.Same}
	})}
}

// document embeds an IAM document as JSON: null where there is none, a string where it
// is no JSON, so that nothing is lost.
func document(s string) json.RawMessage {
	switch {
	case s == "":
		return json.RawMessage("null")
	case json.Valid([]byte(s)):
		return json.RawMessage(s)
	default:
		quoted, _ := json.Marshal(s) // a string always encodes
		return quoted
	}
}
