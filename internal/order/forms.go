package order

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// FirstForm returns the form of a planned document that a push writes while nothing that the operation requires is
// verified: a user policy without the roles that it newly opens, or a trust policy with the Deny of the users whom it
// stops admitting. ok is false if the operation requires nothing. Then the approved document is the only form.
func FirstForm(op access.PlannedOperation) (form string, ok bool, err error) {
	required, err := access.ParseRequirements(op.Requires)
	if err != nil || required.Empty() {
		return op.After, false, err
	}
	partition := partitionIn(op.After)
	if op.Kind == access.OpUserPolicy {
		form, err = CutDown(op.After, op.Before, partition, required.Opens, op.Limit)
		return form, true, err
	}
	ours, err := Closing(op.OursAfter, partition, required.Revoked)
	if err != nil {
		return op.After, true, err
	}
	if err := setOurs(&op, ours); err != nil {
		return op.After, true, err
	}
	return op.After, true, nil
}

// partitionIn finds the partition of the first ARN of a document. The documents of an operation are of one partition.
func partitionIn(document string) string {
	_, rest, found := strings.Cut(document, `"arn:`)
	partition, _, ended := strings.Cut(rest, ":")
	if !found || !ended {
		return "aws"
	}
	return partition
}
