package change

import (
	"context"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/planning"
)

// View reads a change with everything that a reviewer needs. For a draft the plan is
// computed now, on the head where it can be moved there; for a submitted change the
// documents are those of the frozen plan.
func (s *Service) View(ctx context.Context, actor access.Actor, id int64) (View, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return View{}, err
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return View{}, err
	}
	v := View{Change: c, Permissions: permissionsOf(c, actor), Computed: s.at(), FourEyes: c.Groups.FourEyes(s.single)}
	s.addSingle(&v, actor)
	if v.OUs, err = s.store.OUTree(ctx); err != nil {
		return View{}, err
	}
	plan, err := s.consequences(ctx, actor, &v)
	if err != nil {
		return View{}, err
	}
	v.Targets, v.Writes, v.Folded = plan.Targets, plan.Writes, plan.Folded
	v.Own = planning.OwnStake(actor, v.Impact)
	v.Needs = v.NeedStatus()
	if v.Comments, err = s.store.Comments(ctx, id); err != nil {
		return View{}, err
	}
	if v.History, err = s.store.History(ctx, object(id)); err != nil {
		return View{}, err
	}
	if v.Rollout, err = s.rolloutOf(ctx, c); err != nil {
		return View{}, err
	}
	v.ChangedSince, err = s.changedSince(ctx, v.Change, v.History)
	return v, err
}

// rolloutOf is the rollout of an applied change; nil for any other.
func (s *Service) rolloutOf(ctx context.Context, c access.Change) (*access.Rollout, error) {
	if c.RolloutID == 0 {
		return nil, nil //nolint:nilnil // to have none is no error
	}
	r, err := s.store.Rollout(ctx, c.RolloutID)
	return &r, err
}

// addSingle lets a change in review be applied in the mode single administrator, or says why it cannot be approved.
func (s *Service) addSingle(v *View, actor access.Actor) {
	if v.State != access.ChangeInReview || v.FourEyes.InForce() {
		return
	}
	v.OneGroup = v.Groups.OneGroup(v.FourEyes)
	if v.FourEyes.Single() {
		v.Permissions.Apply = authz.Require(actor, authz.ApplyChange)
	}
}

// consequences fills in what follows from the edits, and returns what there is to see
// of the plan.
func (s *Service) consequences(ctx context.Context, actor access.Actor, v *View) (planning.Summary, error) {
	if len(v.Edits) == 0 {
		return planning.Summary{}, nil
	}
	d, err := s.cachedDraft(ctx, v.Change)
	switch kind := access.KindOf(err); {
	case err != nil && (kind == access.KindConflict || kind == access.KindInvalid):
		v.Problem, v.Fields = access.MessageOf(err), access.FieldsOf(err)
		if err := s.addEdits(ctx, v); err != nil {
			return planning.Summary{}, err
		}
	case err != nil:
		return planning.Summary{}, err
	default:
		v.Diff, v.Impact, v.Issues, v.Cleared = d.Diff, d.Impact, d.Issues, d.Cleared
		v.showRules(d.ruled)
		v.Warnings, v.LeftBehind = d.warnings, d.LeftBehind
		s.addFindings(actor, v, d)
		if refusal := d.refusal(); refusal != nil && v.State == access.ChangeDraft {
			v.Problem, v.Fields = access.MessageOf(refusal), access.FieldsOf(refusal)
		}
	}
	if v.SubmittedAt.IsZero() || v.State == access.ChangeDraft {
		return d.Summary, nil
	}
	return s.frozenSummary(ctx, v.Change)
}

// addEdits fills in what the edits alone say, for a change that cannot be planned now.
func (s *Service) addEdits(ctx context.Context, v *View) error {
	base, err := s.store.State(ctx, v.Base)
	if err != nil {
		return err
	}
	after, err := base.Apply(v.Edits)
	if err != nil {
		return nil //nolint:nilerr // the problem of the view says so
	}
	v.ShowEdits(base, after)
	return nil
}

// ShowEdits fills in how the edits change the objects of a state.
func (v *View) ShowEdits(before, after access.State) {
	v.Diff = planning.Diff(before, after, v.Edits)
	v.showRules(diffRules(before, after, v.OUs))
}

func (v *View) showRules(d ruleDiff) {
	v.Rules, v.Settings, v.Names = d.rules, d.settings, d.names
	v.Strategies, v.DefaultStrategy = d.strategies, d.defaultStrategy
}

// addFindings fills in what guards and review rules say. A draft's needs are those that it
// would be submitted with; whether breaking the glass is allowed, the settings say.
func (s *Service) addFindings(actor access.Actor, v *View, d draft) {
	if !v.Open() {
		return
	}
	v.Guards = d.guards(actor)
	_ = v.Unconfirmed(v.Guards, actor) // marks those that are overridden
	if v.State == access.ChangeDraft {
		v.SetNeeds(d.needs)
		v.Dangers = d.dangers
	}
	if v.Permissions.Alone == nil && !d.settings.BreakGlassAllowed {
		v.Permissions.Alone = access.Errorf(access.KindForbidden, "The settings do not let anybody apply a change alone.")
	}
}

// Plan reads what a change would write: frozen when it was submitted, else computed now.
func (s *Service) Plan(ctx context.Context, actor access.Actor, id int64) (access.Plan, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Plan{}, err
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return access.Plan{}, err
	}
	if c.State == access.ChangeDraft || c.SubmittedAt.IsZero() {
		d, err := s.cachedDraft(ctx, c)
		return d.Plan, err
	}
	return s.store.Plan(ctx, id)
}

func permissionsOf(c access.Change, actor access.Actor) access.ChangePermissions {
	state := func(verb string, ok bool) error {
		if ok {
			return nil
		}
		return access.Errorf(access.KindConflict, "A change that is %s cannot be %s.", strings.ReplaceAll(string(c.State), "_", " "), verb)
	}
	first := func(errs ...error) error {
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
	draft := c.State == access.ChangeDraft
	taken := c // asking is trying, on a copy
	withdraw := taken.Withdraw(actor, c.UpdatedAt)
	return access.ChangePermissions{
		Edit:           first(state("edited", c.Open()), authz.Require(actor, authz.EditChange)),
		Submit:         first(state("submitted", draft), authz.Require(actor, authz.EditChange)),
		Review:         first(c.CanReview(actor), authz.Require(actor, authz.ReviewChange)),
		Apply:          first(state("applied", c.State == access.ChangeApproved), authz.Require(actor, authz.ApplyChange)),
		Withdraw:       first(withdraw, requireAny(actor, authz.EditChange, authz.WithdrawAny)),
		Revert:         first(revertible(c), authz.Require(actor, authz.EditChange)),
		Clone:          first(clonable(c), authz.Require(actor, authz.EditChange)),
		Comment:        authz.Require(actor, authz.Read),
		OverrideGuards: first(state("confirmed", c.Open()), requireAny(actor, authz.EditChange, authz.ReviewChange, authz.ApplyChange, authz.BreakGlass)),
		Alone:          first(state("applied", c.State == access.ChangeInReview || c.State == access.ChangeApproved), authz.Require(actor, authz.BreakGlass)),
		Rebase:         first(state("rebased", c.Open()), authz.Require(actor, authz.EditChange)),
		WithdrawReview: first(c.CanWithdrawReview(actor), authz.Require(actor, authz.ReviewChange)),
	}
}
