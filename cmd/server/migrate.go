package main

import (
	"fmt"

	"portcullis.internal/portcullis/internal/server"
)

type migrateCmd struct {
	Action        string `arg:"" optional:"" enum:"up,status" default:"up" help:"up (the default) or status."`
	ConsoleRole   string `name:"console-role" env:"PORTCULLIS_CONSOLE_ROLE" default:"portcullis_app" placeholder:"NAME" help:"The database role of the console. It is granted the rights that the console needs, and no more."`
	ConsolePass   string `name:"console-password" env:"PORTCULLIS_CONSOLE_PASSWORD" secret:"" placeholder:"SECRET" help:"The password of that role. With it the role is made, or gets this password. Use the variable: other users of the machine can see a command line."`
	databaseFlags `embed:""`
	logFlags      `embed:""`
}

func (cmd migrateCmd) Run(c *console) error {
	var lines []string
	var err error
	if cmd.Action == "status" {
		lines, err = server.MigrationStatus(c.ctx, cmd.database(), cmd.logger(c.err))
	} else {
		role := server.ConsoleRole{Name: cmd.ConsoleRole, Password: cmd.ConsolePass}
		lines, err = server.Migrate(c.ctx, cmd.database(), role, cmd.logger(c.err))
	}
	for _, line := range lines {
		fmt.Fprintln(c.out, line)
	}
	return err
}
