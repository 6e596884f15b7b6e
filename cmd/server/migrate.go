package main

import (
	"fmt"

	"portcullis.internal/portcullis/internal/server"
)

type migrateCmd struct {
	Action        string `arg:"" optional:"" enum:"up,status" default:"up" help:"up (the default) or status."`
	databaseFlags `embed:""`
	logFlags      `embed:""`
}

func (cmd migrateCmd) Run(c *console) error {
	run := server.Migrate
	if cmd.Action == "status" {
		run = server.MigrationStatus
	}
	lines, err := run(c.ctx, cmd.database(), cmd.logger(c.err))
	for _, line := range lines {
		fmt.Fprintln(c.out, line)
	}
	return err
}
