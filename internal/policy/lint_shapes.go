package policy

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// seen is what the documents of several accounts have in common that is worth a word: it
// is said once for each role or user, with its accounts.
type seen struct {
	tooLong  map[string]bool // messages
	near     places          // nearly full
	attached places          // users with nearly as many managed policies as they may have
	through  places          // roles that trust whole accounts
	unmapped places          // roles that shut out people who are not mapped
}

// places are the accounts in which something was found, by role or user.
type places struct {
	order []string
	at    map[string][]string
}

func (p *places) add(what string, where access.AccountID) {
	if p.at == nil {
		p.at = map[string][]string{}
	}
	if len(p.at[what]) == 0 {
		p.order = append(p.order, what)
	}
	p.at[what] = append(p.at[what], string(where))
}

// add looks at the documents of an account, or at why they cannot be compiled.
func (s *seen) add(l *linter, id access.AccountID, docs Documents, err error) {
	if err != nil {
		if message := access.MessageOf(err); !s.tooLong[message] {
			if s.tooLong == nil {
				s.tooLong = map[string]bool{}
			}
			s.tooLong[message] = true
			l.add(CodeTooLong, SeverityError, "account "+string(id), "", "make it fit in one of these ways", "%s", message)
		}
		return
	}
	s.quotas(l.c.knownOf(id), id, docs)
	for _, d := range docs.Roles {
		s.shape(d, id)
	}
}

// quotas notes what uses more than 80 % of a quota. That of a user's inline policies is
// for all of them, and Limit is what the others leave of it. User-side policies are filled
// on purpose; their number may run out.
func (s *seen) quotas(inv known, id access.AccountID, docs Documents) {
	for _, d := range docs.Roles {
		if nearly(d.Size, d.Limit) {
			s.near.add(d.Resource.String(), id)
		}
	}
	for _, d := range docs.Users {
		others := inv.otherInline(access.UserName{Path: d.Resource.Path, Name: d.Resource.Name})
		if nearly(d.Size+others, d.Limit+others) {
			s.near.add(d.Resource.String(), id)
		}
	}
	for _, g := range docs.UserSide {
		if nearly(len(g.Policies)+g.Others, g.Quota) {
			s.attached.add("user "+access.UserName{Path: g.User.Path, Name: g.User.Name}.String(), id)
		}
	}
}

func nearly(size, limit int) bool { return size*5 > limit*4 }

// shape notes a shape that gives something up.
func (s *seen) shape(d Compiled, id access.AccountID) {
	switch d.Shape {
	case ShapePrincipals, ShapePrincipalsEveryone, ShapeNames, ShapeNamesEveryone, ShapeUserSide:
	default:
		return
	}
	s.through.add(d.Resource.String(), id)
	if slices.ContainsFunc(d.Statements, func(st iam.Statement) bool { return st.Sid == iam.SidPrefix+sidDenyUnmapped }) {
		s.unmapped.add(d.Resource.String(), id)
	}
}

// report says what was seen beyond what was seen before.
func (s *seen) report(l *linter, before *seen) {
	each := func(now, then places, say func(what, where string)) {
		for _, what := range now.order {
			if at := without(now.at[what], then.at[what]); len(at) > 0 {
				say(what, iam.Some(at))
			}
		}
	}
	each(s.near, before.near, func(what, where string) {
		l.add(CodeNearQuota, SeverityWarning, what, "", "shorten the allowlists or raise the quota before it is full", "the document of %s takes more than 80 %% of its quota in %s", what, where)
	})
	each(s.attached, before.attached, func(what, where string) {
		l.add(CodeNearQuota, SeverityWarning, what, "", "merge neighbouring ranges, detach policies that are no longer needed, or raise the quota \"Managed policies attached to an IAM user\" (up to 20)",
			"%s has more than 80 %% of the managed policies that may be attached in %s, since their allowlists are too long for a trust policy", what, where)
	})
	each(s.through, before.through, func(role, where string) {
		l.add(CodeThroughAccount, SeverityInfo, role, "", "shorten the allowlists, map fewer users, or raise the quota \"Role trust policy length\" (L-C07B4B0D) if this matters",
			"the trust policy of %s is too long to name its users as principals in %s, so it trusts their accounts and picks them by name: a user who is deleted and made again under the same name keeps the access", role, where)
	})
	each(s.unmapped, before.unmapped, func(role, where string) {
		l.add(CodeUnmappedShutOut, SeverityWarning, role, "", "map the people who need the role, or shorten the allowlists",
			"the allowlists of %s are too long for its trust policy in %s and are enforced on everyone, so people whom no mapping names are kept out altogether, also from these networks", role, where)
	})
}
