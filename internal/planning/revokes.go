package planning

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/cidr"
	"portcullis.internal/portcullis/internal/order"
	"portcullis.internal/portcullis/internal/policy"
)

// Revokes says in a sentence from whom a change takes access away, so that one person must not undo it alone; "" if it
// only grants access. It asks the impact of the change, the documents of its plan by evaluation, and its edits for
// effects that come later. A change of review rules, strategies or settings counts, too: to undo it may weaken the review.
func Revokes(p Result, before, after access.State, edits []access.Edit) string {
	for _, e := range edits {
		if !e.Grants() {
			return "It changes review rules, strategies or settings."
		}
	}
	for _, why := range []func() string{
		func() string { return lostBy(p.Impact) },
		func() string { return RevokesBy(p.Plan) },
		func() string { return takenAway(before, after, edits) },
	} {
		if text := why(); text != "" {
			return text
		}
	}
	return ""
}

// RevokesBy says from whom the documents of a plan take access away.
func RevokesBy(plan access.Plan) string {
	gains := order.Closes(plan)
	if len(gains) == 0 {
		return ""
	}
	g := gains[0]
	const format = "%s can assume %s from fewer networks, under stricter conditions or not at all"
	text := fmt.Sprintf(format, g.Principal, g.Role)
	return text + inAccounts(len(g.Accounts)) + andMore(len(gains)-1)
}

// lostBy says who loses by the mappings and allowlists.
func lostBy(impact policy.Impact) string {
	if n := len(impact.Lost); n > 0 {
		l := impact.Lost[0]
		what := "loses networks on role "
		if l.Entire {
			what = "loses role "
		}
		return "IAM user " + l.User.String() + " " + what + l.Role.String() + inAccounts(len(l.Accounts)) + andMore(n-1)
	}
	for _, c := range impact.Conditions {
		if c.Stricter {
			return "On role " + c.Role.String() + ", " + c.Text + "."
		}
	}
	return ""
}

func inAccounts(n int) string {
	if n == 1 {
		return " in 1 account"
	}
	return " in " + strconv.Itoa(n) + " accounts"
}

func andMore(n int) string {
	if n <= 0 {
		return "."
	}
	return ", and " + strconv.Itoa(n) + " more."
}

// takenAway says what edits take away from a later time on, whatever the accounts hold now: a mapping, a user of one,
// or an entry that ends earlier.
func takenAway(before, after access.State, edits []access.Edit) string {
	lists := map[string]bool{}
	for _, e := range edits {
		was, mapped := before.Mapping(e.ID)
		switch e.Op {
		case access.EditRemoveMapping:
			return "The mapping of role " + was.Role.String() + " is removed."
		case access.EditUpdateMapping:
			for _, u := range was.Users {
				if mapped && !slices.Contains(e.Mapping.Users, u) {
					return "IAM user " + u.String() + " is removed from a mapping of role " + was.Role.String() + "."
				}
			}
		case access.EditRemoveEntry, access.EditUpdateEntry:
			if list, _ := before.Allowlist(e.ID); !lists[e.ID] && len(before.MappingsUsing(list.Name)) > 0 {
				if key := findShortened(list, after); key != "" {
					return "The entry " + key + " of allowlist " + list.Name + " is removed or ends earlier."
				}
			}
			lists[e.ID] = true
		}
	}
	return ""
}

// findShortened finds an entry of an allowlist that the state after does not admit for as long.
func findShortened(list access.Allowlist, after access.State) string {
	next, _ := after.Allowlist(list.ID)
	known := make(map[string]access.Entry, len(next.Entries))
	for _, e := range next.Entries {
		known[e.Key()] = e
	}
	covers := map[time.Time][]netip.Prefix{}
	for _, e := range list.Entries {
		if same, there := known[e.Key()]; there && lastsAsLong(same, e.Expires) {
			continue
		}
		if _, made := covers[e.Expires]; !made {
			covers[e.Expires] = coverUntil(next.Entries, e.Expires)
		}
		if e.Kind != access.EntryCIDR || len(cidr.Subtract([]netip.Prefix{e.Prefix}, covers[e.Expires])) > 0 {
			return e.Key()
		}
	}
	return ""
}

// coverUntil returns the networks that entries admit at least until a time; zero for ever.
func coverUntil(entries []access.Entry, until time.Time) []netip.Prefix {
	var networks []netip.Prefix
	for _, e := range entries {
		if e.Kind == access.EntryCIDR && lastsAsLong(e, until) {
			networks = append(networks, e.Prefix)
		}
	}
	return cidr.Cover(networks)
}

func lastsAsLong(e access.Entry, until time.Time) bool {
	return e.Expires.IsZero() || !until.IsZero() && !e.Expires.Before(until)
}
