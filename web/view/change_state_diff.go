package view

import (
	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// listDiffs lays out what becomes of the allowlists: each that came, went, was renamed
// or has other entries.
func listDiffs(d policy.StateDiff) []listDiff {
	var out []listDiff
	at := map[string]int{}
	place := func(id, name string) *listDiff {
		i, known := at[id]
		if !known {
			i = len(out)
			at[id] = i
			out = append(out, listDiff{id: id, name: name})
		}
		return &out[i]
	}
	for _, a := range d.Allowlists {
		switch a.Kind {
		case policy.Added:
			l := place(a.ID, a.After.Name)
			l.created, l.texts = true, descriptionOf(a.After)
		case policy.Removed:
			l := place(a.ID, a.Before.Name)
			l.removed, l.texts = true, descriptionOf(a.Before)
		default:
			l := place(a.ID, a.After.Name)
			l.texts = textChanges(a.Before, a.After)
		}
	}
	for _, e := range d.Entries {
		l := place(e.AllowlistID, e.Allowlist)
		l.lines = append(l.lines, entryLineFor(e))
	}
	return out
}

func descriptionOf(a access.Allowlist) []string {
	if a.Description == "" {
		return nil
	}
	return []string{"description: " + a.Description}
}

// sign marks the texts of the allowlist.
func (l listDiff) sign() byte {
	switch {
	case l.created:
		return '+'
	case l.removed:
		return '-'
	default:
		return '~'
	}
}

// hint counts what changes, and gives the id by which rules and settings name the allowlist.
func (l listDiff) hint() string {
	if sums := entrySums(l.lines); sums != "" {
		return l.id + ": " + sums
	}
	return l.id
}

func textChanges(before, after access.Allowlist) []string {
	var said []string
	if before.Name != after.Name {
		said = append(said, "name: "+before.Name+" → "+after.Name)
	}
	if before.Description != after.Description {
		said = append(said, "description: "+orNone(before.Description)+" → "+orNone(after.Description))
	}
	return said
}

func entryLineFor(e policy.EntryChange) entryLine {
	switch e.Kind {
	case policy.Added:
		return entryLineOf('+', e.After)
	case policy.Removed:
		return entryLineOf('-', e.Before)
	default:
		line := entryLineOf('~', e.After)
		line.what = entryChanges(e.Before, e.After)
		return line
	}
}

// mappingDiffs lays out what becomes of the mappings.
func mappingDiffs(d policy.StateDiff, ous *access.OUs) []mappingDiff {
	out := make([]mappingDiff, len(d.Mappings))
	for i, m := range d.Mappings {
		out[i] = mappingDiffFor(m, ous)
	}
	return out
}

func mappingDiffFor(m policy.MappingChange, ous *access.OUs) mappingDiff {
	switch m.Kind {
	case policy.Added:
		return mappingDiff{title: "New: " + ous.Title(m.After), lines: compareLines(nil, mappingLines(m.After, ous))}
	case policy.Removed:
		return mappingDiff{title: "Removed: " + ous.Title(m.Before), lines: compareLines(mappingLines(m.Before, ous), nil)}
	default:
		return mappingDiff{title: ous.Title(m.After), lines: compareLines(mappingLines(m.Before, ous), mappingLines(m.After, ous))}
	}
}
