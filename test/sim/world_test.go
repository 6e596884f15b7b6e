package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/planning"
)

// place is a document in the organization.
type place struct {
	account  access.AccountID
	resource access.Resource
}

func (p place) String() string { return string(p.account[:4]) + "/" + p.resource.String() }

// documents are the documents of an organization by their place. A user-side policy that is not
// there has no entry; roles and users are there unless world says otherwise.
type documents map[place]string

// world is an organization as a change was planned for it, and the plan. Schedules share it and
// never change it.
type world struct {
	accounts access.Accounts
	roles    []place
	users    []place
	read     documents        // when the change was planned
	other    map[place]string // a user's other permissions: one document for all of them, "" for none
	plan     access.Plan
	judge    *judgment
}

// planTime is when all worlds are planned: the time at which a bubble of testing/synctest begins.
var planTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// worldBuilder draws a world.
type worldBuilder struct {
	*rand.Rand
	w         *world
	lists     []access.Allowlist
	roleNames []string
	userNames []string
	selectors []access.Selector
	unread    map[access.AccountID]bool
}

// newWorld draws worlds until one has a plan that writes something.
func newWorld(seed uint64) *world {
	for try := uint64(0); ; try++ {
		b := &worldBuilder{Rand: rand.New(rand.NewPCG(seed, try)), unread: map[access.AccountID]bool{}}
		if w := b.build(); w != nil {
			return w
		}
	}
}

func (b *worldBuilder) chance(percent int) bool { return b.IntN(100) < percent }

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// some draws at least one element, in order.
func some[T any](r *rand.Rand, list []T) []T {
	var out []T
	for len(out) == 0 {
		for _, v := range list {
			if r.IntN(2) == 0 {
				out = append(out, v)
			}
		}
	}
	return out
}

func (b *worldBuilder) build() *world {
	b.w = &world{read: documents{}, other: map[place]string{}}
	b.drawAccounts()
	b.drawRolesAndUsers()
	if len(b.w.roles) == 0 || len(b.w.users) == 0 {
		return nil
	}
	b.drawLists()
	before := b.drawState()
	after := b.alter(before)
	switch kind := b.IntN(10); {
	case kind < 3: // nothing of ours is there yet
		before = access.State{Allowlists: before.Allowlists}
	case kind < 9:
		if !b.put(before) {
			return nil
		}
	default: // part of the state before is there
		if !b.put(before) {
			return nil
		}
		b.loseSome()
		before = access.State{}
	}
	if !b.makePlan(before, after) {
		return nil
	}
	b.w.judge = newJudgment(b.w)
	return b.w
}

func (b *worldBuilder) drawAccounts() {
	quotas := access.Quotas{}
	switch b.IntN(6) {
	case 0:
		quotas.UserPolicy = 260 + b.IntN(200) // more roles than two: a pattern for any account
	case 1:
		quotas.TrustPolicy = 500 + b.IntN(500) // compact shapes, and networks in user-side policies
	case 2:
		quotas.TrustPolicy, quotas.ManagedPolicy = 600+b.IntN(300), 500+b.IntN(400)
	}
	for i := range 2 + b.IntN(3) {
		id := access.AccountID(fmt.Sprintf("%d%011d", i+1, i+1))
		a := accesstest.InOU(access.Account{
			ID: id, Name: fmt.Sprintf("account-%d", i+1), State: access.AccountActive, Quotas: quotas,
		}, []string{"Root/Dev", "Root/Prod"}[i%2])
		b.w.accounts = append(b.w.accounts, a)
	}
	ids := b.w.accounts.IDs()
	b.selectors = []access.Selector{
		{All: true},
		{All: true},
		{OUs: []string{"Root/Prod"}},
		{IDs: ids[:1]},
		{IDs: ids[1:]},
		{All: true, Except: []string{string(ids[0])}},
	}
}

func (b *worldBuilder) drawRolesAndUsers() {
	b.roleNames = []string{"Bob", "Ops", "Admin"}[:1+b.IntN(3)]
	b.userNames = []string{"alice", "carol", "dave"}[:2+b.IntN(2)]
	for _, a := range b.w.accounts {
		for _, name := range b.roleNames {
			if b.chance(88) {
				p := rolePlace(a.ID, name)
				b.w.roles = append(b.w.roles, p)
				b.w.read[p] = b.drawForeign(a.ID).document()
			}
		}
		for _, name := range b.userNames {
			if b.chance(80) {
				p := userPlace(a.ID, name)
				b.w.users = append(b.w.users, p)
				if b.chance(15) {
					b.w.other[p] = b.drawPermissions()
				}
			}
		}
		b.unread[a.ID] = b.chance(5)
	}
}

func rolePlace(id access.AccountID, name string) place {
	return place{id, access.Resource{Kind: access.ResourceRole, Path: "/", Name: name}}
}

func userPlace(id access.AccountID, name string) place {
	return place{id, access.Resource{Kind: access.ResourceUser, Path: "/", Name: name}}
}

func (p place) attachments() place {
	p.resource.Kind = access.ResourceAttachments
	return p
}

func (p place) arn() string { return p.resource.ARN("aws", p.account) }

// drawForeign draws the statements of others in a trust policy. IAM demands at least one.
func (b *worldBuilder) drawForeign(id access.AccountID) statements {
	list := statements{ec2Only}
	for b.chance(45) && len(list) < 3 {
		list = append(list, b.foreignStatement(id))
	}
	return list
}

func (b *worldBuilder) foreignStatement(id access.AccountID) json.RawMessage {
	return foreignStatement(b.Rand, b.w.accounts.IDs(), b.userNames, id)
}

func foreignStatement(r *rand.Rand, ids []access.AccountID, userNames []string, id access.AccountID) json.RawMessage {
	condition := pick(r, []string{"", "", fromElsewhere, withMFA})
	switch r.IntN(6) {
	case 0, 1, 2:
		return allow(awsPrincipal(rootOf(id)), condition)
	case 3:
		return allow(awsPrincipal(rootOf(pick(r, ids))), condition)
	case 4:
		return allow(awsPrincipal(userPlace(id, pick(r, userNames)).arn()), condition)
	default:
		return allow(awsPrincipal("*"), pick(r, []string{fromElsewhere, withMFA}))
	}
}

func (b *worldBuilder) drawPermissions() string {
	if b.chance(50) {
		return mayAssumeAll
	}
	role := rolePlace(pick(b.Rand, b.w.accounts).ID, pick(b.Rand, b.roleNames))
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` +
		role.arn() + `"}]}`
}

func (b *worldBuilder) drawLists() {
	for _, l := range []struct {
		name    string
		entries []string
	}{{"office", []string{"203.0.113.0/24"}}, {"vpn", []string{"198.51.100.0/24"}}, {"long", b.longList()}} {
		a := access.Allowlist{ID: "al-" + l.name, Name: l.name}
		for _, e := range l.entries {
			entry, err := access.ParseEntry(e)
			if err != nil {
				panic(err)
			}
			a.Entries = append(a.Entries, entry)
		}
		access.SortEntries(a.Entries)
		b.lists = append(b.lists, a)
	}
}

// longList is too long for a lowered quota of trust policies, and short enough for the default.
func (b *worldBuilder) longList() []string {
	list := []string{"203.0.113.0/24"}
	if b.w.accounts[0].Quotas.TrustPolicy == 0 {
		return list
	}
	for i := range 20 + b.IntN(25) {
		list = append(list, fmt.Sprintf("30.0.%d.0/24", 2*i))
	}
	return list
}

func (b *worldBuilder) drawState() access.State {
	s := access.State{Allowlists: slices.Clone(b.lists)}
	for i := range 1 + b.IntN(3) {
		s.Mappings = append(s.Mappings, b.drawMapping(fmt.Sprint("mp-", i)))
	}
	s.Sort()
	return s
}

func (b *worldBuilder) drawMapping(id string) access.Mapping {
	var users []access.UserName
	for _, name := range some(b.Rand, b.userNames) {
		u := access.UserName{Path: "/", Name: name}
		if b.chance(35) {
			u.Account = pick(b.Rand, b.w.accounts).ID
		}
		users = append(users, u)
	}
	m := access.Mapping{
		ID: id, Role: access.RoleName{Path: "/", Name: pick(b.Rand,
			b.roleNames)}, Users: users, Accounts: pick(b.Rand, b.selectors),
		Allowlists: []string{pick(b.Rand, []string{"office", "office", "vpn", "long"})}, RequireMFA: b.chance(10),
	}
	if b.chance(10) {
		m.Enforcement = access.EnforceEveryone
	}
	if b.chance(8) {
		m.SessionName = access.NamingUsername
	}
	return m.OrDefault()
}

// alter draws a change of a state: it grants, revokes, or both.
func (b *worldBuilder) alter(s access.State) access.State {
	next := access.State{Allowlists: slices.Clone(s.Allowlists), Mappings: slices.Clone(s.Mappings)}
	for i := range 1 + b.IntN(3) {
		b.alterOnce(&next, i)
	}
	next.Sort()
	return next
}

func (b *worldBuilder) alterOnce(s *access.State, n int) {
	if len(s.Mappings) == 0 || b.chance(25) {
		s.Mappings = append(s.Mappings, b.drawMapping(fmt.Sprint("mp-new", n)))
		return
	}
	i := b.IntN(len(s.Mappings))
	drawn := b.drawMapping(s.Mappings[i].ID)
	m := s.Mappings[i]
	switch b.IntN(6) {
	case 0:
		s.Mappings = slices.Delete(s.Mappings, i, i+1)
		return
	case 1:
		m.Users = drawn.Users
	case 2:
		if len(m.Users) > 1 {
			m.Users = slices.Delete(slices.Clone(m.Users), 0, 1)
		}
	case 3:
		m.Accounts = drawn.Accounts
	case 4:
		m.Allowlists = drawn.Allowlists
	default:
		m.Role = drawn.Role
	}
	s.Mappings[i] = m
}

// put carries out a state in the documents, as a rollout that succeeded has left them.
func (b *worldBuilder) put(s access.State) bool {
	result, _, err := planning.PlanWhole(b.input(nil), s)
	if err != nil || len(result.Refusals) > 0 {
		return false
	}
	apply(b.w.read, result.Plan)
	return true
}

// apply puts the final documents of a plan in place.
func apply(d documents, plan access.Plan) {
	for t := range plan.Targets() {
		for _, op := range t.Operations {
			p := place{t.Account, op.Resource}
			d.put(p, final(op, d[p]))
		}
	}
}

func (d documents) put(p place, document string) {
	if document == "" {
		delete(d, p)
		return
	}
	d[p] = document
}

// loseSome undoes the push of some documents: an earlier rollout came only so far.
func (b *worldBuilder) loseSome() {
	for _, p := range slices.SortedFunc(maps.Keys(b.w.read), comparePlaces) {
		if p.resource.Kind == access.ResourceUser && b.chance(40) {
			delete(b.w.read, p)
		}
	}
}

func (b *worldBuilder) input(unread map[access.AccountID]bool) planning.PlanInput {
	return planning.PlanInput{Accounts: b.w.accounts, Inventories: b.w.inventories(unread), Now: planTime}
}

// makePlan plans the way from one state to another; false if there is nothing to do, or no plan.
func (b *worldBuilder) makePlan(before, after access.State) bool {
	input := b.input(b.unread)
	if len(before.Mappings) == 0 && b.chance(50) {
		result, _, err := planning.PlanWhole(input, after)
		b.w.plan = result.Plan
		return err == nil && len(result.Refusals) == 0 && result.Plan.Len() > 0
	}
	if len(before.Allowlists) == 0 {
		before.Allowlists = after.Allowlists
	}
	affected := planning.NewAffected(b.w.accounts, before, after, nil, access.EditsBetween(before, after), planTime)
	for {
		result, more, err := planning.PlanChange(input, affected)
		if err != nil || len(result.Refusals) > 0 {
			return false
		}
		if !more {
			b.w.plan = result.Plan
			return result.Plan.Len() > 0
		}
	}
}

// inventories are the documents of the world as the console has read them.
func (w *world) inventories(unread map[access.AccountID]bool) *access.Inventories {
	found := map[access.AccountID]access.Inventory{}
	for _, a := range w.accounts {
		if !unread[a.ID] {
			found[a.ID] = w.inventory(a.ID)
		}
	}
	return access.InventoriesOf(found)
}

// inventoriesOf are other documents of the same organization, all of them read.
func (w *world) inventoriesOf(docs documents, gone map[place]bool) *access.Inventories {
	now := *w
	now.read = docs
	now.roles = slices.DeleteFunc(slices.Clone(w.roles), func(p place) bool { return gone[p] })
	now.users = slices.DeleteFunc(slices.Clone(w.users), func(p place) bool { return gone[p] })
	return now.inventories(nil)
}

func (w *world) inventory(id access.AccountID) access.Inventory {
	inv := access.Inventory{Account: id, ReadAt: planTime}
	for _, p := range w.roles {
		if p.account == id {
			inv.Roles = append(inv.Roles, liveDocument(p, w.read[p]))
		}
	}
	for _, p := range w.users {
		if p.account == id {
			inv.Users = append(inv.Users, w.liveUser(p))
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(w.read), comparePlaces) {
		if p.account == id && p.resource.Kind == access.ResourcePolicy {
			inv.Policies = append(inv.Policies, liveDocument(p, w.read[p]))
		}
	}
	return inv
}

func comparePlaces(a, b place) int {
	return slices.Compare([]string{string(a.account), a.resource.String()},
		[]string{string(b.account), b.resource.String()})
}

func liveDocument(p place, document string) access.LiveDocument {
	return access.LiveDocument{Resource: p.resource, ID: uniqueID(p), Exists: true, Document: document}
}

// uniqueID is the unique id of a role or user.
func uniqueID(p place) string {
	prefix := "AIDA"
	if p.resource.Kind == access.ResourceRole {
		prefix = "AROA"
	}
	return prefix + string(p.account[:8]) + fmt.Sprintf("%X", p.resource.Name)
}

func (w *world) liveUser(p place) access.LiveUser {
	u := access.LiveUser{LiveDocument: liveDocument(p, w.read[p])}
	if w.other[p] != "" {
		u.InlinePolicies, u.OtherInlineSize = []string{"extra"}, 100
	}
	u.AttachedPolicies, _ = access.Attachments(w.read[p.attachments()])
	return u
}
