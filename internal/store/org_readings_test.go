package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestReadings records how syncs and scans went, and asks for the last success and the last error of each.
func TestReadings(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	organization(t, s, 3)
	record := func() access.OrganizationRecord {
		t.Helper()
		return must[access.OrganizationRecord](t)(s.Organization(ctx, 0))
	}
	if got := record().Scan; got != (access.ScanRecord{}) {
		t.Errorf("nothing was scanned, and the record says %+v", got)
	}
	for i := range 2 {
		read := access.Inventory{Account: accountID(i), ReadAt: t0.Add(time.Duration(i) * time.Hour)}
		if err := s.SaveInventory(ctx, read); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.InventoryFailed(ctx, accountID(2), "the role cannot be assumed"); err != nil {
		t.Fatal(err)
	}
	got := record().Scan
	if !got.SucceededAt.Equal(t0.Add(time.Hour)) || got.Account != accountID(2) ||
		got.Error != "the role cannot be assumed" || time.Since(got.ErrorAt) > time.Minute {
		t.Errorf("the scan record is %+v", got)
	}
	if err := s.ScanFailed(ctx, "credentials refused", "replica-2"); err != nil {
		t.Fatal(err)
	}
	if got := record().Scan; got.Error != "credentials refused" || got.Replica != "replica-2" || got.Account != "" {
		t.Errorf("the scan record is %+v, want the newest error", got)
	}
	if err := s.SyncFailed(ctx, errors.New("x"), "no answer", "replica-1"); err != nil {
		t.Fatal(err)
	}
	if got := record(); got.Error != "no answer" || got.Replica != "replica-1" || got.SyncedAt.IsZero() {
		t.Errorf("the record is %+v", got)
	}
	organization(t, s, 3)
	if got := record(); got.Error != "" || got.Replica != "" {
		t.Errorf("the sync succeeded, and the record says %+v", got)
	}
}

// TestReportRefused lists the replicas whose own credentials AWS refuses, while they report it.
func TestReportRefused(t *testing.T) {
	s := storetest.New(t)
	report := func(replica string, since time.Time, words string) {
		t.Helper()
		if err := s.ReportRefused(t.Context(), replica, since, words); err != nil {
			t.Fatal(err)
		}
	}
	refused := func() string {
		t.Helper()
		var names []string
		for _, r := range must[access.OrganizationRecord](t)(s.Organization(t.Context(), 0)).Refused {
			names = append(names, r.Replica+": "+r.Error)
		}
		return strings.Join(names, ", ")
	}
	report("two", time.Now().Add(-time.Minute), "expired")
	report("one", time.Now().Add(-time.Hour), "wrong key")
	report("two", time.Now().Add(-time.Minute), "still expired")
	if got, want := refused(), "one: wrong key, two: still expired"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	report("one", time.Time{}, "")
	if got, want := refused(), "two: still expired"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	const gone = "UPDATE refused_replicas SET seen_at = seen_at - interval '20 seconds'"
	if _, err := s.Pool().Exec(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if got := refused(); got != "" {
		t.Errorf("the replica has stopped to report, and the list is %q", got)
	}
}
