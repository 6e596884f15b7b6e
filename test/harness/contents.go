package harness

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Strings asks for one column of text.
func (d *Database) Strings(sql string, args ...any) []string {
	d.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.URL)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// Tables lists the tables there are.
func (d *Database) Tables() []string {
	d.t.Helper()
	return d.Strings("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1")
}

// Contents is a digest of what is in each of some tables: two that are equal mean that
// nothing was written meanwhile.
func (d *Database) Contents(tables ...string) map[string]string {
	d.t.Helper()
	out := map[string]string{}
	for _, table := range tables {
		out[table] = d.Strings(fmt.Sprintf("SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM %s t", pgx.Identifier{table}.Sanitize()))[0]
	}
	return out
}
