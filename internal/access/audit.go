package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// AuditEvent is one line of the append-only record. Hash covers every other field and
// the hash of the event before, so that a changed, removed or inserted event shows.
type AuditEvent struct {
	Seq       int64
	At        time.Time // to the microsecond, UTC
	Kind      ActorKind
	PersonID  int64
	Name      string
	Addr      string
	UserAgent string
	RequestID string
	Action    string // "change.submit", "signin.failed", "operation.write"
	Object    string // "change/12", "rollout/3/111122223333"
	Detail    json.RawMessage
	Prev      string
	Hash      string
}

// NewAuditEvent makes an event of an actor's deed. Detail is any value that encodes to a
// JSON object; nil for none. What was done with a token names the token there.
func NewAuditEvent(actor Actor, at time.Time, action, object string, detail map[string]any) AuditEvent {
	if actor.TokenID != 0 {
		detail = maps.Clone(detail)
		if detail == nil {
			detail = map[string]any{}
		}
		detail["token"] = actor.TokenID
	}
	body := json.RawMessage("{}")
	if len(detail) > 0 {
		encoded, err := json.Marshal(detail)
		if err != nil {
			encoded, _ = json.Marshal(map[string]string{"unencodable": fmt.Sprint(detail)})
		}
		body = encoded
	}
	e := AuditEvent{
		At: at.UTC().Truncate(time.Microsecond), Kind: actor.Kind, PersonID: actor.PersonID, Name: actor.Name,
		UserAgent: actor.UserAgent, RequestID: actor.RequestID, Action: action, Object: object, Detail: body,
	}
	if actor.Addr.IsValid() {
		e.Addr = actor.Addr.String()
	}
	return e
}

// ChainHash returns the hash of the event as the successor of prev. Each field is
// preceded by its length, so that no two events encode alike.
func (e AuditEvent) ChainHash(prev string) string {
	h := sha256.New()
	for _, field := range []string{
		prev, strconv.FormatInt(e.Seq, 10), e.At.UTC().Format(time.RFC3339Nano), string(e.Kind), strconv.FormatInt(e.PersonID, 10),
		e.Name, e.Addr, e.UserAgent, e.RequestID, e.Action, e.Object, string(e.Detail),
	} {
		fmt.Fprintf(h, "%d:%s", len(field), field)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// VouchBasis says on whose behalf the system did something to a person; "" for a deed of a person.
func (e AuditEvent) VouchBasis() VouchBasis {
	switch {
	case e.Kind != ActorSystem:
		return ""
	case e.Name == ProviderSystem().Name:
		return VouchedByProvider
	default:
		return VouchedByServer
	}
}

// AuditFilter narrows the audit log. Zero fields do not narrow.
type AuditFilter struct {
	Person string
	Action string
	Object string
	Addr   string // an address, or a CIDR that it lies in
	From   time.Time
	To     time.Time
	PageQuery
}

// ChangeObject names a change in the audit log.
func ChangeObject(id int64) string { return "change/" + strconv.FormatInt(id, 10) }

// RolloutObject names a rollout in the audit log.
func RolloutObject(id int64) string { return "rollout/" + strconv.FormatInt(id, 10) }

// ChangeSnapshot is what the audit log keeps of a change before and after a deed: values
// where they are short, digests where they are long.
type ChangeSnapshot struct {
	State   ChangeState `json:"state"`
	Version int64       `json:"version"`
	Base    int64       `json:"base"`
	Title   string      `json:"title"`
	Reason  string      `json:"reason,omitempty"`
	Edits   string      `json:"edits_sha256"`
	Digest  string      `json:"digest,omitempty"`
}

// Snapshot returns what is kept of the change as it is now.
func (c Change) Snapshot() ChangeSnapshot {
	s := ChangeSnapshot{State: c.State, Version: c.Version, Base: c.Base, Title: c.Title, Reason: c.Reason, Digest: c.Digest}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(c.Edits); err == nil {
		s.Edits = hex.EncodeToString(h.Sum(nil))
	}
	return s
}

// Between returns the event with what it was about before and after it; before is nil
// where that is new. What the event says already stays.
func (e AuditEvent) Between(before, after any) AuditEvent {
	detail := map[string]json.RawMessage{}
	if len(e.Detail) > 0 && json.Unmarshal(e.Detail, &detail) != nil {
		return e
	}
	for name, v := range map[string]any{"before": before, "after": after} {
		if _, said := detail[name]; said || v == nil {
			continue
		}
		if text, err := json.Marshal(v); err == nil {
			detail[name] = text
		}
	}
	if text, err := json.Marshal(detail); err == nil {
		e.Detail = text
	}
	return e
}
