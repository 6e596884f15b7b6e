package byhand

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
)

// forms are the documents of one trust policy on its way back.
type forms struct {
	first  string // the former document, with a Deny for the users whom it does not admit
	closed string // the document of now, with that Deny
	closes bool   // there are such users
	note   string // a comment for the script
}

// formsOf works out the forms. If a document with the Deny is too long, it has none of our other statements: then our
// users are kept out until the last round.
func formsOf(t access.PlannedTarget, op access.PlannedOperation) forms {
	f := forms{first: op.Before, closed: op.After}
	if !op.BeforeKnown {
		return f
	}
	was, err1 := iam.Ours(op.Before)
	is, err2 := iam.Ours(op.After)
	if err1 != nil || err2 != nil {
		return f
	}
	users := order.Revoked(t.Account, is, was, func(account access.AccountID, name string) (string, bool) {
		path, known := pathIn(t, name)
		return path, known && account == t.Account
	})
	if len(users) == 0 {
		return f
	}
	f.closes = true
	partition := partitionOf(t)
	var fits1, fits2 bool
	f.first, fits1 = withDeny(op.Before, was, partition, users, op.Limit)
	f.closed, fits2 = withDeny(op.After, is, partition, users, op.Limit)
	if !fits1 || !fits2 {
		f.note = "# The trust policy of " + oneLine(op.Resource.String()) +
			" is too long with the Deny. Its users are kept out until round 4."
	}
	return f
}

// withDeny adds a Deny for users to our statements of a document.
func withDeny(document, ours, partition string, users []access.UserName, limit int) (with string, fits bool) {
	with, err := rewrite(document, ours, partition, users)
	if err == nil && (limit == 0 || iam.Size(with) <= limit) {
		return with, true
	}
	if with, err = rewrite(document, "[]", partition, users); err != nil {
		return document, false
	}
	return with, false
}

func rewrite(document, ours, partition string, users []access.UserName) (string, error) {
	closing, err := order.Closing(ours, partition, users)
	if err != nil {
		return "", err
	}
	statements, err := iam.ParseStatements(closing)
	if err != nil {
		return "", err
	}
	r, err := iam.Rewrite(document, statements)
	return r.Merged, err
}

// pathIn finds the path of a user among the operations of an account.
func pathIn(t access.PlannedTarget, name string) (string, bool) {
	for _, op := range t.Operations {
		k := op.Resource.Kind
		if (k == access.ResourceUser || k == access.ResourceAttachments) && op.Resource.Name == name {
			return op.Resource.Path, true
		}
	}
	return "", false
}

// partitionOf finds the partition of an account in the documents that are written there.
func partitionOf(t access.PlannedTarget) string {
	for _, op := range t.Operations {
		for _, document := range []string{op.After, op.Before} {
			_, rest, found := strings.Cut(document, `"arn:`)
			if partition, _, ok := strings.Cut(rest, ":"); found && ok && strings.HasPrefix(partition, "aws") {
				return partition
			}
		}
	}
	return "aws"
}
