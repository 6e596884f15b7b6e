package onboard

import (
	"maps"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// adoptedMapping is a mapping with the changes that the account needs.
type adoptedMapping struct {
	access.Mapping
	added   []access.UserName
	altered bool // people removed, or other conditions
}

// followPeople makes the mappings say who is let in, and under which conditions. Networks
// are as they should be already. The edits apply to this account only: where a mapping
// reaches other accounts too, the account gets a separate mapping.
func (f Adopter) followPeople(was, live policy.Grants) ([]access.Edit, error) {
	var all []adoptedMapping
	mappings := f.mappings()
	for _, m := range mappings {
		next := adoptedMapping{Mapping: m}
		next.Users = slices.DeleteFunc(slices.Clone(m.Users), func(u access.UserName) bool {
			_, before := was.Users[f.arn(u)]
			_, now := live.Users[f.arn(u)]
			return before && !now
		})
		next.altered = len(next.Users) < len(m.Users)
		if err := f.followConditions(&next, was, live); err != nil {
			return nil, err
		}
		all = append(all, next)
	}
	for _, arn := range slices.Sorted(maps.Keys(live.Users)) {
		if _, before := was.Users[arn]; before {
			continue
		}
		if err := f.admit(all, arn, live.Users[arn]); err != nil {
			return nil, err
		}
	}
	var edits []access.Edit
	for i, m := range mappings {
		edits = append(edits, f.say(m, all[i])...)
	}
	return edits, nil
}

// followConditions gives the mapping the conditions of the users whom it lets in, where
// they are the same for all of them.
func (f Adopter) followConditions(next *adoptedMapping, was, live policy.Grants) error {
	var changed, others []string
	var to policy.Grant
	for _, u := range next.Users {
		arn := f.arn(u)
		before, had := was.Users[arn]
		now, has := live.Users[arn]
		switch {
		case !had || !has || before.Closed() || now.Closed():
		case before.SameConditions(now):
			others = append(others, arn)
		case len(changed) > 0 && !to.SameConditions(now):
			return access.Errorf(access.KindConflict, "%s are held to different conditions now, and one mapping of %s lets them in. Compose a change yourself that gives them mappings of their own, or overwrite the edit.", spelledOut(append(changed, arn)), f.Role)
		default:
			changed, to = append(changed, arn), now
		}
	}
	if len(changed) == 0 {
		return nil
	}
	for _, arn := range others {
		if !live.Users[arn].SameConditions(to) {
			return access.Errorf(access.KindConflict, "The conditions of %s were edited and those of %s were not, and one mapping of %s lets them in. Compose a change yourself that gives them mappings of their own, or overwrite the edit.", spelledOut(changed), spelledOut([]string{arn}), f.Role)
		}
	}
	next.RequireMFA, next.MFAMaxAge = to.MFA, to.MFAMaxAge
	next.SessionName, next.SourceIdentity = naming(to.SessionName), naming(to.SourceIdentity)
	next.altered = true
	return nil
}

func naming(username bool) access.Naming {
	if username {
		return access.NamingUsername
	}
	return access.NamingAny
}

// admit finds the mapping under which somebody is let in who was not before.
func (f Adopter) admit(all []adoptedMapping, arn string, grant policy.Grant) error {
	user, ok := f.userOf(arn)
	if !ok {
		return access.Errorf(access.KindConflict, "%s cannot stand in a mapping. "+composeOrOverwrite, arn)
	}
	fit := -1
	for i := range all {
		given, known, err := f.alone(all[i].Mapping, user)
		switch {
		case err != nil:
			return err
		case !known:
			return access.Errorf(access.KindConflict, "%s is let in, and is no user of the account as far as the console has read it. Have the account read again, or overwrite the edit.", spelledOut([]string{arn}))
		case !given.Equal(grant):
		case fit >= 0 && !slices.Equal(all[fit].Allowlists, all[i].Allowlists):
			return access.Errorf(access.KindConflict, "%s is let in as several mappings of %s would do it, from different allowlists. Compose a change yourself that names them in one.", spelledOut([]string{arn}), f.Role)
		case fit < 0:
			fit = i
		}
	}
	if fit < 0 {
		return access.Errorf(access.KindConflict, "%s is let in from networks or under conditions of which no mapping of %s is. Compose a change yourself that maps them so, or overwrite the edit.", spelledOut([]string{arn}), f.Role)
	}
	all[fit].added = append(all[fit].added, user)
	return nil
}

// userOf reads the ARN of a user as a mapping of the account names them.
func (f Adopter) userOf(arn string) (access.UserName, bool) {
	user, ok := access.ParseUserARN(arn)
	if user.Account == f.Account.ID {
		user.Account = ""
	}
	return user, ok
}

// alone returns what a mapping alone would give a user.
func (f Adopter) alone(m access.Mapping, user access.UserName) (grant policy.Grant, known bool, err error) {
	m.Users = []access.UserName{user}
	state := f.State
	state.Mappings = []access.Mapping{m}
	compiled, err := f.Compiled(state)
	if err != nil {
		return policy.Grant{}, false, err
	}
	read, err := policy.ReadGrants(compiled)
	grant, known = read.Users[f.arn(user)]
	return grant, known, err
}

// say are the edits that make a mapping say something else in the account.
func (f Adopter) say(m access.Mapping, next adoptedMapping) []access.Edit {
	here := slices.Equal(m.Accounts.IDs, []access.AccountID{f.Account.ID}) && !m.Accounts.All && len(m.Accounts.OUs)+len(m.Accounts.Tags) == 0
	own := next.Mapping
	own.ID, own.Accounts, own.Users = f.NewMappingID(), access.Selector{IDs: []access.AccountID{f.Account.ID}}, slices.Concat(next.Users, next.added)
	var edits []access.Edit
	switch {
	case !next.altered && len(next.added) == 0:
		return nil
	case here && len(own.Users) == 0:
		return []access.Edit{{Op: access.EditRemoveMapping, ID: m.ID}}
	case here:
		own.ID, own.Accounts = m.ID, m.Accounts
		return []access.Edit{{Op: access.EditUpdateMapping, ID: m.ID, Mapping: &own}}
	case !next.altered:
		own.Users = next.added
	default:
		m.Accounts = without(m.Accounts, f.Account.ID)
		edits = append(edits, access.Edit{Op: access.EditUpdateMapping, ID: m.ID, Mapping: &m})
	}
	if len(own.Users) > 0 {
		edits = append(edits, access.Edit{Op: access.EditAddMapping, ID: own.ID, Mapping: &own})
	}
	return edits
}

// without is a selector that no longer reaches an account.
func without(s access.Selector, id access.AccountID) access.Selector {
	if at := slices.Index(s.IDs, id); at >= 0 && len(s.IDs) > 1 {
		s.IDs = slices.Delete(slices.Clone(s.IDs), at, at+1)
		return s
	}
	s.Except = append(slices.Clone(s.Except), string(id))
	return s
}
