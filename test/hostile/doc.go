// Package hostile is a colleague with an account, a proxy and bad intentions, against a
// running console on a real database. What they may try on every route is derived from
// the console's own route table and from the methods of its services, so that a route or
// a method that is added later is tried as well, and one without a rule fails.
//
// # Files
//
//	rules_test.go     the rules that every route has to have; what is exempt, and why
//	services_test.go  every method of every service authorises before it does anything
//	world_test.go     a console with people of every role and changes in every state
//	attacker_test.go  somebody who sends requests: a session, a token, or neither
//	routes_test.go    every route × every role × nobody × ids of others
//	records_test.go   what all of it has left in the audit log
//	forms_test.go     foreign pages, too much at once, fields that nobody asked for
//	review_test.go    approving one's own change; another digest; sending twice
//	browser_test.go   sessions, cookies, redirects, addresses, files
//	texts_test.go     texts that would be markup, on every page
package hostile
