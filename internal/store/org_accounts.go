package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

const accountColumns = `id, name, email, state, ou, array_to_string(ou_ids, ' '), tags, partition, management, trust_quota, user_quota, managed_quota, attachments_quota,
	synced_at, inventory_at, inventory_error, pushed_revision`

// accountReader reads accounts. It stores values that many accounts share only once.
type accountReader struct {
	tags  map[string]map[string]string // by how they are written
	texts map[string]string
	ouIDs map[string][]string // by how they are written
}

func newAccountReader() accountReader {
	return accountReader{tags: map[string]map[string]string{}, texts: map[string]string{}, ouIDs: map[string][]string{}}
}

// scan reads accountColumns and the columns after them.
func (r accountReader) scan(row pgx.CollectableRow, more ...any) (access.Account, error) {
	var a access.Account
	var state, ou, ouIDs, tags, partition string
	var synced, read *time.Time
	q := &a.Quotas
	err := row.Scan(append([]any{
		&a.ID, &a.Name, &a.Email, &state, &ou, &ouIDs, &tags, &partition, &a.Management, &q.TrustPolicy, &q.UserPolicy, &q.ManagedPolicy, &q.Attachments,
		&synced, &read, &a.InventoryError, &a.PushedRevision,
	}, more...)...)
	if err != nil {
		return a, err
	}
	a.State, a.OU, a.Partition = access.AccountState(r.text(state)), r.text(ou), r.text(partition)
	a.OUIDs, a.InventoryError = r.ouIDsOf(ouIDs), r.text(a.InventoryError)
	a.SyncedAt, a.InventoryAt = orZero(synced), orZero(read)
	a.Tags, err = r.tagsOf(a.ID, tags)
	return a, err
}

func (r accountReader) text(s string) string {
	kept, known := r.texts[s]
	if !known {
		r.texts[s] = s
		return s
	}
	return kept
}

// ouIDsOf splits the ids of OUs, which have no spaces. The slice is shared: read only.
func (r accountReader) ouIDsOf(written string) []string {
	ids, known := r.ouIDs[written]
	if !known && written != "" {
		ids = strings.Fields(written)
		r.ouIDs[written] = ids
	}
	return ids
}

// tagsOf are the tags of an account. The map is shared: read only.
func (r accountReader) tagsOf(id access.AccountID, written string) (map[string]string, error) {
	parsed, known := r.tags[written]
	if !known {
		if err := json.Unmarshal([]byte(written), &parsed); err != nil {
			return nil, fmt.Errorf("reading the tags of account %s: %w", id, err)
		}
		r.tags[written] = parsed
	}
	return parsed, nil
}

// Account returns one account.
func (s *Store) Account(ctx context.Context, id access.AccountID) (access.Account, error) {
	one := func(row pgx.CollectableRow) (access.Account, error) { return newAccountReader().scan(row) }
	found, err := collect(ctx, s.pool, one, "SELECT "+accountColumns+" FROM accounts WHERE id = $1", string(id))
	if err == nil && len(found) == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return access.Account{}, missing(err, noAccount, id)
	}
	return found[0], nil
}

// Accounts returns all accounts by id. The slice is kept until something about an
// account changes; it is shared: read only.
func (s *Store) Accounts(ctx context.Context) ([]access.Account, error) {
	accounts, _, err := s.AccountsAt(ctx)
	return accounts, err
}

// AccountsAt is Accounts with the version of the inventory that they are of.
func (s *Store) AccountsAt(ctx context.Context) (accounts []access.Account, version int64, err error) {
	if version, err = s.InventoryVersion(ctx); err != nil {
		return nil, 0, err
	}
	if accounts, ok := s.world.get(version); ok {
		return accounts, version, nil
	}
	seen, reader := int64(0), newAccountReader()
	accounts, err = collect(ctx, s.pool, func(row pgx.CollectableRow) (access.Account, error) {
		var version int64
		a, err := reader.scan(row, &version)
		seen += version
		return a, err
	}, "SELECT "+accountColumns+", version FROM accounts ORDER BY id")
	if err != nil {
		return nil, 0, translate(fmt.Errorf("reading the accounts: %w", err))
	}
	s.world.put(seen, accounts) // what was read may be newer than what was asked for
	return accounts, seen, nil
}

// movesAbove is how many moves of accounts are left lying before they are brought together.
const movesAbove = 1000

// InventoryVersion rises whenever an account or an inventory changes: it is the sum of the
// versions of all accounts.
func (s *Store) InventoryVersion(ctx context.Context) (int64, error) {
	_, n, err := s.Versions(ctx)
	return n, err
}

// Versions are the newest revision and the version of the inventory.
func (s *Store) Versions(ctx context.Context) (revision, inventory int64, err error) {
	var moves int64
	err = s.pool.QueryRow(ctx, `SELECT h.revision, v.n + m.n, m.moves
		FROM head h, inventory_version v, (SELECT coalesce(sum(n), 0)::bigint n, count(*) moves FROM inventory_moves) m`).Scan(&revision, &inventory, &moves)
	if err != nil {
		return 0, 0, translate(fmt.Errorf("reading the newest revision and the version of the inventory: %w", err))
	}
	if moves > movesAbove {
		if _, err := s.pool.Exec(ctx, "SELECT inventory_gather()"); err != nil {
			return 0, 0, translate(fmt.Errorf("gathering the version of the inventory: %w", err))
		}
	}
	return revision, inventory, nil
}

// AccountPage lists accounts by name: all, or those of one OU, given by its id, and below.
func (s *Store) AccountPage(ctx context.Context, ou string, q access.PageQuery) (access.Page[access.Account], error) {
	page, _, err := s.AccountsAndOUs(ctx, ou, q)
	return page, err
}

// AccountsAndOUs is AccountPage and OUs of one moment, in one query.
func (s *Store) AccountsAndOUs(ctx context.Context, ou string, q access.PageQuery) (access.Page[access.Account], []access.OURow, error) {
	var none access.Page[access.Account]
	after, err := decodeCursor(q.Cursor, 2)
	if err != nil {
		return none, nil, err
	}
	d := s.names.last()
	for {
		if d == nil {
			if d, err = s.directory(ctx); err != nil {
				return none, nil, err
			}
		}
		page := d.page(ou, q, after)
		version, err := s.complete(ctx, page.Items)
		if err != nil {
			return none, nil, translate(fmt.Errorf("listing the accounts: %w", err))
		}
		if version == d.version {
			return page, d.units, nil
		}
		d = nil // the organization was saved since
	}
}

// movingColumns are those that the directory leaves out.
const movingColumns = `state, partition, management, trust_quota, user_quota, managed_quota, attachments_quota,
	synced_at, inventory_at, inventory_error, pushed_revision`

// complete reads what is not in the directory into accounts that are, and in the same
// query the version of the organization.
func (s *Store) complete(ctx context.Context, accounts []access.Account) (version int64, err error) {
	if len(accounts) == 0 {
		return s.organizationVersion(ctx)
	}
	ids := make([]string, len(accounts))
	for i := range accounts {
		ids[i] = string(accounts[i].ID)
	}
	rows, err := s.pool.Query(ctx, "SELECT v.n, listed.at, "+movingColumns+` FROM organization_version v,
		unnest($1::text[]) WITH ORDINALITY AS listed (id, at) JOIN accounts a ON a.id = listed.id`, ids)
	if err != nil {
		return 0, err
	}
	var at int64
	var now access.Account
	var synced, read *time.Time
	q := &now.Quotas
	_, err = pgx.ForEachRow(rows, []any{
		&version, &at, &now.State, &now.Partition, &now.Management, &q.TrustPolicy, &q.UserPolicy, &q.ManagedPolicy, &q.Attachments,
		&synced, &read, &now.InventoryError, &now.PushedRevision,
	}, func() error {
		a := &accounts[at-1]
		now.ID, now.Name, now.Email, now.OU, now.OUIDs, now.Tags = a.ID, a.Name, a.Email, a.OU, a.OUIDs, a.Tags
		now.SyncedAt, now.InventoryAt = orZero(synced), orZero(read)
		*a = now
		return nil
	})
	return version, err
}

// Totals counts what there is at the head.
func (s *Store) Totals(ctx context.Context) (access.Totals, error) {
	c, err := s.headCatalog(ctx)
	if err != nil {
		return access.Totals{}, err
	}
	d, err := s.directory(ctx)
	if err != nil {
		return access.Totals{}, err
	}
	t := access.Totals{Revision: c.state.Revision, Allowlists: len(c.rows), Mappings: len(c.state.Mappings), Accounts: len(d.accounts), OUs: len(d.units)}
	for _, r := range c.rows {
		t.Entries += r.Entries
	}
	if err := s.pool.QueryRow(ctx, "SELECT count(*) FROM accounts WHERE inventory_error <> ''").Scan(&t.Unreadable); err != nil {
		return access.Totals{}, translate(fmt.Errorf("counting what there is: %w", err))
	}
	return t, nil
}
