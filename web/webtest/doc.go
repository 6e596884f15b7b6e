// Package webtest starts a console over fakes of its services, and is its browser. Only
// tests import it: those of web, transport, api and pages.
//
// A fake answers with the values that a test has put in, and writes down the requests that
// reached it.
package webtest
