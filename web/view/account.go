package view

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// ouTotal is the number of accounts in the whole organization: with all below those that
// are below nothing.
func ouTotal(ous []access.OURow) int {
	paths := pathsOf(ous)
	n := 0
	for _, ou := range ous {
		if !paths[parentOU(ou.Path)] {
			n += ou.Total
		}
	}
	return n
}

// wholeTree is how many OUs a tree may have to be shown whole.
const wholeTree = 80

// ouTree is the part of the tree that is shown: a small one whole, of a larger one what
// is below its roots, below the OU that is chosen and below those on the way to it.
func ouTree(ous []access.OURow, chosen string) []access.OURow {
	if len(ous) <= wholeTree {
		return ous
	}
	paths := pathsOf(ous)
	var shown []access.OURow
	for _, ou := range ous {
		parent := parentOU(ou.Path)
		root := !paths[parent] || !paths[parentOU(parent)]
		if root || chosen == parent || strings.HasPrefix(chosen, parent+"/") {
			shown = append(shown, ou)
		}
	}
	return shown
}

func pathsOf(ous []access.OURow) map[string]bool {
	paths := make(map[string]bool, len(ous))
	for _, ou := range ous {
		paths[ou.Path] = true
	}
	return paths
}

func parentOU(path string) string { return path[:max(0, strings.LastIndex(path, "/"))] }

// AccountsInURL lists the accounts of an OU and of those below it; "" for all.
func AccountsInURL(ou string) string { return With(AccountsURL(), "ou", ou) }

func accountsPageURL(p AccountsPage, cursor string) string {
	return With(AccountsURL(), "ou", p.OU, "q", p.Search, "cursor", cursor)
}

func accountsTitle(p AccountsPage) string {
	if p.OU == "" {
		return "All accounts"
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
