package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
)

// SaveOrganization replaces what is known of OUs and accounts. An account that is no
// longer listed stays, as CLOSED. With read, a job for each readable account's inventory
// is inserted, unless one is there.
func (s *Store) SaveOrganization(ctx context.Context, o access.Organization, read bool, events []access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tx.note(events...)
		// Two transactions that replace the same rows at the same time would block each other.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", organizationLock); err != nil {
			return fmt.Errorf("waiting to save the organization: %w", err)
		}
		if err := tx.saveOUs(ctx, o.OUs); err != nil {
			return fmt.Errorf("saving the organizational units: %w", err)
		}
		if err := tx.saveAccounts(ctx, o); err != nil {
			return fmt.Errorf("saving the accounts: %w", err)
		}
		if !read {
			return nil
		}
		return tx.requestInventories(ctx, o)
	})
}

// upsertOUs keeps the row of an OU that is no longer listed: its last path tells people what a selector meant.
const upsertOUs = `
WITH listed AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS l (id, parent_id, name, path)),
gone AS (UPDATE ous SET gone_at = $5 WHERE gone_at IS NULL AND NOT id = ANY($1))
INSERT INTO ous (id, parent_id, name, path) SELECT DISTINCT ON (id) id, parent_id, name, path FROM listed
ON CONFLICT (id) DO UPDATE SET
    parent_id = excluded.parent_id, name = excluded.name, path = excluded.path, gone_at = NULL`

func (tx *txn) saveOUs(ctx context.Context, ous []access.OU) error {
	var ids, parents, names, paths []string
	for _, ou := range ous {
		ids, parents = append(ids, ou.ID), append(parents, ou.ParentID)
		names, paths = append(names, ou.Name), append(paths, ou.Path)
	}
	_, err := tx.Exec(ctx, upsertOUs, orEmpty(ids), orEmpty(parents), orEmpty(names), orEmpty(paths), timeNow())
	return err
}

// listedAccount is an account as it is handed to the statement below.
type listedAccount struct {
	ID         access.AccountID  `json:"id"`
	Name       string            `json:"name"`
	Email      string            `json:"email"`
	State      string            `json:"state"`
	OU         string            `json:"ou"`
	OUIDs      []string          `json:"ou_ids"`
	Tags       map[string]string `json:"tags"`
	Partition  string            `json:"partition"`
	Management bool              `json:"management"`
	Trust      int               `json:"trust_quota"`
	User       int               `json:"user_quota"`
	Managed    int               `json:"managed_quota"`
}

// upsertAccounts leaves a quota alone that Organizations does not know, and raises the
// version of an account only where something differs.
const upsertAccounts = `
INSERT INTO accounts AS a (id, name, email, state, ou, ou_ids, tags, partition, management, trust_quota, user_quota, managed_quota, synced_at)
SELECT id, name, email, state, ou, ou_ids, tags, partition, management, trust_quota, user_quota, managed_quota, $2
FROM jsonb_to_recordset($1::jsonb) AS n (id text, name text, email text, state text, ou text, ou_ids text[], tags jsonb, partition text, management boolean,
     trust_quota int, user_quota int, managed_quota int)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, email = excluded.email, state = excluded.state, ou = excluded.ou, ou_ids = excluded.ou_ids,
    tags = excluded.tags,
    partition = excluded.partition, management = excluded.management, synced_at = excluded.synced_at,
    trust_quota = coalesce(nullif(excluded.trust_quota, 0), a.trust_quota),
    user_quota = coalesce(nullif(excluded.user_quota, 0), a.user_quota),
    managed_quota = coalesce(nullif(excluded.managed_quota, 0), a.managed_quota),
    version = a.version + CASE WHEN
        (a.name, a.email, a.state, a.ou, a.ou_ids, a.tags, a.partition, a.management) IS DISTINCT FROM
        (excluded.name, excluded.email, excluded.state, excluded.ou, excluded.ou_ids, excluded.tags, excluded.partition, excluded.management)
        OR excluded.trust_quota NOT IN (0, a.trust_quota) OR excluded.user_quota NOT IN (0, a.user_quota)
        OR excluded.managed_quota NOT IN (0, a.managed_quota) THEN 1 ELSE 0 END`

func (tx *txn) saveAccounts(ctx context.Context, o access.Organization) error {
	rows := make([]listedAccount, len(o.Accounts))
	ids := make([]string, len(o.Accounts))
	for i, a := range o.Accounts {
		ids[i] = string(a.ID)
		rows[i] = listedAccount{
			ID: a.ID, Name: a.Name, Email: a.Email, State: string(a.State), OU: a.OU, OUIDs: orEmpty(a.OUIDs), Tags: a.Tags,
			Partition: a.PartitionOrDefault(), Management: a.Management || a.ID == o.ManagementAccountID,
			Trust: a.Quotas.TrustPolicy, User: a.Quotas.UserPolicy, Managed: a.Quotas.ManagedPolicy,
		}
		if a.State == "" {
			rows[i].State = string(access.AccountActive)
		}
		if a.Tags == nil {
			rows[i].Tags = map[string]string{}
		}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, upsertAccounts, string(body), timeNow()); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE accounts SET state = 'CLOSED', version = version + 1 WHERE state <> 'CLOSED' AND NOT id = ANY($1)", ids)
	return err
}

// unfinished are the states of a job that is still to be done.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

func (tx *txn) requestInventories(ctx context.Context, o access.Organization) error {
	var params []river.InsertManyParams
	for _, a := range o.Accounts {
		if ok, _ := a.Targetable(); !ok || a.ID == o.ManagementAccountID {
			continue
		}
		params = append(params, river.InsertManyParams{
			Args:       jobs.ReadInventory{Account: string(a.ID)},
			InsertOpts: &river.InsertOpts{Queue: jobs.QueueSync, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}},
		})
	}
	if len(params) == 0 {
		return nil
	}
	if _, err := tx.store.queue.InsertManyTx(ctx, tx.Tx, params); err != nil {
		return fmt.Errorf("asking for the inventories: %w", err)
	}
	return nil
}

// RequestSync inserts the job that reads the organization, unless one waits already. One
// that runs may have begun before whatever made somebody ask, so it does not count.
func (s *Store) RequestSync(ctx context.Context, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tx.note(event)
		// Two who ask at once are to insert one job.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", syncLock); err != nil {
			return fmt.Errorf("asking for the organization: %w", err)
		}
		var waits bool
		err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM river_job WHERE kind = $1 AND state IN ('available', 'pending', 'retryable', 'scheduled'))",
			jobs.SyncOrganization{}.Kind()).Scan(&waits)
		if err != nil || waits {
			return err
		}
		if _, err := tx.store.queue.InsertTx(ctx, tx.Tx, jobs.SyncOrganization{}, &river.InsertOpts{Queue: jobs.QueueSync}); err != nil {
			return fmt.Errorf("asking for the organization: %w", err)
		}
		return nil
	})
}

// The advisory locks of this file.
const (
	syncLock         = 0x73796e63 // "sync"
	organizationLock = 0x6f726773 // "orgs"
)

// OUs lists the OUs that exist by path, with how many accounts are directly in each, and how many with all of those
// below it. It is shared: read only.
func (s *Store) OUs(ctx context.Context) ([]access.OURow, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	return d.units, nil
}

// OUTree returns all OUs by id, those included that are gone.
func (s *Store) OUTree(ctx context.Context) (*access.OUs, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	return d.tree, nil
}
