package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// Head returns the newest revision.
func (s *Store) Head(ctx context.Context) (int64, error) { return head(ctx, s.pool) }

func head(ctx context.Context, q querier) (int64, error) {
	var n int64
	if err := q.QueryRow(ctx, "SELECT revision FROM head").Scan(&n); err != nil {
		return 0, translate(fmt.Errorf("reading the head: %w", err))
	}
	return n, nil
}

// RevisionAt returns the newest revision at a time.
func (s *Store) RevisionAt(ctx context.Context, at time.Time) (int64, error) {
	var n int64
	err := s.pool.QueryRow(ctx, "SELECT number FROM revisions WHERE created_at <= $1 ORDER BY created_at DESC, number DESC LIMIT 1", at).Scan(&n)
	if err != nil {
		return 0, translate(fmt.Errorf("looking for the revision at %s: %w", at, err))
	}
	return n, nil
}

// State returns the desired state at a revision. It is shared: read only.
func (s *Store) State(ctx context.Context, revision int64) (access.State, error) {
	if state, ok := s.states.get(revision); ok {
		return state, nil
	}
	s.states.loading.Lock()
	defer s.states.loading.Unlock()
	state, err := s.stateOn(ctx, s.pool, revision)
	return state, translate(err)
}

// stateOn reads through q where the state is not in memory, so that a transaction can ask
// for a state without a second connection, and without waiting for others that load.
func (s *Store) stateOn(ctx context.Context, q querier, revision int64) (access.State, error) {
	if state, ok := s.states.get(revision); ok {
		return state, nil
	}
	state, err := loadState(ctx, q, revision)
	if err != nil {
		return access.State{}, err
	}
	s.states.put(state)
	return state, nil
}

func loadState(ctx context.Context, q querier, revision int64) (access.State, error) {
	newest, err := head(ctx, q)
	if err != nil {
		return access.State{}, err
	}
	if revision < 0 || revision > newest {
		return access.State{}, access.Errorf(access.KindNotFound, "There is no revision %d; the newest is %d.", revision, newest)
	}
	state := access.State{Revision: revision}
	if state.Allowlists, err = loadAllowlists(ctx, q, revision); err != nil {
		return access.State{}, fmt.Errorf("reading the allowlists at revision %d: %w", revision, err)
	}
	if state.Mappings, err = loadMappings(ctx, q, revision, nil); err != nil {
		return access.State{}, fmt.Errorf("reading the mappings at revision %d: %w", revision, err)
	}
	if state.Rules, err = loadRules(ctx, q, revision); err != nil {
		return access.State{}, fmt.Errorf("reading the review rules at revision %d: %w", revision, err)
	}
	if state.Settings, err = loadSettings(ctx, q, revision); err != nil {
		return access.State{}, fmt.Errorf("reading the settings at revision %d: %w", revision, err)
	}
	if err := loadStrategies(ctx, q, &state); err != nil {
		return access.State{}, fmt.Errorf("reading the strategies at revision %d: %w", revision, err)
	}
	return state, nil
}

// liveAt is the condition that a row of a table is live at the revision $1.
func liveAt(table string) string {
	return table + ".added_in <= $1 AND (" + table + ".removed_in IS NULL OR " + table + ".removed_in > $1)"
}

func loadAllowlists(ctx context.Context, q querier, revision int64) ([]access.Allowlist, error) {
	rows, err := q.Query(ctx, "SELECT a.id, a.name, a.description FROM allowlists a WHERE "+liveAt("a")+" ORDER BY a.name", revision)
	if err != nil {
		return nil, err
	}
	lists, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.Allowlist, error) {
		var a access.Allowlist
		return a, row.Scan(&a.ID, &a.Name, &a.Description)
	})
	if err != nil {
		return nil, err
	}
	index := make(map[string]int, len(lists))
	for i := range lists {
		index[lists[i].ID] = i
	}
	return lists, loadEntries(ctx, q, revision, func(allowlist string, e access.Entry) {
		if i, ok := index[allowlist]; ok {
			lists[i].Entries = append(lists[i].Entries, e)
		}
	})
}

const (
	entryColumns = "e.kind, e.prefix, e.endpoint, e.note, e.ticket, e.expires, e.emergency"
	entryOrder   = "e.kind <> 'cidr', e.prefix, e.endpoint" // that of access.SortEntries
)

func loadEntries(ctx context.Context, q querier, revision int64, add func(string, access.Entry)) error {
	rows, err := q.Query(ctx, "SELECT e.allowlist_id, "+entryColumns+" FROM entries e WHERE "+liveAt("e")+" ORDER BY e.allowlist_id, "+entryOrder, revision)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var allowlist string
		e, err := scanEntry(rows, &allowlist)
		if err != nil {
			return err
		}
		add(allowlist, e)
	}
	return rows.Err()
}

// scanEntry reads entryColumns, after the columns before them.
func scanEntry(row pgx.CollectableRow, before ...any) (access.Entry, error) {
	var e access.Entry
	var prefix *netip.Prefix
	var endpoint *string
	var expires *time.Time
	err := row.Scan(append(before, &e.Kind, &prefix, &endpoint, &e.Note, &e.Ticket, &expires, &e.Emergency)...)
	e.Prefix, e.Endpoint, e.Expires = orZero(prefix), orZero(endpoint), orZero(expires)
	return e, err
}

// loadMappings reads the mappings live at a revision: all, or those of some rows.
func loadMappings(ctx context.Context, q querier, revision int64, only []int64) ([]access.Mapping, error) {
	condition, args := liveAt("m"), []any{revision}
	if only != nil {
		condition, args = condition+" AND m.row_id = ANY($2)", append(args, only)
	}
	found, index, err := loadMappingRows(ctx, q, condition, args)
	if err != nil {
		return nil, err
	}
	users := "SELECT u.mapping_row, u.account, u.path, u.name FROM mapping_users u JOIN mappings m ON m.row_id = u.mapping_row WHERE " + condition + " ORDER BY u.mapping_row, u.position"
	err = eachRow(ctx, q, users, args, func(row pgx.Rows) error {
		var id int64
		var u access.UserName
		if err := row.Scan(&id, &u.Account, &u.Path, &u.Name); err != nil {
			return err
		}
		m := &found[index[id]]
		m.Users = append(m.Users, u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	lists := "SELECT l.mapping_row, a.name FROM mapping_allowlists l JOIN mappings m ON m.row_id = l.mapping_row JOIN allowlists a ON a.id = l.allowlist_id AND " +
		liveAt("a") + " WHERE " + condition + " ORDER BY l.mapping_row, l.position"
	err = eachRow(ctx, q, lists, args, func(row pgx.Rows) error {
		var id int64
		var name string
		if err := row.Scan(&id, &name); err != nil {
			return err
		}
		m := &found[index[id]]
		m.Allowlists = append(m.Allowlists, name)
		return nil
	})
	return found, err
}

func loadMappingRows(ctx context.Context, q querier, condition string, args []any) ([]access.Mapping, map[int64]int, error) {
	var found []access.Mapping
	index := map[int64]int{}
	query := `SELECT m.row_id, m.id, m.role_path, m.role_name, m.selector, m.enforcement, m.require_mfa, m.mfa_max_age, m.session_name, m.source_identity
		FROM mappings m WHERE ` + condition + " ORDER BY m.role, m.id"
	err := eachRow(ctx, q, query, args, func(row pgx.Rows) error {
		var id, age int64
		var m access.Mapping
		if err := row.Scan(&id, &m.ID, &m.Role.Path, &m.Role.Name, &m.Accounts, &m.Enforcement, &m.RequireMFA, &age, &m.SessionName, &m.SourceIdentity); err != nil {
			return err
		}
		m.MFAMaxAge = time.Duration(age)
		index[id] = len(found)
		found = append(found, m)
		return nil
	})
	return found, index, err
}

// eachRow does something with every row of a query.
func eachRow(ctx context.Context, q querier, query string, args []any, do func(pgx.Rows) error) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
