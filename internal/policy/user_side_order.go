package policy

import "net/netip"

// WritingOrder returns the policies, counted from 0, in the order in which they replace
// earlier ones of the same user. At every moment each address is covered by a policy: a
// policy that gains a range of addresses is written before the policy that loses it. New
// policies come first, since they only gain addresses; they must be attached before the
// others are written. Earlier policies beyond the last of these lose all addresses, so
// they are detached after all others are written.
//
// A boundary between two neighbours that moved down says "the upper before the lower",
// one that moved up the opposite. That can never go round in a circle, because it only
// ever compares neighbours.
func (g UserSidePolicies) WritingOrder(earlier UserSidePolicies) []int {
	var order []int
	for i := len(earlier.Policies); i < len(g.Policies); i++ {
		order = append(order, i)
	}
	n := min(len(earlier.Policies), len(g.Policies))
	for i := 0; i < n; {
		end := i
		for end+1 < n && movesDown(earlier.Starts[end+1], g.Starts[end+1]) {
			end++
		}
		for j := end; j >= i; j-- {
			order = append(order, j)
		}
		i = end + 1
	}
	return order
}

func movesDown(before, after netip.Addr) bool { return after.Compare(before) < 0 }
