package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// catalog is the desired state at one revision with an index for its lists: which names occur
// where, and how many objects there are. A revision never changes, so a catalog is made once and
// shared; a list costs what it shows, not what there is.
type catalog struct {
	state access.State

	rows   []access.AllowlistRow // in the order of the state's allowlists
	listAt map[string]int        // their positions by id

	mappingAt  map[string]int // positions by id
	byList     map[string]postings
	byRole     map[string]postings          // by path and name
	byUser     map[access.UserName]postings // as the mapping names them
	byAccount  map[access.AccountID]postings
	broad      postings                      // mappings that choose accounts in another way than by id
	byUserHome map[access.AccountID]postings // mappings that name users of an account
	names      []named                       // roles, users and allowlists, to be searched

	texts entryTexts
}

// postings are the positions of mappings, ascending.
type postings []int32

// named is what a search for mappings looks at: one text, and which mappings it belongs to.
type named struct {
	text string // folded
	at   postings
}

func newCatalog(state access.State, changed map[string]int64) *catalog {
	c := &catalog{
		state: state, rows: make([]access.AllowlistRow, len(state.Allowlists)), listAt: make(map[string]int, len(state.Allowlists)),
		mappingAt: make(map[string]int, len(state.Mappings)), byList: map[string]postings{}, byRole: map[string]postings{},
		byUser: map[access.UserName]postings{}, byAccount: map[access.AccountID]postings{}, byUserHome: map[access.AccountID]postings{},
	}
	for i, m := range state.Mappings {
		c.index(int32(i), m)
	}
	for i, a := range state.Allowlists {
		c.listAt[a.ID] = i
		c.rows[i] = allowlistRow(a, len(c.byList[a.Name]), changed[a.ID])
	}
	for role, at := range c.byRole {
		c.names = append(c.names, named{fold(role), at})
	}
	for name, at := range c.byList {
		c.names = append(c.names, named{fold(name), at})
	}
	for u, at := range c.byUser {
		c.names = append(c.names, named{fold(string(u.Account) + ":" + strings.TrimPrefix(u.Path, "/") + u.Name), at})
	}
	return c
}

func (c *catalog) index(i int32, m access.Mapping) {
	c.mappingAt[m.ID] = int(i)
	role := m.Role.String()
	c.byRole[role] = append(c.byRole[role], i)
	for _, name := range m.Allowlists {
		c.byList[name] = c.byList[name].with(i)
	}
	for _, u := range m.Users {
		c.byUser[u] = c.byUser[u].with(i)
		if u.Account != "" {
			c.byUserHome[u.Account] = c.byUserHome[u.Account].with(i)
		}
	}
	if len(m.Accounts.IDs) == 0 {
		c.broad = append(c.broad, i)
	}
	for _, id := range m.Accounts.IDs {
		c.byAccount[id] = c.byAccount[id].with(i)
	}
}

// with adds a position, which is never below the last, once.
func (p postings) with(i int32) postings {
	if len(p) > 0 && p[len(p)-1] == i {
		return p
	}
	return append(p, i)
}

func allowlistRow(a access.Allowlist, mappings int, changed int64) access.AllowlistRow {
	r := access.AllowlistRow{ID: a.ID, Name: a.Name, Description: a.Description, Entries: len(a.Entries), Mappings: mappings, ChangedIn: changed}
	for _, e := range a.Entries {
		switch {
		case e.Kind != access.EntryCIDR:
			r.Endpoints++
		case e.Prefix.Addr().Is4():
			r.IPv4++
		default:
			r.IPv6++
		}
	}
	return r
}

// headCatalog is the catalog of the newest revision.
func (s *Store) headCatalog(ctx context.Context) (*catalog, error) {
	n, err := s.Head(ctx)
	if err != nil {
		return nil, err
	}
	return s.catalogAt(ctx, n)
}

// catalogAt returns the catalog of a revision. Who asks while it is made waits for it.
func (s *Store) catalogAt(ctx context.Context, revision int64) (*catalog, error) {
	if c, ok := s.states.catalog(revision); ok {
		return c, nil
	}
	s.states.loading.Lock()
	defer s.states.loading.Unlock()
	if c, ok := s.states.catalog(revision); ok {
		return c, nil
	}
	state, kept := s.states.get(revision)
	if !kept {
		var err error
		if state, err = s.stateOn(ctx, s.pool, revision); err != nil {
			return nil, translate(err)
		}
	}
	changed, err := s.changedIn(ctx, revision)
	if err != nil {
		return nil, translate(fmt.Errorf("reading when allowlists were changed: %w", err))
	}
	c := newCatalog(state, changed)
	s.states.putCatalog(c)
	return c, nil
}

// lastTouched says for each allowlist which revision was the newest, up to one, that
// touched it or an entry of it.
const lastTouched = `
SELECT id, max(n) FROM (
    SELECT id, added_in n FROM allowlists WHERE added_in <= $1 AND (removed_in IS NULL OR removed_in > $1)
    UNION ALL SELECT allowlist_id, max(added_in) FROM entries WHERE added_in <= $1 GROUP BY 1
    UNION ALL SELECT allowlist_id, max(removed_in) FROM entries WHERE removed_in <= $1 GROUP BY 1) touched
GROUP BY 1`

func (s *Store) changedIn(ctx context.Context, revision int64) (map[string]int64, error) {
	changed := map[string]int64{}
	err := eachRow(ctx, s.pool, lastTouched, []any{revision}, func(row pgx.Rows) error {
		var id string
		var n int64
		err := row.Scan(&id, &n)
		changed[id] = n
		return err
	})
	return changed, err
}

// list finds an allowlist by its id.
func (c *catalog) list(id string) (access.Allowlist, access.AllowlistRow, error) {
	i, ok := c.listAt[id]
	if !ok {
		return access.Allowlist{}, access.AllowlistRow{}, access.Errorf(access.KindNotFound, "There is no allowlist %q.", id)
	}
	return c.state.Allowlists[i], c.rows[i], nil
}

// StateRelevantTo is the desired state at a revision without the mappings that have no
// bearing on what is compiled for some accounts: kept are those that reach one of them or
// name users of theirs, and those of the same roles as the latter, whose documents
// depend on each other. It is shared: read only.
func (s *Store) StateRelevantTo(ctx context.Context, revision int64, accounts []access.Account) (access.State, error) {
	c, err := s.catalogAt(ctx, revision)
	if err != nil {
		return access.State{}, err
	}
	state := c.state
	found := newBitset(len(state.Mappings))
	for _, a := range accounts {
		found.add(c.byAccount[a.ID])
		for _, i := range c.byUserHome[a.ID] {
			found.add(c.byRole[state.Mappings[i].Role.String()])
		}
		for _, i := range c.broad {
			if state.Mappings[i].Accounts.Matches(a) {
				found.set(i)
			}
		}
	}
	state.Mappings = make([]access.Mapping, 0, found.count())
	for i := range found.all() {
		state.Mappings = append(state.Mappings, c.state.Mappings[i])
	}
	return state, nil
}

// RolesUsing returns the first roles, in the order of mappings, whose mappings name an
// allowlist at a revision.
func (s *Store) RolesUsing(ctx context.Context, revision int64, allowlist string, atMost int) ([]access.RoleName, error) {
	c, err := s.catalogAt(ctx, revision)
	if err != nil {
		return nil, err
	}
	var roles []access.RoleName
	for _, i := range c.byList[allowlist] {
		role := c.state.Mappings[i].Role
		if len(roles) > 0 && roles[len(roles)-1] == role {
			continue
		}
		if len(roles) == atMost {
			break
		}
		roles = append(roles, role)
	}
	return roles, nil
}
