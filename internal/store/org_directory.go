package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// directory is what Organizations says, as lists need it: the names of all accounts in
// their order, and the tree of units with how many there are in each. It is made once
// for each version of the organization, which moves rarely, and shared. What moves
// otherwise, such as what was pushed to an account, is not in it.
type directory struct {
	version  int64
	accounts []access.Account // by name, then id: their names, units and tags only
	texts    *haystack
	units    []access.OURow // those that exist, by path
	tree     *access.OUs    // and those that are gone
}

// directoryCache keeps the directory of one version.
type directoryCache struct {
	loading sync.Mutex // one at a time
	mu      sync.Mutex
	kept    *directory
}

func (c *directoryCache) get(version int64) *directory {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || c.kept.version != version {
		return nil
	}
	return c.kept
}

// last is what is kept, of whatever version it is; nil when nothing is.
func (c *directoryCache) last() *directory {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}

func (c *directoryCache) put(d *directory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || d.version >= c.kept.version {
		c.kept = d
	}
}

// directory returns what Organizations says now.
func (s *Store) directory(ctx context.Context) (*directory, error) {
	version, err := s.organizationVersion(ctx)
	if err != nil {
		return nil, translate(fmt.Errorf("reading the version of the organization: %w", err))
	}
	return s.directoryAt(ctx, version)
}

func (s *Store) organizationVersion(ctx context.Context) (n int64, err error) {
	err = s.pool.QueryRow(ctx, organizationVersion).Scan(&n)
	return n, err
}

const organizationVersion = "SELECT n FROM organization_version"

// directoryAt returns the directory of a version that was just read, or of a newer one.
func (s *Store) directoryAt(ctx context.Context, version int64) (*directory, error) {
	if d := s.names.get(version); d != nil {
		return d, nil
	}
	s.names.loading.Lock()
	defer s.names.loading.Unlock()
	if d := s.names.get(version); d != nil {
		return d, nil
	}
	// Version and names are of one moment, also where the organization is saved meanwhile.
	var d *directory
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		d = &directory{}
		if err := tx.QueryRow(ctx, organizationVersion).Scan(&d.version); err != nil {
			return err
		}
		return d.load(ctx, tx)
	})
	if err != nil {
		return nil, translate(fmt.Errorf("reading the directory of accounts: %w", err))
	}
	s.names.put(d)
	return d, nil
}

func (d *directory) load(ctx context.Context, q querier) error {
	var texts [][]string
	reader := newAccountReader()
	err := eachRow(ctx, q, `SELECT id, name, email, ou, array_to_string(ou_ids, ' '), tags FROM accounts ORDER BY name, id`, nil, func(row pgx.Rows) error {
		var a access.Account
		var written, ou, ouIDs string
		if err := row.Scan(&a.ID, &a.Name, &a.Email, &ou, &ouIDs, &written); err != nil {
			return err
		}
		var err error
		if a.Tags, err = reader.tagsOf(a.ID, written); err != nil {
			return err
		}
		a.OU, a.OUIDs = reader.text(ou), reader.ouIDsOf(ouIDs)
		d.accounts = append(d.accounts, a)
		text := []string{a.Name, string(a.ID), a.Email, a.OU}
		for k, v := range a.Tags {
			text = append(text, k+"="+v)
		}
		texts = append(texts, text)
		return nil
	})
	if err != nil {
		return err
	}
	d.texts = newHaystack(len(texts), func(i int) []string { return texts[i] })
	ous, err := collect(ctx, q, func(row pgx.CollectableRow) (access.OU, error) {
		var o access.OU
		var gone *time.Time
		err := row.Scan(&o.ID, &o.ParentID, &o.Name, &o.Path, &gone)
		o.GoneAt = orZero(gone)
		return o, err
	}, "SELECT id, parent_id, name, path, gone_at FROM ous ORDER BY path, id")
	if err != nil {
		return err
	}
	d.tree = access.NewOUs(ous)
	for _, ou := range ous {
		if !ou.Gone() {
			d.units = append(d.units, access.OURow{OU: ou})
		}
	}
	d.countUnits()
	return nil
}

// countUnits counts the accounts of each unit: directly in it, and with all below.
func (d *directory) countUnits() {
	at := make(map[string]int, len(d.units))
	for i, o := range d.units {
		at[o.ID] = i
	}
	for _, a := range d.accounts {
		if i, ok := at[a.OUID()]; ok {
			d.units[i].Direct++
		}
		for _, id := range a.OUIDs {
			if i, ok := at[id]; ok {
				d.units[i].Total++
			}
		}
	}
}

// find returns the accounts of one unit and below, or of all, that a search asks for.
func (d *directory) find(ou, search string) bitset {
	found := everything(len(d.accounts))
	if ou != "" {
		within := newBitset(len(d.accounts))
		for i, a := range d.accounts {
			if slices.Contains(a.OUIDs, ou) {
				within.set(int32(i))
			}
		}
		found.keep(within)
	}
	if search != "" {
		named := newBitset(len(d.accounts))
		for i := range d.texts.containing(search) {
			named.set(int32(i))
		}
		found.keep(named)
	}
	return found
}

// after is the position of the first account after a cursor.
func (d *directory) after(name, id string) int {
	i, found := slices.BinarySearchFunc(d.accounts, access.Account{ID: access.AccountID(id), Name: name}, byName)
	if found {
		i++
	}
	return i
}

func byName(a, b access.Account) int {
	if n := strings.Compare(a.Name, b.Name); n != 0 {
		return n
	}
	return strings.Compare(string(a.ID), string(b.ID))
}

// page picks from the directory what a page of a list shows.
func (d *directory) page(ou string, q access.PageQuery, after []string) access.Page[access.Account] {
	found, first := d.find(ou, q.Search), 0
	if after != nil {
		first = d.after(after[0], after[1])
	}
	listed := make([]access.Account, 0, q.Size()+1)
	for i := range found.from(first) {
		if listed = append(listed, d.accounts[i]); len(listed) > q.Size() {
			break
		}
	}
	return cut(listed, q.Size(), found.count(), func(a access.Account) string { return encodeCursor(a.Name, string(a.ID)) })
}
