package web_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestEntriesAsAFile(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	a := c.Get("/allowlists/al-1/entries.csv")
	if got := a.Header.Get("Content-Disposition"); a.Status != http.StatusOK || got != "attachment; filename=office.csv" {
		t.Fatalf("status %d, %q", a.Status, got)
	}
	rows, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
	if err != nil || len(rows) != 10_001 || rows[1][1] != "'=cmd|' /C calc'!A0" {
		t.Errorf("%d rows, %v, the first %q; want 10,000 and a header, no cell a formula", len(rows), err, rows[1])
	}
}

// A reader who got half a list must not think that it is the whole.
func TestABrokenDownloadIsNoFile(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	c.Changes.Refuse = webtest.ErrBroken
	r := c.Request(http.MethodGet, "/allowlists/al-1/entries.csv", nil)
	got, err := c.Client.Do(r)
	if err == nil {
		var b bytes.Buffer
		_, err = b.ReadFrom(got.Body)
		got.Body.Close()
	}
	if err == nil {
		t.Error("the transfer ended as if the file were whole")
	}
	c.Changes.Refuse = access.Errorf(access.KindNotFound, "There is no allowlist.")
	if a := c.Get("/allowlists/al-1/entries.csv"); a.Status != http.StatusNotFound || a.Header.Get("Content-Disposition") != "" {
		t.Errorf("a failure before the first byte: status %d, %q", a.Status, a.Header.Get("Content-Disposition"))
	}
}

func TestTheAuditLogAsAFile(t *testing.T) {
	c := webtest.New(t)
	c.Changes.AuditPage.Items = []access.AuditEvent{{Seq: 3, At: webtest.Noon, Name: "=HYPERLINK(1)", Action: "signin.ok", Object: "person/1", Detail: json.RawMessage(`{"a":"<b>"}`), Prev: "p", Hash: "h"}}
	c.As("auditor")
	a := c.Get("/audit/export?format=csv&person=Vera&addr=203.0.113.0/24&from=2027-01-01")
	rows, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][4] != "'=HYPERLINK(1)" || rows[1][10] != `{"a":"<b>"}` {
		t.Errorf("%v: %q", err, rows)
	}
	want := access.AuditFilter{Person: "Vera", Addr: "203.0.113.0/24", From: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, c.Changes.Filter); diff != "" {
		t.Errorf("filter (-want +got)\n%s", diff)
	}
	a = c.Get("/audit/export?format=jsonl")
	var event struct {
		Seq    int64
		Detail map[string]string
	}
	if err := json.Unmarshal([]byte(strings.TrimSpace(a.Body)), &event); err != nil || event.Seq != 3 || event.Detail["a"] != "<b>" {
		t.Errorf("%v: %q", err, a.Body)
	}
	if a := c.Get("/audit/export?format=xls"); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("another format: status %d", a.Status)
	}
	c.Page("/audit?person=Vera").Contains("main", "Export CSV", "JSON Lines", "From where")
}

func TestScenarioAndAccountAsFiles(t *testing.T) {
	c := webtest.New(t).As("viewer")
	for path, want := range map[string]string{
		"/scenario.yaml": "portcullis-revision-7.yaml", "/scenario.json": "portcullis-revision-7.json",
		"/accounts/111122223333/terraform": "portcullis-111122223333.tf", "/accounts/111122223333/cloudformation": "portcullis-111122223333.template.json",
	} {
		if a := c.Get(path); a.Status != http.StatusOK || a.Header.Get("Content-Disposition") != "attachment; filename="+want {
			t.Errorf("%s: status %d, %q, want %s", path, a.Status, a.Header.Get("Content-Disposition"), want)
		}
	}
}

func TestImportOfEntries(t *testing.T) {
	c := webtest.Office(t).As("editor")
	c.Page("/allowlists/al-1").Contains("main", "Export CSV", "Import")
	c.Page("/allowlists/al-1/import").Contains("main", "CSV file", "The whole list")
	a := c.Upload("/allowlists/al-1/import", "office.csv", "12.148.80.0/22\n", "mode", "replace", "change", "5")
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/changes/12" {
		t.Fatalf("status %d to %q", a.Status, a.Header.Get("Location"))
	}
	a = c.Post("/allowlists/al-1/import", "lines", "12.148.84.0/22", "mode", "add")
	if a.Status != http.StatusSeeOther {
		t.Fatalf("pasted: status %d", a.Status)
	}
	want := []string{`import replace into al-1 in 5: "12.148.80.0/22\n"`, `import add into al-1 in 0: "12.148.84.0/22"`}
	if diff := cmp.Diff(want, c.Changes.Did); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	p := c.Parse(c.Upload("/allowlists/al-1/import", "x.csv", "12.148.80.0/22\n<script>,x\n10.0.0.0/8\n", "mode", "replace"), http.StatusUnprocessableEntity)
	p.Contains("wrong-lines", "2", "<script>,x", "is not an address", "3", "10.0.0.0/8", "private")
	p.Contains("lines", "12.148.80.0/22")
}

// A file that is not UTF-8 is refused with the line. Nothing else is read into it, and it does not come back in
// the form as other characters.
func TestImportOfAFileThatIsNotUTF8(t *testing.T) {
	c := webtest.Office(t).As("editor")
	c.Changes.Did = nil
	file := "12.148.80.0/22\n12.148.84.0/22,B\xfcro\n"
	p := c.Parse(c.Upload("/allowlists/al-1/import", "x.csv", file, "mode", "add"), http.StatusUnprocessableEntity)
	p.Contains("main", "Line 2: byte 17 (0xFC) is not valid UTF-8")
	a := c.Tell(http.MethodPost, "/allowlists/al-1/entries.csv?mode=add", "editor", file, "Content-Type", "text/csv")
	if a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, `"pointer":"/lines/2"`) {
		t.Errorf("the API answers %d %s, want 422 for line 2", a.Status, a.Body)
	}
	if len(c.Changes.Did) > 0 && strings.Contains(strings.Join(c.Changes.Did, " "), "12.148.80.0") {
		t.Errorf("it was imported: %v", c.Changes.Did)
	}
	scenario := "allowlists:\n- name: B\xfcro\n"
	c.Upload("/import", "scenario.yaml", scenario, "title", "By file")
	if !strings.Contains(strings.Join(c.Changes.Did, " "), `B\xfcro`) {
		t.Errorf("the service was given %v, want the bytes of the file, which it refuses", c.Changes.Did)
	}
}

func TestImportOfAScenario(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Page("/mappings").Contains("main", "Export YAML", "Import")
	c.Page("/import").Contains("main", "Scenario file", "Reason")
	a := c.Upload("/import", "scenario.yaml", "allowlists: []\n", "title", "By file", "reason", "SEC-1")
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/changes/13" {
		t.Fatalf("status %d to %q", a.Status, a.Header.Get("Location"))
	}
	if diff := cmp.Diff([]string{`import scenario "By file" "SEC-1" "allowlists: []\n"`}, c.Changes.Did); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	c.Parse(c.Post("/import", "title", "By file", "scenario", ""), http.StatusUnprocessableEntity).Contains("main", "Choose a file")
}
