package view

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// unitsOf is the tree of the OUs that a page lists.
func unitsOf(ous []access.OURow) *access.OUs {
	units := make([]access.OU, len(ous))
	for i, ou := range ous {
		units[i] = ou.OU
	}
	return access.NewOUs(units)
}

// ouTotal is the number of accounts in the whole organization: with all below those that
// are below nothing.
func ouTotal(ous []access.OURow) int {
	n := 0
	for _, ou := range ous {
		if ou.ParentID == "" {
			n += ou.Total
		}
	}
	return n
}

// wholeTree is how many OUs a tree may have to be shown whole.
const wholeTree = 80

// ouTree is the part of the tree that is shown: a small one whole, of a larger one what
// is below its roots, below the OU that is chosen and below those on the way to it.
func ouTree(ous []access.OURow, tree *access.OUs, chosen string) []access.OURow {
	if len(ous) <= wholeTree {
		return ous
	}
	var shown []access.OURow
	for _, ou := range ous {
		if len(tree.Chain(ou.ID)) <= 2 || slices.Contains(tree.Chain(chosen), ou.ParentID) {
			shown = append(shown, ou)
		}
	}
	return shown
}

// chosenOU is the row of the OU that a page is about.
func chosenOU(p AccountsPage) (access.OURow, bool) {
	i := slices.IndexFunc(p.OUs, func(ou access.OURow) bool { return ou.ID == p.OU })
	if i < 0 {
		return access.OURow{}, false
	}
	return p.OUs[i], true
}

// AccountsInURL lists the accounts of an OU, given by its id, and of those below it; "" for all.
func AccountsInURL(ou string) string { return With(AccountsURL(), "ou", ou) }

func accountsPageURL(p AccountsPage, cursor string) string {
	return With(AccountsURL(), "ou", p.OU, "q", p.Search, "cursor", cursor)
}

func accountsTitle(p AccountsPage) string {
	if p.OU == "" {
		return "All accounts"
	}
	if ou, there := chosenOU(p); there {
		return ou.Path
	}
	return p.OU
}

func sortedTags(all map[string]string) []string {
	out := make([]string, 0, len(all))
	for k, v := range all {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

func accountsEmpty(p AccountsPage) string {
	if p.Search != "" {
		return "No name or id contains “" + p.Search + "”."
	}
	return "Read the organization first, or choose another unit."
}

// directPermissions lists a user's other policies and groups. They work without a role, from
// every network.
func directPermissions(u access.LiveUser) []string {
	var out []string
	for _, p := range u.InlinePolicies {
		out = append(out, "inline "+p)
	}
	_, others := access.UserSideAttachments(u.AttachedPolicies)
	for _, arn := range others {
		out = append(out, "attached "+arn[strings.LastIndex(arn, "/")+1:])
	}
	for _, g := range u.Groups {
		out = append(out, "group "+g)
	}
	return out
}

// managesAny reports whether Portcullis keeps statements in any of the roles.
func managesAny(roles []access.LiveRole) bool {
	return slices.ContainsFunc(roles, func(r access.LiveRole) bool { return r.Managed })
}
