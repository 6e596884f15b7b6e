package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/policy"
)

type lintCmd struct {
	scenarioFlag `embed:""`
	JSON         bool `name:"json" help:"Print the issues as JSON."`
}

func (cmd lintCmd) Run(c *console) error {
	s, err := cmd.read(c)
	if err != nil {
		return err
	}
	issues := policy.Lint(policy.Input{
		State: s.State, Accounts: s.Accounts, OUs: s.OUs, Now: time.Now(), Positions: s.Positions,
	})
	if err := cmd.print(c, issues); err != nil {
		return err
	}
	for _, i := range issues {
		if i.Severity == policy.SeverityError {
			return exitError(exitLint)
		}
	}
	return nil
}

func (cmd lintCmd) print(c *console, issues []policy.Issue) error {
	if cmd.JSON {
		if issues == nil {
			issues = []policy.Issue{}
		}
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		return enc.Encode(issues)
	}
	for _, i := range issues {
		line := fmt.Sprintf("%s: %s %s: %s: %s", cmp.Or(i.Position, cmd.name()), i.Severity, i.Code, i.Object, i.Message)
		if i.Advice != "" {
			line = strings.TrimSuffix(line, ".") + "; " + i.Advice
		}
		if _, err := fmt.Fprintln(c.out, oneLine(line)); err != nil {
			return err
		}
	}
	return nil
}
