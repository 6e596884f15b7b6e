package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
)

// A push writes the form of an approved document that needs nothing which is not done and verified: see package order.
// Each visit of the target works out the forms again. Until everything required has ended, the target continues later.

// required is what a step requires of other operations, and how far that is.
type required struct {
	access.Requirements
	approved string // After of a user policy, OursAfter of a trust policy, as they were approved

	opened []openedRole // roles that the user policy opens, in other accounts and in this one
	closed []access.UserName

	waits   access.Place // where the target continues for this step; zero where nothing is to come
	own     []ownUser    // whose Deny stays until their policies in this account are written
	leftOut []string     // what stays out of the document although nothing is to come
}

// ownUser is a user of the account, and the step that writes the policy of this user.
type ownUser struct {
	user access.UserName
	step *step
}

// openedRole is a role that a user policy newly opens.
type openedRole struct {
	access.Opening
	dep  *access.DependencyState // nil where the rollout does not write its trust policy
	own  *step                   // the step of this push that writes it; nil for another account
	held bool
	why  string // it is held, and nothing is to come

	accepted bool // a reviewer has accepted that it is opened without proof
}

func (o openedRole) String() string { return fmt.Sprintf("%s in account %s", o.Resource(), o.Account) }

// require finds out what the steps require and how far that is, and sets the form of each document.
func (u *push) require(ctx context.Context) error {
	for i := range u.steps {
		if err := u.steps[i].parseRequirements(); err != nil {
			return err
		}
	}
	u.findOpened()
	deps, err := u.dependencies(ctx)
	if err != nil {
		return err
	}
	for i := range u.steps {
		s := &u.steps[i]
		switch s.op.Kind {
		case access.OpUserPolicy:
			for n := range s.opened {
				o := &s.opened[n]
				if dep, found := deps[access.Dependency{Account: o.Account, Resource: o.Resource()}]; found {
					o.dep = &dep
				}
			}
		case access.OpTrustPolicy:
			u.keepClosed(s, deps)
		}
	}
	if err := u.lookAtOpened(ctx); err != nil {
		return err
	}
	if u.busy != nil && u.claim.Target.Pass > access.PassFirst {
		return &SnoozeError{After: u.cfg.SnoozeFor, Err: u.busy}
	}
	return nil
}

// noteRunning notes that the push waits for an account that is being pushed in a later pass as well. The rule for the start of
// passes does not hold the two apart, so the push is snoozed: to continue would start it again at once.
func (u *push) noteRunning(d access.DependencyState) {
	if d.Target == access.TargetRunning {
		u.busy = fmt.Errorf("account %s is being pushed, and %s in it comes first", d.Account, d.Resource)
	}
}

func (s *step) parseRequirements() error {
	requirements, err := access.ParseRequirements(s.op.Requires)
	if err != nil {
		return fmt.Errorf("operation %d of account %s: %w", s.op.Seq, s.op.Account, err)
	}
	s.required = required{Requirements: requirements, approved: s.op.After}
	if s.op.Kind == access.OpTrustPolicy {
		s.approved = s.op.OursAfter
	}
	return nil
}

func (u *push) partition() string { return u.claim.Account.PartitionOrDefault() }

// findOpened lists the roles that each user policy opens to a user who cannot ask for them now.
func (u *push) findOpened() {
	for i := range u.steps {
		s := &u.steps[i]
		if s.op.Kind != access.OpUserPolicy {
			continue
		}
		live := u.live[s.op.Resource].Document
		for _, o := range order.NewlyOpened(s.approved, live, u.partition(), s.Opens) {
			s.opened = append(s.opened, openedRole{Opening: o, own: u.trustStep(o)})
		}
	}
}

// trustStep is the step of this push that writes the trust policy of a role; nil where there is none.
func (u *push) trustStep(o access.Opening) *step {
	if o.Account != u.claim.Account.ID {
		return nil
	}
	for i := range u.steps {
		if t := &u.steps[i]; t.op.Kind == access.OpTrustPolicy && t.op.Resource == o.Resource() {
			return t
		}
	}
	return nil
}

// dependencies asks for the operations in other accounts that the steps depend on.
func (u *push) dependencies(ctx context.Context) (map[access.Dependency]access.DependencyState, error) {
	var on []access.Dependency
	for i := range u.steps {
		s := &u.steps[i]
		for _, o := range s.opened {
			if o.own == nil {
				on = append(on, access.Dependency{Account: o.Account, Resource: o.Resource()})
			}
		}
		for _, user := range s.Revoked {
			if user.Account != u.claim.Account.ID {
				on = append(on, access.Dependency{Account: user.Account, Resource: userResource(user)})
			}
		}
	}
	if len(on) == 0 {
		return nil, nil
	}
	found, err := u.cfg.Store.Dependencies(ctx, u.claim.Rollout.ID, on)
	if err != nil {
		return nil, fmt.Errorf("reading what account %s depends on: %w", u.claim.Account.ID, err)
	}
	deps := make(map[access.Dependency]access.DependencyState, len(found))
	for _, d := range found {
		deps[d.Dependency] = d
	}
	return deps, nil
}

func userResource(u access.UserName) access.Resource {
	return access.Resource{Kind: access.ResourceUser, Path: u.Path, Name: u.Name}
}

// later is where the target continues after a dependency in a wave has ended.
func (u *push) later(wave int, pass access.Pass) access.Place {
	return access.Place{Wave: max(wave, u.claim.Target.Wave), Pass: pass}
}

// wait notes where the target continues for a step. The earliest place counts.
func (r *required) wait(at access.Place) {
	if r.waits.IsZero() || at.Before(r.waits) {
		r.waits = at
	}
}

// keepClosed finds the users whose Deny a trust policy still keeps: those whose policies are not written yet, or could
// not be.
func (u *push) keepClosed(s *step, deps map[access.Dependency]access.DependencyState) {
	for _, user := range s.Revoked {
		done, waits := u.revoked(user, deps)
		switch {
		case done:
			continue
		case !waits.IsZero() && user.Account == u.claim.Account.ID:
			s.own = append(s.own, ownUser{user, u.userStep(user)})
		case !waits.IsZero():
			s.wait(waits)
		default:
			s.keepForGood(user)
		}
		s.closed = append(s.closed, user)
	}
}

func (s *step) keepForGood(user access.UserName) {
	const stays = "the Deny for %s stays in the trust policy of %s, because the policy of this user could not be written"
	s.leftOut = append(s.leftOut, fmt.Sprintf(stays, user, s.op.Resource))
}

// waitForOwn finds where the target continues for the users of the account whose Deny stays. A policy that this push
// left without the rest of it, and that waits for nothing, stays so: to continue for it would never end.
func (u *push) waitForOwn() {
	for i := range u.steps {
		s := &u.steps[i]
		for _, o := range s.own {
			if o.step.isIncomplete() && o.step.waits.IsZero() {
				s.keepForGood(o.user)
			} else {
				s.wait(u.later(0, access.PassFinal))
			}
		}
	}
}

// revoked reports whether the policy of a user no longer names the role, or else where the target continues to look
// again.
func (u *push) revoked(user access.UserName, deps map[access.Dependency]access.DependencyState) (done bool, waits access.Place) {
	if user.Account == u.claim.Account.ID {
		if t := u.userStep(user); t != nil {
			return u.revokedHere(t)
		}
		return false, access.Place{}
	}
	d, found := deps[access.Dependency{Account: user.Account, Resource: userResource(user)}]
	switch {
	case !found:
		return false, access.Place{}
	case d.Good():
		return true, access.Place{}
	case !d.Visited():
		u.noteRunning(d)
		return false, u.later(d.Place.Wave, access.PassFinal)
	default:
		return false, access.Place{}
	}
}

// userStep is the step that writes the policy of a user; nil where there is none.
func (u *push) userStep(user access.UserName) *step {
	for i := range u.steps {
		if t := &u.steps[i]; t.op.Resource == userResource(user) {
			return t
		}
	}
	return nil
}

func (u *push) revokedHere(t *step) (done bool, waits access.Place) {
	switch t.op.State {
	case access.OperationWritten, access.OperationUnchanged:
		return true, access.Place{}
	case access.OperationPlanned, access.OperationIntended:
		return false, u.later(0, access.PassFinal)
	default:
		return false, access.Place{}
	}
}

// formTrust sets the form of a trust policy for the live document. It follows the statements of others, which may
// change before the write.
func (u *push) formTrust(s *step) {
	if s.op.Kind != access.OpTrustPolicy {
		return
	}
	s.op.OursAfter, s.without = s.named, s.namedWithout
	u.closeTrust(s)
	u.leaveOutMissing(s)
}

// closeTrust puts the Deny of users who must stay out into our statements of a trust policy. Who must stay out depends
// on the live statements of others too: one that was added since the plan may admit a user whom our statements keep
// out.
func (u *push) closeTrust(s *step) {
	if s.op.Kind != access.OpTrustPolicy {
		return
	}
	live := u.live[s.op.Resource].Document
	final, _, err := mergeTrust(live, s.op.OursAfter)
	if err != nil {
		return // decide says so
	}
	closed, account := slices.Clone(s.closed), u.claim.Account.ID
	keep := func(user access.UserName, why string) {
		closed = append(closed, user)
		const kept = "The Deny for %s stays in the trust policy of %s: %s since the plan was made."
		s.without = joinSentences(s.without, fmt.Sprintf(kept, user, s.op.Resource, why))
	}
	admission := func(user access.UserName) iam.Admission {
		if slices.Contains(closed, user) || u.missing(user.ARN(u.partition())) {
			return iam.AdmitsNot
		}
		return iam.MayAdmit(final, account, user, u.partition(), u.live[userResource(user)].ID)
	}
	planned := order.Revoked(account, u.oursBefore(s, live), s.op.OursAfter, u.pathOf)
	for _, user := range planned {
		switch a := admission(user); {
		case a <= u.plannedAdmission(s, user) || a == iam.AdmitsByAccount && slices.Contains(s.Revoked, user):
		default:
			keep(user, "a statement of others admits this user")
		}
	}
	for _, user := range order.Revoked(account, oursEarlier(s.op), s.op.OursAfter, u.pathOf) {
		if !slices.Contains(planned, user) && admission(user) != iam.AdmitsNot {
			keep(user, "a statement of others may admit this user, to whom an older rollout has given the role")
		}
	}
	if len(closed) == 0 {
		return
	}
	if ours, err := order.Closing(s.op.OursAfter, u.partition(), closed); err == nil {
		s.op.OursAfter = ours
	}
}

// plannedAdmission is how the approved document may admit a user. The plan knew of it: it keeps the Deny for the user,
// or found that the user has no permission to assume the role.
func (u *push) plannedAdmission(s *step, user access.UserName) iam.Admission {
	if !s.op.BeforeKnown {
		return iam.AdmitsNot
	}
	return iam.MayAdmit(s.op.After, u.claim.Account.ID, user, u.partition(), u.live[userResource(user)].ID)
}

// oursBefore are our statements before the rollout.
func (u *push) oursBefore(s *step, live string) string {
	if s.op.BeforeKnown {
		return s.op.OursBefore
	}
	ours, err := iam.Ours(live)
	if err != nil {
		return s.op.OursBefore
	}
	return ours
}

// oursEarlier are our statements as an older rollout has left them since the plan was made; "" for none. The plan did
// not see whom they admit.
func oursEarlier(op access.Operation) string {
	if op.Earlier == nil {
		return ""
	}
	ours, err := iam.Ours(*op.Earlier)
	if err != nil {
		return "" // the document before is then not as planned, which is a conflict
	}
	return ours
}

// pathOf finds the path of a user by the operations of the target or, for a user of another account, by the users whom
// the plan removes from a role.
func (u *push) pathOf(account access.AccountID, name string) (string, bool) {
	for i := range u.steps {
		s := &u.steps[i]
		ofUser := s.op.Resource.Kind == access.ResourceUser || s.op.Resource.Kind == access.ResourceAttachments
		if account == u.claim.Account.ID && ofUser && s.op.Resource.Name == name {
			return s.op.Resource.Path, true
		}
		for _, user := range s.Revoked {
			if user.Account == account && user.Name == name {
				return user.Path, true
			}
		}
	}
	return "", false
}

// cut sets the form of a user policy that opens only verified roles. It reports whether the form has changed.
func (u *push) cut(s *step) (changed bool, err error) {
	var held []access.Opening
	s.waits, s.leftOut = access.Place{}, nil
	for n := range s.opened {
		o := &s.opened[n]
		u.judge(s, o)
		if !o.held {
			continue
		}
		held = append(held, o.Opening)
		if o.why != "" {
			s.leftOut = append(s.leftOut, fmt.Sprintf("%s is left out of the policy of %s: %s", o, s.op.Resource, o.why))
		}
	}
	before := s.op.Before
	if !s.op.BeforeKnown {
		before = u.live[s.op.Resource].Document
	}
	form, err := order.CutDown(s.approved, before, u.partition(), held, s.op.Limit)
	if err != nil {
		return false, fmt.Errorf("cutting down the policy of %s: %w", s.op.Resource, err)
	}
	changed = form != s.op.After
	s.op.After = form
	return changed, nil
}

// judge decides whether a role stays out of a user policy, and whether the target continues for it. A role of another
// account was judged by lookAtOpened.
func (u *push) judge(s *step, o *openedRole) {
	switch t := o.own; {
	case t == nil:
		if o.held && o.why == "" {
			s.wait(u.later(o.dep.Place.Wave, access.PassGrants))
		}
	case t.bad() || t.state == access.OperationSkipped:
		o.held, o.why = true, "its trust policy could not be set"
	case t.unproved != "":
		o.held, o.why = true, t.unproved
	case t.isPostponed():
		o.held = true // the push is snoozed for it
	case t.op.Seq > s.op.Seq && t.write:
		o.held = true
		s.wait(u.later(0, access.PassGrants))
	default:
		o.held, o.why = false, ""
	}
}

// continues is the first place at which the target has more to do; zero where all has ended.
func (u *push) continues() access.Place {
	var first access.Place
	for i := range u.steps {
		if at := u.steps[i].waits; !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// leftOut says what the target could not do because of other operations; "" for nothing.
func leftOutOf(steps []step) string {
	var said []string
	for i := range steps {
		said = append(said, steps[i].leftOut...)
	}
	if len(said) == 0 {
		return ""
	}
	text := said[0]
	return sentence(strings.ToUpper(text[:1])+text[1:]) + more(len(said)-1)
}
