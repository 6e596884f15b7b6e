package change

import (
	"context"
	"regexp"
	"slices"
	"strconv"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/scenario"
)

// Proposal is a change as a program sends it: either the edits, or the whole desired
// state, of which the edits are the smallest that lead there.
type Proposal struct {
	Title   string
	Reason  string
	Edits   []access.Edit
	Desired *Desired
}

// Desired are all allowlists, mappings and strategies as they are to be. Their ids say nothing:
// allowlists and strategies are found by their name, mappings by role and accounts. Without Strategies, strategies stay
// as they are; an empty list, which is not nil, removes all of them.
type Desired struct {
	Allowlists []access.Allowlist
	Mappings   []access.Mapping

	Strategies      []access.Strategy
	DefaultStrategy string // the id of one of them
}

// DesiredOf is the desired state of a scenario file.
func DesiredOf(s scenario.Scenario) *Desired {
	return &Desired{
		Allowlists: s.State.Allowlists, Mappings: s.State.Mappings,
		Strategies: s.State.Strategies, DefaultStrategy: s.State.DefaultStrategy,
	}
}

// Propose begins a change on the head. on is the revision that the proposal was made
// from, and refused with KindStale when it is no longer the head; Head for whichever. A
// desired state that is there already is refused with KindUnchanged.
func (s *Service) Propose(ctx context.Context, actor access.Actor, on int64, p Proposal) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.Change{}, err
	}
	if on != Head && on != head {
		return access.Change{}, access.Errorf(access.KindStale, "The desired state is at revision %d, no longer at %d. Read it again, then propose the change anew.", head, on)
	}
	in, err := s.input(ctx, head, p)
	if err != nil {
		return access.Change{}, err
	}
	return s.Draft(ctx, actor, in)
}

// Revise replaces what a change says with a proposal. version is what was read of it.
func (s *Service) Revise(ctx context.Context, actor access.Actor, id, version int64, p Proposal) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return access.Change{}, err
	}
	if c.Version != version {
		return access.Change{}, access.Errorf(access.KindStale, "The change is at version %d, no longer at %d. Read it again, then repeat your edit.", c.Version, version)
	}
	in, err := s.input(ctx, c.Base, p)
	if err != nil {
		return access.Change{}, err
	}
	return s.Edit(ctx, actor, id, version, in)
}

// Input turns a proposal on a revision into what a person would have typed.
func (s *Service) input(ctx context.Context, base int64, p Proposal) (Input, error) {
	in := Input{Title: p.Title, Reason: p.Reason}
	if p.Desired == nil {
		edits, err := withIDs(p.Edits)
		in.Edits = edits
		return in, err
	}
	if len(p.Edits) > 0 {
		return Input{}, access.Invalid("edits", "give either edits or the desired state, not both")
	}
	state, err := s.store.State(ctx, base)
	if err != nil {
		return Input{}, err
	}
	desired := *p.Desired
	if desired.Mappings, err = s.resolveMappings(ctx, desired.Mappings); err != nil {
		return Input{}, withoutFields(err)
	}
	if desired.Strategies, err = s.resolveStrategies(ctx, desired.Strategies); err != nil {
		return Input{}, withoutFields(err)
	}
	in.Edits = access.EditsBetween(state, desired.over(state))
	if len(in.Edits) == 0 {
		return Input{}, access.Errorf(access.KindUnchanged, "There is nothing to change: revision %d holds exactly this.", base)
	}
	return in, nil
}

// knownID is the form of the ids that newID makes, and of those in the sample data.
var knownID = regexp.MustCompile(`^[a-z]{2}-[a-z0-9._-]{1,64}$`)

// withIDs gives ids to what is added without one.
func withIDs(edits []access.Edit) ([]access.Edit, error) {
	prefixes := map[access.EditOp]string{
		access.EditAddAllowlist: "al",
		access.EditAddMapping:   "mp",
		access.EditAddRule:      "rr",
		access.EditAddStrategy:  "st",
	}
	out := slices.Clone(edits)
	for i, e := range out {
		prefix, adds := prefixes[e.Op]
		switch {
		case adds && e.ID == "":
			out[i].ID = newID(prefix)
		case adds && !knownID.MatchString(e.ID):
			return nil, access.Invalid("edits/"+strconv.Itoa(i)+"/id", "%q is no id; leave the id of what is added out, and it gets one", e.ID)
		}
	}
	return out, nil
}

// over returns a state with its allowlists and mappings replaced by the desired ones, which get the
// ids of those that they replace.
func (d Desired) over(state access.State) access.State {
	lists := make(map[string]access.Allowlist, len(state.Allowlists))
	for _, a := range state.Allowlists {
		lists[a.Name] = a
	}
	next := state
	next.Allowlists = make([]access.Allowlist, len(d.Allowlists))
	for i, a := range d.Allowlists {
		old, there := lists[a.Name]
		if a.ID = old.ID; !there {
			a.ID = newID("al")
		}
		next.Allowlists[i] = a
	}
	next.Mappings = sameMappings(state.Mappings, d.Mappings)
	if d.Strategies != nil {
		next.Strategies, next.DefaultStrategy = d.strategiesOver(state)
	}
	next.Sort()
	return next
}

// strategiesOver gives the desired strategies the ids of those of the same name, and returns the id of the default.
func (d Desired) strategiesOver(state access.State) (strategies []access.Strategy, byDefault string) {
	strategies = make([]access.Strategy, len(d.Strategies))
	for i, s := range d.Strategies {
		was := s.ID
		id, there := state.StrategyNamed(s.Name)
		if s.ID = id; !there {
			s.ID = newID("st")
		}
		if was != "" && was == d.DefaultStrategy {
			byDefault = s.ID
		}
		strategies[i] = s
	}
	return strategies, byDefault
}

// sameMappings gives each desired mapping the id of one that is there: the same in every
// respect, else one of the same role, accounts and users, else one of the same role and
// accounts, else one of the same role and users. No id is given twice.
func sameMappings(there, desired []access.Mapping) []access.Mapping {
	byRole := map[access.RoleName][]access.Mapping{}
	for _, m := range there {
		m = m.OrDefault()
		byRole[m.Role] = append(byRole[m.Role], m)
	}
	out := make([]access.Mapping, len(desired))
	for i, m := range desired {
		out[i] = m.OrDefault()
		out[i].ID = ""
	}
	for _, like := range []func(a, b access.Mapping) bool{access.Mapping.Equal, sameReach, sameAccounts, sameUsers} {
		for i, m := range out {
			if m.ID != "" {
				continue
			}
			rest := byRole[m.Role]
			if j := slices.IndexFunc(rest, func(o access.Mapping) bool { return like(m, o) }); j >= 0 {
				out[i].ID = rest[j].ID
				byRole[m.Role] = slices.Delete(rest, j, j+1)
			}
		}
	}
	for i := range out {
		if out[i].ID == "" {
			out[i].ID = newID("mp")
		}
	}
	return out
}

func sameReach(a, b access.Mapping) bool { return sameAccounts(a, b) && sameUsers(a, b) }

func sameAccounts(a, b access.Mapping) bool { return a.Accounts.Equal(b.Accounts) }

// sameUsers compares the users alone, by the one comparison of mappings that there is.
func sameUsers(a, b access.Mapping) bool {
	return access.Mapping{Users: a.Users}.Equal(access.Mapping{Users: b.Users})
}
