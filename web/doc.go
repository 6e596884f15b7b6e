// Package web is the console as a browser and a program see it: routes, sign-in,
// sessions, the error page and one file per noun. It calls the services and renders
// props with the view package; it holds no rules of its own. Who may do what is decided
// by the services; the permission named beside a route refuses earlier, never more.
//
// It may import the services, access, authz and view; never store or aws. It is the only
// package that imports echo.
//
// # A request's way
//
//	request id ─▶ log record ─▶ recover ─▶ headers ─▶ gzip ─▶ session ─▶ actor ─▶ permission ─▶ handler
//	                                                                                    │
//	                                  page in a buffer ◀── 200, 303, 422 ◀──────────────┤
//	                                  errors.go        ◀── any error ◀──────────────────┘
//
// # Files
//
//	server.go      configuration and assembly
//	services.go    what the package needs of the services
//	routes.go      the route table, and the guards that every route gets
//	session.go     who is asking
//	middleware.go  request ids, log records, headers; pack.go packs answers
//	errors.go      the only place where an error becomes an answer
//	render.go      page shell, rendering, forms that come back filled in
//	assets.go      style sheets, scripts and fonts under hashed addresses
package web
