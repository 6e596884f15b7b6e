package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// Organization returns the organization that the console serves, how its last syncs and scans went, and at most so
// many of the accounts that await confirmation.
func (s *Store) Organization(ctx context.Context, accounts int) (access.OrganizationRecord, error) {
	r, err := organizationRecord(ctx, s.pool, accounts)
	if err == nil {
		err = readings(ctx, s.pool, &r)
	}
	if err != nil {
		return access.OrganizationRecord{}, translate(fmt.Errorf("reading the record of the organization: %w", err))
	}
	return r, nil
}

// allVanished asks for all accounts that await confirmation.
const allVanished = 1 << 30

const selectOrganization = `SELECT o.id, o.recorded_at, o.synced_at, o.error, o.error_at, o.error_replica,
	(SELECT count(*) FROM accounts WHERE keeps_documents) FROM organization o`

func organizationRecord(ctx context.Context, q querier, accounts int) (access.OrganizationRecord, error) {
	var r access.OrganizationRecord
	err := q.QueryRow(ctx, selectOrganization).Scan(&r.ID, timeOrZero{&r.RecordedAt}, timeOrZero{&r.SyncedAt},
		&r.Error, timeOrZero{&r.ErrorAt}, &r.Replica, &r.LeftBehind)
	if err != nil {
		return r, err
	}
	r.Awaits, err = openConfirmation(ctx, q, accounts)
	return r, err
}

const selectConfirmation = `SELECT c.id, c.kind, c.recorded, c.seen, c.lost, c.active, c.digest, c.asked_at,
	c.accepted_at, coalesce(c.basis, ''),
	(SELECT coalesce(jsonb_agg(v.account ORDER BY v.n), '[]') FROM jsonb_array_elements(c.vanished)
		WITH ORDINALITY v (account, n) WHERE v.n <= $1),
	jsonb_array_length(c.vanished)
	FROM sync_confirmations c WHERE c.closed_at IS NULL`

// openConfirmation returns what awaits confirmation; nil if nothing does.
func openConfirmation(ctx context.Context, q querier, accounts int) (*access.SyncConfirmation, error) {
	var c access.SyncConfirmation
	err := q.QueryRow(ctx, selectConfirmation, accounts).Scan(&c.ID, &c.Kind, &c.Recorded, &c.Seen, &c.Lost,
		&c.Active, &c.Digest, &c.AskedAt,
		timeOrZero{&c.AcceptedAt}, &c.Basis, &c.Vanished, &c.Count)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // that nothing awaits confirmation is no error
	}
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, q, "SELECT person_id, name, email, at, counted_with FROM sync_acceptances WHERE confirmation_id = $1 "+
		"ORDER BY at, person_id", []any{c.ID}, func(row pgx.Rows) error {
		var a access.SyncAcceptance
		if err := row.Scan(&a.By.ID, &a.By.Name, &a.By.Email, timeOrZero{&a.At}, &a.With); err != nil {
			return err
		}
		c.Acceptances = append(c.Acceptances, a)
		return nil
	})
	return &c, err
}

// admit locks the record of the organization and lets it judge what AWS answered.
func (tx *txn) admit(ctx context.Context, o access.Organization) (access.OrganizationRecord, error) {
	record, err := tx.lockOrganization(ctx)
	if err != nil {
		return record, err
	}
	recorded, err := collect(ctx, tx, func(row pgx.CollectableRow) (access.Account, error) {
		var a access.Account
		return a, row.Scan(&a.ID, &a.Name, &a.OU, &a.State)
	}, "SELECT id, name, ou, state FROM accounts ORDER BY id")
	if err != nil {
		return record, fmt.Errorf("reading the recorded accounts: %w", err)
	}
	return record, record.Admit(o, recorded)
}

func (tx *txn) lockOrganization(ctx context.Context) (access.OrganizationRecord, error) {
	if _, err := tx.Exec(ctx, "SELECT FROM organization FOR UPDATE"); err != nil {
		return access.OrganizationRecord{}, fmt.Errorf("locking the record of the organization: %w", err)
	}
	r, err := organizationRecord(ctx, tx, allVanished)
	if err != nil {
		return r, fmt.Errorf("reading the record of the organization: %w", err)
	}
	return r, nil
}

// recordSync notes that a sync succeeded. What awaits confirmation ends with it.
func (tx *txn) recordSync(ctx context.Context, r access.OrganizationRecord, o access.Organization) error {
	at := timeNow()
	_, err := tx.Exec(ctx, `UPDATE organization SET id = $1, recorded_at =
		CASE WHEN $1 = '' THEN NULL ELSE coalesce(recorded_at, $2) END,
		synced_at = $2, error = '', error_at = NULL, error_replica = ''`, o.ID, at)
	if err != nil {
		return fmt.Errorf("recording the sync: %w", err)
	}
	if r.Awaits == nil {
		return nil
	}
	outcome := "lapsed"
	if r.Awaits.AppliedBy(o) {
		outcome = "applied"
	}
	return tx.closeConfirmation(ctx, r.Awaits.ID, outcome)
}

func (tx *txn) closeConfirmation(ctx context.Context, id int64, outcome string) error {
	_, err := tx.Exec(ctx, "UPDATE sync_confirmations SET closed_at = $2, outcome = $3 WHERE id = $1", id,
		timeNow(), outcome)
	if err != nil {
		return fmt.Errorf("closing confirmation %d of a sync: %w", id, err)
	}
	return nil
}

// SyncFailed records in words why a sync failed, and on which replica. If it failed because admins must confirm it, the
// confirmation is opened with an audit event, unless the same one is open. An open one for something else lapses.
func (s *Store) SyncFailed(ctx context.Context, reason error, words, replica string) error {
	return s.inTx(ctx, func(tx *txn) error {
		record, err := tx.lockOrganization(ctx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE organization SET error = $1, error_at = $2, error_replica = $3",
			storable(words), timeNow(), replica)
		if err != nil {
			return fmt.Errorf("recording why a sync failed: %w", err)
		}
		var refusal *access.SyncRefusedError
		if !errors.As(reason, &refusal) || record.Awaits != nil && record.Awaits.Digest == refusal.Confirmation.Digest {
			return nil
		}
		if record.Awaits != nil {
			if err := tx.closeConfirmation(ctx, record.Awaits.ID, "lapsed"); err != nil {
				return err
			}
		}
		tx.note(refusal.Confirmation.AskedEvent(timeNow()))
		return tx.openConfirmation(ctx, refusal.Confirmation)
	})
}

func (tx *txn) openConfirmation(ctx context.Context, c access.SyncConfirmation) error {
	vanished, err := json.Marshal(orEmpty(c.Vanished))
	if err != nil {
		return fmt.Errorf("encoding the accounts that vanished: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO sync_confirmations
		(kind, recorded, seen, vanished, lost, active, digest, asked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		string(c.Kind), c.Recorded, c.Seen, string(vanished), c.Lost, c.Active, c.Digest, timeNow())
	if err != nil {
		return fmt.Errorf("asking for the confirmation of a sync: %w", err)
	}
	return nil
}

// AcceptSync locks what awaits confirmation, lets decide judge it, and saves the acceptances that decide leaves. decide
// sees all people, who stay as they are until the end. An accepted organization is recorded at once. In any case the
// organization is read again once the confirmation is complete.
func (s *Store) AcceptSync(
	ctx context.Context, decide func(c *access.SyncConfirmation, people access.PersonContext) ([]access.AuditEvent, error),
) (access.SyncConfirmation, error) {
	var c access.SyncConfirmation
	err := s.inTx(ctx, func(tx *txn) error {
		people, err := tx.personContext(ctx, 0)
		if err != nil {
			return err
		}
		record, err := tx.lockOrganization(ctx)
		if err != nil {
			return err
		}
		if record.Awaits == nil {
			return access.Errorf(access.KindConflict, "Nothing of the organization awaits confirmation.")
		}
		before := len(record.Awaits.Acceptances)
		events, err := decide(record.Awaits, people)
		if err != nil {
			return err
		}
		tx.note(events...)
		c = *record.Awaits
		return tx.saveAcceptances(ctx, c, before)
	})
	return c, err
}

func (tx *txn) saveAcceptances(ctx context.Context, c access.SyncConfirmation, before int) error {
	for _, a := range c.Acceptances[before:] {
		_, err := tx.Exec(ctx, "INSERT INTO sync_acceptances (confirmation_id, person_id, name, email, at, counted_with) "+
			"VALUES ($1, $2, $3, $4, $5, to_jsonb($6::bigint[]))",
			c.ID, a.By.ID, a.By.Name, a.By.Email, a.At, orEmpty(a.With))
		if err != nil {
			return fmt.Errorf("saving the acceptance of %s: %w", a.By.Name, err)
		}
	}
	if c.AcceptedAt.IsZero() {
		return nil
	}
	_, err := tx.Exec(ctx, "UPDATE sync_confirmations SET accepted_at = $2, basis = $3 WHERE id = $1",
		c.ID, c.AcceptedAt, string(c.Basis))
	if err != nil {
		return fmt.Errorf("saving that confirmation %d is complete: %w", c.ID, err)
	}
	if c.Kind == access.ConfirmOrganization {
		if err := tx.recordOrganization(ctx, c); err != nil {
			return err
		}
	}
	_, err = tx.requestSync(ctx)
	return err
}

// recordOrganization makes the accepted organization the one that the console serves.
func (tx *txn) recordOrganization(ctx context.Context, c access.SyncConfirmation) error {
	_, err := tx.Exec(ctx, "UPDATE organization SET id = $1, recorded_at = $2, error = '', error_at = NULL, "+
		"error_replica = ''", c.Seen, c.AcceptedAt)
	if err != nil {
		return fmt.Errorf("recording organization %s: %w", c.Seen, err)
	}
	return tx.closeConfirmation(ctx, c.ID, "applied")
}
