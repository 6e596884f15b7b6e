// Package api is the console's HTTP API for programs, JSON below /api/v1. A program signs in
// with a bearer token; no cookie counts here. The parts in web/openapi describe every route.
//
// It may import transport, access, authz, scenario, and the services for the types of
// their arguments; it must not import pages or view. It holds no rules: the services decide
// who may do what, and the permission of a route refuses earlier, never more.
//
// # A request's way
//
//	transport ─▶ read:   asJSON   ─▶ parameters ─▶ handler ─▶ service ─▶ JSON
//	             change: asAction ─▶ idempotency key ─▶ body, If-Match ─▶ handler ─▶ service ─▶ JSON, ETag, Location
//	                                        │
//	                                        └─ key was used: the answer that was kept
//
// routes.go lists all routes. Each noun has a file with a small receiver (changeAPI,
// rolloutAPI …) and the interfaces that this noun needs of the services; services.go joins
// them for the Config. json.go and json_rollout.go hold the forms in which values are sent.
package api
