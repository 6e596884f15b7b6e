// Package jobs has the arguments of the background jobs: the store inserts them in a transaction
// and a worker executes them later. It imports the standard library only, so that neither side
// knows the other.
package jobs

// Queue names.
const (
	QueueRollout = "rollout"
	QueueSync    = "sync"
	QueueTime    = "time"
)

// PushTarget asks a worker to push one target of a rollout. The target's row says
// whether there is anything left to do, so a job that runs twice does no harm.
type PushTarget struct {
	RolloutID int64  `json:"rollout_id"`
	Account   string `json:"account"`
}

// Kind names the job in the queue.
func (PushTarget) Kind() string { return "push_target" }

// CheckWave asks a worker for one look at the health of a rollout's wave.
type CheckWave struct {
	RolloutID int64 `json:"rollout_id"`
	Wave      int   `json:"wave"`
	Seq       int   `json:"seq"`
}

// Kind names the job in the queue.
func (CheckWave) Kind() string { return "check_wave" }

// SyncOrganization asks a worker to read accounts and OUs from Organizations.
type SyncOrganization struct{}

// Kind names the job in the queue.
func (SyncOrganization) Kind() string { return "sync_organization" }

// ReadInventory asks a worker to read the roles and users of one account.
type ReadInventory struct {
	Account string `json:"account"`
}

// Kind names the job in the queue.
func (ReadInventory) Kind() string { return "read_inventory" }

// KeepTime asks a worker to do what is due: expiries and scheduled changes.
type KeepTime struct{}

// Kind names the job in the queue.
func (KeepTime) Kind() string { return "keep_time" }
