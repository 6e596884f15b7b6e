package load

import (
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/test/harness"
)

// rowsAt are the accounts that a page leads to, in order, and whether it came packed.
func rowsAt(t *testing.T, client *http.Client, url string) (ids []string, packed bool) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s (%v)", url, resp.Status, err)
	}
	for _, m := range regexp.MustCompile(`"/accounts/(\d{12})"`).FindAllStringSubmatch(string(body), -1) {
		ids = append(ids, m[1])
	}
	return ids, resp.Uncompressed
}

// TestReferenceShowsTheSameRows: what the console is held against is the same list.
func TestReferenceShowsTheSameRows(t *testing.T) {
	db := harness.NewDatabase(t)
	crew := harness.NewCrew(harness.Serve(t, db, elsewhere...), db)
	crew.AddAllowlist("first", "103.15.250.0/24 office")
	crew.Stop()
	full.over(100).seed(db)
	crew.Console = crew.Again()
	want, _ := rowsAt(t, crew.SignIn(crew.Editor).Client(), crew.URL()+"/accounts")
	if len(want) != 50 {
		t.Fatalf("the console shows %d accounts, want 50", len(want))
	}
	program := buildReference(t)
	for _, path := range []string{"/accounts", "/unpacked"} {
		bare := startReference(t, program, db.URL, path)
		got, packed := rowsAt(t, http.DefaultClient, bare.base+path)
		if packed != (path == "/accounts") {
			t.Errorf("%s is packed: %v", path, packed)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s shows other rows than the console (-console +bare):\n%s", path, diff)
		}
	}
}
