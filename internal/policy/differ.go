package policy

import (
	"cmp"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/cidr"
)

// differ compares two compilers over the same accounts, role by role. Accounts that the
// same mappings reach are compared once.
type differ struct {
	was, is    *Compiler
	wasByRole  map[access.RoleName][]int
	isByRole   map[access.RoleName][]int
	differ     map[pair]difference
	classes    map[string][]class
	numbers    map[*selection]int
	rows       map[rowKey]*row
	order      []*row
	targetable []bool
}

type pair struct{ from, to *Networks }

// difference is what is in one network and not in another.
type difference struct {
	prefixes  []netip.Prefix
	endpoints []string
	count     *big.Int
}

func (d difference) empty() bool { return len(d.prefixes) == 0 && len(d.endpoints) == 0 }

// class is accounts that the same selections reach.
type class struct {
	selections map[*selection]bool
	accounts   []int
}

type rowKey struct {
	user   access.UserName
	role   access.RoleName
	nets   pair
	entire bool
	text   string
	gained bool
}

type row struct {
	key      rowKey
	diff     difference
	stricter bool
	accounts []int
}

func newDiffer(was, is *Compiler) *differ {
	d := &differ{
		was: was, is: is, wasByRole: byRoleName(was), isByRole: byRoleName(is),
		differ: map[pair]difference{}, classes: map[string][]class{}, numbers: map[*selection]int{}, rows: map[rowKey]*row{},
		targetable: make([]bool, len(is.accounts)),
	}
	for i, a := range is.accounts {
		d.targetable[i], _ = a.Targetable()
	}
	return d
}

func byRoleName(c *Compiler) map[access.RoleName][]int {
	m := map[access.RoleName][]int{}
	for i := range c.mappings {
		m[c.mappings[i].Role] = append(m[c.mappings[i].Role], i)
	}
	return m
}

// role compares one role in all accounts that some mapping of it reaches or reached.
func (d *differ) role(role access.RoleName) {
	was, is := d.wasByRole[role], d.isByRole[role]
	for _, cl := range d.classesOf(was, is) {
		accounts := make([]int, 0, len(cl.accounts))
		for _, a := range cl.accounts {
			if d.targetable[a] && d.is.knownOf(d.is.accounts[a].ID).hasRole(role) {
				accounts = append(accounts, a)
			}
		}
		common := accounts[:0]
		w, i := within(d.was, was, cl), within(d.is, is, cl)
		for _, a := range accounts {
			id := d.is.accounts[a].ID
			if names(d.was, w, id) || names(d.is, i, id) {
				before, after := d.template(d.was, w, id), d.template(d.is, i, id)
				d.compare(role, before, after, []int{a}, d.bareNames(w, i))
				continue
			}
			common = append(common, a)
		}
		if len(common) > 0 {
			d.compare(role, d.template(d.was, w, ""), d.template(d.is, i, ""), common, nil)
		}
	}
}

func within(c *Compiler, mappings []int, cl class) []int {
	var in []int
	for _, i := range mappings {
		if cl.selections[c.mappings[i].sel] {
			in = append(in, i)
		}
	}
	return in
}

// names reports whether one of the mappings names a user of this account by its id.
func names(c *Compiler, mappings []int, id access.AccountID) bool {
	return slices.ContainsFunc(c.cross[id], func(i int) bool { return slices.Contains(mappings, i) })
}

func (d *differ) template(c *Compiler, mappings []int, id access.AccountID) *template {
	if len(mappings) == 0 {
		return &template{}
	}
	return c.template(mappings, id)
}

// classesOf sorts accounts by which of the mappings' selections hold them. Roles whose
// mappings use the same selections share the answer.
func (d *differ) classesOf(was, is []int) []class {
	var sels []*selection
	for _, i := range was {
		sels = append(sels, d.was.mappings[i].sel)
	}
	for _, i := range is {
		sels = append(sels, d.is.mappings[i].sel)
	}
	for _, s := range sels {
		if _, ok := d.numbers[s]; !ok {
			d.numbers[s] = len(d.numbers)
		}
	}
	slices.SortFunc(sels, func(a, b *selection) int { return d.numbers[a] - d.numbers[b] })
	sels = slices.Compact(sels)
	var key strings.Builder
	for _, s := range sels {
		fmt.Fprintf(&key, "%d,", d.numbers[s])
	}
	if cs, ok := d.classes[key.String()]; ok {
		return cs
	}
	cs := classify(sels)
	d.classes[key.String()] = cs
	return cs
}

func classify(sels []*selection) []class {
	in := map[int][]int{} // account → numbers in sels
	for n, s := range sels {
		for _, a := range s.accounts {
			in[a] = append(in[a], n)
		}
	}
	accounts := make([]int, 0, len(in))
	for a := range in {
		accounts = append(accounts, a)
	}
	sortInts(accounts)
	at := map[string]int{}
	var cs []class
	for _, a := range accounts {
		key := templateKey(in[a])
		n, ok := at[key]
		if !ok {
			n = len(cs)
			at[key] = n
			cl := class{selections: map[*selection]bool{}}
			for _, s := range in[a] {
				cl.selections[sels[s]] = true
			}
			cs = append(cs, cl)
		}
		cs[n].accounts = append(cs[n].accounts, a)
	}
	return cs
}

// bareNames are the users that some of the mappings name without an account.
func (d *differ) bareNames(was, is []int) map[access.UserName]bool {
	bare := map[access.UserName]bool{}
	for c, mappings := range map[*Compiler][]int{d.was: was, d.is: is} {
		for _, i := range mappings {
			for _, u := range c.mappings[i].Users {
				bare[u] = u.Account == ""
			}
		}
	}
	return bare
}

// compare compares a role's templates for accounts that share them. For one account in
// which a user may be named both with and without its id, bare tells which users are
// named without; it is nil otherwise.
func (d *differ) compare(role access.RoleName, was, is *template, accounts []int, bare map[access.UserName]bool) {
	id := access.AccountID("")
	if bare != nil {
		id = d.is.accounts[accounts[0]].ID
	}
	before, after := rulesOf(was, id), rulesOf(is, id)
	users := make([]access.UserName, 0, len(before)+len(after))
	for u := range before {
		users = append(users, u)
	}
	for u := range after {
		if _, ok := before[u]; !ok {
			users = append(users, u)
		}
	}
	slices.SortFunc(users, compareUsers)
	for _, u := range users {
		at := d.existingAccounts(u, accounts)
		if len(at) == 0 {
			continue
		}
		shown := u
		if short := (access.UserName{Path: u.Path, Name: u.Name}); u.Account == id && bare[short] {
			shown = short
		}
		d.user(shown, role, before[u], after[u], at)
	}
	if was.everyone != is.everyone {
		d.condition(access.UserName{}, role, is.everyone, "people who are not mapped", "are restricted by the allowlists", accounts)
	}
}

// rulesOf lists a template's users. With an account, users without one are of that one.
func rulesOf(t *template, id access.AccountID) map[access.UserName]rule {
	m := map[access.UserName]rule{}
	for _, g := range t.groups {
		for _, u := range g.users {
			m[u.In(id)] = g.rule
		}
	}
	return m
}

// existingAccounts are the accounts in which the user can assume anything at all: they exist and
// are of the account's partition.
func (d *differ) existingAccounts(u access.UserName, accounts []int) []int {
	if d.is.offline && u.Account == "" {
		return accounts
	}
	var at []int
	for _, a := range accounts {
		full := u.In(d.is.accounts[a].ID)
		if d.is.knownOf(full.Account).hasUser(full) && d.is.samePartition(full.Account, a) {
			at = append(at, a)
		}
	}
	return at
}

var noNetworks = &Networks{}

func netsOf(r rule) *Networks {
	if r.nets == nil {
		return noNetworks
	}
	return r.nets
}

// user compares what holds for one user.
func (d *differ) user(u access.UserName, role access.RoleName, before, after rule, accounts []int) {
	from, to := netsOf(before), netsOf(after)
	if gained := d.difference(pair{from, to}); !gained.empty() {
		d.add(rowKey{user: u, role: role, nets: pair{from, to}, entire: from.Closed(), gained: true}, accounts).diff = gained
	}
	if lost := d.difference(pair{to, from}); !lost.empty() {
		d.add(rowKey{user: u, role: role, nets: pair{to, from}, entire: to.Closed()}, accounts).diff = lost
	}
	if before.nets == nil || after.nets == nil {
		return // the user comes or goes entirely, conditions with them
	}
	switch {
	case before.mfa != after.mfa:
		d.condition(u, role, after.mfa, "MFA", "is required", accounts)
	case before.mfaAge != after.mfaAge:
		stricter := after.mfaAge != 0 && (before.mfaAge == 0 || after.mfaAge < before.mfaAge)
		d.conditionText(u, role, stricter, "MFA counts for "+ageText(after)+" (was "+ageText(before)+")", accounts)
	}
	if before.session != after.session {
		d.condition(u, role, after.session, "the user's name as session name", "is required", accounts)
	}
	if before.source != after.source {
		d.condition(u, role, after.source, "the user's name as source identity", "is required", accounts)
	}
}

func ageText(r rule) string {
	if r.mfaAge == 0 {
		return "any time"
	}
	return access.DurationText(r.mfaAge)
}

func (d *differ) condition(u access.UserName, role access.RoleName, now bool, what, is string, accounts []int) {
	text := what + " " + is + " from now on"
	if !now {
		text = what + " no longer " + strings.TrimSpace(is)
	}
	d.conditionText(u, role, now, text, accounts)
}

func (d *differ) conditionText(u access.UserName, role access.RoleName, stricter bool, text string, accounts []int) {
	d.add(rowKey{user: u, role: role, text: text}, accounts).stricter = stricter
}

// difference is what p.to admits and p.from does not.
func (d *differ) difference(p pair) difference {
	if p.from == p.to {
		return difference{}
	}
	if known, ok := d.differ[p]; ok {
		return known
	}
	x := difference{prefixes: cidr.Subtract(p.to.Prefixes, p.from.Prefixes)}
	x.count = cidr.CountAddresses(x.prefixes)
	had := p.from.Endpoints()
	for _, e := range p.to.Endpoints() {
		if !slices.Contains(had, e) {
			x.endpoints = append(x.endpoints, e)
		}
	}
	d.differ[p] = x
	return x
}

func (d *differ) add(key rowKey, accounts []int) *row {
	r, ok := d.rows[key]
	if !ok {
		r = &row{key: key}
		d.rows[key] = r
		d.order = append(d.order, r)
	}
	r.accounts = append(r.accounts, accounts...)
	return r
}

// impact puts the rows into their final form.
func (d *differ) impact() Impact {
	var im Impact
	roles, people := map[access.RoleName]bool{}, map[access.UserName]bool{}
	lists := newAccountLists(d.is.accounts)
	slices.SortStableFunc(d.order, func(a, b *row) int {
		return cmp.Or(compareNames(a.key.role.Path, a.key.role.Name, b.key.role.Path, b.key.role.Name), compareUsers(a.key.user, b.key.user))
	})
	for _, r := range d.order {
		ids := lists.of(r.accounts)
		r.accounts = nil
		roles[r.key.role] = true
		if r.key.user.Name != "" {
			people[r.key.user] = true
		}
		if r.key.text != "" {
			im.Conditions = append(im.Conditions, ConditionChange{User: r.key.user, Role: r.key.role, Accounts: ids, Text: r.key.text, Stricter: r.stricter})
			continue
		}
		reach := Reach{User: r.key.user, Role: r.key.role, Accounts: ids, Prefixes: r.diff.prefixes, Endpoints: r.diff.endpoints, Count: r.diff.count, Entire: r.key.entire}
		if from, to := r.key.nets.from, r.key.nets.to; r.key.gained {
			reach.Before, reach.After = from.Prefixes, to.Prefixes
			im.Gained = append(im.Gained, reach)
		} else {
			reach.Before, reach.After = to.Prefixes, from.Prefixes // the other way round
			im.Lost = append(im.Lost, reach)
		}
	}
	im.Roles, im.People, im.Accounts = len(roles), len(people), lists.count()
	return im
}

// accountLists makes lists of accounts. Rows mostly concern the same accounts as others:
// these share one list, since a list of thousands is kept as long as the impact is.
type accountLists struct {
	all   access.Accounts
	named []bool // the accounts that are in a list
	known map[[3]int][]accountList
}

type accountList struct {
	indexes []int
	ids     []access.AccountID
}

func newAccountLists(all access.Accounts) accountLists {
	return accountLists{all: all, named: make([]bool, len(all)), known: map[[3]int][]accountList{}}
}

// of is the list of the accounts with these indexes, which it sorts.
func (l accountLists) of(indexes []int) []access.AccountID {
	sortInts(indexes)
	var key [3]int // tells most lists apart
	if n := len(indexes); n > 0 {
		key = [3]int{n, indexes[0], indexes[n-1]}
	}
	for _, k := range l.known[key] {
		if slices.Equal(k.indexes, indexes) {
			return k.ids
		}
	}
	ids := make([]access.AccountID, len(indexes))
	for i, a := range indexes {
		ids[i] = l.all[a].ID
		l.named[a] = true
	}
	l.known[key] = append(l.known[key], accountList{indexes, ids})
	return ids
}

// count is how many accounts are in any of the lists.
func (l accountLists) count() int {
	n := 0
	for _, named := range l.named {
		if named {
			n++
		}
	}
	return n
}
