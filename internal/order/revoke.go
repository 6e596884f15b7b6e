package order

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// SidDenyRevoked is the Sid of the Deny that keeps users out of a role from which they were removed.
const SidDenyRevoked = iam.SidDenyRevoked

// Revoked lists the users whom our statements of a trust policy admit or keep out before, and neither admit after.
// Users of user-side policies are named by name alone: path finds the path of such a user, and ok is false where it is
// not known. The statements are lists as iam.Ours returns them.
func Revoked(account access.AccountID, before, after string, path func(name string) (string, bool)) []access.UserName {
	if before == "" || before == after {
		return nil
	}
	kept := admitted(after)
	was, is := iam.ReadUserSide(account, before), iam.ReadUserSide(account, after)
	var gone []access.UserName
	for _, arn := range named(before) {
		u, ok := access.ParseUserARN(arn)
		if ok && !slices.Contains(kept, arn) && (u.Account != account || !is.Admits(u.Name)) {
			gone = append(gone, u)
		}
	}
	for _, name := range was.Names() {
		p, known := path(name)
		u := access.UserName{Account: account, Path: p, Name: name}
		byName := slices.ContainsFunc(kept, func(arn string) bool { return isUser(arn, u) })
		if known && !byName && !is.Admits(name) && !slices.Contains(gone, u) {
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

// Kept is the Deny of a trust policy that keeps users out who were removed from the role.
type Kept struct {
	Users   []access.UserName // sorted by ARN
	Deleted []string          // unique ids of users who were deleted
	Rest    string            // our statements without the Deny
	Found   bool

	// Admitted are the users of the Deny whom another statement of ours admits. The Deny locks them out.
	Admitted []access.UserName
}

// KeptOut reads the Deny among our statements, a list as iam.Ours returns it. A statement that others edited, so that
// it says more or less than Closing writes, is no such Deny.
func KeptOut(statements string) (Kept, error) {
	ss, err := iam.ParseStatements(statements)
	if err != nil {
		return Kept{Rest: statements}, err
	}
	var k Kept
	ss = slices.DeleteFunc(ss, func(s iam.Statement) bool {
		if !isKept(s) {
			return false
		}
		for _, p := range s.Principals {
			if u, ok := access.ParseUserARN(p); ok {
				k.Users = append(k.Users, u)
			} else {
				k.Deleted = append(k.Deleted, p)
			}
		}
		k.Found = true
		return true
	})
	if k.Rest = statements; k.Found {
		k.Rest = ""
		if len(ss) > 0 {
			k.Rest = iam.Statements(ss)
		}
		k.Admitted = k.admitted()
	}
	return k, nil
}

func (k Kept) admitted() []access.UserName {
	arns := admitted(k.Rest)
	var users []access.UserName
	for _, u := range k.Users {
		byARN := slices.ContainsFunc(arns, func(arn string) bool { return isUser(arn, u) })
		if byARN || iam.ReadUserSide(u.Account, k.Rest).Admits(u.Name) {
			users = append(users, u)
		}
	}
	return users
}

// isKept reports whether a statement is as Closing writes it, but for users who were deleted since.
func isKept(s iam.Statement) bool {
	if s.Sid != SidDenyRevoked || s.Effect != iam.EffectDeny || len(s.Conditions)+len(s.Resources) > 0 {
		return false
	}
	if !slices.Equal(s.Actions, iam.AssumeRole) {
		return false
	}
	return len(s.Principals) > 0 && !slices.ContainsFunc(s.Principals, func(p string) bool {
		_, user := access.ParseUserARN(p)
		return !user && !iam.IsUniqueID(p)
	})
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
