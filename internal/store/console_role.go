package store

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/migrations"
)

// ConsoleRole is the database role that the console works as. It owns nothing.
type ConsoleRole struct {
	Name     string
	Password string // the role is made, or gets this password; empty: the role stays as it is
}

var (
	roleName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
	// Postgres normalizes other characters before it hashes a password.
	rolePassword = regexp.MustCompile(`^[\x21-\x7e]{8,}$`)
)

// Check refuses a name that needs quotes, and a password that is short or that Postgres would normalize.
func (r ConsoleRole) Check() error {
	if !roleName.MatchString(r.Name) {
		return access.Errorf(access.KindInvalid,
			"%q cannot be the name of the console's role: use lower-case letters, digits and _ (--console-role)", r.Name)
	}
	if r.Password != "" && !rolePassword.MatchString(r.Password) {
		return access.Errorf(access.KindInvalid, "The password of the console's role must have 8 or more visible ASCII "+
			"characters (PORTCULLIS_CONSOLE_PASSWORD)")
	}
	return nil
}

// GrantConsole gives the console's role its password and exactly the rights of migrations/roles.sql, in a database
// whose schema is in place. It reports false if the role is missing and no password is given.
func GrantConsole(ctx context.Context, url string, role ConsoleRole) (bool, error) {
	if err := role.Check(); err != nil {
		return false, err
	}
	granted := false
	err := withMigrator(ctx, url, func(m *migrator) error {
		return pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
			var err error
			granted, err = grantConsole(ctx, tx, role)
			return err
		})
	})
	return granted, err
}

func grantConsole(ctx context.Context, tx pgx.Tx, role ConsoleRole) (bool, error) {
	var there, self bool
	// Two that grant at once would update the same rows of the catalog.
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1), current_user = $1 "+
		"FROM pg_advisory_xact_lock($2)", role.Name, migrateLock+1).Scan(&there, &self)
	if err != nil {
		return false, fmt.Errorf("looking for the role %s: %w", role.Name, err)
	}
	if self {
		return false, access.Errorf(access.KindInvalid, "The role %s is the console's and must own nothing. Run portcullis "+
			"migrate as another role, which owns the database", role.Name)
	}
	if !there && role.Password == "" {
		return false, nil
	}
	if role.Password != "" {
		if err := setPassword(ctx, tx, role, there); err != nil {
			return false, err
		}
	}
	if _, err := tx.Exec(ctx, strings.ReplaceAll(migrations.Roles, "portcullis_app", role.Name)); err != nil {
		return false, fmt.Errorf("granting the role %s what the console needs: %w", role.Name, err)
	}
	return true, nil
}

func setPassword(ctx context.Context, tx pgx.Tx, role ConsoleRole, there bool) error {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	secret, err := scramVerifier(role.Password, salt)
	if err != nil {
		return err
	}
	verb := "CREATE"
	if there {
		verb = "ALTER"
	}
	_, err = tx.Exec(ctx, fmt.Sprintf("%s ROLE %s LOGIN PASSWORD '%s'", verb, role.Name, secret))
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == stateForbidden {
		return access.Wrap(access.KindForbidden, err, "this role may not create or alter the role %s; have an administrator "+
			"of the database run CREATE ROLE %s LOGIN PASSWORD '...', and run portcullis migrate without a password",
			role.Name, role.Name)
	}
	if err != nil {
		return fmt.Errorf("setting the password of the role %s: %w", role.Name, err)
	}
	return nil
}

// scramVerifier is the form in which Postgres keeps a password (RFC 5802). The password itself does not reach the
// server, which may log statements.
func scramVerifier(password string, salt []byte) (string, error) {
	const iterations = 4096 // as Postgres itself does by default
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("hashing the password of the console's role: %w", err)
	}
	sign := func(what string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(what))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	text := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, text(salt), text(stored[:]), text(sign("Server Key"))), nil
}

// OwnsTables reports whether the connection's role can change the audit log: as its owner, or as a superuser.
func (s *Store) OwnsTables(ctx context.Context) (bool, error) {
	var owns bool
	err := s.pool.QueryRow(ctx, "SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class "+
		"WHERE oid = 'audit_events'::regclass").Scan(&owns)
	return owns, translate(err)
}
