package change

import (
	"fmt"
	"slices"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/iam"
	"portcullis/internal/policy"
)

// planner turns two desired states into the documents that differ between them. It is
// pure: everything it knows was read before.
type planner struct {
	before, after *policy.Compiler // before is nil where everything is to be planned
	live          *policy.Compiler // what was written last, where expired entries are touched
	inventories   *access.Inventories
	accounts      access.Accounts
	parts         func(access.AccountID) *policy.Part // what is planned of an account; nil for all
}

// planned is a plan with what could not be planned.
type planned struct {
	plan     access.Plan
	refusals []error
	impact   policy.Impact
	diff     policy.StateDiff
	issues   []policy.Issue // that the change brings, errors first
	cleared  []policy.Issue // that go away by it
	summary  summary
	expires  time.Time // of the next entry
}

// world is what planning needs to know besides the two states.
type world struct {
	accounts    access.Accounts // that a rollout may touch
	inventories *access.Inventories
	now         time.Time
	options     policy.Options
}

func (w world) input(state access.State) policy.Input {
	return policy.Input{State: state, Accounts: w.accounts, Inventory: w.inventories, Now: w.now, Options: w.options}
}

// planChange plans a change in the accounts that it has to do with. Where users turn out
// to take up one of the roles through their gates, they are added to what the change has
// to do with, and more says that the world has to be read again.
func planChange(w world, c *concern) (out planned, more bool, err error) {
	p := planner{inventories: w.inventories, accounts: w.accounts, parts: c.part}
	if p.before, err = policy.NewCompiler(w.input(c.before)); err != nil {
		return planned{}, false, fmt.Errorf("compiling the state before: %w", err)
	}
	if p.after, err = p.before.Sibling(c.after); err != nil {
		return planned{}, false, fmt.Errorf("compiling the state after: %w", err)
	}
	shown, was := c.before, p.before
	if c.live != nil {
		if p.live, err = p.before.Sibling(*c.live); err != nil {
			return planned{}, false, fmt.Errorf("compiling what was written last: %w", err)
		}
		shown, was = *c.live, p.live
	}
	var through []access.UserName
	plan, lint := newPlanning(), p.newLint(w, c)
	p.compile(c.targets(), func(a compiledAccount) {
		through = append(through, a.through()...)
		plan.add(a)
		lint.look(a)
	})
	if c.withUsers(through) {
		return planned{}, true, nil
	}
	out = plan.done()
	out.issues, out.cleared = lint.found()
	out.impact, out.diff = was.Impact(shown, c.after, p.after), policy.DiffStates(c.before, c.after)
	out.impact.Mappings, out.diff.Mappings = c.onlyEdited(out.impact.Mappings), c.onlyEdited(out.diff.Mappings)
	out.summary, out.expires = summarize(out.plan), nextExpiry(w.now, c.before, c.after)
	return out, false, nil
}

// part is what the change has to do with in one account.
func (c *concern) part(id access.AccountID) *policy.Part {
	return &policy.Part{Roles: c.roles, Users: c.users[id]}
}

// onlyEdited leaves out mappings that only know an allowlist by another name.
func (c *concern) onlyEdited(list []policy.MappingChange) []policy.MappingChange {
	return slices.DeleteFunc(list, func(m policy.MappingChange) bool { return !c.edited.mappings[m.ID] })
}

// planWhole plans every document of a state, also those that are as they should be: in
// some accounts, or in all that it reaches. It also says which users take up one of the
// roles through their gates.
func planWhole(w world, state access.State, only ...access.AccountID) (planned, []access.UserName, error) {
	p := planner{inventories: w.inventories, accounts: w.accounts}
	var err error
	if p.after, err = policy.NewCompiler(w.input(state)); err != nil {
		return planned{}, nil, fmt.Errorf("compiling the desired state: %w", err)
	}
	if len(only) == 0 {
		only = p.after.Accounts()
	}
	var through []access.UserName
	plan := newPlanning()
	p.compile(only, func(a compiledAccount) {
		through = append(through, a.through()...)
		plan.add(a)
	})
	return plan.done(), through, nil
}

// compiledAccount is an account with its documents in the states, and what is to be
// written.
type compiledAccount struct {
	account       access.Account
	before, after policy.Documents
	live          policy.Documents
	failsBefore   error
	fails         error // why the state after cannot be written
	target        access.PlannedTarget
	refusals      []error
}

// batch is how many accounts are compiled before what was made of them is taken up: their
// documents take many times more memory than what is kept of them.
const batch = 128

// compile makes the documents of accounts, several at once, and hands them on in order.
// Accounts that no rollout may touch are left out.
func (p planner) compile(ids []access.AccountID, take func(compiledAccount)) {
	some := make([]compiledAccount, 0, min(batch, len(ids)))
	flush := func() {
		eachAtOnce(some, p.compileAccount)
		for _, a := range some {
			take(a)
		}
		clear(some)
		some = some[:0]
	}
	for _, id := range ids {
		if a, known := p.accounts.Find(id); known {
			some = append(some, compiledAccount{account: a})
		}
		if len(some) == batch {
			flush()
		}
	}
	flush()
}

func (p planner) compileAccount(c *compiledAccount) {
	id := c.account.ID
	var part *policy.Part
	if p.parts != nil {
		part = p.parts(id)
	}
	c.after, c.fails = p.after.Part(id, part)
	if p.before != nil {
		// A base that no longer fits is no reason to refuse what replaces it.
		c.before, c.failsBefore = p.before.Part(id, part)
	}
	c.live = c.before
	if p.live != nil {
		if docs, err := p.live.Part(id, part); err == nil {
			c.live = docs // what no longer fits was never written
		}
	}
	c.target, c.refusals = p.target(*c)
}

// through are the users who take up one of the account's roles through their gates.
func (c compiledAccount) through() []access.UserName {
	var users []access.UserName
	for _, docs := range []policy.Documents{c.before, c.after, c.live} {
		users = append(users, docs.Through()...)
	}
	return users
}

// planning gathers a plan, account by account.
type planning struct {
	out planned
	sum access.PlanDigest
}

func newPlanning() *planning { return &planning{sum: access.NewPlanDigest()} }

func (g *planning) add(c compiledAccount) {
	g.out.refusals = append(g.out.refusals, c.refusals...)
	if len(c.target.Operations) == 0 {
		return
	}
	g.sum.Add(c.target)
	g.out.plan.Add(c.target)
}

func (g *planning) done() planned {
	g.out.plan.Documents = g.sum.String()
	return g.out
}

// partLint finds what a change brings and what it clears, in the parts that it has to do
// with.
type partLint struct {
	concern *concern
	was, is *policy.PartLint
}

func (p planner) newLint(w world, c *concern) partLint {
	scope := policy.Scope{Whole: c.base, Allowlists: c.lists, Mappings: c.edited.mappings, Networks: c.uses, Roles: c.editedRoles}
	was := policy.NewPartLint(p.before, w.input(c.before), scope, nil)
	scope.Whole = c.next
	return partLint{concern: c, was: was, is: policy.NewPartLint(p.after, w.input(c.after), scope, was)}
}

func (l partLint) look(a compiledAccount) {
	others := func(r access.RoleName) bool { return l.concern.editedRoles[r] || a.failsBefore != nil }
	l.was.Look(a.account.ID, a.before, a.failsBefore, others)
	l.is.Look(a.account.ID, a.after, a.fails, others)
}

func (l partLint) found() (brought, cleared []policy.Issue) {
	return policy.Brought(l.was, l.is), policy.Cleared(l.was, l.is)
}

func (p planner) target(c compiledAccount) (access.PlannedTarget, []error) {
	a := c.account
	t := access.PlannedTarget{Account: a.ID, AccountName: a.Name, OU: a.OU}
	if c.fails != nil {
		return t, []error{c.fails}
	}
	var refusals []error
	for _, pair := range p.pairs(c) {
		op, err := p.operation(a, pair)
		if err != nil {
			refusals = append(refusals, err)
			continue
		}
		t.Operations = append(t.Operations, op)
	}
	var err error
	if t.Operations, err = p.withGates(a, c.live, c.after, t.Operations); err != nil {
		refusals = append(refusals, err)
	}
	if !p.inventories.Has(a.ID) {
		t.Notes = append(t.Notes, unreadNote(a))
	}
	return t, refusals
}

func unreadNote(a access.Account) string {
	if a.InventoryError != "" {
		return "The live documents are not known: " + a.InventoryError
	}
	return "The live documents are not known: the account has not been read yet."
}

// pair is one resource with what is ours in it before and after.
type pair struct {
	resource      access.Resource
	before, after *policy.Compiled
}

// pairs matches the documents of two states by resource, roles before users, and keeps
// those that differ; all of them when whole is set.
func pairs(before, after policy.Documents, whole bool) []pair {
	return slices.Concat(match(before.Roles, after.Roles, whole), match(before.Users, after.Users, whole))
}

func match(before, after []policy.Compiled, whole bool) []pair {
	found := map[access.Resource]*pair{}
	var order []access.Resource
	at := func(r access.Resource) *pair {
		if found[r] == nil {
			found[r] = &pair{resource: r}
			order = append(order, r)
		}
		return found[r]
	}
	for i := range before {
		at(before[i].Resource).before = &before[i]
	}
	for i := range after {
		at(after[i].Resource).after = &after[i]
	}
	slices.SortFunc(order, compareResources)
	var out []pair
	for _, r := range order {
		p := *found[r]
		if whole || p.before == nil || p.after == nil || p.before.JSON() != p.after.JSON() {
			out = append(out, p)
		}
	}
	return out
}

func compareResources(a, b access.Resource) int {
	switch sa, sb := a.String(), b.String(); {
	case sa < sb:
		return -1
	case sa > sb:
		return 1
	default:
		return 0
	}
}

func (p planner) operation(a access.Account, pr pair) (access.PlannedOperation, error) {
	if pr.resource.Kind == access.ResourceUser {
		return p.userOperation(a, pr), nil
	}
	return p.roleOperation(a, pr)
}

func (p planner) userOperation(a access.Account, pr pair) access.PlannedOperation {
	op := access.PlannedOperation{Kind: access.OpDeleteUserPolicy, Resource: pr.resource, Limit: a.Quotas.OrDefault().UserPolicy}
	if pr.after != nil {
		op.Kind, op.After, op.Size, op.Limit = access.OpUserPolicy, pr.after.JSON(), pr.after.Size, pr.after.Limit
	}
	if p.inventories.Has(a.ID) {
		user, _ := p.inventories.User(a.ID, pr.resource.Path, pr.resource.Name)
		op.Before, op.BeforeKnown = user.Document, true
		op.OursBefore = op.Before
	} else {
		op.OursBefore = compiledBefore(pr)
	}
	op.OursAfter = op.After
	return op
}

func (p planner) roleOperation(a access.Account, pr pair) (access.PlannedOperation, error) {
	op := access.PlannedOperation{Kind: access.OpTrustPolicy, Resource: pr.resource, Limit: a.Quotas.OrDefault().TrustPolicy}
	var ours []iam.Statement
	if pr.after != nil {
		ours = pr.after.Statements
	}
	if p.inventories.Has(a.ID) {
		role, _ := p.inventories.Role(a.ID, access.RoleName{Path: pr.resource.Path, Name: pr.resource.Name})
		op.Before, op.BeforeKnown = role.Document, true
	}
	is, err := iam.Rewrite(op.Before, ours)
	if err == nil && !op.BeforeKnown {
		is.OursBefore, err = iam.Ours(compiledBefore(pr))
	}
	if err != nil {
		return op, unreadable(a, pr.resource, err)
	}
	op.After, op.Note, op.OursBefore, op.OursAfter = is.Merged, is.Note, is.OursBefore, is.OursAfter
	if op.Size = iam.Size(op.After); op.Size > op.Limit {
		return op, access.Invalid("edits", "The trust policy of %s in account %s (%s) would have %d characters, and %d are allowed. %d of them belong to statements that Portcullis does not manage. Shorten the allowlist, merge neighbouring ranges, or have the quota L-C07B4B0D of that account raised.",
			pr.resource, a.ID, a.Name, op.Size, op.Limit, foreignSize(op.Before))
	}
	return op, nil
}

// compiledBefore is what the state before made of a resource: what is there if nobody
// has touched it, where the account could not be read.
func compiledBefore(pr pair) string {
	if pr.before == nil {
		return ""
	}
	return pr.before.JSON()
}

func foreignSize(doc string) int {
	foreign, err := iam.Foreign(doc)
	if err != nil {
		return 0
	}
	return iam.Size(foreign)
}

func unreadable(a access.Account, r access.Resource, err error) error {
	return access.Wrap(access.KindInvalid, err, "The trust policy of %s in account %s (%s) cannot be read as a policy document. Repair it in AWS first, then read the account again.", r, a.ID, a.Name)
}

type touchedObjects struct{ allowlists, mappings map[string]bool } // by id

func touchedBy(edits []access.Edit) touchedObjects {
	t := touchedObjects{allowlists: map[string]bool{}, mappings: map[string]bool{}}
	for _, e := range edits {
		switch e.Op {
		case access.EditAddMapping, access.EditUpdateMapping, access.EditRemoveMapping:
			t.mappings[e.ID] = true
		case access.EditAddRule, access.EditUpdateRule, access.EditRemoveRule, access.EditUpdateSettings:
		default:
			t.allowlists[e.ID] = true
		}
	}
	return t
}

func (t touchedObjects) names(s access.State) map[string]bool {
	names := map[string]bool{}
	for _, a := range s.Allowlists {
		if t.allowlists[a.ID] {
			names[a.Name] = true
		}
	}
	return names
}
