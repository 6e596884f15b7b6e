package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

const strategyColumns = "id, name, body, is_default, version"

func scanStrategy(row pgx.CollectableRow) (access.Strategy, error) {
	var s access.Strategy
	var id, version int64
	var name string
	var body []byte
	var byDefault bool
	if err := row.Scan(&id, &name, &body, &byDefault, &version); err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("strategy %d: %w", id, err)
	}
	s.ID, s.Name, s.Default, s.Version = id, name, byDefault, version
	return s, nil
}

// Strategies lists the saved strategies by name.
func (s *Store) Strategies(ctx context.Context) ([]access.Strategy, error) {
	found, err := collect(ctx, s.pool, scanStrategy, "SELECT "+strategyColumns+" FROM strategies ORDER BY lower(name)")
	if err != nil {
		return nil, translate(fmt.Errorf("listing the strategies: %w", err))
	}
	return found, nil
}

// Strategy returns one saved strategy; the default for id 0, which is everything in one
// wave where none was saved as the default.
func (s *Store) Strategy(ctx context.Context, id int64) (access.Strategy, error) {
	query, args := "SELECT "+strategyColumns+" FROM strategies WHERE id = $1", []any{id}
	if id == 0 {
		query, args = "SELECT "+strategyColumns+" FROM strategies WHERE is_default", nil
	}
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return access.Strategy{}, translate(fmt.Errorf("reading strategy %d: %w", id, err))
	}
	found, err := pgx.CollectExactlyOneRow(rows, scanStrategy)
	if id == 0 && errors.Is(err, pgx.ErrNoRows) {
		return access.Strategy{}.OrNamed(), nil
	}
	if err != nil {
		return access.Strategy{}, missing(err, noStrategy, id)
	}
	return found, nil
}

// SaveStrategy adds a strategy whose id is 0, or replaces the one of the id. The default
// is the last one that was saved as such.
func (s *Store) SaveStrategy(ctx context.Context, strategy access.Strategy, event access.AuditEvent) (access.Strategy, error) {
	err := s.inTx(ctx, func(tx *txn) error {
		// Whoever makes one the default must not meet another who does.
		if _, err := tx.Exec(ctx, "LOCK TABLE strategies IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return fmt.Errorf("saving a strategy: %w", err)
		}
		if strategy.Default {
			if _, err := tx.Exec(ctx, "UPDATE strategies SET is_default = false WHERE is_default AND id <> $1", strategy.ID); err != nil {
				return fmt.Errorf("saving a strategy: %w", err)
			}
		}
		body, err := json.Marshal(strategy)
		if err != nil {
			return fmt.Errorf("encoding a strategy: %w", err)
		}
		if strategy.ID == 0 {
			err = tx.QueryRow(ctx, "INSERT INTO strategies (name, body, is_default) VALUES ($1, $2, $3) RETURNING id, version", strategy.Name, body, strategy.Default).Scan(&strategy.ID, &strategy.Version)
			tx.noteFor("strategy/"+strconv.FormatInt(strategy.ID, 10), []access.AuditEvent{event})
			return err
		}
		return tx.replaceStrategy(ctx, &strategy, body, event)
	})
	if err != nil {
		return access.Strategy{}, err
	}
	return strategy, nil
}

func (tx *txn) replaceStrategy(ctx context.Context, s *access.Strategy, body []byte, event access.AuditEvent) error {
	rows, err := tx.Query(ctx, "SELECT "+strategyColumns+" FROM strategies WHERE id = $1", s.ID)
	if err != nil {
		return err
	}
	was, err := pgx.CollectExactlyOneRow(rows, scanStrategy)
	switch {
	case err != nil:
		return missing(err, noStrategy, s.ID)
	case was.Version != s.Version:
		return access.Errorf(access.KindStale, "Somebody else has edited this strategy since you opened it. Look at it again, then repeat your edit.")
	}
	tx.note(event.Between(was, nil))
	return tx.QueryRow(ctx, "UPDATE strategies SET name = $2, body = $3, is_default = $4, version = version + 1 WHERE id = $1 RETURNING version", s.ID, s.Name, body, s.Default).Scan(&s.Version)
}

// RemoveStrategy removes a saved strategy.
func (s *Store) RemoveStrategy(ctx context.Context, id int64, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tag, err := tx.Exec(ctx, "DELETE FROM strategies WHERE id = $1", id)
		if err != nil {
			return fmt.Errorf("removing strategy %d: %w", id, err)
		}
		if tag.RowsAffected() == 0 {
			return access.Errorf(access.KindNotFound, noStrategy, id)
		}
		tx.note(event)
		return nil
	})
}
