package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/policy"
)

type explainCmd struct {
	scenarioFlag `embed:""`
	Account      string `required:"" placeholder:"ID" help:"The account of the role."`
	Role         string `required:"" placeholder:"NAME" help:"The role, with its path before it if it has one."`
	User         string `required:"" placeholder:"NAME" help:"The IAM user; of another account as ID:NAME."`
	SourceIP     string `name:"source-ip" placeholder:"IP" help:"The caller's address; none when left out."`
	SourceVPC    string `name:"source-vpc" placeholder:"ID" help:"The VPC that the call comes from."`
	SourceVPCE   string `name:"source-vpce" placeholder:"ID" help:"The VPC endpoint that the call comes through."`
	MFA          bool   `name:"mfa" help:"The caller has signed in with MFA."`
	SessionName  string `name:"session-name" placeholder:"S" help:"The role session name."`
	Identity     string `name:"source-identity" placeholder:"S" help:"The source identity that the call sets."`
	atFlag       `embed:""`
	JSON         bool `name:"json" help:"Print the decision as JSON."`
}

// explained is the decision as --json prints it.
type explained struct {
	Verdict   string `json:"verdict"`
	Document  string `json:"document"`
	Statement string `json:"statement"`
	Sentence  string `json:"sentence"`
}

func (cmd explainCmd) Run(c *console) error {
	request, err := cmd.request()
	if err != nil {
		return err
	}
	s, err := cmd.read(c)
	if err != nil {
		return err
	}
	account, err := cmd.account(s, cmd.Account)
	if err != nil {
		return err
	}
	request.RoleAccount, request.Partition = account.ID, account.PartitionOrDefault()
	request.Principal = request.Principal.In(account.ID)
	compiler, err := policy.NewCompiler(policy.Input{
		State: s.State, Accounts: s.Accounts, OUs: s.OUs, Now: request.Now,
	})
	if err != nil {
		return cmd.in(err)
	}
	decision, err := compiler.Explain(request)
	if err != nil {
		return cmd.in(err)
	}
	return cmd.answer(c, decision)
}

// request reads what the flags say about the call.
func (cmd explainCmd) request() (iam.Request, error) {
	role, err := access.ParseRoleName(cmd.Role)
	if err != nil {
		return iam.Request{}, usagef("--role: %s", access.MessageOf(err))
	}
	user, err := access.ParseUserName(cmd.User)
	if err != nil {
		return iam.Request{}, usagef("--user: %s", access.MessageOf(err))
	}
	var addr netip.Addr
	if cmd.SourceIP != "" {
		if addr, err = netip.ParseAddr(cmd.SourceIP); err != nil {
			return iam.Request{}, usagef("--source-ip: %q is not an IP address", cmd.SourceIP)
		}
	}
	now, err := cmd.now()
	if err != nil {
		return iam.Request{}, err
	}
	r := iam.Request{
		Principal: user, Role: role, SourceIP: addr, SourceVPC: cmd.SourceVPC, SourceVPCE: cmd.SourceVPCE,
		MFA: cmd.MFA, SessionName: cmd.SessionName, SourceIdentity: cmd.Identity, Now: now,
	}
	if wrong := access.FieldsOf(r.Check()); len(wrong) > 0 {
		return r, usagef("--%s: %s", strings.ReplaceAll(wrong[0].Field, "_", "-"), wrong[0].Message)
	}
	return r, nil
}

func (cmd explainCmd) answer(c *console, d iam.Decision) error {
	var err error
	if cmd.JSON {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(explained{Verdict: string(d.Verdict), Document: d.Document, Statement: d.Statement, Sentence: d.Sentence})
	} else {
		_, err = fmt.Fprintf(c.out, "%s: %s\n", d.Verdict, oneLine(d.Sentence))
		if err == nil && d.Statement != "" {
			_, err = fmt.Fprintf(c.out, "decided by statement %s of the %s\n", d.Statement, d.Document)
		}
	}
	switch {
	case err != nil:
		return err
	case d.Verdict == iam.Allowed:
		return nil
	case d.Verdict == iam.Denied:
		return exitError(exitDenied)
	default:
		return exitError(exitFailed)
	}
}
