package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/scenario"
)

// scenarioFlag names the scenario file; - is standard input.
type scenarioFlag struct {
	File string `short:"f" required:"" placeholder:"FILE" help:"The scenario file; - for standard input."`
}

// name is what messages call the file.
func (f scenarioFlag) name() string {
	if f.File == "-" {
		return "standard input"
	}
	return f.File
}

// in says of an error in which file it is, unless it says so already.
func (f scenarioFlag) in(err error) error {
	if strings.HasPrefix(err.Error(), f.name()+":") {
		return err
	}
	return fmt.Errorf("%s: %w", f.name(), err)
}

func (f scenarioFlag) read(c *console) (scenario.Scenario, error) {
	name := f.name()
	var data []byte
	var err error
	if f.File == "-" {
		data, err = io.ReadAll(c.in)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return scenario.Scenario{}, fmt.Errorf("%s: cannot be read: %w. Give the path of a scenario file with -f", name, cause(err))
	}
	return scenario.ParseScenario(data, name)
}

// cause leaves out the path, which the message has already.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// account reads an account id that the scenario has to know.
func (f scenarioFlag) account(s scenario.Scenario, id string) (access.Account, error) {
	if !access.AccountID(id).Valid() {
		return access.Account{}, usagef("--account: %q is not an account id; an id has 12 digits", id)
	}
	for _, a := range s.Accounts {
		if a.ID == access.AccountID(id) {
			return a, nil
		}
	}
	return access.Account{}, fmt.Errorf("%s: the scenario has no account %s. Add it under accounts, or name one of those that are there", f.name(), id)
}
