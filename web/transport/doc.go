// Package transport is the part of the console that speaks HTTP: the route table and its
// guards, sessions, limits, errors as answers, compression, assets, downloads and streams.
// It knows nothing about pages and nothing about the API's JSON. Both add their routes to
// its Server and get requests of actors who are known and permitted.
//
// It may import access, authn and authz, and must not import api, pages or view. The page
// that tells a browser about an error is a function in the Config.
//
// # A request's way
//
//	request id ─▶ log record ─▶ recover ─▶ headers ─▶ gzip ─▶ known host
//	                                                    │
//	  a page:   Get, Post, Stream ─▶ same origin ─▶ session ─▶ actor ─────────▶ permission ─▶ handler
//	  the API:  API, APIStream    ─▶ same origin ─▶ rate of the address
//	                                              ─▶ token ─▶ rate of the token ─▶ permission ─▶ handler
//	  anyone:   Open, Visitor     ───────────────────────────────────────────────────────────▶ handler
//	                                                                                              │
//	  errors.go: a problem (API), a page (browser), or a way to sign in ◀── any error ◀───────────┘
//
// Stream and APIStream have no timeout; all other routes have one, and a limit on the body.
//
// # Files
//
//	server.go, routes.go        configuration; the route table and the guards of a route
//	hosts.go                    the hosts that the console answers for; foreign pages
//	forms.go                    forms read once, without repeated fields
//	session.go                  sessions and actors
//	middleware.go, pack.go      request ids, log records, headers; compression
//	errors.go, refusals.go      the only place where an error becomes an answer; what goes on record
//	query.go, etag.go, when.go  parameters, If-Match and ETag, times as people write them
//	ratelimit.go                calls of one token and of one address
//	download.go, exports.go     files that are sent while they are read
//	stream.go, stream_reader.go server-sent events, and who may go on reading them
//	check.go                    the lines of /readyz?verbose
//	stream_limit.go             how many streams a person may have open
//	assets.go                   style sheets, scripts and fonts below hashed addresses
package transport
