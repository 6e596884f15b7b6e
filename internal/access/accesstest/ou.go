package accesstest

import "portcullis.internal/portcullis/internal/access"

// InOU puts an account into the OU of a path. As in a scenario file without ids, the id of each OU is its path.
func InOU(a access.Account, path string) access.Account {
	ous, err := access.OUsAt(nil, path)
	if err != nil {
		panic(err)
	}
	ous.Place(&a, path)
	return a
}
