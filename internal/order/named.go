package order

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// namedUser is a user whom a statement of ours names: as a principal, or by a condition on the users of an account
// that is the principal. A condition on aws:username tells no path.
type namedUser struct {
	access.UserName
	bare bool // the path is not known
}

// is reports whether a user is meant. IAM has each name once in an account.
func (n namedUser) is(u namedUser) bool {
	return n.Account == u.Account && n.Name == u.Name && (n.bare || u.bare || n.Path == u.Path)
}

func anyIs(named []namedUser, u namedUser) bool {
	return slices.ContainsFunc(named, func(n namedUser) bool { return n.is(u) })
}

// admittedUsers lists the users of our Allows.
func admittedUsers(statements string) []namedUser {
	return usersIn(statements, func(s iam.Statement) bool { return s.Effect == iam.EffectAllow })
}

// namedUsers lists the users of our Allows, and those who were removed before and are still kept out.
func namedUsers(statements string) []namedUser {
	return usersIn(statements, func(s iam.Statement) bool { return s.Effect == iam.EffectAllow || s.Sid == SidDenyRevoked })
}

// usersIn lists the users whom some of our statements name, but for those of user-side policies: see iam.ReadUserSide.
func usersIn(statements string, of func(iam.Statement) bool) []namedUser {
	ss, err := iam.ParseStatements(statements)
	if err != nil {
		return nil // the push says so
	}
	var found []namedUser
	for _, s := range ss {
		if !of(s) || strings.HasPrefix(s.Sid, iam.SidPrefix+iam.SidUserSide) {
			continue
		}
		for _, p := range s.Principals {
			if u, ok := access.ParseUserARN(p); ok {
				found = append(found, namedUser{UserName: u})
			} else if account, ok := rootAccount(p); ok {
				found = append(found, usersOf(account, s.Conditions)...)
			}
		}
	}
	slices.SortFunc(found, func(a, b namedUser) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(found)
}

// rootAccount reads the ARN of an account as a principal, such as arn:aws:iam::111122223333:root.
func rootAccount(principal string) (id access.AccountID, ok bool) {
	parts := strings.Split(principal, ":")
	if len(parts) != 6 || parts[5] != "root" {
		return "", false
	}
	return access.AccountID(parts[4]), true
}

// usersOf lists the users of an account whom conditions pick, in the two ways in which the compiler writes them.
func usersOf(account access.AccountID, conditions []iam.Condition) []namedUser {
	var found []namedUser
	for _, c := range conditions {
		for _, value := range c.Values {
			switch {
			case c.Operator == "StringEquals" && c.Key == "aws:username":
				found = append(found, namedUser{access.UserName{Account: account, Name: value}, true})
			case c.Operator == "ArnLike" && c.Key == "aws:PrincipalArn":
				if u, ok := userOfPattern(account, value); ok {
					found = append(found, namedUser{UserName: u})
				}
			}
		}
	}
	return found
}

var (
	maskEscapes   = strings.NewReplacer("${*}", "\x00", "${?}", "\x01", "${$}", "\x02")
	unmaskEscapes = strings.NewReplacer("\x00", "*", "\x01", "?", "\x02", "$")
)

// userOfPattern reads a pattern of aws:PrincipalArn that means one user of an account. The pattern may have * in place
// of the account.
func userOfPattern(account access.AccountID, pattern string) (access.UserName, bool) {
	u, ok := access.ParseUserARN(maskEscapes.Replace(pattern))
	if !ok || u.Account != "*" && u.Account != account || strings.ContainsAny(u.Path+u.Name, "*?$") {
		return access.UserName{}, false
	}
	return access.UserName{Account: account, Path: unmaskEscapes.Replace(u.Path), Name: unmaskEscapes.Replace(u.Name)}, true
}
