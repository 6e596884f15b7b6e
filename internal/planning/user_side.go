package planning

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
	"portcullis.internal/portcullis/internal/policy"
)

// The operations of an account with user-side policies are ordered so that no user gets in
// at any moment who gets in neither before nor after, and no user is kept out for longer
// than necessary:
//
//  1. Trust policies that newly admit no user through user-side policies. They close what
//     must close, and bring the networks back to a role whose list has become short. A user
//     is then held to the role's own Deny and to the user-side policies, which is safe.
//  2. User-side policies: new ones are made, then attached, then the others are written,
//     each before the one that loses addresses to it (policy.UserSidePolicies.WritingOrder).
//     A policy that is attached early allows the role as well. That opens nothing: the trust policy does not admit the
//     user yet, unless a statement of others does. Then the trust policy must deny nothing new (checkDeniesFirst).
//  3. Trust policies that newly admit users through user-side policies, which are attached
//     by now.
//  4. Users' inline policies.
//  5. User-side policies that lose a role whose trust policy was written in step 3, and
//     policies that are no longer needed: detached, then deleted.
//
// A rollback is safe in the reverse order.
//
// A user cannot both gain a role that step 3 opens and lose another that step 3 closes for
// this user. Such a change is refused and must be made in two.

// userSideOps are the operations on user-side policies in one account, by step.
type userSideOps struct {
	early, late []access.PlannedOperation
}

// withUserSide puts the operations on user-side policies in their places among the others.
func (p Planner) withUserSide(a access.Account, before, after policy.Documents, ops []access.PlannedOperation) ([]access.PlannedOperation, error) {
	users := p.userSideUsers(a.ID, before, after)
	if len(users) == 0 {
		return ops, nil
	}
	var closing, opening, own []access.PlannedOperation
	for _, op := range ops {
		switch {
		case op.Kind != access.OpTrustPolicy:
			own = append(own, op)
		case opensToOne(a.ID, op, users):
			opening = append(opening, op)
		default:
			closing = append(closing, op)
		}
	}
	if err := checkDeniesStay(a, closing, changedUserSide(users, before, after)); err != nil {
		return nil, err
	}
	for _, op := range opening {
		if err := checkDeniesFirst(a, op, users); err != nil {
			return nil, err
		}
	}
	var userSide userSideOps
	for _, u := range users {
		if err := p.addUserSide(&userSide, a, userSideChange{user: u, before: userSideOf(before, u), after: userSideOf(after, u)}, opening); err != nil {
			return nil, err
		}
	}
	return slices.Concat(closing, userSide.early, opening, own, userSide.late), nil
}

// opensToOne reports whether a trust policy newly admits one of the users through
// user-side policies.
func opensToOne(id access.AccountID, op access.PlannedOperation, users []access.UserName) bool {
	before, after := iam.ReadUserSide(id, op.OursBefore), iam.ReadUserSide(id, op.OursAfter)
	return slices.ContainsFunc(users, func(u access.UserName) bool {
		return after.Admits(u.Name) && !before.Admits(u.Name)
	})
}

// checkDeniesFirst refuses a trust policy that newly admits a user through user-side policies and newly denies something else,
// such as calls without MFA, where a statement of others may admit the user. User-side policies allow the role too, and they come
// first. Until the trust policy is written, the statement of others would let the user in without MFA.
func checkDeniesFirst(a access.Account, op access.PlannedOperation, users []access.UserName) error {
	foreign, _, err := iam.Merge(op.Before, nil)
	if err != nil {
		return unreadable(a, op.Resource, err)
	}
	unguarded := order.Unguarded{Account: a, OursBefore: op.OursBefore, OursAfter: op.OursAfter, Others: foreign, Unread: !op.BeforeKnown}
	for _, u := range users {
		if unguarded.Lets(u) {
			return access.Invalid("edits", "In account %s (%s) the networks of %s are too long for its trust policy, so user-side policies of %s hold them. They come before the trust policy, and a statement of others in it may admit this user without the other conditions of the mapping. There is no safe order for that: remove that statement, shorten the allowlist, or read the account first if it was not read.",
				a.ID, a.Name, op.Resource, u)
		}
	}
	return nil
}

// changedUserSide returns the users whose user-side policies differ.
func changedUserSide(users []access.UserName, before, after policy.Documents) []access.UserName {
	return slices.DeleteFunc(slices.Clone(users), func(u access.UserName) bool {
		return slices.EqualFunc(userSideOf(before, u).Policies, userSideOf(after, u).Policies, func(p, q policy.Compiled) bool {
			return p.JSON() == q.JSON()
		})
	})
}

// checkDeniesStay refuses a trust policy that loses a Deny, such as that of calls without MFA, while the user-side policies of
// a user whom it admits before and after change. The trust policy comes first. Until the user-side policies are written, the user
// would have the former networks without the Deny.
func checkDeniesStay(a access.Account, closing []access.PlannedOperation, changed []access.UserName) error {
	for _, op := range closing {
		if len(changed) == 0 || !order.DeniesMore(op.OursAfter, op.OursBefore) {
			continue
		}
		before, after := iam.ReadUserSide(a.ID, op.OursBefore), iam.ReadUserSide(a.ID, op.OursAfter)
		for _, u := range changed {
			if before.Admits(u.Name) && after.Admits(u.Name) {
				return access.Invalid("edits", "In account %s (%s) the networks of user %s for %s are in user-side policies. "+
					"This change loosens the other conditions of the role and changes these networks. There is no safe "+
					"order for both in one step: make two changes.", a.ID, a.Name, u, op.Resource)
			}
		}
	}
	return nil
}

// userSideUsers returns the users with user-side policies before or after, sorted.
func (p Planner) userSideUsers(id access.AccountID, before, after policy.Documents) []access.UserName {
	found := map[access.UserName]bool{}
	for _, docs := range []policy.Documents{before, after} {
		for _, g := range docs.UserSide {
			found[g.User] = true
		}
	}
	if p.Before == nil { // everything is planned, also policies that no mapping asks for any more
		inv, _ := p.Inventories.Of(id)
		for _, u := range inv.Users {
			if ours, _ := access.UserSideAttachments(u.AttachedPolicies); len(ours) > 0 {
				found[access.UserName{Account: id, Path: u.Resource.Path, Name: u.Resource.Name}] = true
			}
		}
	}
	users := make([]access.UserName, 0, len(found))
	for u := range found {
		users = append(users, u)
	}
	slices.SortFunc(users, func(a, b access.UserName) int { return strings.Compare(a.String(), b.String()) })
	return users
}

func userSideOf(docs policy.Documents, u access.UserName) policy.UserSidePolicies {
	for _, g := range docs.UserSide {
		if g.User == u {
			return g
		}
	}
	return policy.UserSidePolicies{User: u}
}

// userSideChange is one user's user-side policies before and after.
type userSideChange struct {
	user          access.UserName
	before, after policy.UserSidePolicies
}

// addUserSide plans the step from earlier user-side policies of a user to the new ones.
func (p Planner) addUserSide(ops *userSideOps, a access.Account, g userSideChange, opening []access.PlannedOperation) error {
	late, err := givesUpLate(a, g.user, opening)
	if err != nil {
		return err
	}
	writes := &ops.early
	if late {
		writes = &ops.late
	}
	attach := p.attachments(a, g)
	grows := attach != nil && attach.OursAfter != "" && len(g.after.Policies) >= p.partsBefore(a, g)
	added := len(g.after.Policies) - len(g.before.Policies)
	for i, n := range g.after.WritingOrder(g.before) {
		if attach != nil && grows && added > 0 && i == added {
			*writes, grows, attach = append(*writes, *attach), false, nil
		}
		if op, changed := p.userSidePolicy(a, g, n); changed {
			*writes = append(*writes, op)
		}
	}
	switch {
	case attach != nil && grows: // nothing but new parts
		*writes = append(*writes, *attach)
	case attach != nil:
		ops.late = append(ops.late, *attach)
	}
	for n := len(g.after.Policies); n < p.partsBefore(a, g); n++ {
		ops.late = append(ops.late, p.deletion(a, g, n))
	}
	return nil
}

// givesUpLate reports whether a user loses a role that is open to the user until a trust
// policy is written that also opens it to other users.
func givesUpLate(a access.Account, u access.UserName, opening []access.PlannedOperation) (bool, error) {
	gains, gives := "", ""
	for _, op := range opening {
		was := iam.ReadUserSide(a.ID, op.OursBefore).Admits(u.Name)
		will := iam.ReadUserSide(a.ID, op.OursAfter).Admits(u.Name)
		switch {
		case will && !was:
			gains = op.Resource.String()
		case was && !will:
			gives = op.Resource.String()
		}
	}
	if gains != "" && gives != "" {
		return false, access.Invalid("edits", "In account %s (%s) user %s would lose %s, which another user gains, and gain %s, all with networks in user-side policies. There is no safe order for that in one step: remove %s from the user in a separate change first.",
			a.ID, a.Name, u.Name, gives, gains, gives)
	}
	return gives != "", nil
}

// partsBefore counts the user-side policies that a user may have had: those of the state
// before and those in AWS.
func (p Planner) partsBefore(a access.Account, g userSideChange) int {
	n := len(g.before.Policies)
	inv, _ := p.Inventories.Of(a.ID)
	for _, d := range inv.Policies {
		if user, part, ok := access.UserSideOwner(d.Resource); ok && user == g.user.Name {
			n = max(n, part)
		}
	}
	return n
}

// userSidePolicy plans the n-th user-side policy, counted from 0; changed is false where it
// stays as it was.
func (p Planner) userSidePolicy(a access.Account, g userSideChange, n int) (op access.PlannedOperation, changed bool) {
	c := g.after.Policies[n]
	op = access.PlannedOperation{Kind: access.OpUserSidePolicy, Resource: c.Resource, After: c.JSON(), Size: c.Size, Limit: c.Limit}
	op.OursAfter = op.After
	compiled := ""
	if n < len(g.before.Policies) {
		compiled = g.before.Policies[n].JSON()
	}
	p.liveUserSidePolicy(a, &op, compiled)
	return op, p.Before == nil || compiled != op.After
}

// liveUserSidePolicy fills in what is there before: as it was read, else as it was compiled.
func (p Planner) liveUserSidePolicy(a access.Account, op *access.PlannedOperation, compiled string) {
	if !p.Inventories.Has(a.ID) {
		op.OursBefore = compiled
		return
	}
	live, _ := p.Inventories.Policy(a.ID, op.Resource.Path, op.Resource.Name)
	op.Before, op.OursBefore, op.BeforeKnown = live.Document, live.Document, true
}

func (p Planner) deletion(a access.Account, g userSideChange, n int) access.PlannedOperation {
	op := access.PlannedOperation{Kind: access.OpDeleteUserSidePolicy, Resource: access.UserSidePolicy(g.user.Name, n+1), Limit: a.Quotas.OrDefault().ManagedPolicy}
	compiled := ""
	if n < len(g.before.Policies) {
		compiled = g.before.Policies[n].JSON()
	}
	p.liveUserSidePolicy(a, &op, compiled)
	return op
}

// attachments plans what of ours is attached to a user; nil where that stays as it is.
// Size and Limit count policies.
func (p Planner) attachments(a access.Account, g userSideChange) *access.PlannedOperation {
	ours := g.after.Attachments(a)
	op := &access.PlannedOperation{
		Kind: access.OpAttachments, Resource: access.Resource{Kind: access.ResourceAttachments, Path: g.user.Path, Name: g.user.Name},
		OursBefore: access.AttachmentsDocument(g.before.Attachments(a)), OursAfter: access.AttachmentsDocument(ours), Limit: a.Quotas.OrDefault().Attachments,
	}
	if g.after.Quota > 0 {
		op.Limit = g.after.Quota
	}
	var others []string
	if p.Inventories.Has(a.ID) {
		user, _ := p.Inventories.User(a.ID, g.user.Path, g.user.Name)
		live, foreign := access.UserSideAttachments(user.AttachedPolicies)
		others, op.BeforeKnown = foreign, true
		op.Before, op.OursBefore = access.AttachmentsDocument(user.AttachedPolicies), access.AttachmentsDocument(live)
	}
	op.After, op.Size = access.AttachmentsDocument(slices.Concat(others, ours)), len(others)+len(ours)
	if op.OursBefore == op.OursAfter && p.Before != nil {
		return nil
	}
	return op
}
