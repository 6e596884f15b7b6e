package policy

import (
	"strings"

	"portcullis/internal/access"
)

// Only checks that an account is one that the scenario knows.
func (c *Compiler) Only(id access.AccountID) ([]access.AccountID, error) {
	_, listed := c.index[id]
	if _, cross := c.cross[id]; !listed && !cross {
		return nil, access.Invalid("account", "account %s is not in the scenario; add it under accounts, or correct the id", id)
	}
	return []access.AccountID{id}, nil
}

// Refusal is the first issue that makes a document impossible.
func (c *Compiler) Refusal() error {
	for _, i := range c.Issues() {
		if i.Severity != SeverityError {
			continue
		}
		message := i.Message + "; " + i.Advice
		if i.Position != "" {
			message = i.Position + ": " + message
		}
		return access.Errorf(access.KindInvalid, "%s", message)
	}
	return nil
}

// Locate puts the position of a mapping in the scenario before the refusal of a
// document: the first mapping whose role the message names.
func (c *Compiler) Locate(err error, id access.AccountID) error {
	message := access.MessageOf(err)
	for i := range c.mappings {
		p := &c.mappings[i]
		if pos := c.positions["mapping/"+p.ID]; pos != "" && strings.Contains(message, "role "+p.Role.String()+" in account "+string(id)) {
			return access.Errorf(access.KindOf(err), "%s: %s", pos, message)
		}
	}
	return err
}
