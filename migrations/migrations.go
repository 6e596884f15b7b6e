// Package migrations holds the schema of the database as numbered SQL files, in the
// form that goose reads. They only go forward. A new file leaves the schema usable for
// the release before it: expand first, and contract in a later release.
//
// roles.sql is no migration: it is what an administrator runs who wants the console to
// work under a database role that does not own the tables, and so cannot, whatever
// happens to it, alter or remove what the audit log holds.
package migrations

import "embed"

// FS holds the migrations.
//
//go:embed 0*.sql
var FS embed.FS

// Roles is the SQL that grants a role portcullis_app what the console needs, and no more.
//
//go:embed roles.sql
var Roles string
