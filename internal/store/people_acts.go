package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"portcullis.internal/portcullis/internal/access"
)

// peopleLock is locked while a person is changed, because the decision also reads the other people. A transaction that
// counts groups takes it shared: until its end no person is added, altered or vouched for.
const peopleLock = 0x706f7274_70656f70

func (tx *txn) lockPeople(ctx context.Context) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", peopleLock); err != nil {
		return fmt.Errorf("waiting for others who alter people: %w", err)
	}
	return nil
}

func (tx *txn) keepPeople(ctx context.Context) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock_shared($1)", peopleLock); err != nil {
		return fmt.Errorf("waiting for others who alter people: %w", err)
	}
	return nil
}

type actRow struct {
	ID          int64
	PersonID    int64
	Act         string
	Basis       string
	ByID        int64
	ByName      string
	CountedWith []int64   `gorm:"serializer:json"`
	At          time.Time `gorm:"serializer:null"`
}

// selectActs reads the acts of each person from the last vouching on that was not by the identity provider; earlier ones
// do not count.
const selectActs = `SELECT a.id, a.person_id, a.act, coalesce(a.basis, '') basis, a.by_id, a.by_name, a.counted_with, a.at
	FROM person_acts a
	WHERE a.id >= coalesce((SELECT max(v.id) FROM person_acts v WHERE v.person_id = a.person_id AND v.act = 'vouch'
		AND v.basis <> 'identity_provider'), 0)
	ORDER BY a.id`

// Groups says which people count together.
func (s *Store) Groups(ctx context.Context) (access.Groups, error) {
	return loadGroups(s.read(ctx))
}

func loadGroups(orm *gorm.DB) (access.Groups, error) {
	orm = orm.Session(&gorm.Session{NewDB: true})
	var all []personRow
	var rows []actRow
	var subjects []int64
	err := errors.Join(
		orm.Select("id, email, name, disabled").Order("name, id").Find(&all).Error,
		orm.Raw(selectActs).Scan(&rows).Error,
		orm.Raw("SELECT DISTINCT person_id FROM person_identities").Scan(&subjects).Error,
	)
	if err != nil {
		return access.Groups{}, translate(fmt.Errorf("reading who counts together: %w", err))
	}
	people, refs := make([]access.Person, len(all)), map[int64]access.PersonRef{}
	for i, r := range all {
		people[i] = r.person()
		people[i].Subject = slices.Contains(subjects, r.ID)
		refs[r.ID] = access.PersonRef{ID: r.ID, Name: r.Name, Email: r.Email}
	}
	acts := make([]access.Act, len(rows))
	for i, r := range rows {
		by := refs[r.ByID]
		by.ID, by.Name = r.ByID, r.ByName
		acts[i] = access.Act{
			ID: r.ID, Kind: access.ActKind(r.Act), Basis: access.VouchBasis(r.Basis), With: r.CountedWith, At: r.At,
			Person: refs[r.PersonID], By: by,
		}
	}
	return access.NewGroups(people, acts), nil
}

// recordActs keeps what an event did to a person, under the lock of the people. The system vouches: it acts for the
// identity provider or for the operator of the server. It returns the generation of the person's sessions.
func (tx *txn) recordActs(ctx context.Context, p access.Person, e access.AuditEvent, kinds ...access.ActKind) (int64, error) {
	if e.Kind == access.ActorSystem && p.Disabled {
		return p.Generation, tx.insertAct(ctx, p.ID, e, access.ActRetire, "", nil)
	}
	if e.Kind == access.ActorSystem {
		return tx.vouch(ctx, p, e, e.VouchBasis())
	}
	if e.PersonID == p.ID || len(kinds) == 0 {
		return p.Generation, nil
	}
	groups, err := loadGroups(tx.orm)
	if err != nil {
		return 0, err
	}
	for _, kind := range kinds {
		if err := tx.insertAct(ctx, p.ID, e, kind, "", groups.With(e.PersonID)); err != nil {
			return 0, err
		}
	}
	return p.Generation, nil
}

func (tx *txn) insertAct(
	ctx context.Context, person int64, e access.AuditEvent, kind access.ActKind, basis access.VouchBasis, with []int64,
) error {
	encoded, err := json.Marshal(orEmpty(with))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO person_acts (person_id, act, basis, by_id, by_name, counted_with, at)
		VALUES ($1, $2, nullif($3, ''), $4, $5, $6, $7)`, person, string(kind), string(basis), e.PersonID, e.Name, encoded, e.At)
	if err != nil {
		return fmt.Errorf("recording that %s did %q to person %d: %w", e.Name, kind, person, err)
	}
	return nil
}

// clockMargin is more than the clocks of two replicas may differ.
const clockMargin = 5 * time.Minute

// vouch records that a person is vouched for. If an admin may have had the account in hand since the last vouching,
// the sessions end, and so do the tokens that were made since. The word of an identity provider also removes a
// password and a link that the admin may know.
func (tx *txn) vouch(ctx context.Context, p access.Person, e access.AuditEvent, basis access.VouchBasis) (int64, error) {
	groups, err := loadGroups(tx.orm)
	if err != nil {
		return 0, err
	}
	if err := tx.insertAct(ctx, p.ID, e, access.ActVouch, basis, nil); err != nil {
		return 0, err
	}
	lost := groups.Lost(p.ID)
	if len(lost) == 0 {
		return p.Generation, nil
	}
	set := ""
	if basis == access.VouchedByProvider {
		set = ", password_hash = '', link_hash = NULL, link_until = NULL"
	}
	var generation int64
	err = tx.QueryRow(ctx, "UPDATE people SET generation = generation + 1"+set+
		" WHERE id = $1 RETURNING generation", p.ID).Scan(&generation)
	if err != nil {
		return 0, fmt.Errorf("ending the sessions of person %d: %w", p.ID, err)
	}
	return generation, tx.revokeTokens(ctx, p.ID, lost[0].At.Add(-clockMargin), e)
}

// Vouch vouches for a person on a basis, if check lets the person and the groups be as they are now.
func (s *Store) Vouch(
	ctx context.Context, id int64, basis access.VouchBasis, event access.AuditEvent,
	check func(access.Person, access.Groups) error,
) (access.Person, error) {
	var p access.Person
	err := s.inTx(ctx, func(tx *txn) error {
		if err := tx.lockPeople(ctx); err != nil {
			return err
		}
		var row personRow
		locked := tx.orm.Clauses(clause.Locking{Strength: "UPDATE"}).Preload("Roles").Preload("Teams")
		if err := locked.Take(&row, "id = ?", id).Error; err != nil {
			return missing(err, noPerson, id)
		}
		p = row.person()
		groups, err := loadGroups(tx.orm)
		if err != nil {
			return err
		}
		if err := check(p, groups); err != nil {
			return err
		}
		tx.note(event)
		p.Generation, err = tx.vouch(ctx, p, event, basis)
		if basis == access.VouchedByProvider {
			p.LinkUntil = time.Time{}
		}
		return err
	})
	return p, err
}
