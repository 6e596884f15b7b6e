package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/internal/iam"
	"portcullis/internal/policy"
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
	v := View{Change: c, May: may(c, actor), Computed: s.at()}
	plan, err := s.consequences(ctx, actor, &v)
	if err != nil {
		return View{}, err
	}
	v.Targets, v.Writes, v.Folded = plan.targets, plan.writes, plan.folded
	v.Own = ownStake(actor, v.Impact)
	v.Needs = needViews(v.Change)
	if v.Comments, err = s.store.Comments(ctx, id); err != nil {
		return View{}, err
	}
	if v.History, err = s.store.History(ctx, object(id)); err != nil {
		return View{}, err
	}
	v.Since, err = s.since(ctx, v.Change, v.History)
	return v, err
}

// consequences fills in what follows from the edits, and returns what there is to see
// of the plan.
func (s *Service) consequences(ctx context.Context, actor access.Actor, v *View) (summary, error) {
	if len(v.Edits) == 0 {
		return summary{}, nil
	}
	d, err := s.cachedDraft(ctx, v.Change)
	switch kind := access.KindOf(err); {
	case err != nil && (kind == access.KindConflict || kind == access.KindInvalid):
		v.Problem, v.Fields = access.MessageOf(err), access.FieldsOf(err)
	case err != nil:
		return summary{}, err
	default:
		v.Diff, v.Impact, v.Issues, v.Cleared = d.diff, d.impact, d.issues, d.cleared
		v.Rules, v.Settings = d.ruled.rules, d.ruled.settings
		s.judged(actor, v, d)
		if refusal := d.refusal(); refusal != nil && v.State == access.ChangeDraft {
			v.Problem, v.Fields = access.MessageOf(refusal), access.FieldsOf(refusal)
		}
	}
	if v.SubmittedAt.IsZero() || v.State == access.ChangeDraft {
		return d.summary, nil
	}
	return s.frozen(ctx, v.Change)
}

// judged fills in what guards and review rules say. A draft's needs are those that it
// would be submitted with; whether breaking the glass is allowed, the settings say.
func (s *Service) judged(actor access.Actor, v *View, d draft) {
	if !v.Open() {
		return
	}
	v.Guards = d.guards(actor)
	_ = v.Unconfirmed(v.Guards, actor) // marks those that are confirmed
	if v.State == access.ChangeDraft {
		v.SetNeeds(d.needs)
	}
	if v.May.Alone == nil && !d.settings.BreakGlassAllowed {
		v.May.Alone = access.Errorf(access.KindForbidden, "The settings do not let anybody apply a change alone.")
	}
}

func needViews(c access.Change) []NeedView {
	open := map[string][]access.Requirement{}
	for _, n := range c.Missing() {
		open[n.Rule] = n.Need
	}
	views := make([]NeedView, len(c.Needs))
	for i, n := range c.Needs {
		views[i] = NeedView{Need: n, Missing: open[n.Rule]}
	}
	return views
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
		return d.plan, err
	}
	return s.store.Plan(ctx, id)
}

func may(c access.Change, actor access.Actor) May {
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
	return May{
		Edit:     first(state("edited", c.Open()), authz.Require(actor, authz.EditChange)),
		Submit:   first(state("submitted", draft), authz.Require(actor, authz.EditChange)),
		Review:   first(c.CanReview(actor), authz.Require(actor, authz.ReviewChange)),
		Apply:    first(state("applied", c.State == access.ChangeApproved), authz.Require(actor, authz.ApplyChange)),
		Withdraw: first(withdraw, requireAny(actor, authz.EditChange, authz.WithdrawAny)),
		Clone:    first(clonable(c), authz.Require(actor, authz.EditChange)),
		Comment:  authz.Require(actor, authz.Read),
		Confirm:  first(state("confirmed", c.Open()), requireAny(actor, authz.EditChange, authz.ReviewChange, authz.ApplyChange, authz.BreakGlass)),
		Alone:    first(state("applied", c.State == access.ChangeInReview || c.State == access.ChangeApproved), authz.Require(actor, authz.BreakGlass)),
		Rebase:   first(state("rebased", draft || c.State == access.ChangeConflicted), authz.Require(actor, authz.EditChange)),
	}
}

var foldedOrder = []access.ResourceKind{access.ResourceRole, access.ResourcePolicy, access.ResourceAttachments, access.ResourceUser}

// fold puts operations together that mean the same but for the account's own id.
func fold(plan access.Plan) []Folded {
	type key struct {
		kind          access.OperationKind
		resource      access.Resource
		before, after string
		known         bool
		note          string
	}
	at := map[key]int{}
	same, accounts := meanings{}, foldedAccounts{all: slices.Collect(plan.Accounts())}
	var out []Folded
	var in [][]int // the targets of each, by their indexes
	for op, targets := range plan.Alike() {
		first := accounts.all[targets[0]].Account
		k := key{op.Kind, op.Resource, same.of(op.Before, first), same.of(op.After, first), op.BeforeKnown, op.Note}
		i, seen := at[k]
		if !seen {
			i = len(out)
			at[k] = i
			out = append(out, Folded{Kind: op.Kind, Resource: op.Resource, Example: op})
			in = append(in, nil)
		}
		in[i] = append(in[i], targets...)
	}
	for i := range out {
		slices.Sort(in[i])
		out[i].Accounts = accounts.of(in[i])
		out[i].Notes = notesOf(out[i].Accounts)
	}
	slices.SortStableFunc(out, func(a, b Folded) int {
		if a.Resource.Kind != b.Resource.Kind {
			return slices.Index(foldedOrder, a.Resource.Kind) - slices.Index(foldedOrder, b.Resource.Kind)
		}
		return len(b.Accounts) - len(a.Accounts)
	})
	return out
}

// foldedAccounts are the accounts of folded documents. Documents that are in the same
// accounts share the list of them.
type foldedAccounts struct {
	all   []access.PlannedTarget // without their operations
	lists []accountList
}

type accountList struct {
	indexes  []int
	accounts []access.PlannedTarget
}

// of are the targets with these indexes.
func (f *foldedAccounts) of(indexes []int) []access.PlannedTarget {
	for _, known := range f.lists {
		if slices.Equal(known.indexes, indexes) {
			return known.accounts
		}
	}
	list := accountList{indexes: indexes, accounts: make([]access.PlannedTarget, len(indexes))}
	for n, i := range indexes {
		list.accounts[n] = f.all[i]
	}
	const remembered = 8
	if len(f.lists) < remembered {
		f.lists = append(f.lists, list)
	}
	return list.accounts
}

// notesOf are the notes on accounts, each once.
func notesOf(accounts []access.PlannedTarget) []string {
	var notes []string
	said := map[string]bool{}
	for _, a := range accounts {
		for _, n := range a.Notes {
			if !said[n] {
				said[n] = true
				notes = append(notes, n)
			}
		}
	}
	return notes
}

// meanings keeps what documents mean, by their text: in a large plan most are alike.
type meanings map[string]string

// of returns a document as IAM's rewriting leaves it the same, without the account's id.
func (m meanings) of(doc string, id access.AccountID) string {
	doc = strings.ReplaceAll(doc, string(id), "000000000000")
	meaning, known := m[doc]
	if !known {
		var err error
		if meaning, err = iam.Canonical(doc, nil); err != nil {
			meaning = doc // no document: equal only letter by letter
		}
		m[doc] = meaning
	}
	return meaning
}

// ownStake names what the reader may gain or lose: the part of their e-mail address
// before the @ is taken for their IAM user's name.
func ownStake(actor access.Actor, impact policy.Impact) []string {
	me, _, _ := strings.Cut(actor.Email, "@")
	if me == "" {
		return nil
	}
	var own []string
	say := func(verb string, list []policy.Reach) {
		for _, r := range list {
			if strings.EqualFold(r.User.Name, me) {
				own = append(own, fmt.Sprintf("IAM user %s, who may be you, %s addresses on role %s.", r.User, verb, r.Role))
			}
		}
	}
	say("gains", impact.Gained)
	say("loses", impact.Lost)
	slices.Sort(own)
	return slices.Compact(own)
}
