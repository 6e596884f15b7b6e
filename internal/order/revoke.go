package order

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// SidDenyRevoked is the Sid of the Deny that keeps users out of a role from which they were removed.
const SidDenyRevoked = iam.SidDenyRevoked

// Path finds the path of a user of an account. ok is false where it is not known.
type Path func(account access.AccountID, name string) (path string, ok bool)

// Revoked lists the users whom our statements of a trust policy admit or keep out before, and neither admit after.
// Our statements may name users by their names alone. Such a user is left out where the path is not known. The
// statements are lists as iam.Ours returns them.
func Revoked(account access.AccountID, before, after string, path Path) []access.UserName {
	if before == "" || before == after {
		return nil
	}
	was := namedUsers(before)
	for _, name := range iam.ReadUserSide(account, before).Names() {
		was = append(was, namedUser{access.UserName{Account: account, Name: name}, true})
	}
	kept, is := admittedUsers(after), iam.ReadUserSide(account, after)
	var gone []access.UserName
	for _, u := range was {
		if anyIs(kept, u) || u.Account == account && is.Admits(u.Name) {
			continue
		}
		if u.bare {
			p, known := path(u.Account, u.Name)
			if !known {
				continue
			}
			u.Path = p
		}
		if !slices.Contains(gone, u.UserName) {
			gone = append(gone, u.UserName)
		}
	}
	return gone
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
	allowed := admittedUsers(k.Rest)
	return slices.DeleteFunc(slices.Clone(k.Users), func(u access.UserName) bool {
		return !anyIs(allowed, namedUser{UserName: u}) && !iam.ReadUserSide(u.Account, k.Rest).Admits(u.Name)
	})
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
