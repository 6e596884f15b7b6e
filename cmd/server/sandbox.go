package main

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/server"
)

// maxAccounts is more than any organization has.
const maxAccounts = 50_000

type sandboxCmd struct {
	Listen   string `env:"PORTCULLIS_SANDBOX_LISTEN" default:"127.0.0.1:8081" placeholder:"ADDR" help:"Where it listens."`
	Accounts int    `default:"24" help:"Accounts of the organization."`
	Snapshot string `placeholder:"FILE" help:"A file that keeps its state over a restart."`
	logFlags `embed:""`
}

func (cmd sandboxCmd) Run(c *console) error {
	if cmd.Accounts < 1 || cmd.Accounts > maxAccounts {
		return usagef("--accounts: %d is out of range; give 1 to %d", cmd.Accounts, maxAccounts)
	}
	box, err := server.StartSandbox(c.ctx, server.Sandbox{Listen: cmd.Listen, Accounts: cmd.Accounts, Snapshot: cmd.Snapshot}, cmd.logger(c.err))
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\nThe sandbox organization is ready:  %s\n\n", box.URL)
	printKeys(c, box)
	fmt.Fprintf(c.out, "  Stop         Ctrl+C\n\n")
	<-c.ctx.Done()
	return box.Stop(context.WithoutCancel(c.ctx))
}

// printKeys shows the access keys of the management account and of the first other one,
// and calls that show an allowlist at work.
func printKeys(c *console, box *server.SandboxRunning) {
	keys := box.Credentials()
	shown := map[string]bool{}
	for _, k := range keys {
		if shown[k.AccountName] = true; len(shown) > 2 {
			break
		}
		fmt.Fprintf(c.out, "               %s  %s  %s (%s %s)\n", k.AccessKeyID, k.SecretAccessKey, k.User, k.AccountName, k.Account)
	}
	fmt.Fprintf(c.out, "               (of other accounts: %s/_sandbox/credentials?account=ID)\n", box.URL)
	for _, k := range keys {
		if k.User != "alice" {
			continue
		}
		fmt.Fprintf(c.out, "  Assume the role Bob from an address in the allowlist office, and from one outside it:\n")
		fmt.Fprintf(c.out, "    export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_DEFAULT_REGION=us-east-1\n", k.AccessKeyID, k.SecretAccessKey)
		for _, from := range []string{"103.15.250.7", "8.8.8.8"} {
			fmt.Fprintf(c.out, "    aws --endpoint-url %s/from/%s sts assume-role --role-arn arn:aws:iam::%s:role/Bob --role-session-name alice\n", box.URL, from, k.Account)
		}
		return
	}
}
