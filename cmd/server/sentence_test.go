package main

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func TestSentence(t *testing.T) {
	refused := fmt.Errorf("dial: %w", errors.Join(errors.New("the first address"), fmt.Errorf("tcp: %w", syscall.ECONNREFUSED)))
	for want, err := range map[string]error{
		"adding x: Somebody is there already.":                        fmt.Errorf("adding x: %w", access.Wrap(access.KindConflict, errors.New("SQLSTATE 23505"), "Somebody is there already.")),
		"migrating: the database does not answer: connection refused": fmt.Errorf("migrating: %w", access.Wrap(access.KindUnavailable, refused, "the database does not answer.")),
		"the file is empty": access.Errorf(access.KindInvalid, "the file is empty"),
		"a defect: of ours": access.Wrap(access.KindInternal, errors.New("of ours"), "a defect"),
		"plain":             errors.New("plain"),
	} {
		if got := sentence(err); got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
}
