package store_test

import (
	"fmt"
	"sync"
	"testing"

	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// sumOfVersions is what the version of the inventory is short for.
func sumOfVersions(t *testing.T, s *store.Store) int64 {
	t.Helper()
	var n int64
	if err := s.Pool().QueryRow(t.Context(), "SELECT coalesce(sum(version), 0)::bigint FROM accounts").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The version is the sum of the versions of all accounts, whatever is done to them, also
// while moves are brought together by several at once.
func TestInventoryVersionIsTheSum(t *testing.T) {
	s := storetest.New(t)
	check := func(what string) {
		t.Helper()
		if got, want := must[int64](t)(s.InventoryVersion(t.Context())), sumOfVersions(t, s); got != want {
			t.Errorf("%s: the version is %d, want %d", what, got, want)
		}
	}
	exec := func(sql string) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Error(err)
		}
	}
	check("no account")
	exec(`INSERT INTO accounts (id, name, email, state, ou, tags, partition, management)
		SELECT (100000000000 + i)::text, 'account-' || i, '', 'ACTIVE', 'Root', '{}', 'aws', false FROM generate_series(1, 1200) i`)
	check("1200 accounts") // and gathers
	var moves int
	if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM inventory_moves").Scan(&moves); err != nil || moves != 0 {
		t.Errorf("%d moves are left lying, %v", moves, err)
	}
	check("gathered")
	exec("UPDATE accounts SET version = version + 3 WHERE id < '100000000100'")
	exec("UPDATE accounts SET email = 'x'")
	exec("DELETE FROM accounts WHERE id = '100000000007'")
	check("moved on, and one less")

	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 40 {
				exec(fmt.Sprintf("UPDATE accounts SET version = version + 1 WHERE id = '%012d'", 100000000200+4*i+w))
				exec("SELECT inventory_gather()")
			}
		})
	}
	wg.Wait()
	check("gathered by several")
	exec("SELECT inventory_gather()")
	check("gathered at rest")
}
