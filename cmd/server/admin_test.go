package main_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

func TestPeopleAndTokens(t *testing.T) {
	env := []string{harness.NewDatabase(t).Env()}
	added := harness.MustCommand(t, env, "", "user", "add", "--email", "You@example.com", "--name", "You", "--role", "admin", "--role", "viewer")
	if !strings.Contains(added, "you@example.com") || !strings.Contains(added, "shown this once") {
		t.Errorf("user add says %q, want who and the password", added)
	}
	twice := command(t, env, "user", "add", "--email", "you@example.com", "--name", "You", "--role", "admin")
	twice.refused(t, 1, "you@example.com")
	if strings.Contains(twice.err, "SQLSTATE") || strings.Contains(twice.err, ".:") {
		t.Errorf("adding somebody twice says %q, with a chain of errors at its end", twice.err)
	}
	_, errs, code := harness.Command(t, env, "short\n", "user", "add", "--email", "b@example.com", "--name", "B", "--role", "viewer", "--password-stdin")
	run{err: errs, code: code}.refused(t, 1, "12")
	harness.MustCommand(t, env, "a better password\n", "user", "password", "--email", "you@example.com", "--password-stdin")
	if list := harness.MustCommand(t, env, "", "user", "list"); !strings.Contains(list, "viewer,admin") {
		t.Errorf("user list = %q, want the roles", list)
	}

	secret := harness.MustCommand(t, env, "", "token", "create", "--user", "you@example.com", "--name", "export")
	if strings.Count(secret, "\n") != 1 || !strings.HasPrefix(secret, "portcullis_") {
		t.Errorf("token create prints %q, want the token alone", secret)
	}
	command(t, env, "token", "create", "--user", "nobody@example.com", "--name", "x").refused(t, 1, "nobody@example.com")
	list := harness.MustCommand(t, env, "", "token", "list")
	if !strings.Contains(list, "export") || strings.Contains(list, strings.TrimSpace(secret)) {
		t.Errorf("token list = %q, want the name without the secret", list)
	}
	if in90 := time.Now().AddDate(0, 0, 90).UTC().Format("2006-01-02"); !strings.Contains(list, " read ") || !strings.Contains(list, in90) {
		t.Errorf("token list = %q, want the scope read and an end at %s", list, in90)
	}
	harness.MustCommand(t, env, "", "token", "create", "--user", "you@example.com", "--name", "eternal", "--expires", "never")
	if list := harness.MustCommand(t, env, "", "token", "list"); !strings.Contains(list, "never") {
		t.Errorf("token list = %q, want a token that never ends", list)
	}
	command(t, env, "token", "create", "--user", "you@example.com", "--name", "x", "--expires", "400d").refused(t, 2, "a year")
	harness.MustCommand(t, env, "", "token", "revoke", "1")
	if list := harness.MustCommand(t, env, "", "token", "list"); !strings.Contains(list, "revoked") {
		t.Errorf("token list = %q, want it revoked", list)
	}
	command(t, env, "token", "revoke", "99").refused(t, 1, "99")
}

func TestMigrate(t *testing.T) {
	env := []string{harness.NewEmptyDatabase(t).Env()}
	before := command(t, env, "migrate", "status")
	before.refused(t, 1, "portcullis migrate")
	if !strings.Contains(before.out, "missing") {
		t.Errorf("status of an empty database: %s", before.out)
	}
	harness.MustCommand(t, env, "", "migrate")
	harness.MustCommand(t, env, "", "migrate", "up")
	if after := harness.MustCommand(t, env, "", "migrate", "status"); strings.Contains(after, "missing") {
		t.Errorf("status after migrating: %s", after)
	}
}

func TestAuditVerify(t *testing.T) {
	db := harness.NewDatabase(t)
	harness.AddPerson(t, db, "alice", "viewer")
	harness.AddPerson(t, db, "bob", "viewer")
	env := []string{db.Env(), "PORTCULLIS_DATA_DIR=" + t.TempDir()}
	if whole := harness.MustCommand(t, env, "", "audit", "verify"); !strings.Contains(whole, "4 events") || !strings.Contains(whole, "no key is known") {
		t.Errorf("audit verify says %q, want 4 events (two people and their tokens) and that there is no key", whole)
	}
	command(t, env, "audit", "checkpoint").refused(t, 1, "audit key")

	public := strings.TrimSpace(harness.MustCommand(t, env, "", "audit", "key"))
	kept := filepath.Join(t.TempDir(), "kept.jsonl")
	harness.MustCommand(t, env, "", "audit", "checkpoint", "--out", kept)
	if line := harness.MustCommand(t, env, "", "audit", "checkpoint"); !strings.Contains(line, public) || !strings.Contains(line, `"seq":4`) {
		t.Errorf("audit checkpoint prints %q, want event 4 signed with %s", line, public)
	}
	if whole := harness.MustCommand(t, env, "", "audit", "verify", "--checkpoint", kept); !strings.Contains(whole, "1 signed checkpoint") {
		t.Errorf("audit verify says %q, want the checkpoint named", whole)
	}

	// Who owns the tables takes the newest event away and everything that speaks of it.
	harness.MustCommand(t, env, "", "audit", "verify")
	for _, sql := range []string{
		"ALTER TABLE audit_events DISABLE TRIGGER USER", "ALTER TABLE audit_checkpoints DISABLE TRIGGER USER",
		"DELETE FROM audit_events WHERE seq = 4", "DELETE FROM audit_checkpoints",
		"UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit_events WHERE seq = 3)",
	} {
		db.Exec(sql)
	}
	// The data folder holds the checkpoint too, so the cut is found without any flag.
	command(t, env, "audit", "verify").refused(t, 1, "event 4")
	command(t, env, "audit", "verify", "--checkpoint", kept).refused(t, 1, "event 4")
	elsewhere := []string{db.Env(), "PORTCULLIS_DATA_DIR=" + t.TempDir()}
	command(t, elsewhere, "audit", "verify", "--checkpoint", kept).refused(t, 1, "--key")
	command(t, elsewhere, "audit", "verify", "--checkpoint", kept, "--key", public).refused(t, 1, "event 4")

	db.Exec("UPDATE audit_events SET name = 'somebody else' WHERE seq = 2")
	command(t, env, "audit", "verify").refused(t, 1, "event 2")
}
