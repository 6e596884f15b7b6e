// Command portcullis is the console, its sandbox, and the tools around them. It reads
// the command line and hands over: what a command does is in the packages it calls.
//
// # Files
//
//	main.go      from arguments to an exit code
//	cli.go       the commands, and how an error is shown
//	flags.go     the settings that several commands share; secrets.go: secrets from files
//	scenario.go  the scenario file
//	apiclient.go the HTTP API, as change.go and change_wait.go use it
//	demo.go, sandbox.go, serve.go, migrate.go, render.go, explain.go, lint.go,
//	audit.go, user.go, token.go, health.go, version.go    one command each
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set at build time.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	c := &console{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr}
	code := c.run(os.Args[1:])
	stop()
	os.Exit(code)
}
