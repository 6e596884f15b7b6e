package api

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/order"
)

type planJSON struct {
	Change    int64            `json:"change"`
	Documents string           `json:"documents"` // the digest of every document
	Targets   []planTargetJSON `json:"targets"`
}

type planTargetJSON struct {
	Account     string          `json:"account"`
	AccountName string          `json:"account_name"`
	OU          string          `json:"ou"`
	Notes       []string        `json:"notes"`
	Operations  []operationJSON `json:"operations"`
}

// operationJSON serves plans and rollouts alike; the fields of a rollout are left out of
// a plan. Before and After are whole documents, null where there is none.
type operationJSON struct {
	Kind        string          `json:"kind"`
	Resource    access.Resource `json:"resource"`
	Before      json.RawMessage `json:"before"`
	BeforeKnown bool            `json:"before_known"`
	After       json.RawMessage `json:"after"`
	Size        int             `json:"size"`
	Limit       int             `json:"limit"`
	Note        string          `json:"note,omitempty"`
	Opens       []openingJSON   `json:"opens,omitempty"`
	Revoked     []string        `json:"revoked,omitempty"`
	FirstForm   json.RawMessage `json:"first_form,omitempty"`

	ID         int64           `json:"id,omitempty"`
	State      string          `json:"state,omitempty"`
	LiveBefore json.RawMessage `json:"live_before,omitempty"`
	Written    json.RawMessage `json:"written,omitempty"`
	Found      json.RawMessage `json:"found,omitempty"`
	FoundSum   string          `json:"found_sha256,omitempty"`
	Resolution *decidedJSON    `json:"resolution,omitempty"`
	Message    string          `json:"message,omitempty"`
	EndedAt    time.Time       `json:"ended_at,omitzero"`
}

// openingJSON is a role that a user policy newly opens, and what the plan knows about its trust policy.
type openingJSON struct {
	Account  string `json:"account"`
	Role     string `json:"role"`
	Basis    string `json:"basis"`
	Document string `json:"document,omitempty"`
}

func toOpeningJSON(o access.Opening) openingJSON {
	return openingJSON{Account: string(o.Account), Role: o.Role.String(), Basis: string(o.Basis), Document: o.Document}
}

// require says what an operation requires of other operations, and in which form it is written before.
func (out *operationJSON) require(o access.PlannedOperation) {
	required, err := access.ParseRequirements(o.Requires)
	if err != nil || required.Empty() { // a push refuses what cannot be read
		return
	}
	if len(required.Opens) > 0 {
		out.Opens = convertAll(required.Opens, toOpeningJSON)
	}
	if len(required.Revoked) > 0 {
		out.Revoked = convertAll(required.Revoked, access.UserName.String)
	}
	if form, _, err := order.FirstForm(o); err == nil {
		out.FirstForm = document(form)
	}
}

// planAnswer is a planJSON whose targets are encoded one after the other: all documents of
// thousands of accounts would be hundreds of megabytes.
type planAnswer struct {
	change int64
	plan   access.Plan
}

func (a planAnswer) writeJSON(w io.Writer) error {
	head, err := encodeJSON(planJSON{Change: a.change, Documents: a.plan.Documents, Targets: []planTargetJSON{}})
	if err != nil {
		return err
	}
	at := bytes.LastIndex(head, []byte("[]")) + 1 // the targets come last
	if _, err := w.Write(head[:at]); err != nil {
		return err
	}
	first := true
	for t := range a.plan.Targets() {
		text, err := encodeJSON(toPlanTargetJSON(t))
		if err != nil {
			return err
		}
		if !first {
			text = append([]byte{','}, text...)
		}
		first = false
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	_, err = w.Write(head[at:])
	return err
}

func toPlanTargetJSON(t access.PlannedTarget) planTargetJSON {
	return planTargetJSON{
		Account: string(t.Account), AccountName: t.AccountName, OU: t.OU,
		Notes: append([]string{}, t.Notes...), Operations: convertAll(t.Operations, plannedToJSON),
	}
}

func plannedToJSON(o access.PlannedOperation) operationJSON {
	out := operationJSON{
		Kind: string(o.Kind), Resource: o.Resource, Before: document(o.Before), BeforeKnown: o.BeforeKnown, After: document(o.After),
		Size: o.Size, Limit: o.Limit, Note: o.Note,
	}
	out.require(o)
	return out
}

func toOperationJSON(o access.Operation) operationJSON {
	out := plannedToJSON(o.PlannedOperation)
	out.ID, out.State, out.Message, out.EndedAt = o.ID, string(o.State), o.Message, o.EndedAt.UTC()
	out.FoundSum, out.Resolution = access.DocumentDigest(o.Found), toDecidedJSON(o.Resolution)
	if o.Found != "" {
		out.Found = document(o.Found)
	}
	if o.State != access.OperationPlanned {
		out.LiveBefore, out.Written = document(o.LiveBefore), document(o.Written)
	}
	return out
}

type countsJSON struct {
	Waiting   int `json:"waiting"`
	Running   int `json:"running"`
	Succeeded int `json:"succeeded"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
	Conflict  int `json:"conflict"`
	Skipped   int `json:"skipped"`
}

type rolloutJSON struct {
	ID          int64      `json:"id"`
	Change      int64      `json:"change,omitempty"`
	Title       string     `json:"title"`
	Revision    int64      `json:"revision"`
	State       string     `json:"state"`
	MaxInFlight int        `json:"max_in_flight"`
	MaxFailures int        `json:"max_failures"`
	Targets     int        `json:"targets"`
	Counts      countsJSON `json:"counts"`
	StartedBy   personJSON `json:"started_by"`
	Note        string     `json:"note,omitempty"`
	LeftBehind  int        `json:"left_behind"`
	Revokes     string     `json:"revokes,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	StartedAt   time.Time  `json:"started_at,omitzero"`
	EndedAt     time.Time  `json:"ended_at,omitzero"`

	Kind           string              `json:"kind"`
	Strategy       string              `json:"strategy,omitempty"`
	Wave           int                 `json:"wave"`
	Waves          int                 `json:"waves"`
	Phase          string              `json:"phase,omitempty"`
	Until          time.Time           `json:"until,omitzero"`
	BlockedBy      *blockedByJSON      `json:"blocked_by,omitempty"`
	ConfirmedBy    *personJSON         `json:"confirmed_by,omitempty"`
	WindowOverride *windowOverrideJSON `json:"window_override,omitempty"`
	OpenUnverified []string            `json:"open_unverified,omitempty"`
	RollsBack      int64               `json:"rolls_back,omitempty"`
	RolledBackBy   int64               `json:"rolled_back_by,omitempty"`
	Unanswered     *unansweredJSON     `json:"unanswered,omitempty"`
}

// unansweredJSON says that AWS does not answer the calls for accounts in flight, and that these are repeated.
type unansweredJSON struct {
	Targets int       `json:"targets"`
	Account string    `json:"account"`
	Cause   string    `json:"cause"`
	Since   time.Time `json:"since"`
	SeenAt  time.Time `json:"seen_at"`
	Detail  string    `json:"detail"`
}

func toUnansweredJSON(u access.Unanswered) *unansweredJSON {
	if u.Targets == 0 {
		return nil
	}
	return &unansweredJSON{
		Targets: u.Targets, Account: string(u.Asked), Cause: u.Cause, Since: u.Since.UTC(), SeenAt: u.SeenAt.UTC(),
		Detail: u.Sentence(),
	}
}

// windowOverrideJSON says who let a rollout run outside its maintenance window, and through which wave.
type windowOverrideJSON struct {
	ThroughWave int    `json:"through_wave"`
	By          string `json:"by"`
	Reason      string `json:"reason"`
}

// blockedByJSON names an older rollout that has to finish this number of the accounts first.
type blockedByJSON struct {
	Rollout int64 `json:"rollout"`
	Targets int   `json:"targets"`
}

func toRolloutJSON(r access.Rollout) rolloutJSON {
	out := rolloutFields(r)
	out.Unanswered = toUnansweredJSON(r.Unanswered)
	if r.BlockedBy.Targets > 0 {
		out.BlockedBy = &blockedByJSON{r.BlockedBy.Rollout, r.BlockedBy.Targets}
	}
	if o := r.WindowOverride; o.Wave > 0 {
		out.WindowOverride = &windowOverrideJSON{o.Wave, o.By, o.Reason}
	}
	out.OpenUnverified = convertAll(r.Unverified(), func(id access.AccountID) string { return string(id) })
	if !r.ConfirmedAt.IsZero() {
		by := toPersonJSON(r.ConfirmedBy)
		out.ConfirmedBy = &by
	}
	return out
}

func rolloutFields(r access.Rollout) rolloutJSON {
	return rolloutJSON{
		Kind: string(r.Kind), Strategy: r.Strategy, Wave: r.Wave, Waves: r.Waves, Phase: string(r.Phase), Until: r.Until.UTC(), RollsBack: r.RollsBack, RolledBackBy: r.RolledBackBy,
		ID: r.ID, Change: r.ChangeID, Title: r.Title, Revision: r.Revision, State: string(r.State), MaxInFlight: r.MaxInFlight,
		MaxFailures: r.MaxFailures, Targets: r.Counts.Total(), Counts: countsJSON(r.Counts), StartedBy: toPersonJSON(r.StartedBy), Note: r.Note,
		LeftBehind: r.LeftBehind, Revokes: r.Revokes, CreatedAt: r.CreatedAt.UTC(), StartedAt: r.StartedAt.UTC(), EndedAt: r.EndedAt.UTC(),
	}
}

type targetJSON struct {
	Account     string           `json:"account"`
	AccountName string           `json:"account_name"`
	OU          string           `json:"ou"`
	Wave        int              `json:"wave"`
	Pass        string           `json:"pass"`
	State       string           `json:"state"`
	Message     string           `json:"message,omitempty"`
	Class       string           `json:"class,omitempty"`
	Code        string           `json:"code,omitempty"`
	Cause       string           `json:"cause,omitempty"`
	Advice      string           `json:"advice,omitempty"`
	Calls       access.CallCount `json:"calls"`
	StartedAt   time.Time        `json:"started_at,omitzero"`
	EndedAt     time.Time        `json:"ended_at,omitzero"`
	Unanswered  *unansweredJSON  `json:"unanswered,omitempty"`
}

func toTargetJSON(t access.Target) targetJSON {
	return targetJSON{
		Account: string(t.Account), AccountName: t.AccountName, OU: t.OU, Wave: t.Wave, Pass: t.Pass.String(), State: string(t.State), Message: t.Message,
		Class: string(t.Class), Code: t.Code, Cause: t.Cause, Advice: t.Advice, Calls: t.Calls, StartedAt: t.StartedAt.UTC(), EndedAt: t.EndedAt.UTC(),
		Unanswered: toUnansweredJSON(t.Unanswered),
	}
}

type targetDetailJSON struct {
	targetJSON
	Operations []operationJSON `json:"operations"`
}
