package rollout

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"portcullis.internal/portcullis/internal/access"
)

// decision is what a push does with one operation: write the document, or end it in a
// state. Message says why in words; for a write it is the note that stays with it.
type decision struct {
	write    bool
	document string // to be written; "" deletes
	state    access.OperationState
	message  string
	class    access.CloudClass
	code     string
	cause    string // in words that name no account
	advice   string
	recorded bool // the store knows the state already
	left     bool // somebody decided to leave the document as it is
}

// decide says what to do with an operation in the light of what is live now. ids maps
// the unique ids of the account's principals to their ARNs, where they are known.
// It compares by meaning: docs/aws-facts.md, "Stored form of a document".
func decide(op access.Operation, live access.LiveDocument, ids map[string]string) decision {
	switch op.State {
	case access.OperationFailed, access.OperationConflict, access.OperationSkipped:
		return decision{state: op.State, message: op.Message, recorded: true}
	}
	if !live.Exists && op.Resource.Kind != access.ResourcePolicy { // a managed policy is made where there is none
		if d := absent(op, live.RealName); d.state == access.OperationFailed || op.State != access.OperationWritten {
			return d
		}
		// The user was deleted since, which blocks nothing.
		return decision{state: op.State, message: op.Message, recorded: true}
	}
	if why := notStorable(live.Document); why != "" {
		return malformed(op, why)
	}
	document, note, err := desiredDocument(op, live.Document)
	if err != nil {
		return unmergeable(op, err)
	}
	switch {
	case sameOf(op, live.Document, document, ids):
		return endAsDesired(op, note)
	case decidedOn(op, live.Document, ids):
		return applyResolution(op, document, note)
	case asPlanned(op, live.Document, ids):
		return decision{write: true, document: document, message: note}
	default:
		return endInConflict(op)
	}
}

// endAsDesired ends an operation whose desired document is live: because it always was, or
// because an interrupted push of this very operation put it there.
func endAsDesired(op access.Operation, note string) decision {
	switch op.State {
	case access.OperationIntended:
		return decision{state: access.OperationWritten, message: note}
	case access.OperationWritten, access.OperationUnchanged:
		return decision{state: op.State, message: op.Message, recorded: true}
	default:
		return decision{state: access.OperationUnchanged, message: note}
	}
}

// absent ends an operation whose role or user is not there. A missing role is a failure,
// since people were promised access to it; a missing user blocks nothing. realName is the role or user that IAM has
// under the same name in another case or path, if there is one.
func absent(op access.Operation, realName string) decision {
	d := absentUnderName(op)
	if realName == "" {
		return d
	}
	kind := "user"
	if op.Kind == access.OpTrustPolicy {
		kind = "role"
		d.advice = fmt.Sprintf("Name the role %s in the mapping, if that role is meant, or leave this account out of the mapping. "+
			"Then submit the change again.", realName)
	}
	d.message += fmt.Sprintf(" The account has the %s %s, which has the same name for IAM but another path or spelling.", kind, realName)
	return d
}

func absentUnderName(op access.Operation) decision {
	switch op.Kind {
	case access.OpTrustPolicy:
		return decision{
			state:   access.OperationFailed,
			class:   access.CloudGone,
			cause:   op.Resource.String() + " does not exist",
			message: fmt.Sprintf("The %s does not exist in this account.", op.Resource),
			advice:  "Create the role, or leave this account out of the mapping. Then retry the target.",
		}
	case access.OpAttachments:
		if op.OursAfter == "" {
			return decision{state: access.OperationUnchanged, message: fmt.Sprintf("The user of the %s does not exist any more.", op.Resource)}
		}
		return decision{state: access.OperationSkipped, message: fmt.Sprintf("The user of the %s does not exist in this account; nothing was attached.", op.Resource)}
	case access.OpDeleteUserPolicy:
		return decision{state: access.OperationUnchanged, message: fmt.Sprintf("The %s does not exist any more, nor does its policy.", op.Resource)}
	default:
		return decision{state: access.OperationSkipped, message: fmt.Sprintf("The %s does not exist in this account; its policy was not written.", op.Resource)}
	}
}

// notStorable says why the database cannot hold a document; "" when it can. IAM sends documents
// percent-encoded, and what they decode to may be anything.
func notStorable(document string) string {
	switch {
	case strings.Contains(document, "\x00"):
		return "contains a zero byte"
	case !utf8.ValidString(document):
		return "is not valid UTF-8"
	default:
		return ""
	}
}

func malformed(op access.Operation, why string) decision {
	return decision{
		state:   access.OperationFailed,
		class:   access.CloudMalformed,
		cause:   "the live document of " + op.Resource.String() + " " + why,
		message: fmt.Sprintf("The live document of the %s %s. Nothing was written over it.", op.Resource, why),
		advice:  "Correct the document in AWS and retry the target.",
	}
}

func unmergeable(op access.Operation, err error) decision {
	return decision{
		state:   access.OperationFailed,
		class:   access.CloudMalformed,
		cause:   "the live document of " + op.Resource.String() + " cannot be brought together with ours",
		message: fmt.Sprintf("The document of %s cannot be brought together with what is live: %s.", op.Resource, strings.TrimSuffix(err.Error(), ".")),
		advice:  "Look at the live document, correct it in AWS, and retry the target.",
	}
}

func endInConflict(op access.Operation) decision {
	return decision{
		state:   access.OperationConflict,
		cause:   "somebody else has edited " + op.Resource.String(),
		message: fmt.Sprintf("Somebody else has edited Portcullis' part of %s since the plan was made. Nothing was written over it.", op.Resource),
		advice:  "Look at the three documents of this target and decide: overwrite the edit, adopt it, or skip.",
	}
}

// decidedOn reports whether somebody has decided what to do about exactly this live
// document. One that was edited once more is a conflict again.
func decidedOn(op access.Operation, live string, ids map[string]string) bool {
	return op.Resolution.Choice.Known() && sameOf(op, live, op.Resolution.Seen, ids)
}

// applyResolution does what was decided about a conflict.
func applyResolution(op access.Operation, document, note string) decision {
	by := op.Resolution.By.Name
	switch op.Resolution.Choice {
	case access.ConflictOverwrite:
		return decision{write: true, document: document, message: joinSentences(note, fmt.Sprintf("The edit of somebody else was overwritten, as %s decided.", by))}
	case access.ConflictAdopt:
		return decision{state: access.OperationSkipped, left: true, message: fmt.Sprintf("The live document of %s stays: %s decided to adopt it. The desired state does not say so yet.", op.Resource, by)}
	default:
		return decision{state: access.OperationSkipped, left: true, message: fmt.Sprintf("The live document of %s stays: %s decided to skip it.", op.Resource, by)}
	}
}

// joinSentences puts sentences one after the other.
func joinSentences(sentences ...string) string {
	var said []string
	for _, s := range sentences {
		if s != "" {
			said = append(said, s)
		}
	}
	return strings.Join(said, " ")
}
