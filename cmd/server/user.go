package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/server"
)

type userCmd struct {
	Add      userAddCmd      `cmd:"" help:"Add a local account."`
	Set      userSetCmd      `cmd:"" help:"Change the roles or teams of an account, or disable it."`
	Password userPasswordCmd `cmd:"" help:"Set a new password for an account."`
	Vouch    userVouchCmd    `cmd:"" help:"Vouch for a person: they are a human of their own, who alone has the account in hand."`
	List     userListCmd     `cmd:"" help:"Who has an account, and who counts together."`
}

type userAddCmd struct {
	Email         string   `required:"" placeholder:"E" help:"The e-mail address that they sign in with."`
	Name          string   `required:"" placeholder:"N" help:"Their name."`
	Role          []string `required:"" placeholder:"R" help:"viewer, editor, approver, operator, auditor, admin or break-glass; may be repeated."`
	Team          []string `placeholder:"T" help:"A team that review rules can ask for; may be repeated."`
	PasswordStdin bool     `name:"password-stdin" help:"Read the password from standard input. Otherwise one is made up and printed."`
	databaseFlags `embed:""`
}

func (cmd userAddCmd) Run(c *console) error {
	roles, err := parseRoles(cmd.Role)
	if err != nil {
		return err
	}
	if err := checkTeams(cmd.Team); err != nil {
		return err
	}
	password, madeUp, err := choosePassword(c, cmd.PasswordStdin)
	if err != nil {
		return err
	}
	return cmd.open(c, func(a *server.Admin) error {
		p, err := a.AddPerson(c.ctx, server.NewPerson{Email: cmd.Email, Name: cmd.Name, Roles: roles, Teams: cmd.Team, Password: password})
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "Added %s <%s>.\n", p.Name, p.Email)
		return showPassword(c, password, madeUp)
	})
}

func parseRoles(names []string) ([]access.Role, error) {
	roles := make([]access.Role, 0, len(names))
	for _, name := range names {
		role, err := access.ParseRole(name)
		if err != nil {
			return nil, usagef("--role: %s", access.MessageOf(err))
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func checkTeams(names []string) error {
	for _, name := range names {
		if _, err := access.ParseTeam(name); err != nil {
			return usagef("--team: %s", access.MessageOf(err))
		}
	}
	return nil
}

type userSetCmd struct {
	Email         string   `required:"" placeholder:"E" help:"The e-mail address of the account."`
	Role          []string `placeholder:"R" help:"The roles from now on; may be repeated. Without it the roles stay."`
	Team          []string `placeholder:"T" xor:"team" help:"The teams from now on; may be repeated. Without it the teams stay."`
	NoTeam        bool     `xor:"team" help:"Remove the person from all teams."`
	Disable       bool     `xor:"state" help:"Disable the account: end its sessions and revoke its API tokens."`
	Enable        bool     `xor:"state" help:"Enable the account again."`
	Confirm       string   `placeholder:"E" help:"The e-mail address again. Needed to remove the last person who can approve, apply or manage people, if the settings allow it."`
	databaseFlags `embed:""`
}

func (cmd userSetCmd) Run(c *console) error {
	roles, err := parseRoles(cmd.Role)
	if err != nil {
		return err
	}
	if err := checkTeams(cmd.Team); err != nil {
		return err
	}
	return cmd.open(c, func(a *server.Admin) error {
		p, err := a.SetPlace(c.ctx, cmd.Email, cmd.Confirm, func(place *server.Place) {
			if len(roles) > 0 {
				place.Roles = roles
			}
			if len(cmd.Team) > 0 || cmd.NoTeam {
				place.Teams = cmd.Team
			}
			place.Disabled = cmd.Disable || place.Disabled && !cmd.Enable
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "Saved %s <%s>.\n", p.Name, p.Email)
		return nil
	})
}

type userPasswordCmd struct {
	Email         string `required:"" placeholder:"E" help:"The e-mail address of the account."`
	PasswordStdin bool   `name:"password-stdin" help:"Read the password from standard input. Otherwise one is made up and printed."`
	KeepTokens    bool   `name:"keep-tokens" help:"Leave their API tokens valid. Otherwise they are revoked, as their sessions are ended in any case."`
	databaseFlags `embed:""`
}

func (cmd userPasswordCmd) Run(c *console) error {
	password, madeUp, err := choosePassword(c, cmd.PasswordStdin)
	if err != nil {
		return err
	}
	return cmd.open(c, func(a *server.Admin) error {
		if err := a.SetPassword(c.ctx, cmd.Email, password, cmd.KeepTokens); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%s has a new password, and is signed out everywhere.\n", access.NormalEmail(cmd.Email))
		return showPassword(c, password, madeUp)
	})
}

// choosePassword reads a password from the first line of standard input, or makes one
// up: one on the command line would stand in the shell's history.
func choosePassword(c *console, stdin bool) (password string, madeUp bool, err error) {
	if !stdin {
		return strings.ToLower(rand.Text()), true, nil
	}
	line, err := bufio.NewReader(io.LimitReader(c.in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, fmt.Errorf("reading the password from standard input: %w", err)
	}
	password = strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", false, errors.New("standard input has no password: give it as the first line")
	}
	return password, false, nil
}

func showPassword(c *console, password string, madeUp bool) error {
	if !madeUp {
		return nil
	}
	_, err := fmt.Fprintf(c.out, "The password, shown this once: %s\n", password)
	return err
}

type userVouchCmd struct {
	Email         string `required:"" placeholder:"E" help:"The e-mail address of the account."`
	databaseFlags `embed:""`
}

func (cmd userVouchCmd) Run(c *console) error {
	return cmd.open(c, func(a *server.Admin) error {
		p, err := a.Vouch(c.ctx, cmd.Email)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "Vouched for %s <%s>.\n", p.Name, p.Email)
		return nil
	})
}

type userListCmd struct {
	databaseFlags `embed:""`
}

func (cmd userListCmd) Run(c *console) error {
	return cmd.open(c, func(a *server.Admin) error {
		people, err := a.People(c.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "EMAIL\tNAME\tROLES\tTEAMS\tSTATE\tCOUNTS")
		for _, p := range people {
			roles := make([]string, len(p.Roles))
			for i, r := range p.Roles {
				roles[i] = string(r)
			}
			state := "active"
			if p.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n",
				p.Email, p.Name, strings.Join(roles, ","), strings.Join(p.Teams, ","), state, countsWith(p))
		}
		return w.Flush()
	})
}

// countsWith says with whom a person counts together.
func countsWith(p access.Person) string {
	if len(p.Vouching.With) == 0 {
		return "alone"
	}
	emails := make([]string, len(p.Vouching.With))
	for i, other := range p.Vouching.With {
		emails[i] = other.Email
	}
	return "with " + strings.Join(emails, ",")
}
