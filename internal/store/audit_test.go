package store_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestAuditChainUnderConcurrency(t *testing.T) {
	s := storetest.New(t)
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := s.Append(t.Context(), event("test.do", "thing/1"), event("test.done", "thing/2")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	n, err := s.VerifyAudit(t.Context())
	if err != nil || n != writers*each*2 {
		t.Errorf("VerifyAudit = %d, %v; want %d events", n, err, writers*each*2)
	}
}

func TestAuditKeepsWhatWasSaid(t *testing.T) {
	s := storetest.New(t)
	actor := editor
	actor.UserAgent = "bad \xff\x00 agent " + strings.Repeat("é", 400)
	e := access.NewAuditEvent(actor, time.Now(), "signin.failed", "email/x@example.com", map[string]any{"z": "ü <b>", "a": 1.50, "nul": "\x00"})
	e.Detail = json.RawMessage(`{"b" : 1,  "a": [1.0, "\u0000"]}`) // spaces and order are part of the hash
	if err := s.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	got := must[[]access.AuditEvent](t)(s.History(t.Context(), "email/x@example.com"))
	if len(got) != 1 || string(got[0].Detail) != string(e.Detail) || !got[0].At.Equal(e.At) {
		t.Errorf("got %+v, want detail and time as they were", got)
	}
}

func TestAuditFilters(t *testing.T) {
	s := storetest.New(t)
	other := event("rollout.pause", "rollout/3")
	other.Name, other.At = "Opa", t0.Add(time.Hour)
	target := event("target.failed", "rollout/3/111122223333")
	like := event("change_x.y", "rollout/31")
	other.Addr, target.Addr, like.Addr = "203.0.113.7", "2001:db8::7", "203.0.113.70"
	if err := s.Append(t.Context(), event("change.submit", "change/1"), other, target, like); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		f    access.AuditFilter
		want []int64
	}{
		{"all, newest first", access.AuditFilter{}, []int64{4, 3, 2, 1}},
		{"an action and what is below it", access.AuditFilter{Action: "change"}, []int64{1}},
		{"an object and what is below it", access.AuditFilter{Object: "rollout/3"}, []int64{3, 2}},
		{"person", access.AuditFilter{Person: "opa"}, []int64{2}},
		{"from", access.AuditFilter{From: t0.Add(time.Minute)}, []int64{2}},
		{"to", access.AuditFilter{To: t0.Add(time.Minute)}, []int64{4, 3, 1}},
		{"an address", access.AuditFilter{Addr: "203.0.113.7"}, []int64{2}},
		{"an address in IPv6", access.AuditFilter{Addr: "2001:DB8:0::7"}, []int64{3}},
		{"a network", access.AuditFilter{Addr: "203.0.113.0/24"}, []int64{4, 2}},
		{"search takes % as it is", access.AuditFilter{PageQuery: access.PageQuery{Search: "%"}}, nil},
		{"search", access.AuditFilter{PageQuery: access.PageQuery{Search: "PAUSE"}}, []int64{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := must[access.Page[access.AuditEvent]](t)(s.Audit(t.Context(), tt.f))
			var got []int64
			for _, e := range page.Items {
				got = append(got, e.Seq)
			}
			diff(t, "events", tt.want, got)
		})
	}
	first := must[access.Page[access.AuditEvent]](t)(s.Audit(t.Context(), access.AuditFilter{PageQuery: access.PageQuery{Limit: 3}}))
	second := must[access.Page[access.AuditEvent]](t)(s.Audit(t.Context(), access.AuditFilter{PageQuery: access.PageQuery{Limit: 3, Cursor: first.Next}}))
	if len(first.Items) != 3 || len(second.Items) != 1 || second.Next != "" || second.Items[0].Seq != 1 || first.Total != -1 {
		t.Errorf("pages of %d and %d events, want 3 and 1", len(first.Items), len(second.Items))
	}
	_, err := s.Audit(t.Context(), access.AuditFilter{PageQuery: access.PageQuery{Cursor: "nonsense"}})
	wantKind(t, err, access.KindInvalid, "cursor")
	_, err = s.Audit(t.Context(), access.AuditFilter{Addr: "the office"})
	wantKind(t, err, access.KindInvalid, "address")

	var streamed []int64
	err = s.EachAuditEvent(t.Context(), access.AuditFilter{Object: "rollout/3"}, func(e access.AuditEvent) error {
		streamed = append(streamed, e.Seq)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "streamed, oldest first", []int64{2, 3}, streamed)
}

func TestTamperingShows(t *testing.T) {
	tests := []struct {
		name, sql, want string
	}{
		{"nothing", "SELECT 1", ""},
		{"a detail", `UPDATE audit_events SET detail = '{"n":2}' WHERE seq = 3`, "event 3"},
		{"white space of a detail", `UPDATE audit_events SET detail = '{"n": 1}' WHERE seq = 3`, "event 3"},
		{"a name", "UPDATE audit_events SET name = 'Nobody' WHERE seq = 2", "event 2"},
		{"a time", "UPDATE audit_events SET at = at + interval '1 microsecond' WHERE seq = 4", "event 4"},
		{"one removed", "DELETE FROM audit_events WHERE seq = 2", "event 2"},
		{"the first removed", "DELETE FROM audit_events WHERE seq = 1", "event 1"},
		{"the end removed", "DELETE FROM audit_events WHERE seq >= 4", "event 4"},
		{"two swapped", "UPDATE audit_events SET action = CASE action WHEN 'a.1' THEN 'a.2' ELSE 'a.1' END WHERE seq IN (1, 2)", "event 1"},
		{"the end moved", "UPDATE audit_head SET seq = 4", "event 6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := storetest.New(t)
			for _, action := range []string{"a.1", "a.2", "a.3", "a.4", "a.5"} {
				if err := s.Append(t.Context(), event(action, "x")); err != nil {
					t.Fatal(err)
				}
			}
			tamper(t, s, tt.sql)
			_, err := s.VerifyAudit(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, err, access.KindConflict, tt.want)
		})
	}
}

// tamper does what only the owner of the tables can.
func tamper(t *testing.T, s *store.Store, sql string) {
	t.Helper()
	for _, q := range []string{"ALTER TABLE audit_events DISABLE TRIGGER USER", sql, "ALTER TABLE audit_events ENABLE TRIGGER USER"} {
		if _, err := s.Pool().Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	s := storetest.New(t)
	if err := s.Append(t.Context(), event("a.b", "x")); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"UPDATE audit_events SET name = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events"} {
		if _, err := s.Pool().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "neither changed nor removed") {
			t.Errorf("%s: got %v, want a refusal", sql, err)
		}
	}
}

func TestFailedTransactionLeavesNoEvent(t *testing.T) {
	s := storetest.New(t)
	_, err := s.CreatePerson(t.Context(), access.Person{Email: "a@example.com", Name: "A", Roles: []access.Role{"king"}}, "h", event("person.add", ""))
	if err == nil {
		t.Fatal("a person with an unknown role was stored")
	}
	if n := must[int64](t)(s.VerifyAudit(t.Context())); n != 0 {
		t.Errorf("%d events, want none", n)
	}
}
