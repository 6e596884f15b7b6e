package store_test

import (
	"bytes"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestPeople(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	p := access.Person{Email: " Zoe@Example.com", Name: "Zoe", Roles: []access.Role{access.RoleAdmin, access.RoleViewer}, CreatedAt: t0}
	created := must[access.Person](t)(s.CreatePerson(ctx, p, "hash-1", event("person.add", "")))
	want := access.Person{ID: created.ID, Email: "zoe@example.com", Name: "Zoe", Roles: []access.Role{access.RoleViewer, access.RoleAdmin}, CreatedAt: t0}
	diff(t, "created", want, created)
	got, hash, err := s.PersonByEmail(ctx, "ZOE@example.com ")
	if err != nil || hash != "hash-1" {
		t.Errorf("hash %q, %v", hash, err)
	}
	diff(t, "by e-mail", want, got)
	diff(t, "by id", want, must[access.Person](t)(s.Person(ctx, created.ID)))
	_, err = s.CreatePerson(ctx, p, "x", event("person.add", ""))
	wantKind(t, err, access.KindConflict, "there already")
	must[access.Person](t)(s.CreatePerson(ctx, access.Person{Email: "a@example.com", Name: "Ann"}, "x", event("person.add", "")))
	if all := must[[]access.Person](t)(s.People(ctx)); len(all) != 2 || all[0].Name != "Ann" {
		t.Errorf("people %+v, want two by name", all)
	}
	if err := s.SetPassword(ctx, created.ID, "hash-2", event("person.password", "")); err != nil {
		t.Fatal(err)
	}
	if _, hash, _ := s.PersonByEmail(ctx, "zoe@example.com"); hash != "hash-2" {
		t.Errorf("hash %q, want the new one", hash)
	}
	wantKind(t, s.SetPassword(ctx, 99, "x", event("person.password", "")), access.KindNotFound, "99")
	_, _, err = s.PersonByEmail(ctx, "nobody@example.com")
	wantKind(t, err, access.KindNotFound, "nobody@example.com")
	_, err = s.Person(ctx, 99)
	wantKind(t, err, access.KindNotFound, "99")
	if n := must[int64](t)(s.VerifyAudit(ctx)); n != 3 {
		t.Errorf("%d events, want those of what was done and no more", n)
	}
}

func TestTokens(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	p := must[access.Person](t)(s.CreatePerson(ctx, access.Person{Email: "a@example.com", Name: "Ann", Roles: []access.Role{access.RoleEditor}}, "x", event("person.add", "")))
	hash := bytes.Repeat([]byte{7}, 32)
	tok := must[access.Token](t)(s.CreateToken(ctx, access.Token{PersonID: p.ID, Name: "ci", Scopes: access.Scopes()[:1], CreatedAt: t0}, hash, event("token.create", "")))
	if tok.ID == 0 || tok.Person != "Ann" {
		t.Errorf("token %+v", tok)
	}
	used := func(at, want time.Time) {
		t.Helper()
		_, person, err := s.TokenByHash(ctx, hash, at)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "its person", p, person)
		if got := must[[]access.Token](t)(s.Tokens(ctx))[0].LastUsedAt; !got.Equal(want) {
			t.Errorf("used at %s, and %s is noted; want %s", at, got, want)
		}
	}
	used(t0, t0)
	used(t0.Add(30*time.Second), t0)
	used(t0.Add(90*time.Second), t0.Add(90*time.Second))
	_, err := s.CreateToken(ctx, access.Token{PersonID: 99, Name: "ci", Scopes: access.Scopes()}, bytes.Repeat([]byte{8}, 32), event("token.create", ""))
	wantKind(t, err, access.KindConflict, "not there")
	if err := s.RevokeToken(ctx, tok.ID, t0.Add(time.Hour), event("token.revoke", "")); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.TokenByHash(ctx, hash, t0)
	wantKind(t, err, access.KindNotFound, "revoked")
	wantKind(t, s.RevokeToken(ctx, tok.ID, t0, event("token.revoke", "")), access.KindNotFound, "revoked already")
}

func TestSignIns(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	for _, a := range []struct {
		email, addr string
		ok          bool
		at          time.Time
	}{
		{"a@x", "1.1.1.1", false, t0},
		{"a@x", "2.2.2.2", false, t0.Add(time.Minute)},
		{"a@x", "1.1.1.1", true, t0.Add(time.Minute)},
		{"b@x", "1.1.1.1", false, t0.Add(2 * time.Minute)},
		{"b\x00\xff", "1.1.1.1", false, t0.Add(-time.Hour)},
	} {
		if err := s.RecordSignIn(ctx, a.email, a.addr, a.ok, a.at, event("signin.failed", "email/"+a.email)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		since           time.Time
		byEmail, byAddr int
	}{{t0, 2, 2}, {t0.Add(time.Second), 1, 1}, {t0.Add(-2 * time.Hour), 2, 3}} {
		byEmail, byAddr, err := s.CountFailures(ctx, "a@x", "1.1.1.1", tt.since)
		if err != nil || byEmail != tt.byEmail || byAddr != tt.byAddr {
			t.Errorf("since %s: %d and %d, %v; want %d and %d", tt.since, byEmail, byAddr, err, tt.byEmail, tt.byAddr)
		}
	}
	if n := must[int64](t)(s.VerifyAudit(ctx)); n != 5 {
		t.Errorf("%d events, want one for each attempt", n)
	}
}

func TestSessions(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	hash, now := bytes.Repeat([]byte{1}, 32), time.Now()
	find := func(want string) {
		t.Helper()
		got, found, err := s.SessionFind(ctx, hash, 0)
		if err != nil || string(got.Data) != want || found != (want != "") {
			t.Errorf("found %q %v, %v; want %q", got.Data, found, err, want)
		}
	}
	save := func(data string, expiry time.Time) {
		t.Helper()
		if err := s.SessionSave(ctx, hash, []byte(data), expiry, access.SignedIn{}); err != nil {
			t.Fatal(err)
		}
	}
	find("")
	save("one", now.Add(time.Hour))
	save("two", now.Add(time.Hour))
	find("two")
	save("late", now.Add(-time.Second))
	find("")
	save("back", now.Add(time.Minute))
	if err := s.SessionSweep(ctx, now); err != nil {
		t.Fatal(err)
	}
	find("back")
	if err := s.SessionSweep(ctx, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	find("")
	save("again", now.Add(time.Hour))
	if err := s.SessionDelete(ctx, hash); err != nil {
		t.Fatal(err)
	}
	find("")
}

// TestOneSessionIsEndedForGood: it is not found again, touched or saved, also after the
// sweep, and those of others stay.
func TestOneSessionIsEndedForGood(t *testing.T) {
	s := storetest.New(t)
	ctx, now := t.Context(), time.Now()
	var people []access.Person
	for _, email := range []string{"a@x", "b@x"} {
		people = append(people, must[access.Person](t)(s.CreatePerson(ctx, access.Person{Email: email, Name: email}, "-", event("person.add", email))))
	}
	hash := func(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }
	save := func(b byte, p access.Person, generation int64) {
		t.Helper()
		about := access.SignedIn{PersonID: p.ID, Generation: generation, Addr: "192.0.2.1", Agent: "browser", OpenedAt: t0}
		if err := s.SessionSave(ctx, hash(b), []byte("data"), now.Add(time.Hour), about); err != nil {
			t.Fatal(err)
		}
	}
	save(1, people[0], 0)
	save(2, people[0], 0)
	save(3, people[0], 7) // of another generation: over
	save(4, people[1], 0)
	open := must[[]access.SignedIn](t)(s.Sessions(ctx, people[0].ID, hash(1)))
	if len(open) != 2 || open[0].Here == open[1].Here {
		t.Fatalf("open: %+v, want two, one of them here", open)
	}
	there := open[0]
	if there.Here {
		there = open[1]
	}
	if there.Addr != "192.0.2.1" || there.Agent != "browser" || !there.OpenedAt.Equal(t0) || there.UsedAt.IsZero() {
		t.Errorf("the session is %+v", there)
	}
	if err := s.EndSession(ctx, people[1].ID, there.ID, event("person.session_end", "person/2")); access.KindOf(err) != access.KindNotFound {
		t.Errorf("ended by somebody else: %v, want KindNotFound", err)
	}
	if err := s.EndSession(ctx, people[0].ID, there.ID, event("person.session_end", "person/1")); err != nil {
		t.Fatal(err)
	}
	gone := func(when string) {
		t.Helper()
		if _, found, err := s.SessionFind(ctx, hash(2), 0); found || err != nil {
			t.Errorf("%s: found %v, %v", when, found, err)
		}
	}
	gone("ended")
	save(2, people[0], 0)
	gone("saved by a request that had loaded it")
	if err := s.SessionTouch(ctx, hash(2), now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	gone("touched")
	if err := s.SessionSweep(ctx, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	save(2, people[0], 0)
	gone("saved after the sweep")
	if left := must[[]access.SignedIn](t)(s.Sessions(ctx, people[1].ID, nil)); len(left) != 1 {
		t.Errorf("%d sessions of somebody else are left, want theirs", len(left))
	}
}
