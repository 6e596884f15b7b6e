package policy

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Positions maps objects to "file:line". The keys are "account/ID", "allowlist/NAME",
// "entry/NAME/KEY" and "mapping/ID".
type Positions map[string]string

// Input is everything that the documents depend on.
type Input struct {
	State    access.State
	Accounts []access.Account // all that exist, for selectors and partitions
	OUs      *access.OUs      // for messages, and to report OUs that are gone; may be nil

	// Closed are further accounts of the organization, which no rollout may touch. Selectors do not reach
	// them: they serve to tell such an account from one that does not exist.
	Closed access.Accounts

	// Inventory is what is known to be in accounts. Nil means that nothing is known and
	// everything is assumed to exist, without statements of others. An account that an
	// inventory does not cover is assumed to have everything, and may also have statements
	// of others.
	Inventory *access.Inventories

	Now       time.Time // entries that have expired by then are not compiled
	Options   Options
	Positions Positions // where objects are in a scenario file; may be nil
}

// Compiler turns one desired state into documents, account by account. It is safe for
// concurrent use: what accounts share is computed once, behind a lock, and never
// changed after.
type Compiler struct {
	opts      Options
	now       time.Time
	accounts  []access.Account // sorted by id
	ous       *access.OUs
	closed    access.Accounts
	index     map[access.AccountID]int
	mappings  []resolvedMapping
	selectors *selector
	uses      []use
	cross     map[access.AccountID][]int // mappings that name users of that account
	inventory *access.Inventories
	offline   bool // no inventory at all
	positions Positions

	mu            sync.Mutex
	lists         map[string]access.Allowlist
	networks      map[string]*Networks // by allowlist names
	interned      map[string]*Networks // by what they admit
	templates     map[string]*template
	userSideParts map[partsKey]*partsNode

	idsOnce sync.Once
	ids     map[string]string // unique ids to ARNs

	inhabitedOnce sync.Once
	inhabitedOUs  map[string]bool // ids of OUs that have accounts in or below them
}

// resolvedMapping is a mapping with its selector resolved.
type resolvedMapping struct {
	access.Mapping
	lists     []string // sorted set of allowlist names
	sel       *selection
	protected string // why the role may not be touched
}

// Documents are the documents of one account, sorted by resource.
type Documents struct {
	Account  access.AccountID
	Roles    []Compiled
	Users    []Compiled
	UserSide []UserSidePolicies // of users of roles in ShapeUserSide
	Issues   []Issue            // users and roles that were left out, and why
}

// Compiled is one document. For a role, Statements are ours only and Size is that of the
// whole trust policy, other people's statements included where they are known.
type Compiled struct {
	Resource   access.Resource
	Statements []iam.Statement
	Size       int
	Limit      int
	Shape      Shape

	through []throughUserSide // of a role in ShapeUserSide: who assumes it through user-side policies
}

// JSON returns the statements as a whole document, compact and deterministic.
func (c Compiled) JSON() string { return iam.DocumentJSON(c.Statements) }

// NewCompiler does the work that all accounts share. It refuses a state that names an
// allowlist that does not exist, and a mapping that makes no sense.
func NewCompiler(in Input) (*Compiler, error) { return newCompiler(in, nil) }

// WithState makes a compiler of another state of the same accounts, with what is known of
// them: what follows from these alone is worked out once for both.
func (c *Compiler) WithState(state access.State) (*Compiler, error) {
	s := &Compiler{
		selectors: c.selectors, opts: c.opts, now: c.now, accounts: c.accounts, ous: c.ous, closed: c.closed, index: c.index,
		cross: map[access.AccountID][]int{}, offline: c.offline, inventory: c.inventory, positions: c.positions,
		lists: make(map[string]access.Allowlist, len(state.Allowlists)), networks: map[string]*Networks{}, interned: map[string]*Networks{},
		templates: map[string]*template{}, userSideParts: map[partsKey]*partsNode{},
	}
	for _, a := range state.Allowlists {
		s.lists[a.Name] = a
	}
	return s, s.prepare(state.Mappings)
}

// newCompiler makes a compiler that may share resolved selectors with another of the
// same accounts.
func newCompiler(in Input, shared *selector) (*Compiler, error) {
	c := &Compiler{
		selectors:     shared,
		opts:          in.Options.withDefaults(),
		now:           in.Now,
		accounts:      slices.Clone(in.Accounts),
		ous:           in.OUs,
		closed:        in.Closed,
		cross:         map[access.AccountID][]int{},
		offline:       in.Inventory == nil,
		inventory:     in.Inventory,
		positions:     in.Positions,
		lists:         make(map[string]access.Allowlist, len(in.State.Allowlists)),
		networks:      map[string]*Networks{},
		interned:      map[string]*Networks{},
		templates:     map[string]*template{},
		userSideParts: map[partsKey]*partsNode{},
	}
	if err := c.indexAccounts(); err != nil {
		return nil, err
	}
	for _, a := range in.State.Allowlists {
		c.lists[a.Name] = a
	}
	return c, c.prepare(in.State.Mappings)
}

func (c *Compiler) indexAccounts() error {
	slices.SortFunc(c.accounts, func(a, b access.Account) int { return cmp.Compare(a.ID, b.ID) })
	c.index = make(map[access.AccountID]int, len(c.accounts))
	for i, a := range c.accounts {
		if _, twice := c.index[a.ID]; twice {
			return access.Invalid("accounts", "the account %s is listed twice; list it once", a.ID)
		}
		c.index[a.ID] = i
	}
	if c.selectors == nil {
		c.selectors = newSelector(c.accounts, c.index)
	}
	return nil
}

func (c *Compiler) prepare(mappings []access.Mapping) error {
	c.mappings = make([]resolvedMapping, len(mappings))
	used := map[*selection]int{}
	for i, m := range mappings {
		if err := m.Check(); err != nil {
			return c.at(err, "mapping/"+m.ID, c.ous.Title(m))
		}
		m = m.OrDefault()
		p := resolvedMapping{Mapping: m, lists: sortedSet(m.Allowlists), sel: c.selectors.resolve(m.Accounts), protected: c.opts.protectionReason(m.Role)}
		for _, name := range p.lists {
			if _, ok := c.lists[name]; !ok {
				return c.at(access.Invalid("allowlists", "the mapping of %s names the allowlist %q, which does not exist; create it, or correct the name", c.ous.Title(m), name), "mapping/"+m.ID, "")
			}
		}
		n, ok := used[p.sel]
		if !ok {
			n = len(c.uses)
			used[p.sel] = n
			c.uses = append(c.uses, use{selection: p.sel})
		}
		c.uses[n].mappings = append(c.uses[n].mappings, i)
		c.mappings[i] = p
		c.indexUsers(i, m.Users)
	}
	return nil
}

func (c *Compiler) indexUsers(i int, users []access.UserName) {
	for _, u := range users {
		if u.Account == "" {
			continue
		}
		if at := c.cross[u.Account]; len(at) == 0 || at[len(at)-1] != i {
			c.cross[u.Account] = append(at, i)
		}
	}
}

// at puts the position in a scenario, or else a title, before an error's message.
func (c *Compiler) at(err error, object, title string) error {
	e := &access.Error{Kind: access.KindOf(err), Message: access.MessageOf(err), Fields: access.FieldsOf(err)}
	if len(e.Fields) > 1 {
		var all []string
		for _, f := range e.Fields {
			all = append(all, f.Message)
		}
		e.Message, e.Fields = strings.Join(all, "; "), nil
	}
	if title != "" {
		e.Message = "mapping " + title + ": " + e.Message
	}
	if pos := c.positions[object]; pos != "" {
		e.Message = pos + ": " + e.Message
	}
	return e
}

// Accounts returns the accounts that receive any document, sorted.
func (c *Compiler) Accounts() []access.AccountID {
	ids := make([]access.AccountID, 0, len(c.accounts))
	for i, a := range c.accounts {
		if c.reachesRole(i) || c.reachesUser(a.ID) {
			ids = append(ids, a.ID)
		}
	}
	for id := range c.cross {
		if _, ok := c.index[id]; !ok && c.reachesUser(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// reachesRole reports whether some mapping reaches a role that exists in the account.
func (c *Compiler) reachesRole(account int) bool {
	inv := c.knownOf(c.accounts[account].ID)
	for _, s := range c.uses {
		if !s.has(account) {
			continue
		}
		for _, i := range s.mappings {
			if c.mappings[i].protected == "" && inv.hasRole(c.mappings[i].Role) {
				return true
			}
		}
	}
	return false
}

// reachesUser reports whether some mapping of another account's role names a user of
// this one. Users of the role's own account come with the role.
func (c *Compiler) reachesUser(id access.AccountID) bool {
	inv := c.knownOf(id)
	for _, i := range c.cross[id] {
		p := c.mappings[i]
		if p.protected != "" || !slices.ContainsFunc(p.Users, func(u access.UserName) bool { return u.Account == id && inv.hasUser(u) }) {
			continue
		}
		if slices.ContainsFunc(p.sel.accounts, func(a int) bool { return c.reaches(p, a) && c.samePartition(id, a) }) {
			return true
		}
	}
	return false
}

func (c *Compiler) reaches(p resolvedMapping, account int) bool {
	return p.protected == "" && c.knownOf(c.accounts[account].ID).hasRole(p.Role)
}

// samePartition reports whether a user's account and a role's are in one partition:
// trust never crosses (docs/aws-facts.md, "Partitions"). An account that is not known is assumed to be.
func (c *Compiler) samePartition(user access.AccountID, role int) bool {
	i, ok := c.index[user]
	return !ok || c.accounts[i].PartitionOrDefault() == c.accounts[role].PartitionOrDefault()
}

// mappingsAt returns the mappings that reach an account, ascending.
func (c *Compiler) mappingsAt(account int) []int {
	var at []int
	for _, s := range c.uses {
		if s.has(account) {
			at = append(at, s.mappings...)
		}
	}
	sortInts(at)
	return at
}

// Account compiles the documents of one account. It refuses what does not fit the
// account's quotas, saying what would help.
func (c *Compiler) Account(id access.AccountID) (Documents, error) { return c.Part(id, nil) }

type roleMappings struct {
	role     access.RoleName
	mappings []int
}

// byRole groups mappings by role, protected roles left out, sorted by role.
func (c *Compiler) byRole(mappings []int) []roleMappings {
	at := map[access.RoleName]int{}
	var rs []roleMappings
	for _, i := range mappings {
		p := c.mappings[i]
		if p.protected != "" {
			continue
		}
		n, ok := at[p.Role]
		if !ok {
			n = len(rs)
			at[p.Role] = n
			rs = append(rs, roleMappings{role: p.Role})
		}
		rs[n].mappings = append(rs[n].mappings, i)
	}
	slices.SortFunc(rs, func(a, b roleMappings) int { return compareNames(a.role.Path, a.role.Name, b.role.Path, b.role.Name) })
	return rs
}

// compareNames sorts by path and name as they are shown.
func compareNames(pathA, nameA, pathB, nameB string) int {
	return cmp.Or(strings.Compare(pathA, pathB), strings.Compare(nameA, nameB))
}

func sortInts(is []int) { slices.Sort(is) }
