package store_test

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestMigrateOnceAmongMany(t *testing.T) {
	url := storetest.NewEmptyURL(t)
	errs := make(chan error)
	const replicas = 4
	for range replicas {
		go func() { errs <- store.Migrate(t.Context(), url) }()
	}
	for range replicas {
		if err := <-errs; err != nil {
			t.Errorf("Migrate: %v", err)
		}
	}
	steps, complete, err := store.MigrationStatus(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if !complete || len(steps) == 0 {
		t.Errorf("got %d steps, complete %v; want all", len(steps), complete)
	}
	for _, s := range steps {
		if !s.Applied || s.AppliedAt.IsZero() {
			t.Errorf("step %d %s is not applied", s.Version, s.Name)
		}
	}
}

func TestMigrationStatusOfAnEmptyDatabase(t *testing.T) {
	url := storetest.NewEmptyURL(t)
	_, complete, err := store.MigrationStatus(t.Context(), url)
	if err != nil || complete {
		t.Errorf("got complete %v, %v; want incomplete", complete, err)
	}
	s, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if ok, err := s.Migrated(t.Context()); ok || err != nil {
		t.Errorf("Migrated = %v, %v; want false", ok, err)
	}
	_, err = s.Head(t.Context())
	if access.KindOf(err) != access.KindUnavailable || !strings.Contains(access.MessageOf(err), "migrate up") {
		t.Errorf("got %v, want what to do", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		url  string
		kind access.Kind
		want string
	}{
		{"postgres://u:se%cret@h/x", access.KindInvalid, "DATABASE_URL"},
		{"postgres://u:secret@127.0.0.1:1/x", access.KindUnavailable, "127.0.0.1"},
	}
	for _, tt := range tests {
		_, err := store.Open(t.Context(), store.Config{URL: tt.url})
		if access.KindOf(err) != tt.kind || !strings.Contains(access.MessageOf(err), tt.want) {
			t.Errorf("got %v, want %s with %q", err, tt.kind, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error gives the password away: %v", err)
		}
	}
}

func TestMigratedAndPing(t *testing.T) {
	s := storetest.New(t)
	if err := s.Writable(t.Context()); err != nil {
		t.Error(err)
	}
	if ok, err := s.Migrated(t.Context()); !ok || err != nil {
		t.Errorf("Migrated = %v, %v; want true", ok, err)
	}
}
