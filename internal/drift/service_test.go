package drift

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// faultyCloud answers as a test wants.
type faultyCloud struct {
	Cloud
	inventory func(context.Context, access.Account) (access.Inventory, error)
}

func (c faultyCloud) Inventory(ctx context.Context, a access.Account) (access.Inventory, error) {
	return c.inventory(ctx, a)
}

// notebook remembers what was saved; what a test does not expect panics.
type notebook struct {
	Store
	account access.Account
	saved   []access.Inventory
	failed  []string
	scans   []access.Scan
}

func (n *notebook) Account(_ context.Context, id access.AccountID) (access.Account, error) {
	a := n.account
	a.ID = id
	return a, nil
}

func (n *notebook) SaveInventory(_ context.Context, i access.Inventory) error {
	n.saved = append(n.saved, i)
	return nil
}

func (n *notebook) InventoryFailed(_ context.Context, _ access.AccountID, reason string) error {
	n.failed = append(n.failed, reason)
	return nil
}

func (n *notebook) Head(context.Context) (int64, error) { return 7, nil }

func (n *notebook) RequestComparison(context.Context) error { return nil }

func (n *notebook) SaveScan(_ context.Context, scan access.Scan, _ func(access.ScanOutcome) []access.AuditEvent) (access.ScanOutcome, error) {
	n.scans = append(n.scans, scan)
	return access.ScanOutcome{}, nil
}

func TestReadInventoryKeepsWhyInWords(t *testing.T) {
	denied := &access.CloudError{Class: access.CloudDenied, Account: "111122223333", Action: "sts:AssumeRole", Code: "AccessDenied", Advice: "Deploy the role."}
	busy := &access.CloudError{Class: access.CloudThrottled, Account: "111122223333", Action: "iam:GetAccountAuthorizationDetails", Code: "Throttling"}
	for name, c := range map[string]struct {
		account access.Account
		err     error
		again   bool
		finding bool
		words   string
	}{
		"denied":     {access.Account{State: access.AccountActive}, denied, false, true, "Deploy the role."},
		"throttled":  {access.Account{State: access.AccountActive}, busy, true, false, "Throttling"},
		"suspended":  {access.Account{State: access.AccountSuspended}, errors.New("must not be asked"), false, false, "SUSPENDED"},
		"management": {access.Account{Management: true}, errors.New("must not be asked"), false, false, "management account"},
	} {
		t.Run(name, func(t *testing.T) {
			book := &notebook{account: c.account}
			s := New(Config{Store: book, Cloud: faultyCloud{inventory: func(context.Context, access.Account) (access.Inventory, error) {
				return access.Inventory{}, c.err
			}}})
			if err := s.ReadInventory(t.Context(), "111122223333"); (err != nil) != c.again {
				t.Errorf("got %v, want an error: %v", err, c.again)
			}
			if len(book.failed) != 1 || !strings.Contains(book.failed[0], c.words) || strings.Contains(book.failed[0], "must not") {
				t.Errorf("kept %q, want words with %q", book.failed, c.words)
			}
			if len(book.saved) != 0 {
				t.Error("an inventory was saved")
			}
			if found := len(book.scans) == 1 && !book.scans[0].Whole && book.scans[0].Findings[0].Kind == access.FindingUnreachable; found != c.finding || len(book.scans) > 1 {
				t.Errorf("scans %+v, want a finding that the account cannot be read: %v", book.scans, c.finding)
			}
		})
	}
}

func TestReadInventoryBearsTheTimeBeforeTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{account: access.Account{State: access.AccountActive}}
		began := time.Now()
		s := New(Config{Store: book, Cloud: faultyCloud{inventory: func(context.Context, access.Account) (access.Inventory, error) {
			time.Sleep(time.Minute) // of the bubble's clock
			return access.Inventory{ReadAt: time.Now()}, nil
		}}})
		if err := s.ReadInventory(t.Context(), "111122223333"); err != nil {
			t.Fatal(err)
		}
		if len(book.saved) != 1 || !book.saved[0].ReadAt.Equal(began) || book.saved[0].Account != "111122223333" {
			t.Errorf("saved %+v, want account 111122223333 as of %s", book.saved, began)
		}
	})
}

func TestReadInventoryReadsSoManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		s := New(Config{Parallel: 3, Store: &discarding{}, Cloud: faultyCloud{inventory: func(context.Context, access.Account) (access.Inventory, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second) // of the bubble's clock
			now.Add(-1)
			return access.Inventory{}, nil
		}}})
		for range 20 {
			go func() { _ = s.ReadInventory(t.Context(), "111122223333") }()
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		if most.Load() != 3 {
			t.Errorf("%d accounts were read at once, want 3", most.Load())
		}
	})
}

type discarding struct{ Store }

func (*discarding) Account(context.Context, access.AccountID) (access.Account, error) {
	return access.Account{State: access.AccountActive}, nil
}
func (*discarding) SaveInventory(context.Context, access.Inventory) error { return nil }
func (*discarding) RequestComparison(context.Context) error               { return nil }

func TestSyncAuthorisesFirst(t *testing.T) {
	s := New(Config{})
	viewer := access.Actor{Kind: access.ActorPerson, PersonID: 1, Roles: []access.Role{access.RoleViewer, access.RoleAuditor, access.RoleEditor}}
	if err := s.Sync(t.Context(), viewer); access.KindOf(err) != access.KindForbidden {
		t.Errorf("got %v, want forbidden", err)
	}
}
