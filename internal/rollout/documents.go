package rollout

import (
	"fmt"
	"maps"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// desiredDocument returns the whole document that an operation wants, given the live one. Our
// statements are merged into the live trust policy, and our attachments into those of the user. A
// user's inline policy of ours and a user-side policy are replaced as a whole. "" means that there
// is no document.
func desiredDocument(op access.Operation, live string) (document, note string, err error) {
	switch op.Kind {
	case access.OpTrustPolicy:
		return mergeTrust(live, op.OursAfter)
	case access.OpUserPolicy, access.OpUserSidePolicy:
		return op.After, "", nil
	case access.OpDeleteUserPolicy, access.OpDeleteUserSidePolicy:
		return "", "", nil
	case access.OpAttachments:
		document, err := mergeAttachments(live, op.OursAfter)
		return document, "", err
	default:
		return "", "", fmt.Errorf("%q is not a kind of write", string(op.Kind))
	}
}

// mergeTrust puts planned statements of ours into the live document.
func mergeTrust(live, statements string) (document, note string, err error) {
	ours, err := iam.ParseStatements(statements)
	if err != nil {
		return "", "", err
	}
	return iam.Merge(live, ours)
}

// asPlanned reports whether our part of the live document is what the plan found, so that a write
// loses no other edit. Where the plan could not look, nothing of ours being there is as planned
// too.
//
// What an older rollout of ours has left there since is as good as planned.
func asPlanned(op access.Operation, live string, ids map[string]string) bool {
	if op.Earlier != nil && leftByOurs(op.Kind, *op.Earlier, live, ids) {
		return true
	}
	switch op.Kind {
	case access.OpTrustPolicy:
		return trustAsPlanned(op, live, ids)
	case access.OpAttachments:
		return attachedAsPlanned(op, live)
	default:
		return sameDocument(live, op.OursBefore, ids) || (!op.BeforeKnown && live == "") || wasAttempted(op) && (sameDocument(live, op.Written, ids) || sameDocument(live, op.Replaces, ids))
	}
}

// leftByOurs reports whether our part of the live document is that of one which we have
// written ourselves.
func leftByOurs(kind access.OperationKind, written, live string, ids map[string]string) bool {
	switch kind {
	case access.OpTrustPolicy:
		is, err := iam.Ours(live)
		was, errWas := iam.Ours(written)
		return err == nil && errWas == nil && iam.EqualStatements(is, was, withGhosts(is, was, ids))
	case access.OpAttachments:
		is, err := oursAttached(live)
		was, errWas := oursAttached(written)
		return err == nil && errWas == nil && is == was
	default:
		return sameDocument(live, written, ids)
	}
}

// trustAsPlanned also knows our statements where a user whom they name was deleted since:
// IAM shows an id then that nobody knows, which is nobody's edit.
func trustAsPlanned(op access.Operation, live string, ids map[string]string) bool {
	ours, err := iam.Ours(live)
	if err != nil {
		return false
	}
	if ours == "" && !op.BeforeKnown {
		return true
	}
	for _, known := range []string{op.OursBefore, op.OursAfter} {
		if iam.EqualStatements(ours, known, ids) || iam.EqualStatements(ours, known, withGhosts(ours, known, ids)) {
			return true
		}
	}
	if !wasAttempted(op) {
		return false
	}
	for _, document := range []string{op.Written, op.Replaces} {
		known, err := iam.Ours(document)
		if err == nil && iam.EqualStatements(ours, known, withGhosts(ours, known, ids)) {
			return true
		}
	}
	return false
}

// wasAttempted reports whether a write of the operation was about to be sent at some time. Then the
// document that it was to write may be live, or the one that it was to replace.
func wasAttempted(op access.Operation) bool { return !op.IntendedAt.IsZero() }

// withGhosts adds to the known ids those that follow from comparing our live statements
// with what they were.
func withGhosts(live, before string, ids map[string]string) map[string]string {
	is, err := iam.ParseStatements(live)
	if err != nil {
		return ids
	}
	were, err := iam.ParseStatements(before)
	if err != nil {
		return ids
	}
	ghosts := iam.GhostNames(is, were, ids)
	maps.Copy(ghosts, ids)
	return ghosts
}

// sameOf reports whether two documents of an operation mean the same. Attachments are
// compared as they are written: sorted, each once.
func sameOf(op access.Operation, a, b string, ids map[string]string) bool {
	if op.Kind == access.OpAttachments {
		return a == b
	}
	return sameDocument(a, b, ids)
}

// sameDocument reports whether two documents mean the same. No document means the same
// as no document only.
func sameDocument(a, b string, ids map[string]string) bool {
	if a == "" || b == "" {
		return a == b
	}
	return iam.Equal(a, b, ids)
}

// principals maps unique ids to ARNs, as far as the account's own documents tell.
func principals(account access.Account, live []access.LiveDocument) map[string]string {
	ids := make(map[string]string, len(live))
	for _, d := range live {
		if d.ID != "" {
			ids[d.ID] = d.Resource.ARN(account.PartitionOrDefault(), account.ID)
		}
	}
	return ids
}
