package view

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/order"
)

// requirementsProps is an operation with what a push must see elsewhere before it writes the approved document. The page
// at page(from) lists requirements from a position on; Listed says that this is that page.
type requirementsProps struct {
	Operation access.PlannedOperation
	Listed    bool
	From      int
	page      func(from int) string
}

// required reads the requirements. The error is for the reader: a push refuses such an operation.
func (p requirementsProps) required() (access.Requirements, error) {
	return access.ParseRequirements(p.Operation.Requires)
}

// firstForm is the document that is written first; "" for no document.
func (p requirementsProps) firstForm() (string, error) {
	form, _, err := order.FirstForm(p.Operation)
	return form, err
}

// listedRequirements is how many requirements are on one page of them.
const listedRequirements = 200

// shownRoles is how many roles are shown with their counts.
const shownRoles = 20

// openedGroup is a role that a user policy newly opens, with the number of accounts for each basis.
type openedGroup struct {
	Role    access.RoleName
	Total   int
	ByBasis []basisCount
}

type basisCount struct {
	Basis    access.OpeningBasis
	Accounts int
}

// openedBases lists the bases in the order in which a page shows them: those first that need a person.
func openedBases() []access.OpeningBasis {
	return []access.OpeningBasis{
		access.BasisOpen, access.BasisUnread, access.BasisWritten, access.BasisInPlace, access.BasisHarmless,
	}
}

// openedGroups groups openings by role, sorted by name.
func openedGroups(opens []access.Opening) []openedGroup {
	counts := map[access.RoleName]map[access.OpeningBasis]int{}
	for _, o := range opens {
		if counts[o.Role] == nil {
			counts[o.Role] = map[access.OpeningBasis]int{}
		}
		counts[o.Role][o.Basis]++
	}
	var groups []openedGroup
	for role, byBasis := range counts {
		g := openedGroup{Role: role}
		for _, b := range openedBases() {
			if n := byBasis[b]; n > 0 {
				g.Total += n
				g.ByBasis = append(g.ByBasis, basisCount{b, n})
			}
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b openedGroup) int { return strings.Compare(a.Role.String(), b.Role.String()) })
	return groups
}

// basisWords says what a basis means for the push.
func basisWords(b access.OpeningBasis) string {
	switch b {
	case access.BasisWritten:
		return "written by this plan: opened once its trust policy is verified"
	case access.BasisInPlace:
		return "in place: our statements restrict the user already"
	case access.BasisHarmless:
		return "does not admit the user"
	case access.BasisOpen:
		return "open: may admit the user by statements of others"
	case access.BasisUnread:
		return "not read"
	default:
		return string(b)
	}
}

// countUnproved counts the openings that a reviewer must accept.
func countUnproved(opens []access.Opening) int {
	n := 0
	for _, o := range opens {
		if o.Basis.NeedsOverride() {
			n++
		}
	}
	return n
}

// requirementRows are the requirements one by one, as a page of the full list shows them.
func requirementRows(r access.Requirements) []string {
	rows := make([]string, 0, len(r.Opens)+len(r.Revoked))
	for _, o := range r.Opens {
		row := o.Role.String() + " in account " + string(o.Account) + ": " + basisWords(o.Basis)
		if o.Document != "" {
			row += ", trust policy " + Short(o.Document)
		}
		rows = append(rows, row)
	}
	for _, u := range r.Revoked {
		rows = append(rows, u.String())
	}
	return rows
}

// listedRows are the rows of the page that is shown.
func (p requirementsProps) listedRows(rows []string) []string {
	from := min(max(p.From, 0), len(rows))
	return rows[from:min(from+listedRequirements, len(rows))]
}

// requirementsRange says which of the rows these are.
func (p requirementsProps) requirementsRange(rows []string) string {
	return Number(min(p.From+1, len(rows))) + " to " + Number(min(p.From+listedRequirements, len(rows))) + " of " + Number(len(rows))
}

// revokedNames are the users whom a trust policy stops admitting, so many of them.
func revokedNames(users []access.UserName) string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.String()
	}
	return namesOf(names, len(names))
}
