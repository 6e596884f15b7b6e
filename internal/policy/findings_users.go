package policy

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// users looks at the users' inline policies.
func (s *scan) users(docs Documents) {
	wanted := map[access.RoleName]Compiled{}
	for _, u := range docs.Users {
		wanted[nameOf(u.Resource)] = u
	}
	for _, u := range s.inv.Users {
		want, mapped := wanted[nameOf(u.Resource)]
		switch {
		case !u.Exists, !mapped && u.Document == "":
		case !mapped:
			s.drift(u.Resource, u.Document, "", access.ReasonLeftOver)
		case u.Document == "":
			s.drift(u.Resource, "", want.JSON(), access.ReasonMissing)
		case !iam.Equal(u.Document, want.JSON(), nil) && !s.sameUserPolicy(docs, u):
			s.drift(u.Resource, u.Document, want.JSON(), access.ReasonEdited)
		}
	}
}

// sameUserPolicy reports whether a user's policy is as desired in another shape than the
// compiler would choose today.
func (s *scan) sameUserPolicy(docs Documents, u access.LiveUser) bool {
	name := access.UserName{Account: s.account.ID, Path: u.Resource.Path, Name: u.Resource.Name}
	targets := strictestTargets(withoutUserSide(s.c.targets(s.account.ID)[name], s.at, userSideUsers(docs.Roles)[name]))
	for _, anyAccount := range []bool{false, true} {
		if iam.Equal(u.Document, iam.DocumentJSON(s.c.userStatements(targets, anyAccount)), nil) {
			return true
		}
	}
	return false
}

// userSidePolicies looks at user-side policies and at their attachments.
func (s *scan) userSidePolicies(docs Documents) {
	wanted := map[access.Resource]bool{}
	attached := map[access.RoleName][]string{}
	for _, g := range docs.UserSide {
		attached[access.RoleName{Path: g.User.Path, Name: g.User.Name}] = g.Attachments(s.account)
		for _, p := range g.Policies {
			wanted[p.Resource] = true
			live, exists := s.inv.Policy(p.Resource.Path, p.Resource.Name)
			switch {
			case !exists:
				s.drift(p.Resource, "", p.JSON(), access.ReasonMissing)
			case !iam.Equal(live.Document, p.JSON(), nil):
				s.drift(p.Resource, live.Document, p.JSON(), access.ReasonEdited)
			}
		}
	}
	for _, p := range s.inv.Policies {
		if _, _, ours := access.UserSideOwner(p.Resource); ours && p.Exists && !wanted[p.Resource] {
			s.drift(p.Resource, p.Document, "", access.ReasonLeftOver)
		}
	}
	for _, u := range s.inv.Users {
		if u.Exists {
			s.attachments(u, attached[nameOf(u.Resource)])
		}
	}
}

func (s *scan) attachments(u access.LiveUser, want []string) {
	ours, _ := access.UserSideAttachments(u.AttachedPolicies)
	live, desired := access.AttachmentsDocument(ours), access.AttachmentsDocument(want)
	if live == desired {
		return
	}
	reason := access.ReasonEdited
	switch {
	case live == "":
		reason = access.ReasonMissing
	case slices.IndexFunc(want, func(arn string) bool { return !slices.Contains(ours, arn) }) < 0:
		reason = access.ReasonLeftOver
	}
	r := u.Resource
	r.Kind = access.ResourceAttachments
	s.drift(r, live, desired, reason)
}
