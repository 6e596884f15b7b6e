package policy

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/cidr"
)

// principal is one user on one role in one account.
type principal struct {
	user    access.UserName // with its account
	role    access.RoleName
	account access.AccountID
}

// reachOf lists, from the state alone, what each principal may come from.
func reachOf(s access.State) map[principal][]access.Entry {
	reach := map[principal][]access.Entry{}
	for _, m := range s.Mappings {
		for _, a := range accesstest.Accounts {
			if !m.Accounts.Matches(a) {
				continue
			}
			for _, u := range m.Users {
				p := principal{user: u.In(a.ID), role: m.Role, account: a.ID}
				if other, known := newModel(s).accounts[p.user.Account]; known && other.PartitionOrDefault() != a.PartitionOrDefault() {
					continue
				}
				for _, list := range s.Allowlists {
					for _, name := range m.Allowlists {
						if list.Name == name {
							reach[p] = append(reach[p], list.Active(testNow)...)
						}
					}
				}
			}
		}
	}
	return reach
}

// said is what a list of rows says, principal by principal.
func said(rows []Reach) map[principal]string {
	m := map[principal]string{}
	for _, r := range rows {
		for _, a := range r.Accounts {
			m[principal{user: r.User.In(a), role: r.Role, account: a}] += strings.Join(append(prefixStrings(r.Prefixes), r.Endpoints...), " ")
		}
	}
	return m
}

func entriesOnlyIn(to, from []access.Entry) string {
	split := func(es []access.Entry) (ps []netip.Prefix, ends []string) {
		for _, e := range es {
			if e.Kind == access.EntryCIDR {
				ps = append(ps, e.Prefix)
			} else {
				ends = append(ends, e.Endpoint)
			}
		}
		return ps, ends
	}
	toP, toE := split(to)
	fromP, fromE := split(from)
	had := map[string]bool{}
	for _, e := range fromE {
		had[e] = true
	}
	words := prefixStrings(cidr.Subtract(toP, fromP))
	for _, e := range sortedSet(toE) {
		if !had[e] {
			words = append(words, e)
		}
	}
	return strings.Join(words, " ")
}

// TestDiffSaysWhatTheStatesSay: for two random states, the rows of the impact are, user
// by user and account by account, the difference of what the states admit.
func TestDiffSaysWhatTheStatesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := accesstest.DrawState(t), accesstest.DrawState(t)
		im, err := Diff(inputOf(before), inputOf(after))
		if err != nil {
			t.Fatal(err)
		}
		was, is := reachOf(before), reachOf(after)
		gained, lost := said(im.Gained), said(im.Lost)
		all := map[principal]bool{}
		for p := range was {
			all[p] = true
		}
		for p := range is {
			all[p] = true
		}
		for p := range all {
			if want := entriesOnlyIn(is[p], was[p]); gained[p] != want {
				t.Fatalf("%+v gains %q, the states say %q", p, gained[p], want)
			}
			if want := entriesOnlyIn(was[p], is[p]); lost[p] != want {
				t.Fatalf("%+v loses %q, the states say %q", p, lost[p], want)
			}
			delete(gained, p)
			delete(lost, p)
		}
		if len(gained)+len(lost) > 0 {
			t.Fatalf("gains %v and losses %v that the states know nothing of", gained, lost)
		}
	})
}
