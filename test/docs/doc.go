// Package docs tests that the documentation follows the code: every relative link resolves,
// every heading of docs/aws-facts.md that the code cites exists, and so does every path that
// the pages for developers mention.
//
//	docs_test.go   the three tests, and tests that each of them can fail
//	links_test.go  links between pages
//	facts_test.go  headings that comments cite
//	paths_test.go  files and folders that pages mention
//	tree_test.go   reading the repository
package docs
