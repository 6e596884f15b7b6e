package iam

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// SidUserSide begins, after our prefix, the Sid of an Allow whose networks are in user-side
// policies.
const SidUserSide = "UserSide"

// SidDenyRevoked is the Sid of the Deny that keeps users out of a role from which they were removed. Package order says
// how long it stays.
const SidDenyRevoked = SidPrefix + "DenyRevoked"

// UserSide says whom our statements of a trust policy admit through user-side policies.
type UserSide struct {
	account  access.AccountID
	admitted *admitted
}

// ReadUserSide reads our statements of a trust policy of an account, as Ours returns them;
// the account's id may be removed from them (access.WithoutID). A list that cannot be read
// admits no user. Statements that are the same in many accounts are parsed once.
func ReadUserSide(account access.AccountID, statements string) UserSide {
	if noStatements(statements) {
		return UserSide{}
	}
	return UserSide{account: account, admitted: parsedUserSides.parse(access.WithoutID(statements, account))}
}

// Admits reports whether an Allow for user-side policies is about a user of the account, by
// the user's name. Its other conditions are not looked at.
func (u UserSide) Admits(user string) bool {
	if u.admitted == nil {
		return false
	}
	user = access.WithoutID(user, u.account)
	return u.admitted.names[user] ||
		slices.ContainsFunc(u.admitted.others, func(s parsedStatement) bool { return s.mayMean(user) })
}

// Names lists the names of the users that the statements list, sorted.
func (u UserSide) Names() []string {
	if u.admitted == nil {
		return nil
	}
	names := make([]string, 0, len(u.admitted.names))
	for n := range u.admitted.names {
		names = append(names, access.WithID(n, u.account))
	}
	slices.Sort(names)
	return names
}

// admitted holds the users that some statements admit, without the account's id.
type admitted struct {
	names  map[string]bool
	others []parsedStatement // that do not list names, as ours do unless they were edited
}

var parsedUserSides = newParseCache(4<<20, readAdmitted)

// readAdmitted reads a list of our statements. The mark in place of the account's id has to
// be escaped in JSON.
func readAdmitted(list string) *admitted {
	a := &admitted{names: map[string]bool{}}
	for _, s := range ParsePolicy(documentOf(strings.ReplaceAll(list, access.OwnID, `\u0000`))).statements {
		if s.deny || !strings.HasPrefix(s.name, SidPrefix+SidUserSide) {
			continue
		}
		names, listed := s.userNames()
		if !listed {
			a.others = append(a.others, s)
		}
		for _, n := range names {
			a.names[n] = true
		}
	}
	return a
}

// userNames returns the names that a statement lists; ok is false for a statement with
// another condition on the name, or with none.
func (s *parsedStatement) userNames() (names []string, ok bool) {
	for i := range s.tests {
		t := &s.tests[i]
		switch {
		case t.name != keyUserName:
		case t.operator != "StringEquals" || t.vars || ok:
			return nil, false
		default:
			names, ok = t.values, true
		}
	}
	return names, ok
}

// mayMean reports whether a statement's conditions on the caller's name may hold.
func (s *parsedStatement) mayMean(user string) bool {
	c := &call{anyone: true}
	for i := range s.tests {
		if t := &s.tests[i]; t.name == keyUserName && t.matches(c, user) == no {
			return false
		}
	}
	return true
}

const keyUserName = "aws:username"
