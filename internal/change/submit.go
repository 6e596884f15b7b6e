package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/planning"
	"portcullis.internal/portcullis/internal/policy"
)

// Submit plans a draft, freezes the plan with its digest, and asks for reviews. A draft
// on an older revision is first moved to the head, if nobody touched the same objects.
func (s *Service) Submit(ctx context.Context, actor access.Actor, id, version int64, options ...Option) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	c, err := s.store.Change(ctx, id)
	if err != nil {
		return access.Change{}, err
	}
	step := stepOf(options)
	if err := step.holds(&c); err != nil {
		return access.Change{}, err
	}
	if err := c.CheckVersion(version, "submit it"); err != nil {
		return access.Change{}, err
	}
	if err := submittable(c); err != nil {
		return access.Change{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.Change{}, err
	}
	inventory, err := s.store.InventoryVersion(ctx)
	if err != nil {
		return access.Change{}, err
	}
	draft, err := s.draft(ctx, c, head)
	if err != nil {
		return access.Change{}, err
	}
	if err := draft.refusal(); err != nil {
		return access.Change{}, err
	}
	waiting, err := s.store.ScheduledWith(ctx, c.Edits)
	if err != nil {
		return access.Change{}, err
	}
	if err := access.StillScheduled(waiting); err != nil {
		return access.Change{}, err
	}
	tried := trial(c)
	if _, err := step.override(tried, actor, draft.guards(actor), s.at()); err != nil {
		return access.Change{}, err
	}
	if err := tried.Unconfirmed(draft.guards(actor), actor); err != nil {
		return access.Change{}, err
	}
	saved, err := s.store.UpdateChange(ctx, id, func(c *access.Change) (Decision, error) {
		if err := step.holds(c); err != nil {
			return Decision{}, err
		}
		if err := c.CheckVersion(version, "submit it"); err != nil {
			return Decision{}, err
		}
		overridden, err := step.override(c, actor, draft.guards(actor), s.at())
		if err != nil {
			return Decision{}, err
		}
		d, err := s.applySubmit(c, actor, head, draft)
		d.Events = append(overridden, d.Events...)
		return d, err
	})
	if err == nil { // the reviewers' pages find it worked out
		now := s.now()
		s.drafts.put(newDraftKey(saved, head, inventory), draft, draft.FreshUntil(now.Add(draftLife)))
		s.plans.put(newFrozenKey(saved), draft.Summary, now.Add(draftLife))
	}
	return saved, err
}

// submittable tries the transition on a copy, so that a missing title is said before
// any planning is done.
func submittable(c access.Change) error {
	c.Reviews = slices.Clone(c.Reviews)
	return c.Submit("", c.UpdatedAt)
}

func (s *Service) applySubmit(c *access.Change, actor access.Actor, head int64, d draft) (Decision, error) {
	at := s.at()
	c.Base = head
	plan := d.Plan
	if err := c.Submit(plan.Documents, at); err != nil {
		return Decision{}, err
	}
	c.SetNeeds(d.needs)
	c.Dangers = d.dangers
	detail := map[string]any{
		"digest": c.Digest, "base": c.Base, "edits": len(c.Edits), "accounts": plan.Len(), "writes": plan.Operations(),
		"needs": c.Needs, "dangers": c.Dangers,
	}
	if len(c.GuardOverrides) > 0 {
		detail["guard_overrides"] = c.GuardOverrides
	}
	return Decision{Plan: &plan, Events: []access.AuditEvent{access.NewAuditEvent(actor, at, "change.submit", object(c.ID), detail)}}, nil
}

// draft plans the edits of a change on a revision.
func (s *Service) draft(ctx context.Context, c access.Change, on int64) (draft, error) {
	base, err := s.store.State(ctx, on)
	if err != nil {
		return draft{}, err
	}
	if on != c.Base {
		if err := s.checkUntouched(ctx, c, base); err != nil {
			return draft{}, err
		}
	}
	after, err := base.Apply(c.Edits)
	if err != nil {
		return draft{}, err
	}
	p, err := s.plan(ctx, c.ID, base, after, c.Edits)
	if err != nil {
		return draft{}, err
	}
	people, err := s.store.People(ctx)
	if err != nil {
		return draft{}, fmt.Errorf("reading the people: %w", err)
	}
	groups, err := s.store.Groups(ctx)
	if err != nil {
		return draft{}, err
	}
	d := draft{Result: *p}
	if err := s.judge(ctx, &d, base, after, c.Edits, people, groups); err != nil {
		return draft{}, err
	}
	return d, nil
}

// draft is everything that can be said about a change from its edits alone.
type draft struct {
	planning.Result

	needs    []access.Need // what the review rules ask for
	dangers  []access.Danger
	lockOuts []access.Guard // found whoever looks
	settings access.Settings
	ruled    ruleDiff
	untimely []access.FieldError  // expiries that no change may have
	warnings string               // the digest of what the review page warns of
	digests  access.TargetDigests // of the frozen plan, once it is compared
}

// judge asks the review rules and the lock-out guards of the state before.
func (s *Service) judge(
	ctx context.Context, d *draft, base, after access.State, edits []access.Edit, people []access.Person,
	groups access.Groups,
) error {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return err
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return err
	}
	e := planning.Effects{
		Before: base, After: after, Edits: edits, OUs: ous, Issues: d.Issues, Written: writtenAccounts(accounts, d.Plan),
	}
	d.needs, d.dangers = e.Needs(), e.Dangers()
	d.lockOuts = planning.LockOuts(base, after, ous, people, groups, s.at())
	d.settings = base.Settings
	d.ruled = diffRules(base, after, ous)
	d.untimely = untimely(d.Diff, base.Settings, s.at())
	d.warnings, err = planning.Warnings{
		Issues:          d.Issues,
		Cleared:         d.Cleared,
		Dangers:         e.Dangers(),
		Guards:          d.lockOuts,
		Notes:           planning.NotesOf(d.Plan),
		Gone:            idsOf(d.LeftBehind),
		Impact:          d.Impact,
		Diff:            d.Diff,
		Rules:           d.ruled.rules,
		Settings:        d.ruled.settings,
		Strategies:      d.ruled.strategies,
		DefaultStrategy: d.ruled.defaultStrategy,
		OwnGuard:        base.Settings.Mode(access.GuardOwnAddress),
	}.Digest()
	return err
}

// revokes says from whom edits of a revision take access away.
func (s *Service) revokes(ctx context.Context, d draft, on int64, edits []access.Edit) (string, error) {
	base, err := s.store.State(ctx, on)
	if err != nil {
		return "", err
	}
	after, err := base.Apply(edits)
	if err != nil {
		return "", err
	}
	return planning.Revokes(d.Result, base, after, edits), nil
}

func writtenAccounts(all access.Accounts, plan access.Plan) []access.Account {
	accounts := make([]access.Account, 0, plan.Len())
	for t := range plan.Accounts() {
		if a, known := all.Find(t.Account); known {
			accounts = append(accounts, a)
		}
	}
	return accounts
}

// guards are the findings for one actor. The slice is theirs.
func (d *draft) guards(actor access.Actor) []access.Guard {
	return append(slices.Clone(d.lockOuts), planning.OwnLockOuts(actor, d.Impact, d.settings)...)
}

// refusal says why the change cannot be submitted; nil when it can.
func (d draft) refusal() error {
	var said []access.FieldError
	refused := map[string]bool{}
	for _, err := range d.Refusals {
		refused[access.MessageOf(err)] = true
		said = append(said, access.FieldError{Field: "edits", Message: access.MessageOf(err)})
	}
	for _, i := range d.Issues {
		if blocks(i) && !refused[i.Message] {
			said = append(said, access.FieldError{Field: "edits", Message: issueText(i)})
		}
	}
	said = append(said, d.untimely...)
	const shown = 10
	if more := len(said) - shown; more > 0 {
		said = append(said[:shown], access.FieldError{Field: "edits", Message: fmt.Sprintf("… and %d more.", more)})
	}
	return access.InvalidFields(said)
}

// blocks reports whether an issue stops a change. A mapping without any address left
// is the business of a lock-out guard.
func blocks(i policy.Issue) bool { return i.Severity == policy.SeverityError }

func issueText(i policy.Issue) string {
	text := i.Message
	if _, name, _ := strings.Cut(i.Object, " "); name != "" && !strings.Contains(text, name) {
		text = i.Object + ": " + text
	}
	text = strings.ToUpper(text[:1]) + text[1:] + "."
	if i.Advice != "" {
		text += " To do: " + i.Advice + "."
	}
	return text
}

// checkUntouched refuses when what the change touches has been edited between its base
// and a newer state.
func (s *Service) checkUntouched(ctx context.Context, c access.Change, newer access.State) error {
	// What others applied names what they touched. Only where that is something of this
	// change are the states looked at: it may have been undone.
	applied, err := s.store.Applied(ctx, c.Base, newer.Revision, maxSince)
	if err != nil {
		return err
	}
	mine := objectsOf(c.Edits)
	if int64(len(applied)) == newer.Revision-c.Base && !slices.ContainsFunc(applied, func(a access.Change) bool { return touchesAny(a.Edits, mine) }) {
		return nil
	}
	base, err := s.store.State(ctx, c.Base)
	if err != nil {
		return err
	}
	theirs := map[string]bool{}
	for _, e := range access.EditsBetween(base, newer) {
		theirs[e.Object()] = true
	}
	for _, e := range c.Edits {
		if theirs[e.Object()] {
			return access.Errorf(access.KindConflict, "Since this change was begun on revision %d, somebody else has edited the same %s, and revision %d has that edit. Rebase the change, look at it again, and submit it again.", c.Base, describeObject(e.Object()), newer.Revision)
		}
	}
	return nil
}

func describeObject(object string) string {
	kind, rest, _ := strings.Cut(object, "/")
	if kind == "entry" {
		_, key, _ := strings.Cut(rest, "/")
		return "entry " + key
	}
	return kind
}
