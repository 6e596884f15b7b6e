package store

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
)

// The objects are unpacked once for an account, however many names are asked for.
const inventoryPart = `SELECT i.account_id, picked.roles, picked.users, picked.policies, i.read_at, a.trust_quota, a.user_quota, a.managed_quota, a.attachments_quota
	FROM inventories i JOIN accounts a ON a.id = i.account_id
	CROSS JOIN LATERAL (SELECT i.roles || '{}' AS roles, i.users || '{}' AS users OFFSET 0) whole
	CROSS JOIN LATERAL (SELECT
		(SELECT jsonb_object_agg(name, whole.roles -> name) FROM unnest($2::text[]) name WHERE whole.roles ? name) AS roles,
		(SELECT jsonb_object_agg(name, whole.users -> name) FROM unnest($3::text[]) name WHERE whole.users ? name) AS users,
		CASE WHEN $4 THEN i.policies END AS policies) picked
	WHERE i.account_id = ANY($1)`

// InventoryOf returns what is known of the roles and users that are asked for. Accounts
// that were never read are left out; one that was read is there, also with nothing in it.
func (s *Store) InventoryOf(ctx context.Context, q access.InventoryQuery) (*access.Inventories, error) {
	roles, users := make([]string, len(q.Roles)), make([]string, len(q.Users))
	for i, r := range q.Roles {
		r = r.Rooted()
		roles[i] = inventoryKey(access.Resource{Path: r.Path, Name: r.Name})
	}
	for i, u := range q.Users {
		u = u.Rooted()
		users[i] = inventoryKey(access.Resource{Path: u.Path, Name: u.Name})
	}
	found, err := collectInventories(ctx, s.pool, inventoryPart, texts(q.Accounts), roles, users, q.Policies)
	if err != nil {
		return nil, translate(fmt.Errorf("reading parts of inventories: %w", err))
	}
	return found, nil
}
