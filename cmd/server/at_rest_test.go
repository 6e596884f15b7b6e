package main_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

// TestNoSecretAtRest runs a console with secrets and looks for each of them in every row of the database.
func TestNoSecretAtRest(t *testing.T) {
	db, box := harness.NewDatabase(t), harness.StartSandbox(t, 1)
	key := strings.TrimSpace(harness.MustCommand(t, nil, "", "audit", "key", "--new"))
	secrets := map[string]string{
		"the external id": "external-7f3a9", "the secret of the probe": "probe-51c0e", "the key of the audit log": key,
	}
	console := harness.Serve(t, db, append(box.Env(), "PORTCULLIS_EXTERNAL_ID="+secrets["the external id"],
		"PORTCULLIS_PROBE_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
		"PORTCULLIS_PROBE_SECRET_ACCESS_KEY="+secrets["the secret of the probe"], "PORTCULLIS_AUDIT_KEY="+key)...)
	person := harness.AddPerson(t, db, "Ada", "admin")
	secrets["the password"], secrets["the token"] = person.Password, person.Token
	v := console.SignIn(person)
	cookies := v.Client().Jar.Cookies(v.Get("/").Want(200).URL)
	if len(cookies) == 0 {
		t.Fatal("there is no cookie")
	}
	for _, c := range cookies {
		secrets["the cookie "+c.Name] = c.Value
	}
	tables := db.Texts("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
	if len(tables) < 30 {
		t.Fatalf("the database has the tables %q only", tables)
	}
	holds := func(table, text string) bool {
		where := " AS t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0"
		return db.Int("SELECT count(*) FROM "+table+where, text, hex.EncodeToString([]byte(text))) > 0
	}
	if !holds("people", person.Email()) {
		t.Fatal("the search does not find an e-mail address in the table people")
	}
	for _, table := range tables {
		for name, secret := range secrets {
			if holds(table, secret) {
				t.Errorf("the table %s holds %s", table, name)
			}
		}
	}
}
