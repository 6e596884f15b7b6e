package byhand

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Head is what the script says about itself.
type Head struct {
	What       string // "change 12 (Open the office)"
	DeployRole string // the role that the console assumes in each account, path and name
}

// DefaultDeployRole is the role of an installation that sets no other.
const DefaultDeployRole = "PortcullisDeploy"

// Targets hands on the targets of a plan or a rollout, one by one and each time the same. Before of an operation is the
// former document, After the one that replaces it.
type Targets func(take func(access.PlannedTarget) error) error

// Write writes the script. It asks for the targets once for each round, so it needs no memory for them.
func Write(w io.Writer, h Head, targets Targets) error {
	s := &script{w: w}
	s.printf(header, oneLine(h.What), quote(strings.TrimPrefix(h.DeployRole, "/")))
	for n, round := range []struct {
		title    string
		commands func(access.PlannedTarget) []string
	}{
		{"trust policies, which keep out the users whom the former documents do not admit", firstRound},
		{"accounts with user-side policies", userSideRound},
		{"user policies", userRound},
		{"trust policies as they were", lastRound},
	} {
		s.printf("\n# Round %d of 4: %s\n", n+1, round.title)
		err := targets(func(t access.PlannedTarget) error {
			s.account(t, round.commands(t))
			return s.err
		})
		if err != nil {
			return err
		}
	}
	s.printf("%s", footer)
	return s.err
}

// script writes until the first error.
type script struct {
	w   io.Writer
	err error
}

func (s *script) printf(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format, args...)
	}
}

// account writes the commands for one account, which run with the credentials of that account.
func (s *script) account(t access.PlannedTarget, commands []string) {
	if len(commands) == 0 {
		return
	}
	s.printf("\n# Account %s (%s)\n(\nas_account %s %s\n", t.Account, oneLine(t.AccountName), t.Account, partitionOf(t))
	for _, c := range commands {
		s.printf("%s\n", c)
	}
	s.printf(")\n")
}

func isUserSide(op access.PlannedOperation) bool {
	switch op.Kind {
	case access.OpUserSidePolicy, access.OpDeleteUserSidePolicy, access.OpAttachments:
		return true
	default:
		return false
	}
}

func firstRound(t access.PlannedTarget) []string {
	mixed := slices.ContainsFunc(t.Operations, isUserSide)
	var commands []string
	for _, op := range t.Operations {
		if op.Kind != access.OpTrustPolicy {
			continue
		}
		f := formsOf(t, op)
		switch {
		case mixed && f.closes:
			commands = append(commands, f.note, putTrust(op, f.closed))
		case !mixed:
			commands = append(commands, f.note, putTrust(op, f.first))
		}
	}
	return withoutEmpty(commands)
}

// userSideRound reverses the order of writes of an account with user-side policies.
func userSideRound(t access.PlannedTarget) []string {
	if !slices.ContainsFunc(t.Operations, isUserSide) {
		return nil
	}
	var commands []string
	for _, op := range slices.Backward(t.Operations) {
		switch {
		case op.Kind == access.OpTrustPolicy:
			commands = append(commands, putTrust(op, formsOf(t, op).first))
		case op.Kind == access.OpAttachments:
			commands = append(commands, attach(op)...)
		case isUserSide(op):
			commands = append(commands, putPolicy(t, op))
		}
	}
	return withoutEmpty(commands)
}

func userRound(t access.PlannedTarget) []string {
	var commands []string
	for _, op := range slices.Backward(t.Operations) {
		if op.Kind == access.OpUserPolicy || op.Kind == access.OpDeleteUserPolicy {
			commands = append(commands, putUserPolicy(op))
		}
	}
	return commands
}

func lastRound(t access.PlannedTarget) []string {
	var commands []string
	for _, op := range t.Operations {
		if op.Kind != access.OpTrustPolicy {
			continue
		}
		if f := formsOf(t, op); f.first != op.Before {
			commands = append(commands, putTrust(op, op.Before))
		}
	}
	return withoutEmpty(commands)
}

func withoutEmpty(commands []string) []string {
	return slices.DeleteFunc(commands, func(c string) bool { return c == "" })
}

func unread(op access.PlannedOperation) string {
	return "# The former document of " + oneLine(op.Resource.String()) + " was not read, so it is not here."
}

func putTrust(op access.PlannedOperation, document string) string {
	if !op.BeforeKnown || document == "" {
		return unread(op)
	}
	return "unless_gone aws iam update-assume-role-policy --role-name=" + quote(op.Resource.Name) +
		" --policy-document=" + quote(document)
}

func putUserPolicy(op access.PlannedOperation) string {
	name := " --user-name=" + quote(op.Resource.Name) + " --policy-name=" + access.UserPolicyName
	switch {
	case !op.BeforeKnown:
		return unread(op)
	case op.Before == "":
		return "unless_gone aws iam delete-user-policy" + name
	default:
		return "unless_gone aws iam put-user-policy" + name + " --policy-document=" + quote(op.Before)
	}
}

func putPolicy(t access.PlannedTarget, op access.PlannedOperation) string {
	arn := quote(op.Resource.ARN(partitionOf(t), t.Account))
	switch {
	case !op.BeforeKnown:
		return unread(op)
	case op.Before == "":
		return "delete_policy " + arn
	default:
		return "put_policy " + arn + " " + quote(op.Resource.Path) + " " +
			quote(op.Resource.Name) + " " + quote(op.Before)
	}
}

// attach attaches and detaches policies of ours only.
func attach(op access.PlannedOperation) []string {
	if !op.BeforeKnown {
		return []string{unread(op)}
	}
	was, is := oursOf(op.Before), oursOf(op.After)
	name := " --user-name=" + quote(op.Resource.Name) + " --policy-arn="
	var commands []string
	for _, arn := range was {
		commands = append(commands, "unless_gone aws iam attach-user-policy"+name+quote(arn))
	}
	for _, arn := range is {
		if !slices.Contains(was, arn) {
			commands = append(commands, "unless_gone aws iam detach-user-policy"+name+quote(arn))
		}
	}
	return commands
}

func oursOf(document string) []string {
	all, err := access.Attachments(document)
	if err != nil {
		return nil
	}
	ours, _ := access.UserSideAttachments(all)
	return ours
}
