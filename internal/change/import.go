package change

import (
	"context"
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/scenario"
)

// ImportMode says what an imported file of entries means.
type ImportMode string

// The modes.
const (
	ImportAdd     ImportMode = "add"     // entries are added or edited; the others stay
	ImportReplace ImportMode = "replace" // the file is the whole list from now on
)

// ImportEntries adds a CSV of entries to a change as edits, or to a new draft when id is 0. The
// fields of an error name the lines.
func (s *Service) ImportEntries(ctx context.Context, actor access.Actor, id int64, allowlistID string, mode ImportMode, text string) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	if mode != ImportAdd && mode != ImportReplace {
		return access.Change{}, access.Invalid("mode", "choose whether the entries are added or are the whole list (add or replace)")
	}
	file, err := access.ReadEntryCSV(text)
	if err != nil {
		return access.Change{}, err
	}
	list, err := s.composedList(ctx, id, allowlistID)
	if err != nil {
		return access.Change{}, err
	}
	edits := importEdits(list, file, mode)
	if len(edits) == 0 {
		return access.Change{}, access.Invalid("lines", "%s holds exactly this already, so there is nothing to import", list.Name)
	}
	c, err := s.AddEdits(ctx, actor, id, fmt.Sprintf("Import %s into %s", count(len(file.Entries), "entry", "entries"), list.Name), edits)
	return c, asField(err, "lines")
}

// composedList is an allowlist as it is with what a change says of it so far.
func (s *Service) composedList(ctx context.Context, id int64, allowlistID string) (access.Allowlist, error) {
	state, err := s.composedState(ctx, id)
	if err != nil {
		return access.Allowlist{}, err
	}
	list, ok := state.Allowlist(allowlistID)
	if !ok {
		return list, access.Errorf(access.KindNotFound, "There is no allowlist %q.", allowlistID)
	}
	return list, nil
}

func (s *Service) composedState(ctx context.Context, id int64) (access.State, error) {
	if id == 0 {
		head, err := s.store.Head(ctx)
		if err != nil {
			return access.State{}, err
		}
		return s.store.State(ctx, head)
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return access.State{}, err
	}
	state, err := s.store.State(ctx, c.Base)
	if err != nil {
		return access.State{}, err
	}
	return state.Apply(c.Edits)
}

// importEdits is what leads from a list to the imported entries.
func importEdits(list access.Allowlist, file access.EntryFile, mode ImportMode) []access.Edit {
	there := make(map[string]access.Entry, len(list.Entries))
	for _, e := range list.Entries {
		there[e.Key()] = e
	}
	var edits []access.Edit
	for _, e := range file.Entries {
		was, ok := there[e.Key()]
		if !ok {
			edits = append(edits, access.Edit{Op: access.EditAddEntry, ID: list.ID, Key: e.Key(), Entry: &e})
		} else if e = file.Over(was, e); !was.Equal(e) {
			edits = append(edits, access.Edit{Op: access.EditUpdateEntry, ID: list.ID, Key: e.Key(), Entry: &e})
		}
		delete(there, e.Key())
	}
	if mode == ImportReplace {
		for _, e := range list.Entries {
			if _, gone := there[e.Key()]; gone {
				edits = append(edits, access.Edit{Op: access.EditRemoveEntry, ID: list.ID, Key: e.Key()})
			}
		}
	}
	return edits
}

// ImportScenario begins a change whose edits are the smallest set that leads from the
// head to a scenario, in YAML or JSON. The accounts of the scenario play no part: they
// are what AWS says.
func (s *Service) ImportScenario(ctx context.Context, actor access.Actor, title, reason, text string) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	if strings.TrimSpace(text) == "" {
		return access.Change{}, access.Invalid("scenario", "choose a file, or paste the scenario")
	}
	scenario, err := scenario.ParseScenario([]byte(text), "scenario")
	if err != nil {
		return access.Change{}, asField(access.Errorf(access.KindInvalid, "%s", access.MessageOf(err)), "scenario")
	}
	c, err := s.Propose(ctx, actor, Head, Proposal{Title: title, Reason: reason, Desired: DesiredOf(scenario)})
	return c, asField(err, "scenario")
}
