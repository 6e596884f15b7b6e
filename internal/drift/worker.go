package drift

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
)

// The time limit of each job. An organization of 10,000 accounts is read page by page at a pace
// that Organizations tolerates: its tags one by one, and one by one the accounts that a list lacks.
const (
	OrganizationTimeout = 40 * time.Minute
	InventoryTimeout    = 5 * time.Minute
	CompareTimeout      = 20 * time.Minute
)

// snooze is how long an account that is throttled, or being pushed to, is left alone.
const snooze = 10 * time.Second

// refusedSnooze is the shortest time after which an account is read again if AWS refused the console's own credentials.
// The accounts of an organization come back spread over as long again.
const refusedSnooze = 30 * time.Second

// Register makes a River client's workers read the organization and its accounts.
func Register(workers *river.Workers, s *Service) error {
	if err := river.AddWorkerSafely(workers, &organizationWorker{service: s}); err != nil {
		return fmt.Errorf("registering the organization worker: %w", err)
	}
	if err := river.AddWorkerSafely(workers, &inventoryWorker{service: s}); err != nil {
		return fmt.Errorf("registering the inventory worker: %w", err)
	}
	if err := river.AddWorkerSafely(workers, &scanWorker{service: s}); err != nil {
		return fmt.Errorf("registering the scan worker: %w", err)
	}
	if err := river.AddWorkerSafely(workers, &compareWorker{service: s}); err != nil {
		return fmt.Errorf("registering the comparison worker: %w", err)
	}
	return nil
}

type organizationWorker struct {
	river.WorkerDefaults[jobs.SyncOrganization]
	service *Service
}

// Work reads the organization. A sync that waits for admins is not retried.
func (w *organizationWorker) Work(ctx context.Context, _ *river.Job[jobs.SyncOrganization]) error {
	err := w.service.ReadOrganization(ctx)
	var refusal *access.SyncRefusedError
	if errors.As(err, &refusal) {
		return river.JobCancel(err)
	}
	return err
}

// Timeout bounds one reading.
func (w *organizationWorker) Timeout(*river.Job[jobs.SyncOrganization]) time.Duration {
	return OrganizationTimeout
}

type inventoryWorker struct {
	river.WorkerDefaults[jobs.ReadInventory]
	service *Service
}

// Work reads one account. Throttling costs no attempt, nor does a push during the read, nor refused credentials of the
// console.
func (w *inventoryWorker) Work(ctx context.Context, job *river.Job[jobs.ReadInventory]) error {
	err := w.service.ReadInventory(ctx, access.AccountID(job.Args.Account))
	if access.CloudClassOf(err) == access.CloudCredentials {
		return river.JobSnooze(refusedSnooze + rand.N(refusedSnooze))
	}
	if err != nil && (access.CloudClassOf(err) == access.CloudThrottled || access.KindOf(err) == access.KindConflict) {
		return river.JobSnooze(snooze)
	}
	return err
}

// Timeout bounds one reading.
func (w *inventoryWorker) Timeout(*river.Job[jobs.ReadInventory]) time.Duration {
	return InventoryTimeout
}

type scanWorker struct {
	river.WorkerDefaults[jobs.ScanAccounts]
	service *Service
}

// Work has every account read.
func (w *scanWorker) Work(ctx context.Context, _ *river.Job[jobs.ScanAccounts]) error {
	return w.service.ScanAll(ctx)
}

type compareWorker struct {
	river.WorkerDefaults[jobs.CompareAccounts]
	service *Service
}

// Work compares what was read.
func (w *compareWorker) Work(ctx context.Context, _ *river.Job[jobs.CompareAccounts]) error {
	return w.service.Compare(ctx)
}

// Timeout bounds one comparison of all that was read.
func (w *compareWorker) Timeout(*river.Job[jobs.CompareAccounts]) time.Duration {
	return CompareTimeout
}
