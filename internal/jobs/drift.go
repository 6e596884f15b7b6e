package jobs

// QueueDrift is the queue of the jobs that compare live documents with the desired state.
const QueueDrift = "drift"

// ScanAccounts asks a worker to have every account read again, and so scanned.
type ScanAccounts struct{}

// Kind names the job in the queue.
func (ScanAccounts) Kind() string { return "scan_accounts" }

// CompareAccounts asks a worker to compare the accounts that were read since the last comparison
// with the desired state, and to request reads of the accounts of ended rollouts.
type CompareAccounts struct{}

// Kind names the job in the queue.
func (CompareAccounts) Kind() string { return "compare_accounts" }
