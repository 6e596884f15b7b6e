package api_test

import (
	"cmp"
	"net/http"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web/webtest"
)

// TestKeysComeOnceAndAsTheyAreWritten sends bodies that encoding/json would take.
func TestKeysComeOnceAndAsTheyAreWritten(t *testing.T) {
	proposal := func(edit string) string { return `{"title":"t","reason":"r","edits":[` + edit + `]}` }
	for name, test := range map[string]struct{ path, body, pointer string }{
		"a key twice":           {"/changes/7/comments", `{"body":"one","body":"two"}`, "/body"},
		"a key in another case": {"/changes/7/comments", `{"Body":"one"}`, "/Body"},
		"both":                  {"/changes/7/comments", `{"body":"one","BODY":"two"}`, "/BODY"},
		"a letter that folds":   {"/changes", `{"title":"t","reaſon":"r","edits":[]}`, "/reaſon"},
		"an escaped key":        {"/changes/7/comments", `{"body":"one","\u0062ody":"two"}`, "/body"},
		"a nested key twice": {
			"/changes", proposal(`{"op":"entry.add","id":"al-1","entry":{"cidr":"8.8.8.0/24","cidr":"9.9.9.0/24"}}`),
			"/edits/0/entry/cidr",
		},
		"a nested key in capitals": {
			"/changes", proposal(`{"op":"entry.add","id":"al-1","entry":{"CIDR":"8.8.8.0/24"}}`), "/edits/0/entry/CIDR",
		},
		"in the second edit": {
			"/changes", proposal(`{"op":"entry.remove","id":"a"},{"op":"entry.remove","id":"a","id":"b"}`), "/edits/1/id",
		},
		"in a desired state": {
			"/changes", `{"title":"t","reason":"r","desired":{"allowlists":[],"allowlists":[]}}`, "/desired/allowlists",
		},
		"a key with a slash": {"/changes", `{"title":"t","reason":"r","desired":{"a/b~":1,"a/b~":2}}`, "/desired/a~1b~0"},
		"in settings": {
			"/changes", proposal(`{"op":"settings.update","settings":{"Large_IPv4":8}}`), "/edits/0/settings/Large_IPv4",
		},
	} {
		c := webtest.New(t)
		who := map[string]string{"/changes": "editor"}[test.path]
		a := c.Tell("POST", test.path, cmp.Or(who, "approver"), test.body, "If-Match", `"1"`)
		if a.Status != http.StatusBadRequest || !strings.Contains(a.Body,
			`"pointer":"`+test.pointer+`"`) || !strings.Contains(a.Body, `"/problems/malformed"`) {
			t.Errorf("%s: status %d, want 400 with the pointer %s: %s", name, a.Status, test.pointer, a.Body)
		}
		if len(c.Changes.Did) > 0 {
			t.Errorf("%s: the service was asked: %q", name, c.Changes.Did)
		}
	}
	deep := strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	if a := webtest.New(t).Tell("POST", "/changes", "editor",
		`{"title":"t","reason":"r","desired":`+deep+`}`); a.Status != http.StatusBadRequest {
		t.Errorf("a very deep body: status %d, want 400", a.Status)
	}
}
