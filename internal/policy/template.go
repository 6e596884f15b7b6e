package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// template is what a set of mappings means for one role, before it is written for an
// account: users of the role's own account still have no account. Accounts that the same
// mappings reach share it.
type template struct {
	mappings     []int
	groups       []group
	everyone     bool      // some mapping enforces its allowlists on everyone
	union        *Networks // of all mappings together
	everyoneRule rule      // what everyone is held to: the weakest of the groups
}

// template returns the shared template of some mappings of one role, or, when they name
// a user of the account both with and without its id, one made for this account.
func (c *Compiler) template(mappings []int, account access.AccountID) *template {
	key := templateKey(mappings)
	own := slices.ContainsFunc(c.cross[account], func(i int) bool { return slices.Contains(mappings, i) })
	if own {
		key += "@" + string(account)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.templates[key]; ok {
		return t
	}
	if !own {
		account = ""
	}
	t := c.newTemplate(mappings, account)
	c.templates[key] = t
	return t
}

func templateKey(mappings []int) string {
	b := make([]byte, 0, 8*len(mappings))
	for _, i := range mappings {
		b = strconv.AppendInt(b, int64(i), 36)
		b = append(b, ',')
	}
	return string(b)
}

// draft collects what reaches one user.
type draft struct {
	user  access.UserName
	lists []string
	rule  rule
}

func (c *Compiler) newTemplate(mappings []int, account access.AccountID) *template {
	t := &template{mappings: slices.Clone(mappings)}
	var lists []string
	for _, i := range mappings {
		t.everyone = t.everyone || c.mappings[i].Enforcement == access.EnforceEveryone
		lists = append(lists, c.mappings[i].lists...)
	}
	t.union = c.networksOf(sortedSet(lists))
	t.groups = c.groups(c.drafts(mappings, account))
	t.everyoneRule = weakest(t.groups, t.union)
	return t
}

// drafts joins the mappings user by user: allowlists joined, conditions the stricter.
func (c *Compiler) drafts(mappings []int, account access.AccountID) []draft {
	at := map[access.UserName]int{}
	var ds []draft
	for _, i := range mappings {
		p := c.mappings[i]
		for _, u := range p.Users {
			if account != "" {
				u = u.In(account)
			}
			n, ok := at[u]
			if !ok {
				n = len(ds)
				at[u] = n
				ds = append(ds, draft{user: u, lists: p.lists})
			} else {
				ds[n].lists = sortedSet(slices.Concat(ds[n].lists, p.lists))
			}
			ds[n].rule = ds[n].rule.stricter(p.Mapping)
		}
	}
	slices.SortFunc(ds, func(a, b draft) int { return compareUsers(a.user, b.user) })
	return ds
}

func compareUsers(a, b access.UserName) int {
	return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), compareNames(a.Path, a.Name, b.Path, b.Name))
}

// groups puts users under the same rule together, in the order of their first user.
func (c *Compiler) groups(ds []draft) []group {
	at := map[rule]int{}
	var gs []group
	for _, d := range ds {
		d.rule.nets = c.networksOf(d.lists)
		n, ok := at[d.rule]
		if !ok {
			n = len(gs)
			at[d.rule] = n
			gs = append(gs, group{rule: d.rule})
		}
		gs[n].users = append(gs[n].users, d.user)
	}
	return gs
}

// networksOf returns the networks of a sorted set of allowlists. Sets that admit the
// same are the same pointer, so that rules can be compared.
func (c *Compiler) networksOf(names []string) *Networks {
	key := setKey(names)
	if n, ok := c.networks[key]; ok {
		return n
	}
	var entries []access.Entry
	for _, name := range names {
		entries = append(entries, c.lists[name].Entries...)
	}
	n := newNetworks(names, entries, c.now)
	content := n.content()
	if same, ok := c.interned[content]; ok {
		n = same
	}
	c.interned[content] = n
	c.networks[key] = n
	return n
}

// content is a key that two networks share when they admit the same.
func (n *Networks) content() string {
	var b strings.Builder
	for _, p := range n.Prefixes {
		b.WriteString(p.String())
		b.WriteByte(' ')
	}
	for _, e := range n.Endpoints() {
		b.WriteString(e)
		b.WriteByte(' ')
	}
	return b.String()
}

// weakest is the rule for people whom no mapping names: they are held to what every
// mapped user is held to, and may come from any network that some mapped user may come
// from. Names are left out of it: a role or a federated user has no aws:username.
func weakest(gs []group, union *Networks) rule {
	w := rule{nets: union}
	open := slices.DeleteFunc(slices.Clone(gs), func(g group) bool { return g.rule.nets.Closed() })
	if len(open) == 0 {
		return w
	}
	w.mfa = true
	for i, g := range open {
		w.mfa = w.mfa && g.rule.mfa
		switch {
		case g.rule.mfaAge == 0:
			w.mfaAge = -1
		case w.mfaAge >= 0 && (i == 0 || g.rule.mfaAge > w.mfaAge):
			w.mfaAge = g.rule.mfaAge
		}
	}
	if !w.mfa || w.mfaAge < 0 {
		w.mfaAge = 0
	}
	return w
}
