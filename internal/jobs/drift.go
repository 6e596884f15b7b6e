package jobs

// QueueDrift is the queue of what holds live documents against the desired state.
const QueueDrift = "drift"

// ScanAccounts asks a worker to have every account read again, and so scanned.
type ScanAccounts struct{}

// Kind names the job in the queue.
func (ScanAccounts) Kind() string { return "scan_accounts" }

// CompareAccounts asks a worker to hold what was read since the last comparison against
// the desired state, and to have those accounts read that a rollout has done with.
type CompareAccounts struct{}

// Kind names the job in the queue.
func (CompareAccounts) Kind() string { return "compare_accounts" }
