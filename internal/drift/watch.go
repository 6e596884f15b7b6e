package drift

import (
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Watch is told what scans do, for metrics.
type Watch interface {
	Read(outcome ReadOutcome, took time.Duration)
	Compared(accounts int, took time.Duration)
	Found(o access.ScanOutcome)
}

// ReadOutcome is what became of reading an account.
type ReadOutcome string

// The outcomes: it was read; it is to be tried again, since AWS throttles; it cannot be
// read.
const (
	ReadDone   ReadOutcome = "read"
	ReadSnooze ReadOutcome = "put_off"
	ReadFailed ReadOutcome = "failed"
)

// unwatched is told and tells nobody.
type unwatched struct{}

func (unwatched) Read(ReadOutcome, time.Duration) {}
func (unwatched) Compared(int, time.Duration)     {}
func (unwatched) Found(access.ScanOutcome)        {}

// outcomeOf is what became of reading an account.
func outcomeOf(err error) ReadOutcome {
	switch {
	case err == nil:
		return ReadDone
	case access.CloudClassOf(err) == access.CloudThrottled, access.KindOf(err) == access.KindConflict:
		return ReadSnooze
	default:
		return ReadFailed
	}
}
