package hostile

import "testing"

// tryRecords looks at what all the others have left in the audit log: each deed of a
// person says who, from where, with what and in which request, and each deed that alters
// a change says what it was before and after. It comes after everything else.
func tryRecords(t *testing.T, w *world) {
	for what, query := range map[string]string{
		"deeds of people without a name, an address, a program or a request": `kind <> 'system' AND (name = '' OR addr = '' OR user_agent = '' OR request_id = '')`,
		"deeds on changes without the change after it":                       `action LIKE 'change.%' AND action <> 'change.comment' AND detail::jsonb -> 'after' IS NULL`,
		"deeds on changes without the change before it":                      `action LIKE 'change.%' AND action NOT IN ('change.draft', 'change.comment', 'change.compose_expiry', 'change.roll_back') AND detail::jsonb -> 'before' IS NULL`,
		"tokens without the token that was used":                             `kind = 'token' AND detail::jsonb -> 'token' IS NULL`,
		"writes without what was written":                                    `action = 'operation.write' AND detail::jsonb -> 'resource' IS NULL`,
		"deeds on nothing":                                                   `object = ''`,
	} {
		for _, found := range w.db.Strings("SELECT DISTINCT action || ' by ' || kind FROM audit_events WHERE " + query) {
			t.Errorf("%s: %s", what, found)
		}
	}
	if n := w.db.Int("SELECT count(DISTINCT action) FROM audit_events"); n < 20 {
		t.Errorf("only %d kinds of events are in the log; what leaves them was not tried", n)
	}
}
