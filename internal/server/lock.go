package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"portcullis.internal/portcullis/internal/access"
)

// lockDir keeps a second demo out of a data folder: its sandbox would overwrite what the
// first one's has kept. The lock ends with the process, however that ends.
func lockDir(dir string, started *stack) error {
	if err := prepareDir(dir); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, "demo.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("locking the data folder: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		_ = f.Close()
		return access.Errorf(access.KindUnavailable, "A demo is running in the data folder %s already. Use that one, stop it, or give another folder with --data-dir", dir)
	case err != nil:
		_ = f.Close()
		return fmt.Errorf("locking the data folder: %w", err)
	}
	started.push("the data folder", func(context.Context) error { return f.Close() })
	return nil
}
