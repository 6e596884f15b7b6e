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
	wantKind(t, s.CheckSchema(t.Context()), access.KindUnavailable, "portcullis migrate")
	_, err = s.Head(t.Context())
	if access.KindOf(err) != access.KindUnavailable || !strings.Contains(access.MessageOf(err), "portcullis migrate") {
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

func TestCheckSchemaAndWritable(t *testing.T) {
	s := storetest.New(t)
	if err := s.Writable(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestNewerSchema wants a release to leave a database alone that a later release has migrated.
func TestNewerSchema(t *testing.T) {
	for _, step := range []string{
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)",
		"INSERT INTO river_migration (line, version) VALUES ('main', 9999)",
	} {
		url := storetest.NewURL(t)
		s := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: url}))
		t.Cleanup(s.Close)
		if _, err := s.Pool().Exec(t.Context(), step); err != nil {
			t.Fatal(err)
		}
		wantKind(t, s.CheckSchema(t.Context()), access.KindUnavailable, "newer than this release")
		wantKind(t, store.Migrate(t.Context(), url), access.KindUnavailable, "newer than this release")
	}
}

func TestMarkDemo(t *testing.T) {
	s := storetest.New(t)
	for range 2 {
		if err := s.MarkDemo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if demo := must[bool](t)(s.IsDemo(t.Context())); !demo {
		t.Error("the mark is not kept")
	}
	if _, err := s.Pool().Exec(t.Context(), "UPDATE installation SET demo = false"); err == nil {
		t.Error("the mark of the demo was taken off")
	}
	used := storetest.New(t)
	const add = "INSERT INTO people (email, name, password_hash, created_at) VALUES ('a@x', 'A', '', now())"
	if _, err := used.Pool().Exec(t.Context(), add); err != nil {
		t.Fatal(err)
	}
	wantKind(t, used.MarkDemo(t.Context()), access.KindForbidden, "--data-dir")
}
