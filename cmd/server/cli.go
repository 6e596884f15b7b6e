package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"portcullis.internal/portcullis/internal/access"
)

// cli is the command line.
type cli struct {
	Demo    demoCmd    `cmd:"" help:"Everything in one process: a private Postgres, a sandbox organization, sample data."`
	Sandbox sandboxCmd `cmd:"" help:"The sandbox organization alone: STS, IAM and Organizations over the real wire protocol."`
	Serve   serveCmd   `cmd:"" help:"The console and its workers."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date, or show where it is."`
	Policy  policyCmd  `cmd:"" help:"Render, explain and check the documents of a scenario file."`
	Change  changeCmd  `cmd:"" help:"Propose, approve and apply changes over the HTTP API, such as from a pipeline."`
	Audit   auditCmd   `cmd:"" help:"The audit log."`
	User    userCmd    `cmd:"" help:"Local accounts."`
	Token   tokenCmd   `cmd:"" help:"API tokens."`

	Organization organizationCmd `cmd:"" help:"The AWS organization that the console serves."`

	Health  healthCmd  `cmd:"" help:"Ask a console on this machine whether it is ready."`
	Version versionCmd `cmd:"" help:"The version of this program."`
}

type policyCmd struct {
	Render  renderCmd  `cmd:"" help:"Print the documents of a scenario as JSON."`
	Explain explainCmd `cmd:"" help:"Say whether a user may assume a role, and which statement decides. Exits 0 when allowed, 3 when denied."`
	Lint    lintCmd    `cmd:"" help:"Say what is wrong or dangerous in a scenario. Exits 4 when there are errors."`
}

// The exit codes, beside 0 for success.
const (
	exitFailed = 1
	exitUsage  = 2
	exitDenied = 3
	exitLint   = 4

	exitNothing    = 5 // the change was rejected, withdrawn, or is conflicted
	exitUnfinished = 6 // the rollout halted or was aborted, or accounts failed
	exitTimeout    = 7 // --timeout was over before there was an end
)

// exitError ends a command with a code when what there was to say has been said.
type exitError int

func (c exitError) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// usageError is a wrong use of the command line that only the command itself can see.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// console is what a command reads from and writes to.
type console struct {
	ctx      context.Context //nolint:containedctx // one command is one run of the program
	in       io.Reader
	out, err io.Writer
}

func (c *console) run(args []string) int {
	var commands cli
	exited := -1
	parser, err := kong.New(&commands, append(options(),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) {
			if exited < 0 {
				exited = code
			}
		}),
		kong.Bind(c),
	)...)
	if err != nil {
		return c.fail(fmt.Errorf("the command line is defined wrongly: %w", err))
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // help was asked for and printed
		return exited
	}
	if err != nil {
		return c.fail(usageError{err.Error()})
	}
	return c.fail(parsed.Run())
}

// options are how the command line is read: every flag also from a variable, and secrets also from a file.
func options() []kong.Option {
	return []kong.Option{
		kong.Name("portcullis"),
		kong.Description("Controls from which networks IAM users may assume which roles, in every account of an AWS organization."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: false}),
		kong.DefaultEnvars("PORTCULLIS"),
		kong.Resolvers(kong.ResolverFunc(secretFromFile)),
	}
}

// fail says on one line what went wrong and returns the exit code.
func (c *console) fail(err error) int {
	var code exitError
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(c.err, "portcullis: %s. See: portcullis --help\n", oneLine(strings.TrimSuffix(err.Error(), ".")))
		return exitUsage
	default:
		fmt.Fprintf(c.err, "portcullis: %s\n", oneLine(sentence(err)))
		return exitFailed
	}
}

// sentence is what people are told of an error: its message, and at its end no more of
// the cause than where it began. What went through our own hands in between is for a log.
func sentence(err error) string {
	text := err.Error()
	var known *access.Error
	if !errors.As(err, &known) || known.Kind == access.KindInternal || known.Err == nil {
		return text
	}
	text = strings.TrimSuffix(text, ": "+known.Err.Error())
	if known.Kind == access.KindConflict || known.Kind == access.KindNotFound {
		return text // the message is all that there is to say
	}
	return strings.TrimSuffix(text, ".") + ": " + origin(known.Err).Error()
}

// origin is the error that others were wrapped around; of several the last, which is of
// the last thing that was tried.
func origin(err error) error {
	for {
		var within error
		switch e := err.(type) { //nolint:errorlint // the chain is walked here
		case interface{ Unwrap() error }:
			within = e.Unwrap()
		case interface{ Unwrap() []error }:
			if all := e.Unwrap(); len(all) > 0 {
				within = all[len(all)-1]
			}
		}
		if within == nil {
			return err
		}
		err = within
	}
}

func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}
