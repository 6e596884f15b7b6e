package order

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// SidDenyRevoked is the Sid of the Deny that keeps users out of a role from which they were removed.
const SidDenyRevoked = iam.SidPrefix + "DenyRevoked"

// Revoked lists the users whom our statements of a trust policy admit or keep out before, and neither admit after.
// Users of user-side policies are named by name alone: path finds the path of such a user, and ok is false where it is not
// known. The statements are lists as iam.Ours returns them.
func Revoked(account access.AccountID, before, after string, path func(name string) (string, bool)) []access.UserName {
	if before == "" || before == after {
		return nil
	}
	kept := admitted(after)
	var gone []access.UserName
	for _, arn := range named(before) {
		if u, ok := access.ParseUserARN(arn); ok && !slices.Contains(kept, arn) {
			gone = append(gone, u)
		}
	}
	was, is := iam.ReadUserSide(account, before), iam.ReadUserSide(account, after)
	for _, name := range was.Names() {
		p, known := path(name)
		u := access.UserName{Account: account, Path: p, Name: name}
		if known && !is.Admits(name) && !slices.Contains(gone, u) && !slices.ContainsFunc(kept, func(arn string) bool { return isUser(arn, u) }) {
			gone = append(gone, u)
		}
	}
	return gone
}

func isUser(arn string, u access.UserName) bool {
	parsed, ok := access.ParseUserARN(arn)
	return ok && parsed == u
}

// admitted lists the principals of our Allows.
func admitted(statements string) []string {
	return principals(statements, func(s iam.Statement) bool { return s.Effect == iam.EffectAllow })
}

// named lists the principals of our Allows, and those who were removed before and are still kept out.
func named(statements string) []string {
	return principals(statements, func(s iam.Statement) bool { return s.Effect == iam.EffectAllow || s.Sid == SidDenyRevoked })
}

func principals(statements string, of func(iam.Statement) bool) []string {
	ss, err := iam.ParseStatements(statements)
	if err != nil {
		return nil // the push says so
	}
	var found []string
	for _, s := range ss {
		if of(s) {
			found = append(found, s.Principals...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Closing returns our statements of a trust policy with a Deny for some users, whatever else they say.
func Closing(statements, partition string, users []access.UserName) (string, error) {
	ss, err := iam.ParseStatements(statements)
	if err != nil || len(users) == 0 {
		return statements, err
	}
	var out []string
	ss = slices.DeleteFunc(ss, func(s iam.Statement) bool {
		if s.Sid == SidDenyRevoked {
			out = append(out, s.Principals...)
		}
		return s.Sid == SidDenyRevoked
	})
	for _, u := range users {
		out = append(out, u.ARN(partition))
	}
	slices.Sort(out)
	ss = append(ss, iam.Statement{Sid: SidDenyRevoked, Effect: iam.EffectDeny, Principals: slices.Compact(out), Actions: iam.AssumeRole})
	return iam.Statements(ss), nil
}

// KeptOut lists the users whom the statements keep out although they are mapped no longer, and the statements without
// their Deny.
func KeptOut(statements string) (users []access.UserName, rest string, err error) {
	ss, err := iam.ParseStatements(statements)
	if err != nil {
		return nil, statements, err
	}
	found := false
	ss = slices.DeleteFunc(ss, func(s iam.Statement) bool {
		if s.Sid != SidDenyRevoked {
			return false
		}
		for _, arn := range s.Principals {
			if u, ok := access.ParseUserARN(arn); ok {
				users = append(users, u)
			}
		}
		found = true
		return true
	})
	if !found {
		return nil, statements, nil
	}
	return users, iam.Statements(ss), nil
}

// Names joins users as a sentence names them.
func Names(users []access.UserName) string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.String()
	}
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}
