package onboard

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// AdoptionOf returns the adoption of the edit that an operation of a target has left in
// AWS. It refuses an operation whose document was not adopted.
func AdoptionOf(account access.AccountID, operations []access.Operation, id int64) (Adoption, error) {
	i := slices.IndexFunc(operations, func(o access.Operation) bool { return o.ID == id && o.Adopted() })
	if i < 0 {
		return Adoption{}, access.Errorf(access.KindConflict, "This account has no such edit that was adopted.")
	}
	o := operations[i]
	return Adoption{
		Account: account, Role: access.RoleName{Path: o.Resource.Path, Name: o.Resource.Name},
		Planned: o.OursAfter, Live: o.Resolution.Seen,
	}, nil
}
