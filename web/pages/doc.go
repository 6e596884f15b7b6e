// Package pages is the console for people: HTML pages and the forms on them. A handler reads
// the form, calls a service and renders the props of the view package.
//
// It may import transport, view, access, authz, authn and iam, and the services for the types
// of their arguments; it must not import api. It holds no rules: the services decide who
// may do what, and the permission of a route refuses earlier, never more.
//
// # A request's way
//
//	transport ─▶ GET:  handler ─▶ service ─▶ props ─▶ view ─▶ a buffer ─▶ 200
//	             POST: handler ─▶ form ─▶ service ─┬─▶ done: a flash sentence and 303 to a page
//	                                               ├─▶ refused: the form again, filled in, with 409, 422 …
//	                                               └─▶ any other error: transport, then Pages.ErrorPage
//
// pages.go lists the nouns. Each noun has a file with a small receiver (allowlistPages,
// changePages …), its routes and the interfaces that it needs of the services; services.go
// joins them for the Config. render.go holds what all pages share: the shell around a page,
// rendering, and forms that come back filled in.
package pages
