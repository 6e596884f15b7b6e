package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
	"gorm.io/gorm"

	"portcullis.internal/portcullis/internal/access"
)

// The classes of SQLSTATE that are not our own defects.
const (
	stateUnique       = "23505"
	stateForeignKey   = "23503"
	stateSerialize    = "40001"
	stateDeadlock     = "40P01"
	stateBadEncoding  = "22021"
	stateBadCharacter = "22P05"
	stateForbidden    = "42501"
	stateNoTable      = "42P01"
	stateNoColumn     = "42703"
	stateLockTimeout  = "55P03"
	stateReadOnly     = "25006"
	stateWrongRole    = "28000" // no such role, or no line of pg_hba.conf lets it in
	stateWrongSecret  = "28P01"
	stateNoDatabase   = "3D000"
)

// Messages of KindNotFound that several methods return.
const (
	noAccount = "There is no account %s in the organization as it was last read."
	noPerson  = "There is no person %d."
	noRollout = "There is no rollout %d."
)

// busy is the error of a transaction that ended because a lock or a connection did not become free.
func busy(err error) error {
	return access.Wrap(access.KindUnavailable, fmt.Errorf("%w: %w", access.ErrBusy, err),
		"Other changes are being saved at this moment. Nothing was changed. Try again in a few seconds.")
}

// translate gives an error of Postgres its kind. Errors that have one already, and
// errors that are not of Postgres, come back as they are.
func translate(err error) error {
	var known *access.Error
	var pg *pgconn.PgError
	switch {
	case err == nil || errors.As(err, &known) || errors.Is(err, access.ErrClaimLost):
		return err
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &pg):
		return translateState(err, pg)
	case isUnreachable(err):
		return access.Wrap(access.KindUnavailable, err, "The database does not answer. Try again in a moment.")
	default:
		return err
	}
}

func translateState(err error, pg *pgconn.PgError) error {
	switch {
	case pg.Code == stateUnique:
		return access.Wrap(access.KindConflict, err, "%s", alreadyThere(pg.ConstraintName))
	case pg.Code == stateForeignKey:
		return access.Wrap(access.KindConflict, err, "Something that this refers to is not there, or is still needed elsewhere.")
	case pg.Code == stateSerialize || pg.Code == stateDeadlock:
		return access.Wrap(access.KindConflict, err, "Somebody else was changing the same thing at this moment. Try again.")
	case pg.Code == stateLockTimeout:
		return busy(err)
	case pg.Code == stateBadEncoding || pg.Code == stateBadCharacter:
		return access.Wrap(access.KindInvalid, err, "The text contains a character that cannot be stored (a zero byte, or one that is not UTF-8). Remove it.")
	case pg.Code == stateForbidden:
		return access.Wrap(access.KindInternal, err, "the database refuses this to the console's role; run "+
			"portcullis migrate as the owner of the tables, which grants what the role needs")
	case pg.Code == stateNoTable || pg.Code == stateNoColumn:
		return access.Wrap(access.KindUnavailable, err,
			"The database does not have the tables of this release yet. Run: portcullis migrate")
	case pg.Code == stateReadOnly:
		return readOnly(err)
	case pg.Code == stateWrongRole || pg.Code == stateWrongSecret || pg.Code == stateNoDatabase:
		return access.Wrap(access.KindUnavailable, err, "The database does not let the console in. The log of the console says why.")
	case slices.ContainsFunc(passingClasses, func(class string) bool { return strings.HasPrefix(pg.Code, class) }):
		return access.Wrap(access.KindUnavailable, err, "The database is busy, starting or shutting down. Try again in a moment.")
	default:
		return err
	}
}

// passingClasses are the classes of SQLSTATE that say nothing about the statement: connections, resources, operators
// who stop the server, transactions that Postgres ended, and failures of its machine.
var passingClasses = []string{"08", "53", "57", "25P", "58"}

// readOnly is the error of a database that takes no writes: a standby, or default_transaction_read_only is on.
func readOnly(err error) error {
	return access.Wrap(access.KindUnavailable, err,
		"The database is read-only at this moment. Nothing was changed. Try again in a few minutes.")
}

func alreadyThere(constraint string) string {
	switch constraint {
	case "people_email_key":
		return "Somebody with this e-mail address is there already."
	case "tokens_hash_key":
		return "This token is there already."
	case "reviews_one_each":
		return "You have reviewed this change already."
	case "allowlists_live_name":
		return "An allowlist of this name is there already."
	case "strategies_live_name":
		return "A strategy of this name is there already."
	default:
		return "This is there already: somebody was faster."
	}
}

// cutErrors are what drivers and pools return after a connection was cut or closed.

var cutErrors = []error{
	io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, puddle.ErrClosedPool, driver.ErrBadConn,
	sql.ErrConnDone, pgx.ErrTxClosed, context.DeadlineExceeded,
}

// isUnreachable reports whether no answer came from the database at all.
func isUnreachable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		slices.ContainsFunc(cutErrors, func(cut error) bool { return errors.Is(err, cut) })
}

// missing turns "no row" into a KindNotFound error and leaves others to translate.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, pgx.ErrNoRows) || errors.Is(err, gorm.ErrRecordNotFound) {
		return access.Errorf(access.KindNotFound, format, args...)
	}
	return translate(err)
}
