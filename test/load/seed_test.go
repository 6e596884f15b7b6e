package load

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// company is how much there is in the database.
type company struct{ accounts, mappings, entries int }

// full is the size that pages are measured at; the smaller ones show how they grow.
var full = company{accounts: 5_000, mappings: 50_000, entries: 10_000}

func (c company) over(n int) company { return company{c.accounts / n, c.mappings / n, c.entries / n} }

func (c company) String() string {
	return fmt.Sprintf("%d accounts, %d mappings, a list of %d entries", c.accounts, c.mappings, c.entries)
}

// lists is how many allowlists there are beside the large one.
const lists = 1_000

// seed fills a database of whose desired state nothing but revision 1 is there. Every
// mapping but one reaches a single account; the one reaches all, from the list "review".
func (c company) seed(db *harness.Database) {
	for _, sql := range []string{
		`INSERT INTO ous (id, parent_id, name, path) VALUES ('r-ab12', '', 'Root', 'Root')`,
		`INSERT INTO ous (id, parent_id, name, path)
			SELECT 'ou-ab12-' || lpad(i::text, 8, '0'), 'r-ab12', 'Unit-' || i, 'Root/Unit-' || i FROM generate_series(0, 49) i`,
		fmt.Sprintf(`INSERT INTO accounts (id, name, email, state, ou, ou_ids, tags, partition, management, synced_at, inventory_at)
			SELECT (100000000000 + i)::text, 'account-' || i, 'a' || i || '@example.com', 'ACTIVE', 'Root/Unit-' || i %% 50,
				ARRAY['r-ab12', 'ou-ab12-' || lpad((i %% 50)::text, 8, '0')], '{"env": "prod"}', 'aws', false, now(), now() FROM generate_series(1, %d) i`, c.accounts),
		`INSERT INTO inventories (account_id, roles, users, read_at)
			SELECT a.id, (SELECT jsonb_object_agg('/ ' || r, jsonb_build_object('id', 'AROA' || a.id, 'document', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::' || a.id || ':root"},"Action":"sts:AssumeRole"}]}')) FROM (SELECT 'Review' r UNION ALL SELECT 'Role' || g FROM generate_series(0, 9) g) x),
				(SELECT jsonb_object_agg('/ ' || u, jsonb_build_object('id', 'AIDA' || a.id)|| '{"document": ""}') FROM (SELECT 'user' || g u FROM generate_series(0, 4) g) x), now() FROM accounts a`,
		// What they hold is not what is desired, and a scan would find that in every one of them.
		"INSERT INTO account_scans (account_id, read_at, revision, scanned_at) SELECT account_id, read_at, 1, now() FROM inventories",
		`INSERT INTO allowlists (id, name, description, added_in) VALUES ('al-large', 'large', 'the largest', 1), ('al-review', 'review', 'everywhere', 1)`,
		fmt.Sprintf(`INSERT INTO allowlists (id, name, description, added_in) SELECT 'al-' || i, 'list-' || i, '', 1 FROM generate_series(1, %d) i`, lists),
		fmt.Sprintf(`INSERT INTO entries (allowlist_id, kind, prefix, note, ticket, added_in) SELECT 'al-large', 'cidr', set_masklen('50.0.0.0'::inet + i * 512, 24)::cidr, 'office ' || i, 'NET-' || i, 1 FROM generate_series(1, %d) i`, c.entries),
		`INSERT INTO entries (allowlist_id, kind, prefix, note, ticket, added_in) SELECT 'al-review', 'cidr', set_masklen('70.0.0.0'::inet + i * 512, 24)::cidr, '', '', 1 FROM generate_series(1, 3) i`,
		fmt.Sprintf(`INSERT INTO entries (allowlist_id, kind, prefix, note, ticket, added_in) SELECT 'al-' || i, 'cidr', set_masklen('80.0.0.0'::inet + i * 2048 + p * 512, 24)::cidr, '', '', 1 FROM generate_series(1, %d) i, generate_series(0, 2) p`, lists),
		fmt.Sprintf(`INSERT INTO mappings (id, role_path, role_name, selector, enforcement, require_mfa, mfa_max_age, session_name, source_identity, added_in)
			SELECT 'mp-' || i, '/', CASE WHEN i = 0 THEN 'Review' ELSE 'Role' || i / %[2]d %% 10 END, CASE WHEN i = 0 THEN '{"all": true}'::jsonb ELSE jsonb_build_object('ids', jsonb_build_array((100000000001 + i %% %[2]d)::text)) END,
				'mapped', false, 0, 'any', 'any', 1 FROM generate_series(0, %[1]d) i`, c.mappings-1, c.accounts),
		`INSERT INTO mapping_users SELECT row_id, p, '', '/', 'user' || (row_id + p) % 5 FROM mappings, generate_series(0, 1) p`,
		fmt.Sprintf(`INSERT INTO mapping_allowlists SELECT row_id, 0, CASE WHEN id = 'mp-0' THEN 'al-review' ELSE 'al-' || 1 + row_id %% %d END FROM mappings`, lists),
		"ANALYZE",
	} {
		db.Exec(sql)
	}
}

// elsewhere is where no AWS answers: pages need none.
var elsewhere = []string{"AWS_ENDPOINT_URL=http://127.0.0.1:9", "AWS_REGION=" + harness.Region, "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none"}

// newCompany is a console with a company of this size, and a change in review that
// writes to every account of it.
func newCompany(t *testing.T, c company) (crew *harness.Crew, db *harness.Database, review string) {
	t.Helper()
	db = harness.NewDurableDatabase(t)
	crew = harness.NewCrew(harness.Serve(t, db, elsewhere...), db)
	crew.AddAllowlist("first", "103.15.250.0/24 office")
	crew.Stop()
	c.seed(db)
	crew.Console = crew.Again() // what it keeps in memory is of before
	began := time.Now()
	editor := crew.SignIn(crew.Editor)
	draft := editor.Get("/allowlists/al-review").Form("/entries").Fill("lines", "9.9.9.9/32 one more").Submit()
	var page *harness.Page
	harness.Eventually(t, patience, "the change is submitted", func() (bool, string) {
		if page = editor.Get(draft.Path()); page.Status == http.StatusOK && page.HasForm("Submit for review") {
			page = page.Form("/edit").Fill("title", "One more office").Fill("reason", "NET-1: it is new").Submit("Submit for review")
		}
		return page.Status == http.StatusOK && !page.HasForm("Submit for review"), page.String()
	})
	harness.Eventually(t, patience, "nothing is done in the background", func() (bool, string) {
		n := db.Int("SELECT count(*) FROM river_job WHERE state IN ('available', 'running')")
		return n == 0, fmt.Sprint(n, " jobs")
	})
	t.Logf("%s: a change that writes to all of them, composed and submitted in %s", c, time.Since(began).Round(time.Millisecond))
	return crew, db, page.Path()
}
