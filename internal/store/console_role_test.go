package store_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestScramVerifier compares with the verifier that Postgres itself makes of a password.
func TestScramVerifier(t *testing.T) {
	s := storetest.New(t)
	const password = `pass\word "with" ~signs~`
	for _, sql := range []string{
		"SET password_encryption = 'scram-sha-256'", "DROP ROLE IF EXISTS test_scram",
		"CREATE ROLE test_scram PASSWORD '" + password + "'",
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var want string
	if err := s.Pool().QueryRow(t.Context(), "SELECT rolpassword FROM pg_authid WHERE rolname = 'test_scram'").Scan(&want); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(want, ":")
	text, _, _ := strings.Cut(rest, "$")
	salt := must[[]byte](t)(base64.StdEncoding.DecodeString(text))
	if got := must[string](t)(store.ScramVerifier(password, salt)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGrantConsoleRefuses(t *testing.T) {
	url := storetest.NewURL(t)
	for _, c := range []struct {
		role store.ConsoleRole
		want string
	}{
		{store.ConsoleRole{Name: `app"; DROP TABLE people; --`}, "--console-role"},
		{store.ConsoleRole{Name: "test_app", Password: "short"}, "PORTCULLIS_CONSOLE_PASSWORD"},
		{store.ConsoleRole{Name: "test_app", Password: "with a blank"}, "PORTCULLIS_CONSOLE_PASSWORD"},
		{store.ConsoleRole{Name: "portcullis"}, "another role"}, // the owner of the test databases
	} {
		_, err := store.GrantConsole(t.Context(), url, c.role)
		wantKind(t, err, access.KindInvalid, c.want)
	}
	ok, err := store.GrantConsole(t.Context(), url, store.ConsoleRole{Name: "test_missing"})
	if ok || err != nil {
		t.Errorf("a role that is missing: %v, %v; want nothing done", ok, err)
	}
}
