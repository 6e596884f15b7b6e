// Package deps tests which package may import which. rules_test.go holds the rules;
// the table in docs/architecture.md is generated from them. A new package fails the test
// until it has a row.
package deps
