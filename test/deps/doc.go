// Package deps holds the rules of who may import whom, as a test. The table is the one
// of docs/architecture.md: a package that is not in it fails the test, so that a new
// package gets its place before it gets its users.
package deps
