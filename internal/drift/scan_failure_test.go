package drift_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/drift"
)

// TestOwnCredentialsRefusedBlamesNoAccount syncs and scans with credentials that AWS refuses. The record says so with
// the replica, the log warns, and the accounts stay as they were read.
func TestOwnCredentialsRefusedBlamesNoAccount(t *testing.T) {
	t.Parallel()
	good := newSynced(t, 4)
	all, err := good.store.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{
		{Actions: []string{"sts:*", "organizations:*"}, Fail: 1, Status: 403, Code: "ExpiredToken"},
	}})
	var log bytes.Buffer
	cfg := good.config
	cfg.Replica, cfg.Log = "replica-2", slog.New(slog.NewTextHandler(&log, nil))
	bad := drift.New(cfg)
	if err := bad.ReadOrganization(t.Context()); access.CloudClassOf(err) != access.CloudCredentials {
		t.Errorf("the sync: %v, want the credentials refused", err)
	}
	for _, a := range all {
		if ok, _ := a.Targetable(); !ok {
			continue
		}
		if err := bad.ReadInventory(t.Context(), a.ID); access.CloudClassOf(err) != access.CloudCredentials {
			t.Errorf("account %s: %v, want the credentials refused", a.ID, err)
		}
		if now, err := good.store.Account(t.Context(), a.ID); err != nil || now.InventoryError != "" {
			t.Errorf("account %s is blamed: %q, %v", a.ID, now.InventoryError, err)
		}
	}
	r := good.record()
	if r.Replica != "replica-2" || r.Scan.Replica != "replica-2" || r.Scan.Account != "" || r.Scan.ErrorAt.IsZero() ||
		!strings.Contains(r.Error, "clock of this machine") ||
		!strings.Contains(r.Scan.Error, "clock of this machine") {
		t.Errorf("the record is %+v", r)
	}
	for _, line := range []string{"syncing the organization failed", "scanning accounts failed"} {
		if n := strings.Count(log.String(), line); n != 1 || !strings.Contains(log.String(), "level=WARN") {
			t.Errorf("%d lines of %q, want 1 warning:\n%s", n, line, log.String())
		}
	}
	refused := errors.New("AWS refuses the console's own credentials")
	cfg.CredentialsRefused = func() error { return refused }
	if err := drift.New(cfg).ScanAll(t.Context()); !errors.Is(err, refused) {
		t.Errorf("a scan that can read nothing: %v, want that it fails", err)
	}
}
