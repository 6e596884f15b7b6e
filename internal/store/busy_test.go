package store_test

import (
	"errors"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestAppendDoesNotWaitForALock appends to the audit log while another session holds its end.
func TestAppendDoesNotWaitForALock(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	url := s.Pool().Config().ConnString()
	other := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: url, MaxConns: 1}))
	t.Cleanup(other.Close)
	tx, err := other.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), "SELECT FROM audit_head FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	err = s.Append(t.Context(), event("settings.save", "settings"))
	wantKind(t, err, access.KindUnavailable, "Nothing was changed")
	if !errors.Is(err, access.ErrBusy) {
		t.Errorf("%v is no ErrBusy", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), event("settings.save", "settings")); err != nil {
		t.Error(err)
	}
}

// TestTransactionDoesNotWaitForAConnection opens a transaction while another has the only connection.
func TestTransactionDoesNotWaitForAConnection(t *testing.T) {
	t.Parallel()
	s := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: storetest.NewURL(t), MaxConns: 1}))
	t.Cleanup(s.Close)
	conn, err := s.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err = s.Append(t.Context(), event("settings.save", "settings"))
	wantKind(t, err, access.KindUnavailable, "Nothing was changed")
	if took := time.Since(began); !errors.Is(err, access.ErrBusy) || took > 20*time.Second {
		t.Errorf("%v after %s, want ErrBusy in a few seconds", err, took)
	}
	conn.Release()
	if err := s.Append(t.Context(), event("settings.save", "settings")); err != nil {
		t.Error(err)
	}
}
