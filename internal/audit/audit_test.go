package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/audit"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

// book is a log of five events with a checkpoint of the third.
type book struct {
	*audit.Service
	t     *testing.T
	store *store.Store
	kept  access.Checkpoint
}

func newBook(t *testing.T, ledger string) *book {
	t.Helper()
	s := storetest.New(t)
	b := &book{t: t, store: s, Service: audit.New(audit.Config{
		Store: s, Key: key(1), Ledger: ledger, Now: func() time.Time { return start }, Log: slog.New(slog.DiscardHandler),
	})}
	b.happen(3)
	var err error
	if b.kept, err = b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.happen(2)
	return b
}

func (b *book) happen(n int) {
	b.t.Helper()
	for i := range n {
		e := access.NewAuditEvent(access.System("test"), start, "test.do", fmt.Sprintf("thing/%d", i), map[string]any{"n": i})
		if err := b.store.Append(b.t.Context(), e); err != nil {
			b.t.Fatal(err)
		}
	}
}

// asOwner does what only the owner of the tables can, past the triggers.
func (b *book) asOwner(do func(exec func(sql string, args ...any))) {
	b.t.Helper()
	conn, err := b.store.Pool().Acquire(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Release()
	exec := func(sql string, args ...any) {
		if _, err := conn.Exec(b.t.Context(), sql, args...); err != nil {
			b.t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("SET session_replication_role = replica")
	defer exec("SET session_replication_role = origin")
	do(exec)
}

func (b *book) tamper(statements ...string) {
	b.t.Helper()
	b.asOwner(func(exec func(string, ...any)) {
		for _, sql := range statements {
			exec(sql)
		}
	})
}

// rewrite makes the whole chain anew after a statement, as somebody would who knows how
// it is made: the log fits in itself then.
func (b *book) rewrite(sql string) {
	b.t.Helper()
	b.tamper(sql)
	page, err := b.store.Audit(b.t.Context(), access.AuditFilter{PageQuery: access.PageQuery{Limit: 200}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.asOwner(func(exec func(string, ...any)) {
		prev, seq := "", int64(0)
		for _, e := range slices.Backward(page.Items) {
			was := e.Seq
			seq++
			e.Seq = seq
			hash := e.ChainHash(prev)
			exec("UPDATE audit_events SET seq = $1, prev = $2, hash = $3 WHERE seq = $4", seq, prev, hash, was)
			prev = hash
		}
		exec("UPDATE audit_head SET seq = $1, hash = $2", seq, prev)
	})
}

func TestVerifyFindsEveryTampering(t *testing.T) {
	const another = `INSERT INTO audit_events SELECT %d, at, kind, person_id, name, addr, user_agent, request_id, action, object, detail, hash, hash FROM audit_events WHERE seq = 3`
	tests := []struct {
		name   string
		tamper func(*book)
		want   string
	}{
		{"nothing", func(*book) {}, ""},
		{"a row changed", func(b *book) { b.tamper("UPDATE audit_events SET name = 'x' WHERE seq = 2") }, "event 2"},
		{"a row removed", func(b *book) { b.tamper("DELETE FROM audit_events WHERE seq = 2") }, "event 2"},
		{"a row inserted", func(b *book) {
			b.tamper("UPDATE audit_events SET seq = seq + 100 WHERE seq > 3", "UPDATE audit_events SET seq = seq - 99 WHERE seq > 100", fmt.Sprintf(another, 4))
		}, "event 4"},
		{"a row inserted at the end", func(b *book) { b.tamper(fmt.Sprintf(another, 6)) }, "event 6"},
		{"two rows swapped", func(b *book) {
			b.tamper("UPDATE audit_events SET seq = CASE seq WHEN 4 THEN 5 ELSE 4 END + 100 WHERE seq IN (4, 5)", "UPDATE audit_events SET seq = seq - 100 WHERE seq > 100")
		}, "event 4"},
		{"the end removed", func(b *book) { b.tamper("DELETE FROM audit_events WHERE seq = 5") }, "event 5"},
		{"the end removed, the head moved", func(b *book) {
			b.tamper("DELETE FROM audit_events WHERE seq > 2", "UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit_events WHERE seq = 2)")
		}, "event 3"},
		{"a row changed, the chain made anew", func(b *book) { b.rewrite("UPDATE audit_events SET name = 'x' WHERE seq = 2") }, "event 3 or before"},
		{"a row removed, the chain made anew", func(b *book) { b.rewrite("DELETE FROM audit_events WHERE seq = 1") }, "event 3 or before"},
		{"all made anew, with a checkpoint of another's", func(b *book) {
			b.rewrite("UPDATE audit_events SET name = 'x' WHERE seq = 2")
			b.tamper("DELETE FROM audit_checkpoints")
			forged := access.SignCheckpoint(key(9), 3, strings.Repeat("ab", 32), start)
			if err := b.store.AddCheckpoint(b.t.Context(), forged); err != nil {
				b.t.Fatal(err)
			}
		}, "not one that is trusted"},
		{"a checkpoint changed", func(b *book) { b.tamper("UPDATE audit_checkpoints SET hash = repeat('ab', 32)") }, "false signature"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t, "")
			tt.tamper(b)
			r, err := b.Verify(t.Context(), audit.Given{})
			if tt.want != "" {
				if err == nil || access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want a conflict that names %q", err, tt.want)
				}
				return
			}
			if diff := cmp.Diff(audit.Report{Events: 5, Checkpoints: 1, Newest: b.kept}, r); diff != "" || err != nil {
				t.Errorf("%v, report (-want +got):\n%s", err, diff)
			}
		})
	}
}

// The owner of the tables can remove the checkpoints in them too, but not those kept elsewhere.
func TestCheckpointsKeptElsewhere(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "checkpoints.jsonl")
	b := newBook(t, ledger)
	b.rewrite("UPDATE audit_events SET name = 'x' WHERE seq = 2")
	b.tamper("DELETE FROM audit_checkpoints")
	if _, err := b.Verify(t.Context(), audit.Given{}); err == nil || !strings.Contains(err.Error(), "event 3 or before") {
		t.Errorf("with the ledger: %v, want the rewriting found", err)
	}
	b.Ledger = ""
	if r, err := b.Verify(t.Context(), audit.Given{}); err != nil || r.Checkpoints != 0 {
		t.Errorf("without any checkpoint: %+v, %v", r, err)
	}
	if _, err := b.Verify(t.Context(), audit.Given{Checkpoints: []access.Checkpoint{b.kept}}); err == nil || !strings.Contains(err.Error(), "event 3 or before") {
		t.Errorf("with the one that was kept: %v, want the rewriting found", err)
	}
	b.Key = nil
	if _, err := b.Verify(t.Context(), audit.Given{Checkpoints: []access.Checkpoint{b.kept}}); access.KindOf(err) != access.KindInvalid {
		t.Errorf("without a key: %v, want it asked for", err)
	}
	given := audit.Given{Checkpoints: []access.Checkpoint{b.kept}, Keys: []string{access.PublicKeyText(key(1))}}
	if _, err := b.Verify(t.Context(), given); err == nil || !strings.Contains(err.Error(), "event 3 or before") {
		t.Errorf("with the public key alone: %v, want the rewriting found", err)
	}
}

func TestABrokenLogIsNotSigned(t *testing.T) {
	b := newBook(t, "")
	b.tamper("UPDATE audit_events SET name = 'x' WHERE seq = 5")
	if c, err := b.Checkpoint(t.Context()); access.KindOf(err) != access.KindConflict {
		t.Errorf("signed %+v, %v; want a refusal", c, err)
	}
}

func TestCheckpointOfAQuietLog(t *testing.T) {
	b := newBook(t, "")
	first, err := b.Checkpoint(t.Context())
	if err != nil || first.Seq != 5 {
		t.Fatalf("got %+v, %v; want event 5 signed", first, err)
	}
	again, err := b.Checkpoint(t.Context())
	if err != nil || again != first {
		t.Errorf("got %+v, %v; want the same: nothing happened since", again, err)
	}
	empty := audit.New(audit.Config{Store: storetest.New(t), Key: key(1)})
	if _, err := empty.Checkpoint(t.Context()); access.KindOf(err) != access.KindNotFound {
		t.Errorf("an empty log: %v", err)
	}
}

func TestRunMakesCheckpoints(t *testing.T) {
	b := newBook(t, "")
	b.Every = time.Hour
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.signed(5)
	b.happen(1)
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run = %v, want nil when it is told to end", err)
	}
	if last, err := b.store.LastCheckpoint(t.Context(), access.PublicKeyText(key(1))); err != nil || last.Seq != 6 {
		t.Errorf("the last checkpoint is %+v, %v; want one of event 6, made on leaving", last, err)
	}
}

// TestRunSignsAfterManyEvents wants a checkpoint well before the hour is over.
func TestRunSignsAfterManyEvents(t *testing.T) {
	b := newBook(t, "")
	b.Every, b.Poll = time.Hour, time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.signed(5)
	events := make([]access.AuditEvent, 256)
	for i := range events {
		events[i] = access.NewAuditEvent(access.System("test"), start, "test.do", "thing/1", nil)
	}
	if err := b.store.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	b.signed(5 + 256)
	stop()
	<-done
}

// signed waits for a checkpoint of an event.
func (b *book) signed(seq int64) {
	b.t.Helper()
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		last, err := b.store.LastCheckpoint(b.t.Context(), access.PublicKeyText(key(1)))
		if err == nil && last.Seq == seq {
			return
		}
		select {
		case <-deadline:
			b.t.Fatalf("the newest checkpoint is %+v, %v; want one of event %d", last, err, seq)
		case <-tick.C:
		}
	}
}

// TestCutTailIsNotSigned removes the newest events and all checkpoints in the database. Neither a console that goes on
// running nor one that is started again signs the rest of the log.
func TestCutTailIsNotSigned(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "checkpoints.jsonl")
	b := newBook(t, ledger)
	b.tamper("DELETE FROM audit_checkpoints", "DELETE FROM audit_events WHERE seq > 2",
		"UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit_events WHERE seq = 2)")
	again := audit.New(audit.Config{Store: b.store, Key: key(1), Ledger: ledger})
	b.Ledger = ""
	for name, s := range map[string]*audit.Service{"running": b.Service, "started again": again} {
		if c, err := s.Checkpoint(t.Context()); access.KindOf(err) != access.KindConflict {
			t.Errorf("%s: signed %+v, %v; want a conflict", name, c, err)
		}
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	ring := audit.Keyring{Dir: dir}
	if k, err := ring.Key(false); k != nil || err != nil {
		t.Fatalf("got a key out of an empty folder: %v", err)
	}
	made, err := ring.Key(true)
	if err != nil || made == nil {
		t.Fatalf("no key was made: %v", err)
	}
	again, err := ring.Key(true)
	if err != nil || !again.Equal(made) {
		t.Errorf("the second start has another key, %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "audit.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v; want only its owner to read it", info.Mode(), err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 1 {
		t.Errorf("left over: %q", left)
	}
	file := audit.Keyring{Setting: filepath.Join(dir, "audit.key")}
	if k, err := file.Key(false); err != nil || !k.Equal(made) {
		t.Errorf("the key by its path: %v", err)
	}
	text, err := audit.NewKeyText()
	if err != nil {
		t.Fatal(err)
	}
	if k, err := (audit.Keyring{Setting: text}).Key(false); err != nil || k.Equal(made) {
		t.Errorf("a key as a setting: %v", err)
	}
	for _, wrong := range []string{text[:40], "hunter2"} {
		if _, err := (audit.Keyring{Setting: wrong}).Key(false); err == nil || strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v, want a refusal that does not repeat the secret", wrong, err)
		}
	}
}
