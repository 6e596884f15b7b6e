// Package harness is what the tests from outside share: it builds the binary once, runs
// it as processes that can be killed and frozen, gives each test a database of its own,
// and looks at the result as an outsider does: through pages, through the HTTP API,
// through AWS's wire protocol and through the sandbox's own record of calls.
//
// It may use everything of ours, and knows of the console only its command line, its
// pages and its API. Whatever a test starts ends with the test; when the test binary
// itself dies, Linux ends what it started.
//
// # Files
//
//	binary.go    builds portcullis once per test binary, and cleans up after it
//	process.go   a running portcullis: its output, its signals, its memory
//	nursery*.go  ties the life of processes to ours
//	console.go   portcullis serve and portcullis demo, ready to be used
//	sandbox.go   portcullis sandbox: faults, calls, documents, credentials
//	database.go  a Postgres database of its own for each test; contents.go: what is in it
//	postgres.go  a Postgres server of one test alone, to be crashed, cut off and slowed down;
//	             messages.go: counts what it is asked
//	visitor.go   somebody with a browser that knows no JavaScript
//	page.go      what such a browser gets; form.go: filling in and sending forms
//	crew.go      the people that bring a change from draft to rollout
//	api.go       a program with an API token
//	aws.go       an IAM user at some address of the network
//	wait.go      polling with a deadline
package harness
