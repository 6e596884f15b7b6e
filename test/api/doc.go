// Package api tests the HTTP API from outside: it sends every request that the OpenAPI
// description documents to a real console, and has every answer judged by the description
// itself, with a validator of JSON Schema that others wrote.
//
// # Files
//
//	judge_test.go     sends requests, judges answers, and knows what was never asked
//	replay_test.go    a change's way through the API, from its proposal to its rollout
//	refusals_test.go  what every operation answers to those who may not
package api
