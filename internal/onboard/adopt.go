package onboard

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/cidr"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
	"portcullis.internal/portcullis/internal/planning"
	"portcullis.internal/portcullis/internal/policy"
)

// Adopter makes the desired state follow the live trust policy of one role in one account. Its caller reads
// everything before.
type Adopter struct {
	planning.PlanInput
	Account access.Account
	Role    access.RoleName
	State   access.State

	NewMappingID func() string // makes the id of a mapping that the adoption adds
}

// Mappings are those that reach the role in the account.
func (f Adopter) mappings() []access.Mapping {
	var reach []access.Mapping
	for _, m := range f.State.Mappings {
		if m.Role.Rooted() == f.Role && m.Accounts.Matches(f.Account) {
			reach = append(reach, m.OrDefault())
		}
	}
	return reach
}

// Compiled returns our statements of the role in a state; "" for none.
func (f Adopter) Compiled(state access.State) (string, error) {
	c, err := policy.NewCompiler(f.PolicyInput(state))
	if err != nil {
		return "", err
	}
	docs, err := c.Part(f.Account.ID, &policy.Part{Roles: map[access.RoleName]bool{f.Role: true}})
	if err != nil || len(docs.Roles) == 0 {
		return "", err
	}
	return iam.Statements(docs.Roles[0].Statements), nil
}

// arn names a user of a mapping as documents of the account do.
func (f Adopter) arn(u access.UserName) string {
	return u.In(f.Account.ID).ARN(f.Account.PartitionOrDefault())
}

// follow says what to edit so that the state, which compiles to head, says what is live.
func (f Adopter) follow(head, ours string) ([]access.Edit, error) {
	live, err := policy.ReadGrants(ours)
	if err != nil {
		return f.followOneList(head, ours, err)
	}
	was, err := policy.ReadGrants(head)
	if err != nil {
		return f.followOneList(head, ours, err)
	}
	if (live.Everyone == nil) != (was.Everyone == nil) {
		return nil, access.Errorf(access.KindConflict, "The Deny for everyone was added or removed by hand. Set the enforcement of the mapping in a change of your own, or overwrite the edit.")
	}
	edits, err := f.followNetworks(was, live)
	if err != nil {
		return nil, err
	}
	if f.State, err = f.State.Apply(edits); err != nil {
		return nil, err
	}
	people, err := f.followPeople(was, live)
	return slices.Concat(edits, people), err
}

// followOneList follows a document that names people in a way that cannot be read back,
// where nothing but its one list of networks was edited. why says what could not be read.
func (f Adopter) followOneList(head, ours string, why error) ([]access.Edit, error) {
	networks, ok := policy.EditedNetworks(ours, head)
	if !ok {
		return nil, access.Wrap(access.KindConflict, why, "More than networks was edited, in a way that no change can follow: %s. Compose a change yourself that says what is live, or overwrite the edit.", strings.TrimSuffix(access.MessageOf(why), "."))
	}
	lists := f.lists(f.mappings())
	if len(lists) != 1 {
		return nil, access.Errorf(access.KindConflict, "Role %s is mapped from %s in this account, so it is not clear which of them should say what is live. Compose a change yourself.", f.Role, count(len(lists), "allowlist", "allowlists"))
	}
	everybody := policy.Grant{Prefixes: networks}
	for _, e := range lists[0].Entries {
		if e.Kind != access.EntryCIDR { // these were not edited
			everybody.VPCs, everybody.VPCEs = append(everybody.VPCs, e.Endpoint), append(everybody.VPCEs, e.Endpoint)
		}
	}
	removals, left, err := f.removals(lists[0], map[string]policy.Grant{"": everybody})
	if err != nil {
		return nil, err
	}
	missing := cidr.Subtract(networks, left)
	additions := make([]access.Edit, len(missing))
	for i, p := range missing {
		entry, err := liveEntry(p.String())
		if err != nil {
			return nil, err
		}
		additions[i] = addition(lists[0], entry)
	}
	return slices.Concat(additions, removals), nil
}

// lists are the allowlists of mappings, by name.
func (f Adopter) lists(mappings []access.Mapping) []access.Allowlist {
	var lists []access.Allowlist
	for _, l := range f.State.Allowlists {
		if slices.ContainsFunc(mappings, func(m access.Mapping) bool { return slices.Contains(m.Allowlists, l.Name) }) {
			lists = append(lists, l)
		}
	}
	return lists
}

// followNetworks makes the allowlists say from where those are let in who were before.
func (f Adopter) followNetworks(was, live policy.Grants) ([]access.Edit, error) {
	var edits []access.Edit
	mappings := f.mappings()
	given := map[string]policy.Grant{} // by user: what is left of the networks
	for _, l := range f.lists(mappings) {
		users := f.through(l, mappings, was, live)
		if len(users) == 0 {
			continue
		}
		removed, left, err := f.removals(l, users)
		if err != nil {
			return nil, err
		}
		edits = append(edits, removed...)
		for arn := range users {
			g := given[arn]
			g.Prefixes = append(g.Prefixes, left...)
			for _, e := range l.Entries {
				if e.Kind != access.EntryCIDR && !e.ExpiredAt(f.Now) && lets(users[arn], e) {
					g.VPCs = append(g.VPCs, e.Key()) // of either kind
				}
			}
			given[arn] = g
		}
	}
	missing := map[string][]string{} // by network: who is to be let in from it
	for arn, g := range given {
		for _, p := range cidr.Subtract(live.Users[arn].Prefixes, g.Prefixes) {
			missing[p.String()] = append(missing[p.String()], arn)
		}
		for _, id := range slices.Concat(live.Users[arn].VPCs, live.Users[arn].VPCEs) {
			if !slices.Contains(g.VPCs, id) {
				missing[id] = append(missing[id], arn)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(missing)) {
		edit, err := f.place(key, missing[key], mappings, was, live)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit)
	}
	return edits, nil
}

// through returns who is let in through an allowlist, before and now, with what is live
// of each.
func (f Adopter) through(l access.Allowlist, mappings []access.Mapping, was, live policy.Grants) map[string]policy.Grant {
	users := map[string]policy.Grant{}
	for _, m := range mappings {
		if !slices.Contains(m.Allowlists, l.Name) {
			continue
		}
		for _, u := range m.Users {
			arn := f.arn(u)
			_, before := was.Users[arn]
			if g, now := live.Users[arn]; before && now {
				users[arn] = g
			}
		}
	}
	return users
}

// removals removes the entries of an allowlist from which none of its users is let in any
// more, and returns the networks that are left. It refuses an entry that is live for some of
// the users only, or in part only.
func (f Adopter) removals(l access.Allowlist, users map[string]policy.Grant) (edits []access.Edit, left []netip.Prefix, err error) {
	for _, e := range l.Entries {
		if e.ExpiredAt(f.Now) {
			continue
		}
		in := 0
		for _, g := range users {
			if lets(g, e) {
				in++
			} else if e.Kind == access.EntryCIDR && cidr.CountAddresses(cidr.Subtract([]netip.Prefix{e.Prefix}, g.Prefixes)).Cmp(cidr.CountAddresses([]netip.Prefix{e.Prefix})) != 0 {
				return nil, nil, access.Errorf(access.KindConflict, "Of the entry %s of %s only a part is live. Compose a change yourself that replaces it.", e.Key(), l.Name)
			}
		}
		switch {
		case in == 0:
			edits = append(edits, access.Edit{Op: access.EditRemoveEntry, ID: l.ID, Key: e.Key()})
		case in < len(users):
			return nil, nil, access.Errorf(access.KindConflict, "The entry %s of %s is live for some of those who are let in through that allowlist, and not for others. Compose a change yourself that gives them allowlists of their own, or overwrite the edit.", e.Key(), l.Name)
		case e.Kind == access.EntryCIDR:
			left = append(left, e.Prefix)
		}
	}
	return edits, left, nil
}

// lets reports whether a grant is for all of what an entry names.
func lets(g policy.Grant, e access.Entry) bool {
	switch e.Kind {
	case access.EntryCIDR:
		return len(cidr.Subtract([]netip.Prefix{e.Prefix}, g.Prefixes)) == 0
	case access.EntryVPC:
		return slices.Contains(g.VPCs, e.Endpoint)
	default:
		return slices.Contains(g.VPCEs, e.Endpoint)
	}
}

// place finds the one allowlist in which a network can stand that some users are let in
// from: all of them are let in through it, and nobody else of the role.
func (f Adopter) place(key string, users []string, mappings []access.Mapping, was, live policy.Grants) (access.Edit, error) {
	entry, err := liveEntry(key)
	if err != nil {
		return access.Edit{}, err
	}
	var fit []access.Allowlist
	var names []string
	for _, l := range f.lists(mappings) {
		through := f.through(l, mappings, was, live)
		all := !slices.ContainsFunc(users, func(arn string) bool { _, in := through[arn]; return !in })
		for _, g := range through {
			all = all && lets(g, entry)
		}
		if all {
			fit, names = append(fit, l), append(names, l.Name)
		}
	}
	switch len(fit) {
	case 0:
		return access.Edit{}, access.Errorf(access.KindConflict, "No allowlist is for exactly those who are let in from %s (%s). Compose a change yourself that gives them one, or overwrite the edit.", key, spelledOut(users))
	case 1:
		return addition(fit[0], entry), nil
	default:
		return access.Edit{}, access.Errorf(access.KindConflict, "Role %s is mapped from %s in this account (%s), so it is not clear which of them should name %s. Compose a change yourself.", f.Role, count(len(fit), "allowlist", "allowlists"), strings.Join(names, ", "), key)
	}
}

// addition makes an allowlist name an entry that is live.
func addition(l access.Allowlist, entry access.Entry) access.Edit {
	for _, e := range l.Entries {
		if e.Key() == entry.Key() { // it has expired
			e.Expires, e.Emergency = time.Time{}, false
			return access.Edit{Op: access.EditUpdateEntry, ID: l.ID, Entry: &e}
		}
	}
	entry.Note = "Adopted from what was live"
	return access.Edit{Op: access.EditAddEntry, ID: l.ID, Key: entry.Key(), Entry: &entry}
}

// liveEntry is what is live as an entry; not everything can stand in an allowlist.
func liveEntry(key string) (access.Entry, error) {
	entry, err := access.ParseEntry(key)
	if err != nil {
		return access.Entry{}, access.Wrap(access.KindConflict, err, "%s is live and cannot stand in an allowlist: %s. Overwrite the edit.", key, strings.TrimSuffix(access.MessageOf(err), "."))
	}
	return entry, nil
}

// spelledOut names users of ARNs for people.
func spelledOut(arns []string) string {
	names := make([]string, len(arns))
	for i, arn := range arns {
		names[i] = access.NameInARN(arn)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Edits are those after which the desired state says what is live, and nothing else of
// this role in this account.
func (f Adopter) Edits(a Adoption) ([]access.Edit, error) {
	ours, err := iam.Ours(a.Live)
	if err != nil {
		return nil, access.Wrap(access.KindConflict, err, "The live document cannot be read, so no change can say the same. Correct it in AWS.")
	}
	ours = withoutKept(ours)
	head, err := f.Compiled(f.State)
	if err != nil {
		return nil, err
	}
	switch {
	case head == "":
		return nil, access.Errorf(access.KindConflict, "No mapping reaches role %s in this account any more, so there is nothing that could say what is live. "+composeOrOverwrite, a.Role)
	case Same(head, ours):
		return nil, access.Errorf(access.KindUnchanged, "The desired state says what is live already.")
	case !Same(head, a.Planned):
		return nil, access.Errorf(access.KindConflict, "The desired state of role %s has changed since this conflict was found. Push the account again, and decide on what is found then.", a.Role)
	}
	edits, err := f.follow(head, ours)
	if err != nil {
		return nil, err
	}
	return edits, f.verify(edits, ours)
}

// verify refuses edits after which the role would not mean exactly what is live.
func (f Adopter) verify(edits []access.Edit, ours string) error {
	after, err := f.State.Apply(edits)
	if err != nil {
		return err
	}
	compiled, err := f.Compiled(after)
	if err != nil {
		return access.Wrap(access.KindConflict, err, "No change can say what is live: %s. Overwrite the edit.", strings.TrimSuffix(access.MessageOf(err), "."))
	}
	if !Same(compiled, ours) {
		return access.Errorf(access.KindConflict, "No change of networks, people or MFA says exactly what is live: the closest one means something else. "+composeOrOverwrite)
	}
	return nil
}

// Same reports whether two lists of our statements mean the same. The Deny for users who were removed from the role does
// not count: no desired state says it.
func Same(a, b string) bool {
	if iam.EqualStatements(withoutKept(a), withoutKept(b), nil) {
		return true
	}
	readA, errA := policy.ReadGrants(a)
	readB, errB := policy.ReadGrants(b)
	return errA == nil && errB == nil && readA.Equal(readB)
}

// withoutKept leaves out the Deny for users who were removed from the role, unless another statement admits one of them.
func withoutKept(statements string) string {
	kept, err := order.KeptOut(statements)
	if err != nil || len(kept.Admitted) > 0 {
		return statements
	}
	return kept.Rest
}

// Adoption is a trust policy that others have edited in an account, and that the desired state must follow.
type Adoption struct {
	Account access.AccountID
	Role    access.RoleName
	Planned string // our statements of the plan
	Live    string // the whole live document
}
