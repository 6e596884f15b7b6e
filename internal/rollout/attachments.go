package rollout

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// mergeAttachments returns all that is to be attached to a user: what others attached, as it is
// now, and of ours what is planned.
func mergeAttachments(live, oursAfter string) (string, error) {
	arns, err := access.Attachments(live)
	if err != nil {
		return "", err
	}
	planned, err := access.Attachments(oursAfter)
	if err != nil {
		return "", err
	}
	_, others := access.UserSideAttachments(arns)
	return access.AttachmentsDocument(slices.Concat(others, planned)), nil
}

// attachedAsPlanned reports whether those of a user's attachments that are ours are what
// the plan found. IAM attaches one policy at a time, so after an interruption some of
// what was to be attached or detached may be done: what lies between before and after is
// as planned then, too.
func attachedAsPlanned(op access.Operation, live string) bool {
	arns, err := access.Attachments(live)
	if err != nil {
		return false
	}
	before, errBefore := access.Attachments(op.OursBefore)
	after, errAfter := access.Attachments(op.OursAfter)
	if errBefore != nil || errAfter != nil {
		return false
	}
	ours, _ := access.UserSideAttachments(arns)
	if !op.BeforeKnown && len(ours) == 0 {
		return true
	}
	if op.State != access.OperationIntended && !wasAttempted(op) {
		return sameSet(ours, before)
	}
	for _, arn := range ours {
		if !slices.Contains(before, arn) && !slices.Contains(after, arn) {
			return false
		}
	}
	for _, arn := range before {
		if slices.Contains(after, arn) && !slices.Contains(ours, arn) {
			return false
		}
	}
	return true
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
