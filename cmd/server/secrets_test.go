package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// parse reads a command line as main does.
func parse(t *testing.T, args ...string) (cli, error) {
	t.Helper()
	var commands cli
	parser, err := kong.New(&commands, append(options(), kong.Bind(&console{}))...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return commands, err
}

// TestSecretsFromFiles gives every secret in a file.
func TestSecretsFromFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{
		"DATABASE_URL", "PORTCULLIS_AUDIT_KEY", "PORTCULLIS_OIDC_CLIENT_SECRET", "PORTCULLIS_PROBE_SECRET_ACCESS_KEY",
		"PORTCULLIS_EXTERNAL_ID",
	} {
		t.Setenv(name+"_FILE", file(name, "of "+name+"\n"))
	}
	got, err := parse(t, "serve", "--external-id", "typed")
	if err != nil {
		t.Fatal(err)
	}
	s := got.Serve
	all := []string{s.DatabaseURL, s.AuditKey, s.OIDCClientSecret, s.ProbeSecret, s.ExternalID}
	want := "of DATABASE_URL,of PORTCULLIS_AUDIT_KEY,of PORTCULLIS_OIDC_CLIENT_SECRET," +
		"of PORTCULLIS_PROBE_SECRET_ACCESS_KEY,typed"
	if strings.Join(all, ",") != want {
		t.Errorf("got %q, want %s", all, want)
	}
	t.Setenv("PORTCULLIS_TOKEN_FILE", file("token", "a token"))
	t.Setenv("PORTCULLIS_CONSOLE_PASSWORD_FILE", file("password", "a password"))
	if got, err = parse(t, "change", "status", "1"); err != nil || got.Change.Status.Token != "a token" {
		t.Errorf("got the token %q, %v", got.Change.Status.Token, err)
	}
	if got, err = parse(t, "migrate"); err != nil || got.Migrate.ConsolePass != "a password" {
		t.Errorf("got the password %q, %v", got.Migrate.ConsolePass, err)
	}
	for path, want := range map[string]string{file("empty", "\n"): "is empty", filepath.Join(dir, "none"): "cannot be read"} {
		t.Setenv("PORTCULLIS_AUDIT_KEY_FILE", path)
		if _, err := parse(t, "serve"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want it to say %q", path, err, want)
		}
	}
	t.Setenv("PORTCULLIS_AUDIT_KEY", "x")
	if _, err := parse(t, "serve"); err == nil || !strings.Contains(err.Error(), "leave out one") {
		t.Errorf("a secret that is given twice: %v, want a refusal", err)
	}
}

// TestEveryFlagIsASetting wants a variable for every flag, and a file for every secret.
func TestEveryFlagIsASetting(t *testing.T) {
	parser, err := kong.New(&cli{}, options()...)
	if err != nil {
		t.Fatal(err)
	}
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		f, ok := node.(*kong.Flag)
		if !ok || f.Name == "help" {
			return next(nil)
		}
		if len(f.Envs) != 1 || !strings.HasPrefix(f.Envs[0], "PORTCULLIS_") && f.Envs[0] != "DATABASE_URL" {
			t.Errorf("--%s has the variables %q, want one that begins with PORTCULLIS_", f.Name, f.Envs)
		}
		secret := f.PlaceHolder == "SECRET" || f.PlaceHolder == "TOKEN"
		if secret && !f.Tag.Has("secret") {
			t.Errorf("--%s is a secret and cannot be given in a file", f.Name)
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}
