package main

import (
	"fmt"
	"os"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/server"
)

type auditCmd struct {
	Verify     auditVerifyCmd     `cmd:"" help:"Check the chain of the audit log, and hold it against signed checkpoints. Exits 1 at the first broken link."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Sign the end of the audit log as it is now, and print the checkpoint, to be kept elsewhere."`
	Key        auditKeyCmd        `cmd:"" help:"Print the public key of the checkpoints, and make the key in the data folder where there is none."`
}

// auditFlags say which key signs checkpoints.
type auditFlags struct {
	AuditKey string `name:"audit-key" env:"PORTCULLIS_AUDIT_KEY" secret:"" placeholder:"KEY" help:"The key that signs checkpoints of the audit log, or a file that holds it. Better given as the variable. Without it the data folder holds the key."`
}

type auditVerifyCmd struct {
	Checkpoint    []string `placeholder:"FILE" help:"A file of checkpoints that was kept elsewhere; may be repeated."`
	Key           []string `placeholder:"KEY" help:"A public key to trust beside the own one, as of a key that was replaced; may be repeated."`
	auditFlags    `embed:""`
	databaseFlags `embed:""`
}

func (cmd auditVerifyCmd) Run(c *console) error {
	given, err := readCheckpoints(cmd.Checkpoint)
	if err != nil {
		return err
	}
	return cmd.open(c, func(a *server.Admin) error {
		r, err := a.VerifyAudit(c.ctx, cmd.AuditKey, given, cmd.Key)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "The audit log is whole: %d events, each chained to the one before.\n", r.Events)
		_, err = fmt.Fprintln(c.out, covered(r))
		return err
	})
}

// covered says what the checkpoints add, and what they do not.
func covered(r server.AuditReport) string {
	switch {
	case r.Unsigned:
		return "No signed checkpoint was used, since no key is known here: a chain that was written anew as a whole would not show."
	case r.Checkpoints == 0:
		return "There is no signed checkpoint yet: a chain that was written anew as a whole would not show."
	default:
		say := "signed checkpoints say"
		if r.Checkpoints == 1 {
			say = "signed checkpoint says"
		}
		return fmt.Sprintf("It is as %d %s, the newest of event %d, signed on %s.", r.Checkpoints, say, r.Newest.Seq, moment(r.Newest.At))
	}
}

func readCheckpoints(files []string) ([]access.Checkpoint, error) {
	var all []access.Checkpoint
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("--checkpoint: %v", err)
		}
		found, err := access.ReadCheckpoints(f)
		_ = f.Close() // it was only read
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(found) == 0 {
			return nil, access.Errorf(access.KindInvalid, "%s: there is no checkpoint in this file", name)
		}
		all = append(all, found...)
	}
	return all, nil
}

type auditCheckpointCmd struct {
	Out           string `placeholder:"FILE" help:"Add it to the end of this file in place of printing it."`
	auditFlags    `embed:""`
	databaseFlags `embed:""`
}

func (cmd auditCheckpointCmd) Run(c *console) error {
	return cmd.open(c, func(a *server.Admin) error {
		made, err := a.CheckpointAudit(c.ctx, cmd.AuditKey)
		if err != nil {
			return err
		}
		if cmd.Out == "" {
			_, err = c.out.Write(made.Line())
			return err
		}
		if err := appendLine(cmd.Out, made.Line()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.err, "The checkpoint of event %d is in %s. Keep that file where the database's owner cannot write.\n", made.Seq, cmd.Out)
		return err
	})
}

func appendLine(name string, line []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // a checkpoint is no secret
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

type auditKeyCmd struct {
	New           bool `help:"Print a new private key, to be set as PORTCULLIS_AUDIT_KEY. Nothing is kept."`
	auditFlags    `embed:""`
	databaseFlags `embed:""`
}

func (cmd auditKeyCmd) Run(c *console) error {
	var key string
	var err error
	if cmd.New {
		key, err = server.NewAuditKey()
	} else {
		key, err = server.AuditKey(cmd.database(), cmd.AuditKey)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, key)
	return err
}
