package webtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// replies keeps answers as the database does.
type replies struct {
	mu   sync.Mutex
	kept map[string]access.IdempotentReply
}

func (f *replies) BeginReply(_ context.Context, token int64, key string, fingerprint []byte, at time.Time) (access.IdempotentReply, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := fmt.Sprint(token, key)
	if r, ok := f.kept[k]; ok {
		return r, false, nil
	}
	f.kept[k] = access.IdempotentReply{Fingerprint: fingerprint, At: at}
	return access.IdempotentReply{}, true, nil
}

func (f *replies) FinishReply(_ context.Context, token int64, key string, r access.IdempotentReply) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept[fmt.Sprint(token, key)] = r
	return nil
}

func (f *replies) DropReply(_ context.Context, token int64, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.kept, fmt.Sprint(token, key))
	return nil
}
