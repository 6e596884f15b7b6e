// Package telemetry is how operators watch the console's process: metrics for Prometheus, traces
// for OpenTelemetry, the log level of noisy libraries and the limit on memory. It contains no rule
// of the console and knows no service: the composition root passes functions that return numbers,
// and the wrappers for handlers and jobs.
//
// Metric names begin with portcullis_ and are part of the contract with operators: alerts
// and dashboards refer to them. A metric must not be renamed.
//
//	Metrics  NewMetrics ─▶ CountCalls, CountPurpose, WatchCallRates, WatchDatabase,
//	         WatchWork, Register ─▶ Handler answers GET /metrics
//	Tracing  StartTracing ─▶ Requests, Statements, Calls; nil if OTEL_… names no collector
//
// A nil *Tracing traces nothing, so that callers need no check. A scrape asks the database
// once, for three seconds at most; without an answer portcullis_database_up is 0 and the
// other numbers of the database are left out.
//
// # Files
//
//	metrics.go  the registry, HTTP requests, calls to AWS
//	gauges.go   numbers of the database, its connections, limits on calls to AWS
//	work.go     background jobs
//	tracing.go  spans of requests, jobs, statements and calls to AWS, sent by OTLP
//	memory.go   the limit on memory that follows use
//	quiet.go    a logger that passes on warnings and errors only
package telemetry
