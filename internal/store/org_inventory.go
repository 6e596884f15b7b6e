package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// liveRow is a role or a user within an inventory, where it is keyed by path and name.
// Fields that only users have are left out for roles, and where a push puts in no more
// than the document.
type liveRow struct {
	ID       string   `json:"id,omitempty"`
	Document string   `json:"document"`
	Inline   []string `json:"inline,omitempty"`
	Attached []string `json:"attached,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	Other    int      `json:"other,omitempty"`
}

// inventoryKey separates by a character that neither a path nor a name can hold.
func inventoryKey(r access.Resource) string { return r.Path + " " + r.Name }

func resourceOf(kind access.ResourceKind, key string) access.Resource {
	path, name, _ := strings.Cut(key, " ")
	return access.Resource{Kind: kind, Path: path, Name: name}
}

// pushedSince tells whether a push worked on an account after it began to be read, or
// still does: then what was read may be older than what the push has put in.
const pushedSince = `SELECT EXISTS (SELECT 1 FROM targets WHERE account_id = $1
	AND (state = 'running' AND claim > 0 OR state IN ('succeeded', 'failed', 'conflict') AND ended_at >= $2))`

// SaveInventory replaces what is known to be in an account. It refuses an inventory that was read
// before the last push, since a plan made from it would report a foreign edit.
func (s *Store) SaveInventory(ctx context.Context, i access.Inventory) error {
	roles, users, policies := inventoryRows(i)
	rolesJSON, errRoles := json.Marshal(roles)
	usersJSON, errUsers := json.Marshal(users)
	policiesJSON, errPolicies := json.Marshal(policies)
	if err := errors.Join(errRoles, errUsers, errPolicies); err != nil {
		return fmt.Errorf("encoding the inventory of account %s: %w", i.Account, err)
	}
	return s.inTx(ctx, func(tx *txn) error {
		tag, err := tx.Exec(ctx, `UPDATE accounts SET inventory_at = $2, inventory_error = '', inventory_error_at = NULL,
			version = version + 1,
			trust_quota = coalesce(nullif($3, 0), trust_quota), user_quota = coalesce(nullif($4, 0), user_quota), managed_quota = coalesce(nullif($5, 0), managed_quota), attachments_quota = coalesce(nullif($6, 0), attachments_quota)
			WHERE id = $1`, string(i.Account), i.ReadAt, i.Quotas.TrustPolicy, i.Quotas.UserPolicy, i.Quotas.ManagedPolicy, i.Quotas.Attachments)
		if err != nil {
			return fmt.Errorf("saving the inventory of account %s: %w", i.Account, err)
		}
		if tag.RowsAffected() == 0 {
			return access.Errorf(access.KindNotFound, noAccount, i.Account)
		}
		var skipped bool
		if err := tx.QueryRow(ctx, pushedSince, string(i.Account), i.ReadAt).Scan(&skipped); err != nil {
			return fmt.Errorf("looking for pushes to account %s: %w", i.Account, err)
		}
		if skipped {
			return access.Errorf(access.KindConflict, "Account %s was pushed to while it was being read. Read it again.", i.Account)
		}
		_, err = tx.Exec(ctx, `INSERT INTO inventories (account_id, roles, users, policies, read_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account_id) DO UPDATE SET roles = excluded.roles, users = excluded.users, policies = excluded.policies, read_at = excluded.read_at`,
			string(i.Account), string(rolesJSON), string(usersJSON), string(policiesJSON), i.ReadAt)
		if err != nil {
			return fmt.Errorf("saving the inventory of account %s: %w", i.Account, err)
		}
		return nil
	})
}

func inventoryRows(i access.Inventory) (roles, users, policies map[string]liveRow) {
	roles, users, policies = make(map[string]liveRow, len(i.Roles)), make(map[string]liveRow, len(i.Users)), make(map[string]liveRow, len(i.Policies))
	for _, p := range i.Policies {
		if p.Exists {
			policies[inventoryKey(p.Resource)] = liveRow{ID: p.ID, Document: storable(p.Document)}
		}
	}
	for _, r := range i.Roles {
		if r.Exists {
			roles[inventoryKey(r.Resource)] = liveRow{ID: r.ID, Document: storable(r.Document)}
		}
	}
	for _, u := range i.Users {
		if u.Exists {
			users[inventoryKey(u.Resource)] = liveRow{ID: u.ID, Document: storable(u.Document), Inline: u.InlinePolicies, Attached: u.AttachedPolicies, Groups: u.Groups, Other: u.OtherInlineSize}
		}
	}
	return roles, users, policies
}

// InventoryFailed keeps the inventory and notes why it could not be read again.
func (s *Store) InventoryFailed(ctx context.Context, id access.AccountID, reason string) error {
	tag, err := s.pool.Exec(ctx, `UPDATE accounts SET inventory_error = $2, version = version + 1,
		inventory_error_at = CASE WHEN $2 <> '' THEN clock_timestamp() END WHERE id = $1`, string(id), storable(reason))
	if err != nil {
		return translate(fmt.Errorf("noting that account %s could not be read: %w", id, err))
	}
	if tag.RowsAffected() == 0 {
		return access.Errorf(access.KindNotFound, noAccount, id)
	}
	return nil
}

// Inventories returns what is known to be in accounts. Accounts that were never read are
// left out.
func (s *Store) Inventories(ctx context.Context, ids []access.AccountID) (*access.Inventories, error) {
	found, err := collectInventories(ctx, s.pool, `SELECT i.account_id, i.roles, i.users, i.policies, i.read_at, a.trust_quota, a.user_quota, a.managed_quota, a.attachments_quota
		FROM inventories i JOIN accounts a ON a.id = i.account_id WHERE i.account_id = ANY($1)`, texts(ids))
	if err != nil {
		return nil, translate(fmt.Errorf("reading inventories: %w", err))
	}
	return found, nil
}

// collectInventories packs one account after the other, so that what is the same in many
// is in memory once.
func collectInventories(ctx context.Context, q querier, query string, args ...any) (*access.Inventories, error) {
	found := &access.Inventories{}
	err := eachRow(ctx, q, query, args, func(row pgx.Rows) error {
		i, err := scanInventory(row)
		found.Put(i)
		return err
	})
	return found, err
}

func scanInventory(row pgx.Rows) (access.Inventory, error) {
	var i access.Inventory
	var roles, users, policies map[string]liveRow
	if err := row.Scan(&i.Account, &roles, &users, &policies, &i.ReadAt, &i.Quotas.TrustPolicy, &i.Quotas.UserPolicy, &i.Quotas.ManagedPolicy, &i.Quotas.Attachments); err != nil {
		return i, err
	}
	for _, key := range sortedKeys(roles) {
		r := roles[key]
		i.Roles = append(i.Roles, access.LiveDocument{Resource: resourceOf(access.ResourceRole, key), ID: r.ID, Exists: true, Document: r.Document})
	}
	for _, key := range sortedKeys(policies) {
		p := policies[key]
		i.Policies = append(i.Policies, access.LiveDocument{Resource: resourceOf(access.ResourcePolicy, key), ID: p.ID, Exists: true, Document: p.Document})
	}
	for _, key := range sortedKeys(users) {
		u := users[key]
		i.Users = append(i.Users, access.LiveUser{
			LiveDocument:   access.LiveDocument{Resource: resourceOf(access.ResourceUser, key), ID: u.ID, Exists: true, Document: u.Document},
			InlinePolicies: u.Inline, AttachedPolicies: u.Attached, Groups: u.Groups, OtherInlineSize: u.Other,
		})
	}
	return i, nil
}

func sortedKeys(m map[string]liveRow) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// mergeLive puts what a push read back into the inventory of an account that was read
// before. One that never was stays unread: a part must not look like the whole.
const mergeLive = `
UPDATE inventories SET
    roles = (roles || $2::jsonb) - $5::text[],
    users = (users || (SELECT coalesce(jsonb_object_agg(key, coalesce(users -> key, '{}') || value), '{}') FROM jsonb_each($3::jsonb))) - $6::text[],
    policies = (policies || $4::jsonb) - $7::text[]
WHERE account_id = $1`

// liveParts are what a push read back, by column: what is there, and the keys of what is
// not. A user may appear with a document, with attachments, or with both.
type liveParts struct {
	present map[string]map[string]any
	gone    []string
}

func (p *liveParts) put(key string, d access.LiveDocument, fields map[string]any) {
	if !d.Exists {
		p.gone = append(p.gone, key)
		return
	}
	if p.present[key] == nil {
		p.present[key] = map[string]any{}
	}
	if d.ID != "" {
		p.present[key]["id"] = d.ID
	}
	maps.Copy(p.present[key], fields)
}

// queueLive adds the statement for what an account holds now.
func queueLive(b *pgx.Batch, account access.AccountID, live []access.LiveDocument) error {
	if len(live) == 0 {
		return nil
	}
	var parts [3]liveParts // roles, users, policies
	for i := range parts {
		parts[i] = liveParts{present: map[string]map[string]any{}, gone: []string{}}
	}
	for _, d := range live {
		key := inventoryKey(d.Resource)
		switch d.Resource.Kind {
		case access.ResourceRole:
			parts[0].put(key, d, map[string]any{"document": storable(d.Document)})
		case access.ResourcePolicy:
			parts[2].put(key, d, map[string]any{"document": storable(d.Document)})
		case access.ResourceAttachments:
			arns, err := access.Attachments(d.Document)
			if err != nil {
				return fmt.Errorf("what is attached to %s in account %s: %w", d.Resource, account, err)
			}
			parts[1].put(key, d, map[string]any{"attached": arns})
		default:
			parts[1].put(key, d, map[string]any{"document": storable(d.Document)})
		}
	}
	args := []any{string(account)}
	for _, p := range parts {
		text, err := json.Marshal(p.present)
		if err != nil {
			return fmt.Errorf("encoding what account %s holds: %w", account, err)
		}
		args = append(args, string(text))
	}
	b.Queue(mergeLive, append(args, parts[0].gone, parts[1].gone, parts[2].gone)...)
	return nil
}

// queuePushed notes on the account that a revision was pushed and verified.
func queuePushed(b *pgx.Batch, account access.AccountID, revision int64, state access.TargetState) {
	pushed := int64(0)
	if state == access.TargetSucceeded || state == access.TargetUnchanged {
		pushed = revision
	}
	b.Queue("UPDATE accounts SET pushed_revision = greatest(pushed_revision, $2), version = version + 1 WHERE id = $1", string(account), pushed)
}
