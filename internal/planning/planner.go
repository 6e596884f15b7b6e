package planning

import (
	"fmt"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
	"portcullis.internal/portcullis/internal/policy"
)

// Planner turns two desired states into the documents that differ between them. It is
// pure: everything it knows was read before.
type Planner struct {
	Before, After *policy.Compiler // before is nil where everything is to be planned
	live          *policy.Compiler // what was written last, where expired entries are touched
	Inventories   *access.Inventories
	Accounts      access.Accounts
	parts         func(access.AccountID) *policy.Part // what is planned of an account; nil for all
}

// Result is a plan with what could not be planned.
type Result struct {
	Plan     access.Plan
	Refusals []error
	Impact   policy.Impact
	Diff     policy.StateDiff
	Issues   []policy.Issue // that the change brings, errors first
	Cleared  []policy.Issue // that go away by it
	Summary  Summary
	Expires  time.Time         // of the next entry
	Patterns []access.RoleName // that user policies newly name in any account
	Leaving  []access.UserName // whom trust policies stop admitting; see order.Leaving

	LeftBehind []access.Account // would be written to, but are not active and keep documents
}

// PlanInput is the input of planning in addition to the two states.
type PlanInput struct {
	Accounts     access.Accounts // that a rollout may touch
	Closed       access.Accounts // the other accounts of the organization
	Gone         access.Accounts // of these, the ones that keep documents of the console
	Organization access.Accounts // all that are active, also those that no rollout touches
	OUs          *access.OUs     // for texts about selectors
	Inventories  *access.Inventories
	Now          time.Time
	Options      policy.Options
}

// reading is the input of the order of writes.
func (w PlanInput) reading() order.Reading {
	r := order.Reading{Accounts: w.Organization, Inventories: w.Inventories}
	if r.Accounts == nil {
		r.Accounts = w.Accounts
	}
	return r
}

// PolicyInput is what compiling a state needs.
func (w PlanInput) PolicyInput(state access.State) policy.Input {
	return policy.Input{
		State: state, Accounts: w.Accounts, Closed: w.Closed, OUs: w.OUs, Inventory: w.Inventories, Now: w.Now, Options: w.Options,
	}
}

// PlanChange plans a change in the accounts that it affects. If more users assume one of the roles through
// their user-side policies, a user policy names a role in any account, or a trust policy stops admitting a user whom no
// mapping names, PlanChange adds that to c and returns more: the caller must read the inventory for c.Query again and
// call it once more.
func PlanChange(w PlanInput, c *Affected) (out Result, more bool, err error) {
	p := Planner{Inventories: w.Inventories, Accounts: w.Accounts, parts: c.part}
	if p.Before, err = policy.NewCompiler(w.PolicyInput(c.before)); err != nil {
		return Result{}, false, fmt.Errorf("compiling the state before: %w", err)
	}
	if p.After, err = p.Before.WithState(c.after); err != nil {
		return Result{}, false, fmt.Errorf("compiling the state after: %w", err)
	}
	shown, was := c.before, p.Before
	if c.live != nil {
		if p.live, err = p.Before.WithState(*c.live); err != nil {
			return Result{}, false, fmt.Errorf("compiling what was written last: %w", err)
		}
		shown, was = *c.live, p.live
	}
	var through []access.UserName
	plan, lint := newResultBuilder(), p.newLint(w, c)
	p.Compile(c.targets(), func(a CompiledAccount) {
		through = append(through, a.through()...)
		plan.add(a)
		lint.look(a)
	})
	fresh := c.WithUsers(through)
	fresh = c.WithPatterns(order.Patterns(plan.out.Plan), w.reading().Accounts) || fresh
	if c.WithLeaving(order.Leaving(plan.out.Plan)) || fresh {
		return Result{}, true, nil
	}
	out = plan.result(w.reading())
	out.Issues, out.Cleared = lint.found()
	out.Impact, out.Diff = was.Impact(shown, c.after, p.After), Diff(c.base, c.next, c.edits)
	out.Issues = policy.WithLargeReach(out.Issues, out.Impact, w.Options)
	out.Impact.Mappings = out.Diff.Mappings
	out.Summary, out.Expires = Summarize(out.Plan), NextExpiry(w.Now, c.before, c.after)
	return out, false, nil
}

// part is what the change has to do with in one account.
func (c *Affected) part(id access.AccountID) *policy.Part {
	return &policy.Part{Roles: c.roles, Users: c.users[id]}
}

// Diff compares the edited objects of the whole states, so that an object is shown whatever the plan
// reaches. It leaves out mappings that only know an allowlist by another name.
func Diff(before, after access.State, edits []access.Edit) policy.StateDiff {
	edited := TouchedBy(edits)
	return policy.DiffStates(edited.of(before), edited.of(after))
}

// PlanWhole plans every document of a state, also those that are as they should be: in
// some accounts, or in all that it reaches. It also returns the users who assume one
// of the roles through user-side policies. Where it returns patterns, the roles of these names must have been read
// in all accounts. It also lists the users who leave a role: their permissions must have been read.
func PlanWhole(w PlanInput, state access.State, only ...access.AccountID) (Result, []access.UserName, error) {
	p := Planner{Inventories: w.Inventories, Accounts: w.Accounts}
	var err error
	if p.After, err = policy.NewCompiler(w.PolicyInput(state)); err != nil {
		return Result{}, nil, fmt.Errorf("compiling the desired state: %w", err)
	}
	if len(only) == 0 {
		only = p.After.Accounts()
	}
	var through []access.UserName
	plan := newResultBuilder()
	p.Compile(only, func(a CompiledAccount) {
		through = append(through, a.through()...)
		plan.add(a)
	})
	patterns, leaving := order.Patterns(plan.out.Plan), order.Leaving(plan.out.Plan)
	out := plan.result(w.reading())
	out.Patterns, out.Leaving = patterns, leaving
	return out, through, nil
}

// CompiledAccount is an account with its documents in the states, and what is to be
// written.
type CompiledAccount struct {
	Account       access.Account
	Before, After policy.Documents
	live          policy.Documents
	FailsBefore   error
	Fails         error // why the state after cannot be written
	Target        access.PlannedTarget
	Refusals      []error
}

// batch is how many accounts are compiled before the caller gets them. Their documents need
// many times more memory than their operations.
const batch = 128

// Compile makes the documents of accounts, several at once, and hands them on in order.
// Accounts that no rollout may touch are left out.
func (p Planner) Compile(ids []access.AccountID, each func(CompiledAccount)) {
	some := make([]CompiledAccount, 0, min(batch, len(ids)))
	flush := func() {
		eachAtOnce(some, p.compileAccount)
		for _, a := range some {
			each(a)
		}
		clear(some)
		some = some[:0]
	}
	for _, id := range ids {
		if a, known := p.Accounts.Find(id); known {
			some = append(some, CompiledAccount{Account: a})
		}
		if len(some) == batch {
			flush()
		}
	}
	flush()
}

func (p Planner) compileAccount(c *CompiledAccount) {
	id := c.Account.ID
	var part *policy.Part
	if p.parts != nil {
		part = p.parts(id)
	}
	c.After, c.Fails = p.After.Part(id, part)
	if p.Before != nil {
		// A base that no longer fits is no reason to refuse what replaces it.
		c.Before, c.FailsBefore = p.Before.Part(id, part)
	}
	c.live = c.Before
	if p.live != nil {
		if docs, err := p.live.Part(id, part); err == nil {
			c.live = docs // what no longer fits was never written
		}
	}
	c.Target, c.Refusals = p.target(*c)
}

// through returns the users who assume one of the account's roles through user-side
// policies.
func (c CompiledAccount) through() []access.UserName {
	var users []access.UserName
	for _, docs := range []policy.Documents{c.Before, c.After, c.live} {
		users = append(users, docs.Through()...)
	}
	return users
}

// resultBuilder gathers a plan, account by account.
type resultBuilder struct {
	out Result
	sum access.PlanDigest
}

func newResultBuilder() *resultBuilder { return &resultBuilder{sum: access.NewPlanDigest()} }

func (g *resultBuilder) add(c CompiledAccount) {
	g.out.Refusals = append(g.out.Refusals, c.Refusals...)
	if len(c.Target.Operations) == 0 {
		return
	}
	g.sum.Add(c.Target)
	g.out.Plan.Add(c.Target)
}

// result notes what the operations require of other accounts, and completes the digest.
func (g *resultBuilder) result(r order.Reading) Result {
	changed, refusals := order.Arrange(r, &g.out.Plan)
	g.out.Refusals = append(g.out.Refusals, refusals...)
	if changed {
		g.out.Plan.Documents = g.out.Plan.Digest()
		return g.out
	}
	g.out.Plan.Documents = g.sum.String()
	return g.out
}

// Only returns the plan with the targets that keep accepts.
func (p Result) Only(keep func(access.AccountID) bool) access.Plan {
	var some access.Plan
	for t := range p.Plan.Targets() {
		if keep(t.Account) {
			some.Add(t)
		}
	}
	some.Documents = some.Digest()
	return some
}

// partLint finds what a change brings and what it clears, in the parts that it has to do
// with.
type partLint struct {
	affected *Affected
	was, is  *policy.PartLint
}

func (p Planner) newLint(w PlanInput, c *Affected) partLint {
	scope := policy.Scope{Whole: c.base, Allowlists: c.lists, Mappings: c.edited.Mappings, Networks: c.uses, Roles: c.editedRoles, Users: c.editedUsers()}
	was := policy.NewPartLint(p.Before, w.PolicyInput(c.before), scope, nil)
	scope.Whole = c.next
	return partLint{affected: c, was: was, is: policy.NewPartLint(p.After, w.PolicyInput(c.after), scope, was)}
}

func (l partLint) look(a CompiledAccount) {
	others := func(r access.RoleName) bool { return l.affected.editedRoles[r] || a.FailsBefore != nil }
	l.was.Look(a.Account.ID, a.Before, a.FailsBefore, others)
	l.is.Look(a.Account.ID, a.After, a.Fails, others)
}

func (l partLint) found() (brought, cleared []policy.Issue) {
	return policy.Brought(l.was, l.is), policy.Cleared(l.was, l.is)
}

func (p Planner) target(c CompiledAccount) (access.PlannedTarget, []error) {
	a := c.Account
	t := access.PlannedTarget{Account: a.ID, AccountName: a.Name, OU: a.OU}
	if c.Fails != nil {
		return t, []error{c.Fails}
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
	if t.Operations, err = p.withUserSide(a, c.live, c.After, t.Operations); err != nil {
		refusals = append(refusals, err)
	}
	if !p.Inventories.Has(a.ID) {
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

func (p Planner) operation(a access.Account, pr pair) (access.PlannedOperation, error) {
	if pr.resource.Kind == access.ResourceUser {
		return p.userOperation(a, pr), nil
	}
	return p.roleOperation(a, pr)
}

func (p Planner) userOperation(a access.Account, pr pair) access.PlannedOperation {
	op := access.PlannedOperation{Kind: access.OpDeleteUserPolicy, Resource: pr.resource, Limit: a.Quotas.OrDefault().UserPolicy}
	if pr.after != nil {
		op.Kind, op.After, op.Size, op.Limit = access.OpUserPolicy, pr.after.JSON(), pr.after.Size, pr.after.Limit
	}
	if p.Inventories.Has(a.ID) {
		user, _ := p.Inventories.User(a.ID, pr.resource.Path, pr.resource.Name)
		op.Before, op.BeforeKnown = user.Document, true
		op.OursBefore = op.Before
	} else {
		op.OursBefore = compiledBefore(pr)
	}
	op.OursAfter = op.After
	return op
}

func (p Planner) roleOperation(a access.Account, pr pair) (access.PlannedOperation, error) {
	op := access.PlannedOperation{Kind: access.OpTrustPolicy, Resource: pr.resource, Limit: a.Quotas.OrDefault().TrustPolicy}
	var ours []iam.Statement
	if pr.after != nil {
		ours = pr.after.Statements
	}
	if p.Inventories.Has(a.ID) {
		role, _ := p.Inventories.Role(a.ID, access.RoleName{Path: pr.resource.Path, Name: pr.resource.Name})
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

// touchedObjects are allowlists and mappings by their ids.
type touchedObjects struct{ allowlists, Mappings map[string]bool }

// TouchedBy names the objects that edits change.
func TouchedBy(edits []access.Edit) touchedObjects {
	t := touchedObjects{allowlists: map[string]bool{}, Mappings: map[string]bool{}}
	for _, e := range edits {
		switch e.Op {
		case access.EditAddMapping, access.EditUpdateMapping, access.EditRemoveMapping:
			t.Mappings[e.ID] = true
		case access.EditAddRule, access.EditUpdateRule, access.EditRemoveRule, access.EditUpdateSettings,
			access.EditAddStrategy, access.EditUpdateStrategy, access.EditRemoveStrategy, access.EditDefaultStrategy:
		default:
			t.allowlists[e.ID] = true
		}
	}
	return t
}

// of reduces a state to the objects.
func (t touchedObjects) of(s access.State) access.State {
	part := access.State{Revision: s.Revision}
	for i := range s.Allowlists {
		if t.allowlists[s.Allowlists[i].ID] {
			part.Allowlists = append(part.Allowlists, s.Allowlists[i])
		}
	}
	for i := range s.Mappings {
		if t.Mappings[s.Mappings[i].ID] {
			part.Mappings = append(part.Mappings, s.Mappings[i])
		}
	}
	return part
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
