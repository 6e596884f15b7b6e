package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// rolloutChannel carries the id of a rollout that changed.
const rolloutChannel = "portcullis_rollout"

// How long to wait before listening again after the connection broke, and how long to
// gather ids before telling of them: a page wants to know that a rollout moved, not
// each time that it did.
const (
	listenAgain  = time.Second
	gatherChange = 50 * time.Millisecond
)

// Listen calls notify with the id of each rollout that changes, on any replica, until the
// context ends. It uses a connection of its own. After it was cut off it tells of every
// rollout that is under way, since it cannot know which of them moved.
func (s *Store) Listen(ctx context.Context, notify func(rollout int64)) {
	for again := false; ; again = true {
		err := s.listen(ctx, again, notify)
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("listening for rollouts was interrupted", "err", err)
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) listen(ctx context.Context, again bool, notify func(int64)) error {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connecting to listen: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+rolloutChannel); err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	if again {
		if err := tellOpen(ctx, conn, notify); err != nil {
			return err
		}
	}
	for {
		changed, err := gather(ctx, conn)
		for id := range changed {
			notify(id)
		}
		if err != nil {
			return err
		}
	}
}

// gather waits for a notification and then collects the notifications of a short time after it.
func gather(ctx context.Context, conn *pgx.Conn) (map[int64]bool, error) {
	changed := map[int64]bool{}
	collect := func(ctx context.Context) error {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if id, err := strconv.ParseInt(n.Payload, 10, 64); err == nil {
			changed[id] = true
		}
		return nil
	}
	if err := collect(ctx); err != nil {
		return nil, err
	}
	moment, cancel := context.WithTimeout(ctx, gatherChange)
	defer cancel()
	for {
		if err := collect(moment); err != nil {
			if moment.Err() != nil && ctx.Err() == nil && !conn.IsClosed() {
				return changed, nil
			}
			return changed, err
		}
	}
}

func tellOpen(ctx context.Context, conn *pgx.Conn, notify func(int64)) error {
	ids, err := collect(ctx, conn, pgx.RowTo[int64], "SELECT id FROM rollouts WHERE ended_at IS NULL OR ended_at > now() - interval '1 minute'")
	if err != nil {
		return fmt.Errorf("looking for rollouts under way: %w", err)
	}
	for _, id := range ids {
		notify(id)
	}
	return nil
}
