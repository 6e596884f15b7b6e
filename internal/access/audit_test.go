package access

import "testing"

func TestChainHashCoversEveryField(t *testing.T) {
	e := NewAuditEvent(approver, noon, "change.approve", "change/7", map[string]any{"digest": "d"})
	seen := map[string]string{e.ChainHash(""): "the event itself"}
	for name, alter := range map[string]func(*AuditEvent){
		"seq": func(e *AuditEvent) { e.Seq++ }, "at": func(e *AuditEvent) { e.At = e.At.Add(1000) }, "kind": func(e *AuditEvent) { e.Kind = ActorToken },
		"person": func(e *AuditEvent) { e.PersonID++ }, "name": func(e *AuditEvent) { e.Name += "x" }, "addr": func(e *AuditEvent) { e.Addr = "8.8.8.8" },
		"agent": func(e *AuditEvent) { e.UserAgent = "x" }, "request": func(e *AuditEvent) { e.RequestID = "x" }, "action": func(e *AuditEvent) { e.Action += "x" },
		"object": func(e *AuditEvent) { e.Object = "change/8" }, "detail": func(e *AuditEvent) { e.Detail = []byte("{}") },
		"a shift between fields": func(e *AuditEvent) { e.Action, e.Object = e.Action+"c", "hange/7" },
	} {
		other := e
		alter(&other)
		if was, dup := seen[other.ChainHash("")]; dup {
			t.Errorf("altering %s gives the hash of %s", name, was)
		}
		seen[other.ChainHash("")] = name
	}
	if _, dup := seen[e.ChainHash("before")]; dup {
		t.Error("the hash does not depend on the event before")
	}
}
