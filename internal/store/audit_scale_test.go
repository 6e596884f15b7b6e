package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestAuditAtScale searches a log of 100,000 events, exports all of them, and verifies them.
func TestAuditAtScale(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100,000 events")
	}
	s := storetest.New(t)
	const events = 100_000
	fillAudit(t, s, events)
	day := func(n int) time.Time { return t0.Add(time.Duration(n) * time.Minute) }
	for what, c := range map[string]struct {
		filter access.AuditFilter
		found  int
	}{
		"the newest":                 {access.AuditFilter{}, 50},
		"an action that is rare":     {access.AuditFilter{Action: "token.revoke"}, 10},
		"a kind of action":           {access.AuditFilter{Action: "change"}, 50},
		"one object":                 {access.AuditFilter{Object: "change/77"}, 50},
		"an object that is not":      {access.AuditFilter{Object: "change/none"}, 0},
		"an address":                 {access.AuditFilter{Addr: "203.0.113.7"}, 50},
		"an address that never came": {access.AuditFilter{Addr: "192.0.2.1"}, 0},
		"a network":                  {access.AuditFilter{Addr: "203.0.113.0/24"}, 50},
		"a network of nobody":        {access.AuditFilter{Addr: "192.0.2.0/24"}, 0},
		"an hour long ago":           {access.AuditFilter{From: day(100), To: day(160)}, 50},
		"a person":                   {access.AuditFilter{Person: "edda"}, 50},
		"nobody":                     {access.AuditFilter{Person: "no such person"}, 0},
		"a rare deed of a person":    {access.AuditFilter{Person: "edda", Action: "token.revoke", Addr: "203.0.113.0/24"}, 10},
		"a word in no event":         {access.AuditFilter{PageQuery: access.PageQuery{Search: "not in any event"}}, 0},
		"deep in the log":            {access.AuditFilter{PageQuery: access.PageQuery{Cursor: cursorAt(t, s, 5)}}, 50},
	} {
		logDuration(t, what, func() {
			page := must[access.Page[access.AuditEvent]](t)(s.Audit(t.Context(), c.filter))
			if len(page.Items) != c.found {
				t.Errorf("%s: %d events, want %d", what, len(page.Items), c.found)
			}
		})
	}
	logDuration(t, "all of them", func() {
		n := 0
		if err := s.EachAuditEvent(t.Context(), access.AuditFilter{}, func(access.AuditEvent) error { n++; return nil }); err != nil || n != events {
			t.Errorf("%d events, %v", n, err)
		}
	})
	logDuration(t, "verify", func() {
		if n := must[int64](t)(s.VerifyAudit(t.Context())); n != events {
			t.Errorf("%d events verified", n)
		}
	})
}

// cursorAt leads to where so many pages were read.
func cursorAt(t *testing.T, s *store.Store, pages int) string {
	t.Helper()
	cursor := ""
	for range pages {
		page := must[access.Page[access.AuditEvent]](t)(s.Audit(t.Context(), access.AuditFilter{PageQuery: access.PageQuery{Cursor: cursor, Limit: 500}}))
		cursor = page.Next
	}
	return cursor
}

// fillAudit appends events in one go, chained as the store does it.
func fillAudit(t *testing.T, s *store.Store, n int) {
	t.Helper()
	actions := []string{"change.edit", "change.submit", "operation.write", "signin.ok", "rollout.pause"}
	prev := ""
	seq := int64(0)
	rows := func() ([]any, error) {
		if seq == int64(n) {
			return nil, nil
		}
		seq++
		e := access.AuditEvent{
			Seq: seq, At: t0.Add(time.Duration(seq) * time.Second), Kind: access.ActorPerson, PersonID: 1, Name: []string{"Edda", "Otto", "Anna"}[seq%3],
			Addr: fmt.Sprintf("203.0.113.%d", seq%50), UserAgent: "a browser", RequestID: "request", Action: actions[seq%5], Object: fmt.Sprintf("change/%d", seq%1000),
			Detail: json.RawMessage(fmt.Sprintf(`{"edits":%d,"title":"Open the office in Oslo, number %d"}`, seq%7, seq)), Prev: prev,
		}
		if seq%10_000 == 9 {
			e.Action, e.Name = "token.revoke", "Edda"
		}
		e.Hash = e.ChainHash(prev)
		prev = e.Hash
		return []any{e.Seq, e.At, string(e.Kind), e.PersonID, e.Name, e.Addr, e.UserAgent, e.RequestID, e.Action, e.Object, string(e.Detail), e.Prev, e.Hash}, nil
	}
	columns := []string{"seq", "at", "kind", "person_id", "name", "addr", "user_agent", "request_id", "action", "object", "detail", "prev", "hash"}
	if _, err := s.Pool().CopyFrom(t.Context(), pgx.Identifier{"audit_events"}, columns, pgx.CopyFromFunc(rows)); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit_events ORDER BY seq DESC LIMIT 1)", "ANALYZE audit_events"} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}
