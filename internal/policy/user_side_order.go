package policy

import "net/netip"

// WritingOrder returns the gate's policies, counted from 0, in the order in which they
// replace those of an earlier gate of the same user so that at no moment an address is
// left to none of them: whichever policy takes over a stretch of addresses is written
// before the one that gives it up. New ones come first, since they only take over; they
// have to be attached before the others are written. Policies of the earlier gate beyond
// the last of this one give everything up, so they are detached after all is written.
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
