package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/server"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make an API token. It is printed once."`
	List   tokenListCmd   `cmd:"" help:"Which tokens there are, without their secrets."`
	Revoke tokenRevokeCmd `cmd:"" help:"End a token for good."`
}

type tokenCreateCmd struct {
	User          string   `required:"" placeholder:"E" help:"The e-mail address of whoever it acts for."`
	Name          string   `required:"" placeholder:"N" help:"What it is for."`
	Scope         []string `placeholder:"S" help:"What it may do: read, propose, review, apply, rollout, admin or people; may be repeated. Without one: read. Reviewing and applying also need the settings tokens_may_review and tokens_may_apply."`
	Expires       string   `placeholder:"WHEN" help:"When it ends: a day (2027-03-01), a time, how long it lives (30d, 12h; at most a year), or never. Without it: after 90 days."`
	databaseFlags `embed:""`
}

// Run prints the token alone on standard output, so that a script can take it, and what
// there is to say about it on standard error.
func (cmd tokenCreateCmd) Run(c *console) error {
	wanted, err := cmd.token(time.Now())
	if err != nil {
		return err
	}
	return cmd.open(c, func(a *server.Admin) error {
		t, secret, err := a.CreateToken(c.ctx, cmd.User, wanted)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.err, "Token %d of %s, with the scopes %s, ends: %s. It is shown this once; keep it as you keep a password.\n",
			t.ID, cmd.User, scopeNames(t.Scopes), moment(t.ExpiresAt))
		_, err = fmt.Fprintln(c.out, secret)
		return err
	})
}

func (cmd tokenCreateCmd) token(now time.Time) (server.NewToken, error) {
	n := server.NewToken{Name: cmd.Name, Never: cmd.Expires == "never"}
	var err error
	if n.Scopes, err = access.ParseScopes(cmd.Scope); err != nil {
		return n, usagef("--scope: %s", access.MessageOf(err))
	}
	if cmd.Expires == "" || n.Never {
		return n, nil
	}
	if n.Expires, err = expiry(cmd.Expires, now); err == nil {
		err = access.Token{Scopes: access.Scopes(), ExpiresAt: n.Expires}.Check(now)
	}
	if err != nil {
		return n, usagef("--expires: %s", err.Error())
	}
	return n, nil
}

// expiry reads a day, a time, or a duration from now.
func expiry(s string, now time.Time) (time.Time, error) {
	if days, found := strings.CutSuffix(s, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 10000 {
			return now.AddDate(0, 0, n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no day (2027-03-01), no time (2027-03-01T12:00:00Z), no duration (90d, 12h) and not never", s)
}

type tokenListCmd struct {
	databaseFlags `embed:""`
}

func (cmd tokenListCmd) Run(c *console) error {
	return cmd.open(c, func(a *server.Admin) error {
		tokens, err := a.Tokens(c.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tPERSON\tNAME\tSCOPES\tCREATED\tEXPIRES\tLAST USED\tSTATE")
		for _, t := range tokens {
			state := string(t.State(time.Now()))
			if !t.RevokedAt.IsZero() {
				state += " " + moment(t.RevokedAt)
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Person, t.Name, scopeNames(t.Scopes), moment(t.CreatedAt), moment(t.ExpiresAt), moment(t.LastUsedAt), state)
		}
		return w.Flush()
	})
}

func scopeNames(scopes []access.TokenScope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ",")
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

type tokenRevokeCmd struct {
	ID            int64 `arg:"" help:"The token's number, as token list shows it."`
	databaseFlags `embed:""`
}

func (cmd tokenRevokeCmd) Run(c *console) error {
	return cmd.open(c, func(a *server.Admin) error {
		if err := a.RevokeToken(c.ctx, cmd.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.out, "Token %d is revoked.\n", cmd.ID)
		return err
	})
}
