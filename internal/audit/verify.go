package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// Given is what somebody brings to a verification from elsewhere.
type Given struct {
	Checkpoints []access.Checkpoint
	Keys        []string // public keys to trust beside the own one, as of a key that was replaced
}

// Report says what a verification that found nothing wrong has covered.
type Report struct {
	Events      int64
	Checkpoints int
	Newest      access.Checkpoint // zero where there is none
	// Unsigned says that no key is known, so that checkpoints of the database could not
	// be told from forged ones and were not used.
	Unsigned bool
}

// Verify recomputes the whole chain and compares it with the checkpoints of the database, of the
// ledger and of the caller. The error names the first broken link.
func (s *Service) Verify(ctx context.Context, given Given) (Report, error) {
	trusted, err := s.trustedKeys(given.Keys)
	if err != nil {
		return Report{}, err
	}
	known, err := s.gather(ctx, given.Checkpoints)
	if err != nil {
		return Report{}, err
	}
	r := Report{Unsigned: len(trusted) == 0}
	if r.Unsigned {
		if len(given.Checkpoints) > 0 {
			return Report{}, access.Errorf(access.KindInvalid, "Nothing says which key the checkpoints are signed with. Give the public one with --key, or the data folder that holds it.")
		}
		known = nil
	}
	for _, c := range known {
		if err := c.Check(trusted); err != nil {
			return Report{}, err
		}
	}
	if r.Events, err = s.Store.VerifyAudit(ctx, known...); err != nil {
		return Report{}, err
	}
	if r.Checkpoints = len(known); r.Checkpoints > 0 {
		r.Newest = slices.MaxFunc(known, bySeq)
	}
	return r, nil
}

func (s *Service) trustedKeys(given []string) ([]string, error) {
	var trusted []string
	if s.Key != nil {
		trusted = append(trusted, access.PublicKeyText(s.Key))
	}
	for _, k := range given {
		if _, err := access.ParsePublicKey(k); err != nil {
			return nil, err
		}
		trusted = append(trusted, k)
	}
	return trusted, nil
}

// gather collects the checkpoints of all places, each once.
func (s *Service) gather(ctx context.Context, given []access.Checkpoint) ([]access.Checkpoint, error) {
	kept, err := s.Store.Checkpoints(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoints: %w", err)
	}
	entered, err := s.readLedger()
	if err != nil {
		return nil, err
	}
	all := slices.Concat(kept, entered, given)
	slices.SortStableFunc(all, bySeq)
	return slices.Compact(all), nil
}

func bySeq(a, b access.Checkpoint) int { return int(a.Seq - b.Seq) }

// readLedger reads the ledger.
func (s *Service) readLedger() ([]access.Checkpoint, error) {
	if s.Ledger == "" {
		return nil, nil
	}
	f, err := os.Open(s.Ledger)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, access.Wrap(access.KindUnavailable, err, "The checkpoints beside the key cannot be read")
	}
	defer f.Close()
	found, err := access.ReadCheckpoints(f)
	if err != nil {
		return nil, access.Wrap(access.KindConflict, err, "The file of checkpoints beside the key, %s, is damaged", s.Ledger)
	}
	return found, nil
}
