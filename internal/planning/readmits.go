package planning

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/order"
)

// Readmits lists whom the plan of a revert lets in beyond the people from whom the reverted plan took access: "alice on
// arn:aws:iam::111122223333:role/Bob". One person may apply a revert alone only for exactly those people.
func Readmits(revert, reverted access.Plan) []string {
	lost := map[[2]string]bool{}
	for _, g := range order.Closes(reverted) {
		for principal, role := range g.Each() {
			lost[[2]string{principal, role}] = true
		}
	}
	var beyond []string
	for _, g := range order.Opens(revert) {
		for principal, role := range g.Each() {
			if !lost[[2]string{principal, role}] {
				beyond = append(beyond, principal+" on "+role)
			}
		}
	}
	slices.Sort(beyond)
	return slices.Compact(beyond)
}
