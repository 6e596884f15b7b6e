package store_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestRepliesAreKeptForADay(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	p := must[access.Person](t)(s.CreatePerson(ctx, access.Person{Email: "a@example.com", Name: "Ann"}, "x", event("person.add", "")))
	tok := must[access.Token](t)(s.CreateToken(ctx, access.Token{PersonID: p.ID, Name: "ci", Scopes: access.Scopes()}, bytes.Repeat([]byte{7}, 32), event("token.create", "")))
	print1 := bytes.Repeat([]byte{1}, 32)
	begin := func(at time.Time) (access.IdempotentReply, bool) {
		t.Helper()
		r, fresh, err := s.BeginReply(ctx, tok.ID, "key-1", print1, at)
		if err != nil {
			t.Fatal(err)
		}
		return r, fresh
	}
	if _, fresh := begin(t0); !fresh {
		t.Fatal("the first request did not get the key")
	}
	if r, fresh := begin(t0); fresh || r.Status != 0 {
		t.Errorf("a second request meanwhile: %+v, fresh %v; want one that is under way", r, fresh)
	}
	want := access.IdempotentReply{Fingerprint: print1, Status: 201, ContentType: "application/json", ETag: `"1"`, Location: "/x", Body: []byte("{}"), At: t0}
	if err := s.FinishReply(ctx, tok.ID, "key-1", want); err != nil {
		t.Fatal(err)
	}
	if r, fresh := begin(t0.Add(23 * time.Hour)); fresh {
		t.Error("the key was given away within the day")
	} else {
		diff(t, "kept", want, r)
	}
	if err := s.DropReply(ctx, tok.ID, "key-1"); err != nil {
		t.Fatal(err)
	}
	if _, fresh := begin(t0); fresh {
		t.Error("a key whose request had an effect was released")
	}
	if _, fresh := begin(t0.Add(24 * time.Hour)); !fresh {
		t.Error("the key is not free after a day")
	}
	if err := s.DropReply(ctx, tok.ID, "key-1"); err != nil {
		t.Fatal(err)
	}
	if _, fresh := begin(t0); !fresh {
		t.Error("a refused request did not give its key back")
	}
	if err := s.SessionSweep(ctx, t0.Add(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishReply(ctx, tok.ID, "key-1", want); err == nil {
		t.Error("an answer was kept that nobody began, or the sweep left it")
	}
}

func TestOneOfManyGetsTheKey(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	p := must[access.Person](t)(s.CreatePerson(ctx, access.Person{Email: "a@example.com", Name: "Ann"}, "x", event("person.add", "")))
	tok := must[access.Token](t)(s.CreateToken(ctx, access.Token{PersonID: p.ID, Name: "ci", Scopes: access.Scopes()}, bytes.Repeat([]byte{7}, 32), event("token.create", "")))
	var wg sync.WaitGroup
	got := make(chan bool, 16)
	for range cap(got) {
		wg.Go(func() {
			_, fresh, err := s.BeginReply(ctx, tok.ID, "key-1", bytes.Repeat([]byte{1}, 32), t0)
			if err != nil {
				t.Error(err)
			}
			got <- fresh
		})
	}
	wg.Wait()
	close(got)
	n := 0
	for fresh := range got {
		if fresh {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d requests got the key, want one", n)
	}
}
