package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// LeftBehind lists the accounts that are not active and keep documents of the console, by id. Each has the inventory as
// it was last read and the documents that were last written.
func (s *Store) LeftBehind(ctx context.Context, q access.PageQuery) (access.Page[access.LeftBehind], error) {
	var none access.Page[access.LeftBehind]
	after, err := decodeCursor(q.Cursor, 1)
	if err != nil {
		return none, err
	}
	from := ""
	if after != nil {
		from = after[0]
	}
	reader := newAccountReader()
	total := 0
	found, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (access.LeftBehind, error) {
		a, err := reader.scan(row, &total)
		return access.LeftBehind{Account: a}, err
	}, "SELECT "+accountColumns+`, (SELECT count(*) FROM accounts WHERE keeps_documents)
		FROM accounts WHERE keeps_documents AND id > $1 ORDER BY id LIMIT $2`, from, q.Size()+1)
	if err != nil {
		return none, translate(fmt.Errorf("listing the accounts that keep documents: %w", err))
	}
	page := cut(found, q.Size(), total, func(l access.LeftBehind) string { return encodeCursor(string(l.Account.ID)) })
	if err := s.fillLeftBehind(ctx, page.Items); err != nil {
		return none, err
	}
	return page, nil
}

// lastWritten are the newest writes to each document of some accounts. A write without statements of ours leaves
// nothing behind.
const lastWritten = `
SELECT account_id, resource_kind, resource_path, resource_name, ended_at FROM (
    SELECT DISTINCT ON (o.account_id, o.resource_kind, o.resource_path, o.resource_name) o.*
    FROM targets t JOIN operations o ON o.rollout_id = t.rollout_id AND o.account_id = t.account_id
    WHERE t.account_id = ANY($1) AND o.state = 'written' AND o.kind <> 'attachments'
    ORDER BY o.account_id, o.resource_kind, o.resource_path, o.resource_name, o.ended_at DESC
) newest WHERE ours_after IS NOT NULL`

func (s *Store) fillLeftBehind(ctx context.Context, list []access.LeftBehind) error {
	ids := make([]access.AccountID, len(list))
	at := map[access.AccountID]*access.LeftBehind{}
	for i := range list {
		ids[i] = list[i].Account.ID
		at[ids[i]] = &list[i]
	}
	inventories, err := s.Inventories(ctx, ids)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Inventory, list[i].Read = inventories.Of(list[i].Account.ID)
	}
	err = eachRow(ctx, s.pool, lastWritten, []any{texts(ids)}, func(row pgx.Rows) error {
		var id access.AccountID
		var d access.LeftDocument
		r := &d.Resource
		if err := row.Scan(&id, &r.Kind, &r.Path, &r.Name, timeOrZero{&d.WrittenAt}); err != nil {
			return err
		}
		at[id].Documents = append(at[id].Documents, d)
		return nil
	})
	if err != nil {
		return translate(fmt.Errorf("reading the last writes: %w", err))
	}
	return nil
}
