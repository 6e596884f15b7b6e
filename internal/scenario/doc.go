// Package scenario reads and writes files: a desired state as a scenario in YAML or JSON, and the documents
// that it compiles to as JSON, Terraform or CloudFormation. Teams use scenarios for review outside the
// console, in tests and with `portcullis policy render`.
//
//	scenario.yaml ──ParseScenario──▶ Scenario ──YAML, JSON──▶ the same scenario again
//	                                    │
//	                                    └──Render──▶ {"accounts": {ID: {"roles": …, "users": …}}}
//
//	operations of a plan ──Export──▶ Terraform, CloudFormation
//
// The package is pure: it takes and returns bytes, so files are the caller's business. The same input
// gives the same bytes. An unknown key is an error, and an error names the position in the file. It may
// import access, iam and policy.
//
// # Files
//
//	scenario.go   the scenario and what is checked when it is read
//	strategies.go the strategies of a scenario
//	yaml.go       YAML with positions, for error messages
//	print.go      scenarios as YAML and JSON
//	render.go     the documents of a scenario
//	export.go     the documents of one account as CloudFormation
//	terraform.go  the same as Terraform
package scenario
