package main

import (
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/server"
)

type organizationCmd struct {
	Accept organizationAcceptCmd `cmd:"" help:"Accept what the last sync asks to confirm, in place of admins of two groups."`
}

type organizationAcceptCmd struct {
	ID            string `arg:"" help:"The organization that the last sync saw, or the digest of the gone accounts."`
	databaseFlags `embed:""`
}

// Run accepts as the operator of the server. A running console reads the organization again at once.
func (cmd organizationAcceptCmd) Run(c *console) error {
	return cmd.open(c, func(a *server.Admin) error {
		accepted, err := a.AcceptSync(c.ctx, cmd.ID)
		if err != nil {
			return err
		}
		if accepted.Kind == access.ConfirmOrganization {
			fmt.Fprintf(c.out, "The console serves the organization %s from now on, in place of %s.\n",
				accepted.Seen, accepted.Recorded)
			return nil
		}
		fmt.Fprintf(c.out, "Confirmed: %d accounts are no longer in the organization %s. The next sync saves it.\n",
			len(accepted.Vanished), accepted.Seen)
		return nil
	})
}
