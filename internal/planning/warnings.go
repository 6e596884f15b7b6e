package planning

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// Warnings is everything that the review page says about a change in addition to its documents: lint issues (a large
// reach among them), dangers, lock-out guards, notes on accounts, and what users gain and lose. Findings that depend on
// the reader, such as the guard of the reader's own address, follow from the impact and the settings.
type Warnings struct {
	Issues   []policy.Issue
	Cleared  []policy.Issue
	Dangers  []access.Danger
	Guards   []access.Guard
	Notes    []AccountNote
	Gone     []access.AccountID // that keep documents and cannot be written to
	Impact   policy.Impact
	Diff     policy.StateDiff
	Rules    []access.RuleChange
	Settings []access.SettingChange
	OwnGuard access.GuardMode // what becomes of a finding about the reader's own address

	Strategies      []access.StrategyChange
	DefaultStrategy *access.SettingChange
}

// AccountNote is a note of a plan on one account.
type AccountNote struct {
	Account access.AccountID
	Note    string
}

// NotesOf lists the notes of a plan, in the order of its accounts.
func NotesOf(plan access.Plan) []AccountNote {
	var notes []AccountNote
	for t := range plan.Accounts() {
		for _, n := range t.Notes {
			notes = append(notes, AccountNote{t.Account, n})
		}
	}
	return notes
}

// Digest returns the digest of the warnings in their canonical form: sorted, and without the positions of issues in
// a scenario file. Two changes with the same digest warn a reviewer of the same things.
func (w Warnings) Digest() (string, error) {
	w.Issues, w.Cleared = canonicalIssues(w.Issues), canonicalIssues(w.Cleared)
	w.Guards = slices.Clone(w.Guards)
	slices.SortFunc(w.Guards, func(a, b access.Guard) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Message, b.Message))
	})
	text, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("encoding the warnings: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func canonicalIssues(issues []policy.Issue) []policy.Issue {
	sorted := slices.Clone(issues)
	for i := range sorted {
		sorted[i].Position = ""
	}
	slices.SortFunc(sorted, func(a, b policy.Issue) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message), cmp.Compare(a.Advice, b.Advice))
	})
	return sorted
}
