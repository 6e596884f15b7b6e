package planning

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/policy"
)

// Bytes is about how much memory a plan takes.
func (p Result) Bytes() int { return p.Plan.Bytes() + p.Summary.Bytes() }

// Bytes is about how much memory a summary takes, mostly for the accounts of its documents.
func (s Summary) Bytes() int {
	n := 0
	for _, f := range s.Folded {
		n += 128*len(f.Accounts) + len(f.Example.Before) + len(f.Example.After) + len(f.Example.Requires)
	}
	return n
}

// FreshUntil is when the draft may no longer be what it would be if it were worked out
// again: when the next entry expires, or at the latest at a time.
func (p Result) FreshUntil(latest time.Time) time.Time { return Earliest(p.Expires, latest) }

// NextExpiry is when the next entry of two states expires; zero when none does.
func NextExpiry(now time.Time, states ...access.State) time.Time {
	var next time.Time
	for _, s := range states {
		for _, a := range s.Allowlists {
			for _, e := range a.Entries {
				if !e.Expires.IsZero() && !e.ExpiredAt(now) {
					next = Earliest(next, e.Expires)
				}
			}
		}
	}
	return next
}

// Earliest ignores times that are zero.
func Earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Summary is what a page shows of a plan.
type Summary struct {
	Targets, Writes int
	Folded          []access.FoldedOperation
}

// Summarize counts what a plan writes, and folds operations that mean the same.
func Summarize(plan access.Plan) Summary {
	return Summary{Targets: plan.Len(), Writes: plan.Operations(), Folded: fold(plan)}
}

var foldedOrder = []access.ResourceKind{access.ResourceRole, access.ResourcePolicy, access.ResourceAttachments, access.ResourceUser}

// fold puts operations together that mean the same but for the account's own id.
func fold(plan access.Plan) []access.FoldedOperation {
	type key struct {
		kind          access.OperationKind
		resource      access.Resource
		before, after string
		known         bool
		note          string
		requires      string
	}
	at := map[key]int{}
	same, accounts := meanings{}, foldedAccounts{all: slices.Collect(plan.Accounts())}
	var out []access.FoldedOperation
	var in [][]int // the targets of each, by their indexes
	for op, targets := range plan.Groups() {
		first := accounts.all[targets[0]].Account
		k := key{op.Kind, op.Resource, same.of(op.Before, first), same.of(op.After, first), op.BeforeKnown, op.Note, access.WithoutID(op.Requires, first)}
		i, seen := at[k]
		if !seen {
			i = len(out)
			at[k] = i
			out = append(out, access.FoldedOperation{Kind: op.Kind, Resource: op.Resource, Example: op})
			in = append(in, nil)
		}
		in[i] = append(in[i], targets...)
	}
	for i := range out {
		slices.Sort(in[i])
		out[i].Accounts = accounts.of(in[i])
		out[i].Notes = notesOf(out[i].Accounts)
	}
	slices.SortStableFunc(out, func(a, b access.FoldedOperation) int {
		if a.Resource.Kind != b.Resource.Kind {
			return slices.Index(foldedOrder, a.Resource.Kind) - slices.Index(foldedOrder, b.Resource.Kind)
		}
		return len(b.Accounts) - len(a.Accounts)
	})
	return out
}

// foldedAccounts are the accounts of folded documents. Documents that are in the same
// accounts share the list of them.
type foldedAccounts struct {
	all   []access.PlannedTarget // without their operations
	lists []accountList
}

type accountList struct {
	indexes  []int
	accounts []access.PlannedTarget
}

// of are the targets with these indexes.
func (f *foldedAccounts) of(indexes []int) []access.PlannedTarget {
	for _, known := range f.lists {
		if slices.Equal(known.indexes, indexes) {
			return known.accounts
		}
	}
	list := accountList{indexes: indexes, accounts: make([]access.PlannedTarget, len(indexes))}
	for n, i := range indexes {
		list.accounts[n] = f.all[i]
	}
	const remembered = 8
	if len(f.lists) < remembered {
		f.lists = append(f.lists, list)
	}
	return list.accounts
}

// notesOf are the notes on accounts, each once.
func notesOf(accounts []access.PlannedTarget) []string {
	var notes []string
	said := map[string]bool{}
	for _, a := range accounts {
		for _, n := range a.Notes {
			if !said[n] {
				said[n] = true
				notes = append(notes, n)
			}
		}
	}
	return notes
}

// meanings keeps the canonical form of documents, by their text: in a large plan most are
// equal.
type meanings map[string]string

// of returns a document as IAM's rewriting leaves it the same, without the account's id.
func (m meanings) of(doc string, id access.AccountID) string {
	doc = strings.ReplaceAll(doc, string(id), "000000000000")
	meaning, known := m[doc]
	if !known {
		var err error
		if meaning, err = iam.Canonical(doc, nil); err != nil {
			meaning = doc // no document: equal only letter by letter
		}
		m[doc] = meaning
	}
	return meaning
}

// OwnStake names what the reader may gain or lose: the part of their e-mail address
// before the @ counts as their IAM user's name.
func OwnStake(actor access.Actor, impact policy.Impact) []string {
	me, _, _ := strings.Cut(actor.Email, "@")
	if me == "" {
		return nil
	}
	var own []string
	say := func(verb string, list []policy.Reach) {
		for _, r := range list {
			if strings.EqualFold(r.User.Name, me) {
				own = append(own, fmt.Sprintf("IAM user %s, who may be you, %s addresses on role %s.", r.User, verb, r.Role))
			}
		}
	}
	say("gains", impact.Gained)
	say("loses", impact.Lost)
	slices.Sort(own)
	return slices.Compact(own)
}
