// Package view renders the console's pages: templ components, each with its props struct
// above it, the functions that make every URL, and the words and colours in which values
// are shown. It may import access and policy, and does no work of its own: what a page
// shows, its props hold.
//
// # Files
//
//	shell.go, layout.templ      what surrounds every page
//	parts.templ                 cards, badges, alerts, pagers, empty states …
//	fields.templ, problems.go   form fields, and messages beside them
//	diff.templ                  documents before and after
//	icons.templ                 icons as inline SVG
//	format.go, tone.go          values in words and colours
//	urls.go                     every address of the console; pages and handlers take them from here only
//	one .templ per noun         the pages
//
// After a change to a .templ file run `go tool templ generate -path web/view`; the
// generated files are committed.
package view
