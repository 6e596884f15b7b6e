package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

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
