// Package migrations holds the schema of the database as numbered SQL files, in the form
// that goose reads. They only go forward. 00001_baseline.sql is the whole schema. It may
// be edited until the first release; later changes of the schema must be files of their own.
//
// roles.sql is not a migration. It grants the console's database role, which does not own
// the tables, what the console needs. Under that role the console can neither alter nor
// remove audit events.
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
