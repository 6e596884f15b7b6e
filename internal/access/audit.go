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
