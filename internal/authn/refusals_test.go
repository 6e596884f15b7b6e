package authn_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

func TestRefusalsAreOnRecordAndBounded(t *testing.T) {
	f := setUp(t, nil)
	p := f.add(t, "alice", access.RoleViewer)
	actor := access.Actor{Kind: access.ActorPerson, PersonID: p.ID, Name: p.Name, Addr: office, UserAgent: agent, RequestID: "request-1"}
	refuse := func(actor access.Actor, sort string) {
		t.Helper()
		if err := f.NoteRefusal(t.Context(), actor, authn.Refusal{Sort: sort, Object: sort + "/7", Why: "Only people review changes."}); err != nil {
			t.Fatal(err)
		}
	}
	events := func() []access.AuditEvent {
		return f.audit(t, access.AuditFilter{Action: "access.refused", PageQuery: access.PageQuery{Limit: 500}})
	}

	refuse(actor, "GET /changes")
	got := events()
	if len(got) != 1 || got[0].PersonID != p.ID || got[0].Addr != office.String() || got[0].UserAgent != agent ||
		got[0].RequestID != "request-1" || got[0].Object != "GET /changes/7" ||
		!strings.Contains(string(got[0].Detail), "Only people") {
		t.Fatalf("audit = %+v, want one refusal of alice with all there is to know", got)
	}
	for range 5 {
		refuse(actor, "GET /changes")
	}
	if n := len(events()); n != 1 {
		t.Errorf("the same again within a minute: %d events, want 1", n)
	}
	refuse(actor, "GET /audit")
	if got := events()[0]; !strings.Contains(string(got.Detail), `"left_out":5`) {
		t.Errorf("the next event says %s, want that 5 were left out", got.Detail)
	}
	for i := range 100 {
		refuse(actor, fmt.Sprint("GET /", i))
	}
	if n := len(events()); n != 20 {
		t.Errorf("many kinds within a minute: %d events, want 20", n)
	}
	f.clock.advance(61 * time.Second)
	refuse(actor, "GET /audit")
	if n := len(events()); n != 21 {
		t.Errorf("a minute later: %d events, want 21", n)
	}
	for i := range 200 {
		refuse(access.Actor{Addr: addr(i)}, "GET /api/v1/state")
	}
	if n := len(events()); n != 81 {
		t.Errorf("strangers from many addresses: %d events, want 60 more than 21", n)
	}
	if got := events()[0]; got.Name != "(not known)" || got.Kind != access.ActorPerson || got.Addr == "" {
		t.Errorf("a stranger's event is %+v", got)
	}
}

func TestRefusedActionsAreAlwaysOnRecord(t *testing.T) {
	f := setUp(t, nil)
	p := f.add(t, "alice", access.RoleViewer)
	token := access.Actor{Kind: access.ActorToken, PersonID: p.ID, Name: p.Name, TokenID: 3, Addr: office}
	refuse := func(actor access.Actor, sort, object string) {
		t.Helper()
		r := authn.Refusal{Sort: sort, Object: object, Why: "Your roles do not allow this.", Action: true}
		if err := f.NoteRefusal(t.Context(), actor, r); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int{}
	for i := range 30 { // more than the samples of one person
		for _, sort := range []string{
			"POST /api/v1/changes/:id/reviews", "POST /api/v1/changes/:id/apply", "PATCH /api/v1/people/:id",
			"POST /tokens",
		} {
			object := fmt.Sprint(sort, " ", i%3)
			refuse(token, sort, object)
			want[object]++
		}
	}
	got := map[string]int{}
	for _, e := range f.audit(t, access.AuditFilter{Action: "access.refused", PageQuery: access.PageQuery{Limit: 500}}) {
		got[e.Object]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refusals on record (-want +got):\n%s", diff)
	}
	for range 200 {
		refuse(access.Actor{Addr: office}, "POST /api/v1/changes/:id/reviews", "POST /api/v1/changes/1/reviews")
	}
	if n := len(f.audit(t, access.AuditFilter{Action: "access.refused", PageQuery: access.PageQuery{Limit: 500}})); n != 121 {
		t.Errorf("%d refusals on record, want 1 more than 120: a stranger is sampled", n)
	}
}
