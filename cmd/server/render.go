package main

import (
	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/scenario"
)

type renderCmd struct {
	scenarioFlag `embed:""`
	Account      string `placeholder:"ID" help:"Only this account's documents."`
	atFlag       `embed:""`
}

func (cmd renderCmd) Run(c *console) error {
	now, err := cmd.now()
	if err != nil {
		return err
	}
	s, err := cmd.read(c)
	if err != nil {
		return err
	}
	var only access.AccountID
	if cmd.Account != "" {
		account, err := cmd.account(s, cmd.Account)
		if err != nil {
			return err
		}
		only = account.ID
	}
	documents, err := scenario.Render(s, only, now)
	if err != nil {
		return cmd.in(err)
	}
	_, err = c.out.Write(documents)
	return err
}
