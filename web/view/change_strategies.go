package view

import (
	"slices"
	"strconv"

	"portcullis.internal/portcullis/internal/access"
)

// strategyTitle names a strategy that was added, removed or edited.
func strategyTitle(c access.StrategyChange) string {
	switch {
	case c.Before == nil:
		return c.After.Name
	case c.After == nil:
		return c.Before.Name
	case c.Before.Name != c.After.Name:
		return c.Before.Name + " → " + c.After.Name
	default:
		return c.After.Name
	}
}

// strategyID is the id by which the desired state knows the strategy.
func strategyID(c access.StrategyChange) string {
	if c.After == nil {
		return c.Before.ID
	}
	return c.After.ID
}

// strategyLines says everything about a strategy but its name, a line for each thing.
func strategyLines(s *access.Strategy, ous *access.OUs) []string {
	if s == nil {
		return nil
	}
	var lines []string
	if s.Description != "" {
		lines = append(lines, "Purpose: "+s.Description)
	}
	for i, wave := range waveWords(*s, ous) {
		lines = append(lines, "Wave "+strconv.Itoa(i+1)+". "+wave)
	}
	return append(lines, strategyWords(*s)...)
}

// changedLine is a line about a strategy, and what a change does to it.
type changedLine struct {
	Text       string
	Gone, Come bool
}

// changedLines are the lines about a strategy before and after a change: those that go first, then those that stay
// or come.
func changedLines(c access.StrategyChange, ous *access.OUs) []changedLine {
	before, after := strategyLines(c.Before, ous), strategyLines(c.After, ous)
	var come []changedLine
	for _, text := range after {
		i := slices.Index(before, text)
		if i >= 0 {
			before = slices.Delete(before, i, i+1)
		}
		come = append(come, changedLine{Text: text, Come: i < 0})
	}
	lines := make([]changedLine, len(before), len(before)+len(come))
	for i, text := range before {
		lines[i] = changedLine{Text: text, Gone: true}
	}
	return append(lines, come...)
}

// StrategyHistoryPage is what became of a strategy, the newest step first.
type StrategyHistoryPage struct {
	Shell  Shell
	ID     string
	Steps  access.Page[access.StrategyRevision]
	Cursor string
}

// change is the i-th step with the strategy as it was before. The last step of a page that is not the last has no
// step before it, and shows the strategy whole.
func (p StrategyHistoryPage) change(i int) access.StrategyChange {
	c := access.StrategyChange{After: p.Steps.Items[i].Strategy}
	if i+1 < len(p.Steps.Items) {
		c.Before = p.Steps.Items[i+1].Strategy
	}
	return c
}

// verb says what a step did.
func (p StrategyHistoryPage) verb(i int) string {
	switch c := p.change(i); {
	case c.After == nil:
		return "Removed"
	case c.Before == nil && p.Steps.Next == "":
		return "Added"
	default:
		return "Edited"
	}
}
