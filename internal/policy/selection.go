package policy

import "portcullis.internal/portcullis/internal/access"

// selection is the accounts that one selector reaches. Thousands of mappings share a
// few selectors, so each distinct one is resolved once.
type selection struct {
	bits     []uint64
	accounts []int // indexes, ascending
}

func (s *selection) has(account int) bool { return s.bits[account/64]&(1<<(account%64)) != 0 }

// selector resolves selectors against the accounts of one input.
type selector struct {
	accounts []access.Account
	index    map[access.AccountID]int
	found    map[access.SelectorKey]*selection
}

func newSelector(accounts []access.Account, index map[access.AccountID]int) *selector {
	return &selector{accounts: accounts, index: index, found: map[access.SelectorKey]*selection{}}
}

// use is a selection and the mappings that it chooses the accounts of.
type use struct {
	*selection
	mappings []int
}

func (s *selector) resolve(sel access.Selector) *selection {
	key := sel.Key()
	if r, ok := s.found[key]; ok {
		return r
	}
	r := &selection{bits: make([]uint64, (len(s.accounts)+63)/64)}
	if len(sel.IDs) > 0 && !sel.All {
		s.resolveIDs(sel, r)
	} else {
		for i, a := range s.accounts {
			if sel.Matches(a) {
				r.bits[i/64] |= 1 << (i % 64)
				r.accounts = append(r.accounts, i)
			}
		}
	}
	s.found[key] = r
	return r
}

// resolveIDs looks only at the named accounts, so that many mappings of one account
// each do not cost a pass over the whole organization each.
func (s *selector) resolveIDs(sel access.Selector, r *selection) {
	for _, id := range sel.IDs {
		i, ok := s.index[id]
		if ok && !r.has(i) && sel.Matches(s.accounts[i]) {
			r.bits[i/64] |= 1 << (i % 64)
			r.accounts = append(r.accounts, i)
		}
	}
	sortInts(r.accounts)
}
