package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"portcullis.internal/portcullis/internal/access"
)

type personRow struct {
	ID           int64 `gorm:"primaryKey"`
	Email        string
	Name         string
	PasswordHash string
	Disabled     bool
	Generation   int64
	LinkHash     []byte
	LinkUntil    time.Time    `gorm:"serializer:null"`
	CreatedAt    time.Time    `gorm:"serializer:null;autoCreateTime:false"`
	Roles        []personRole `gorm:"foreignKey:PersonID"`
	Teams        []personTeam `gorm:"foreignKey:PersonID"`
}

// TableName names the table.
func (personRow) TableName() string { return "people" }

type personRole struct {
	PersonID int64  `gorm:"primaryKey;autoIncrement:false"`
	Role     string `gorm:"primaryKey"`
}

// TableName names the table.
func (personRole) TableName() string { return "person_roles" }

type personTeam struct {
	PersonID int64  `gorm:"primaryKey;autoIncrement:false"`
	Team     string `gorm:"primaryKey"`
}

// TableName names the table.
func (personTeam) TableName() string { return "person_teams" }

func (r personRow) person() access.Person {
	p := access.Person{
		ID: r.ID, Email: r.Email, Name: r.Name, Disabled: r.Disabled, Generation: r.Generation, LinkUntil: r.LinkUntil,
		CreatedAt: r.CreatedAt,
	}
	held := make([]access.Role, len(r.Roles))
	for i, role := range r.Roles {
		held[i] = access.Role(role.Role)
	}
	p.Roles = inOrder(held)
	for _, t := range r.Teams {
		p.Teams = append(p.Teams, t.Team)
	}
	slices.Sort(p.Teams)
	return p
}

// PersonByEmail returns a person with the hash of their password.
func (s *Store) PersonByEmail(ctx context.Context, email string) (access.Person, string, error) {
	var row personRow
	if err := s.read(ctx).Preload("Roles").Preload("Teams").Take(&row, "email = ?", access.NormalEmail(email)).Error; err != nil {
		return access.Person{}, "", missing(err, "Nobody has the e-mail address %q.", email)
	}
	return row.person(), row.PasswordHash, nil
}

// Person returns a person.
func (s *Store) Person(ctx context.Context, id int64) (access.Person, error) {
	var read personScan
	if err := s.pool.QueryRow(ctx, "SELECT "+personColumns+" FROM people p WHERE p.id = $1", id).Scan(read.fields()...); err != nil {
		return access.Person{}, missing(err, noPerson, id)
	}
	return read.done(), nil
}

// personColumns are a person with roles and teams, from people p; zeroes where a join
// found nobody. Every request reads them, so they come in one query.
const personColumns = `coalesce(p.id, 0), coalesce(p.email, ''), coalesce(p.name, ''), coalesce(p.disabled, false),
	coalesce(p.generation, 0), p.created_at, p.link_until,
	ARRAY(SELECT role FROM person_roles WHERE person_id = p.id), ARRAY(SELECT team FROM person_teams WHERE person_id = p.id ORDER BY team)`

// personScan reads personColumns.
type personScan struct {
	person access.Person
	roles  []access.Role
}

func (r *personScan) fields() []any {
	p := &r.person
	return []any{
		&p.ID, &p.Email, &p.Name, &p.Disabled, &p.Generation,
		timeOrZero{&p.CreatedAt},
		timeOrZero{&p.LinkUntil},
		&r.roles, &p.Teams,
	}
}

func (r *personScan) done() access.Person {
	r.person.Roles = inOrder(r.roles)
	return r.person
}

// inOrder puts roles in the order in which pages show them.
func inOrder(held []access.Role) []access.Role {
	return slices.DeleteFunc(access.Roles(), func(r access.Role) bool { return !slices.Contains(held, r) })
}

// People lists everybody by name.
func (s *Store) People(ctx context.Context) ([]access.Person, error) {
	var rows []personRow
	if err := s.read(ctx).Preload("Roles").Preload("Teams").Order("name, id").Find(&rows).Error; err != nil {
		return nil, translate(fmt.Errorf("listing the people: %w", err))
	}
	people := make([]access.Person, len(rows))
	for i, r := range rows {
		people[i] = r.person()
	}
	return people, nil
}

// CreatePerson adds a person. An event without an object is given the person's.
func (s *Store) CreatePerson(ctx context.Context, p access.Person, passwordHash string, event access.AuditEvent) (access.Person, error) {
	return s.createPerson(ctx, newPersonRow(p, passwordHash), event)
}

// InvitePerson is CreatePerson of a person with a link to choose a password, good until LinkUntil.
func (s *Store) InvitePerson(ctx context.Context, p access.Person, linkHash []byte, event access.AuditEvent) (access.Person, error) {
	row := newPersonRow(p, "")
	row.LinkHash, row.LinkUntil = linkHash, p.LinkUntil
	return s.createPerson(ctx, row, event)
}

func (s *Store) createPerson(ctx context.Context, row personRow, event access.AuditEvent) (access.Person, error) {
	err := s.inTx(ctx, func(tx *txn) error {
		if err := tx.lockPeople(ctx); err != nil {
			return err
		}
		if err := tx.orm.Create(&row).Error; err != nil {
			return fmt.Errorf("adding %s: %w", row.Email, err)
		}
		tx.noteFor(fmt.Sprintf("person/%d", row.ID), []access.AuditEvent{event})
		_, err := tx.recordActs(ctx, row.person(), event, access.ActAdd)
		return err
	})
	if err != nil {
		return access.Person{}, err
	}
	return row.person(), nil
}

func newPersonRow(p access.Person, passwordHash string) personRow {
	row := personRow{
		Email: access.NormalEmail(p.Email), Name: p.Name, PasswordHash: passwordHash, Disabled: p.Disabled,
		CreatedAt: p.CreatedAt,
	}
	if row.CreatedAt.IsZero() {
		row.CreatedAt = timeNow()
	}
	for _, role := range p.Roles {
		row.Roles = append(row.Roles, personRole{Role: string(role)})
	}
	for _, team := range p.Teams {
		row.Teams = append(row.Teams, personTeam{Team: team})
	}
	return row
}

// UpdatePerson locks a person, lets decide alter name, roles, teams, generation and
// whether they are disabled, and saves what it leaves. Decide also sees everybody else,
// who stay as they are until the end, the settings and the review rules. Whoever is
// disabled loses their tokens.
func (s *Store) UpdatePerson(ctx context.Context, id int64, decide func(p *access.Person, personContext access.PersonContext) ([]access.AuditEvent, error)) (access.Person, error) {
	var p access.Person
	err := s.inTx(ctx, func(tx *txn) error {
		personContext, err := tx.personContext(ctx, id)
		if err != nil {
			return err
		}
		var row personRow
		if err := tx.orm.Clauses(clause.Locking{Strength: "UPDATE"}).Preload("Roles").Preload("Teams").Take(&row, "id = ?", id).Error; err != nil {
			return missing(err, noPerson, id)
		}
		p = row.person()
		was := p
		events, err := decide(&p, personContext)
		if err != nil {
			return err
		}
		tx.noteFor(fmt.Sprintf("person/%d", id), events)
		if p.Disabled && len(events) > 0 {
			p.LinkUntil = time.Time{}
			if err := tx.revokeTokens(ctx, id, time.Time{}, events[0]); err != nil {
				return err
			}
		}
		if err := tx.savePerson(p); err != nil || len(events) == 0 {
			return err
		}
		p.Generation, err = tx.recordActs(ctx, p, events[0], access.ActsBetween(was, p)...)
		return err
	})
	if err != nil {
		return access.Person{}, err
	}
	return p, nil
}

// personContext reads what surrounds a person, and keeps other people from being altered.
func (tx *txn) personContext(ctx context.Context, id int64) (access.PersonContext, error) {
	var none, a access.PersonContext
	if err := tx.lockPeople(ctx); err != nil {
		return none, err
	}
	var rows []personRow
	if err := tx.orm.Preload("Roles").Preload("Teams").Find(&rows, "id <> ?", id).Error; err != nil {
		return none, fmt.Errorf("reading the other people: %w", err)
	}
	for _, r := range rows {
		a.Others = append(a.Others, r.person())
	}
	n, err := head(ctx, tx)
	if err != nil {
		return none, err
	}
	if a.Settings, err = loadSettings(ctx, tx, n); err != nil {
		return none, err
	}
	if a.Rules, err = loadRules(ctx, tx, n); err != nil {
		return none, err
	}
	a.Groups, err = loadGroups(tx.orm)
	return a, err
}

func (tx *txn) savePerson(p access.Person) error {
	set := map[string]any{"name": p.Name, "disabled": p.Disabled, "generation": p.Generation}
	if p.LinkUntil.IsZero() {
		set["link_hash"], set["link_until"] = nil, nil
	}
	if err := tx.orm.Model(&personRow{}).Where("id = ?", p.ID).Updates(set).Error; err != nil {
		return fmt.Errorf("saving person %d: %w", p.ID, err)
	}
	if err := tx.orm.Where("person_id = ?", p.ID).Delete(&personRole{}).Error; err != nil {
		return fmt.Errorf("replacing the roles of person %d: %w", p.ID, err)
	}
	if err := tx.orm.Where("person_id = ?", p.ID).Delete(&personTeam{}).Error; err != nil {
		return fmt.Errorf("replacing the teams of person %d: %w", p.ID, err)
	}
	for _, role := range p.Roles {
		if err := tx.orm.Create(&personRole{PersonID: p.ID, Role: string(role)}).Error; err != nil {
			return fmt.Errorf("giving person %d the role %s: %w", p.ID, role, err)
		}
	}
	for _, team := range p.Teams {
		if err := tx.orm.Create(&personTeam{PersonID: p.ID, Team: team}).Error; err != nil {
			return fmt.Errorf("putting person %d into team %s: %w", p.ID, team, err)
		}
	}
	return nil
}

// SetPassword replaces the hash of a person's password.
func (s *Store) SetPassword(ctx context.Context, personID int64, passwordHash string, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tx.noteFor(fmt.Sprintf("person/%d", personID), []access.AuditEvent{event})
		return onlyRow(tx.orm.Model(&personRow{}).Where("id = ?", personID).Update("password_hash", passwordHash), noPerson, personID)
	})
}

// ReplacePassword replaces the hash of a person's password. It ends their sessions and any link, and on request their
// tokens, and returns the generation of the sessions that are good from now on.
func (s *Store) ReplacePassword(
	ctx context.Context, personID int64, passwordHash string, tokens bool, event access.AuditEvent,
) (int64, error) {
	return s.endSessions(ctx, personID, tokens, event, ", password_hash = $2, link_hash = NULL, link_until = NULL", passwordHash)
}

// EndSessions ends all sessions of a person, on request their tokens, and returns the
// generation of the sessions that are good from now on.
func (s *Store) EndSessions(ctx context.Context, personID int64, tokens bool, event access.AuditEvent) (int64, error) {
	return s.endSessions(ctx, personID, tokens, event, "")
}

// endSessions also sets what is given of the person.
func (s *Store) endSessions(ctx context.Context, personID int64, tokens bool, event access.AuditEvent, set string, args ...any) (int64, error) {
	var generation int64
	err := s.inTx(ctx, func(tx *txn) error {
		if set != "" {
			if err := tx.lockPeople(ctx); err != nil {
				return err
			}
		}
		tx.noteFor(fmt.Sprintf("person/%d", personID), []access.AuditEvent{event})
		p := access.Person{ID: personID}
		err := tx.QueryRow(ctx, "UPDATE people SET generation = generation + 1"+set+
			" WHERE id = $1 RETURNING generation, disabled", append([]any{personID}, args...)...).
			Scan(&p.Generation, &p.Disabled)
		if err != nil {
			return missing(err, noPerson, personID)
		}
		generation = p.Generation
		if set != "" && event.Kind == access.ActorSystem && !p.Disabled {
			if generation, err = tx.recordActs(ctx, p, event); err != nil {
				return err
			}
		}
		if tokens {
			return tx.revokeTokens(ctx, personID, time.Time{}, event)
		}
		return nil
	})
	return generation, err
}

// onlyRow refuses an update that met no row.
func onlyRow(done *gorm.DB, format string, args ...any) error {
	if done.Error == nil && done.RowsAffected == 0 {
		return access.Errorf(access.KindNotFound, format, args...)
	}
	return done.Error
}
