// Package embedded runs a private Postgres cluster for those who name no database of
// their own. It uses the Postgres binaries of the machine, keeps the cluster in one
// folder, and lets it listen on a socket in that folder only.
//
// It knows nothing of what is stored. It may touch its folder and the process that it
// started, nothing else.
//
// # Life of a cluster
//
//	         ┌── initdb (first time) ──┐
//	folder ──┤                         ├─▶ started ──Stop──▶ stopped
//	         └── left by a dead starter┘      ▲
//	                                          └─── joined (another process started it;
//	                                               Stop leaves it running)
//
// Postgres refuses to run as root, so a root process runs it as an unprivileged user:
// the one that owns the cluster already, else postgres, else nobody. When the process
// that started a cluster dies, however it dies, Linux tells Postgres to shut down; the
// next Start waits for that to end and clears what is left.
//
// # Files
//
//	embedded.go   Start, Stop and the address of a cluster
//	folder.go     the layout of the folder, its checks, the lock of the starter
//	owner.go      which user Postgres runs as, and whether it can reach the folder
//	binaries.go   where initdb and postgres are; fetch.go fetches them
//	process.go    the Postgres process; spawn_linux.go ties its life to ours
//	postmaster.go who runs in a folder already
package embedded
