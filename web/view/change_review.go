package view

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// ruleTitle names a rule that was added, removed or edited.
func ruleTitle(r access.RuleChange) string {
	switch {
	case r.Before == nil:
		return r.After.Name
	case r.After == nil:
		return r.Before.Name
	case r.Before.Name != r.After.Name:
		return r.Before.Name + " → " + r.After.Name
	default:
		return r.After.Name
	}
}

// ruleID is the id by which the desired state knows the rule.
func ruleID(r access.RuleChange) string {
	if r.After == nil {
		return r.Before.ID
	}
	return r.After.ID
}

// needWords says what a rule asks for.
func needWords(need []access.Requirement) string {
	words := make([]string, len(need))
	for i, r := range need {
		words[i] = r.String()
	}
	return strings.Join(words, ", and ")
}

// scopeWords says which changes a rule is for, one line each. names says what ids stand
// for; an id without a name stands for itself.
func scopeWords(s access.RuleScope, names map[string]string, ous *access.OUs) []string {
	if s.Empty() {
		return []string{"Every change"}
	}
	var lines []string
	add := func(what string, items []string) {
		if len(items) > 0 {
			lines = append(lines, what+strings.Join(items, ", "))
		}
	}
	add("Allowlists: ", named(s.Allowlists, names))
	add("Mappings: ", named(s.Mappings, names))
	var units []string
	for _, id := range s.OUs {
		units = append(units, ous.LabelWithID(id))
	}
	add("Accounts in: ", units)
	if len(s.Tags) > 0 {
		lines = append(lines, "Accounts with the "+access.Selector{Tags: s.Tags}.String())
	}
	for _, d := range s.Dangers {
		lines = append(lines, "A change that "+d.String())
	}
	return lines
}

// reviewedOn says on which revision the reviewer saw the change, and whether it was rebased since.
func reviewedOn(c access.Change, r access.Review) string {
	verdict := "Rejected"
	if r.Verdict == access.VerdictApprove {
		verdict = "Approved"
	}
	text := verdict + " at revision " + number(r.Base)
	if r.Base != c.Base {
		text += "; rebased to " + number(c.Base) + " without a difference"
	}
	return text + "."
}

// voidText says why a review counts no more.
func voidText(r access.Review) string {
	switch r.Because {
	case access.VoidTakenBack:
		return "Void: the reviewer took the approval back."
	case access.VoidExpired:
		return "Void: the approval had expired."
	default:
		return "Void: the change was edited or rebased afterwards."
	}
}

// scopeText says which changes a rule is for, on one line.
func scopeText(s access.RuleScope, names map[string]string, ous *access.OUs) string {
	return strings.Join(scopeWords(s, names, ous), "; ")
}

// guardTone is bad if the guard stops the change, and caution if it was overridden.
func guardTone(g access.Guard) Tone {
	if g.Overridden {
		return Caution
	}
	return Bad
}

func guardTitle(g access.Guard) string {
	return map[access.GuardCode]string{
		access.GuardNoAddress: "Somebody would be locked out", access.GuardOwnAddress: "You would lock yourself out",
		access.GuardBreakGlass: "Break-glass access would be lost", access.GuardNobodyApplies: "Nobody could change anything any more",
	}[g.Code]
}

// maxFolds is how many different documents the page shows at first: each is long.
const maxFolds = 40

func (p ChangePage) foldsShown() []access.FoldedOperation {
	if p.All {
		return p.Folded
	}
	return p.Folded[:min(len(p.Folded), maxFolds)]
}

// foldAccounts is how many accounts of a document are on one page of them.
const foldAccounts = 200

// unfolds reports whether all accounts of the n-th document can be looked through.
func (p ChangePage) unfolds(n int) bool { return p.Fold == n+1 }

// accountsOf are the accounts of a document that are shown: the first few, or one page of
// all of them.
func (p ChangePage) accountsOf(n int, f access.FoldedOperation) []access.PlannedTarget {
	if !p.unfolds(n) {
		return f.Accounts[:min(len(f.Accounts), maxShown)]
	}
	from := min(max(p.From, 0), len(f.Accounts))
	return f.Accounts[from:min(from+foldAccounts, len(f.Accounts))]
}

// accountsRange says which of the accounts these are.
func (p ChangePage) accountsRange(f access.FoldedOperation) string {
	return Number(min(p.From+1, len(f.Accounts))) + " to " + Number(min(p.From+foldAccounts, len(f.Accounts))) + " of " + Count(len(f.Accounts), "account")
}

func (p ChangePage) foldURL(n, from int) string {
	all := ""
	if p.All {
		all = "1"
	}
	return With(ChangeURL(p.Change.ID), "all", all, "fold", number(int64(n+1)), "from", number(int64(max(from, 0)))) + "#" + foldID(n)
}

// requirementsOf are the requirements of the n-th document.
func (p ChangePage) requirementsOf(n int, f access.FoldedOperation) requirementsProps {
	return requirementsProps{
		Operation: f.Example, Listed: p.Requires == n+1, From: p.From,
		page: func(from int) string {
			all := ""
			if p.All {
				all = "1"
			}
			at := With(ChangeURL(p.Change.ID), "all", all, "requires", number(int64(n+1)), "from", number(int64(max(from, 0))))
			return at + "#" + foldID(n)
		},
	}
}

func foldID(n int) string { return "fold-" + number(int64(n+1)) }

// sizeBefore is the size of the document as it is now; 0 where there is none.
func sizeBefore(f access.FoldedOperation) int { return iam.Size(f.Example.Before) }

// deciding reports whether the card with decisions has anything in it.
func (p ChangePage) deciding() bool {
	return p.Change.Open() || p.May.Clone == nil || p.May.Revert == nil || p.Change.Flagged() || p.undoableByHand()
}

// undoableByHand reports whether the documents that the change replaces are fixed.
func (p ChangePage) undoableByHand() bool {
	return p.Change.State == access.ChangeApproved || p.Change.State == access.ChangeApplied
}

// composing reports whether more edits can be added on the page.
func (p ChangePage) composing() bool { return p.May.Edit == nil && p.Change.Open() }

// inChange is the address of a form whose edits go into this change.
func (p ChangePage) inChange(to string) string { return With(to, "change", number(p.Change.ID)) }
