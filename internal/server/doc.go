// Package server puts the parts together: it reads no policy and contains no rule. It starts all
// parts in the right order, watches over them, and stops them in the reverse order.
//
//	configuration ─▶ listeners ─▶ database ─▶ schema ─▶ sandbox ─▶ services ─▶ workers ─▶ sample data ─▶ ready
//	                    │          (private cluster, or DATABASE_URL)               (demo)
//	                    └── answers /healthz from the first moment, everything else with 503 until ready
//
// The configuration is checked before anything is touched, AWS settings and the audit key included. Ports come next, so
// that one in use is known before the database starts. The schema of a private database is brought up to date; that of
// another one only with Migrate.
//
// # Files
//
//	config.go    what there is to set
//	server.go    Start, Wait, Stop
//	stack.go     what has been started, to be stopped in reverse
//	listen.go    listeners, HTTP servers, the door that opens when all is ready
//	database.go  the private cluster or the given database, and its schema;
//	             lock.go one demo per data folder
//	cloud.go     AWS or the sandbox
//	services.go  the services over store and cloud
//	workers.go   the job queue's client
//	supervise.go background parts that are started again when they fail
//	credentials.go  the identity of the console in AWS, and a replica whose credentials are refused
//	readiness.go  what /readyz asks and says
//	failed_jobs.go  the log of background jobs that fail
//	scans.go     metrics of scans; the others are in telemetry
//	queue.go     the job queue's own pages
//	admin.go     the same services for the command line, without pages and workers;
//	             migrate.go the schema for it
//	die_at.go    how tests have it die at a named point
//	demo.go, sample.go   sample people and sample desired state
package server
