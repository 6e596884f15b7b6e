package policy

import (
	"errors"

	"portcullis.internal/portcullis/internal/access"
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

// RoleError says that a document for one role cannot be compiled in one account, for
// example because the trust policy is too long. Its message is that of Err.
type RoleError struct {
	Role    access.RoleName
	Account access.AccountID
	Err     error
}

func (e *RoleError) Error() string { return e.Err.Error() }

func (e *RoleError) Unwrap() error { return e.Err }

// Locate puts the position of a mapping in the scenario before a RoleError: of the first
// mapping of its role. It leaves any other error as it is.
func (c *Compiler) Locate(err error) error {
	var refused *RoleError
	if !errors.As(err, &refused) {
		return err
	}
	for i := range c.mappings {
		p := &c.mappings[i]
		if pos := c.positions["mapping/"+p.ID]; pos != "" && p.Role == refused.Role {
			return access.Errorf(access.KindOf(err), "%s: %s", pos, access.MessageOf(err))
		}
	}
	return err
}
