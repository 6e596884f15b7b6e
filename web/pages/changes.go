package pages

import (
	"context"
	"strconv"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// ChangeReader reads changes.
type ChangeReader interface {
	Changes(ctx context.Context, actor access.Actor, q access.ChangeQuery) (access.Page[access.Change], error)
	Change(ctx context.Context, actor access.Actor, id int64) (access.Change, error)
	View(ctx context.Context, actor access.Actor, id int64) (change.View, error)
	transport.HandUndoer
}

// ChangeEditor edits changes and takes them from state to state.
type ChangeEditor interface {
	Edit(ctx context.Context, actor access.Actor, id, version int64, in change.Input) (access.Change, error)
	DropEdit(ctx context.Context, actor access.Actor, id, version int64, index int) (access.Change, error)
	AddEntries(
		ctx context.Context, actor access.Actor, id int64, allowlistID string, n change.NewEntries,
	) (access.Change, error)
	Submit(ctx context.Context, actor access.Actor, id, version int64, options ...change.Option) (access.Change, error)
	Withdraw(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Rebase(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Clone(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
	Revert(ctx context.Context, actor access.Actor, id int64, reason string, options ...change.Option) (access.Change, error)
}

// ChangeReviewer records the words and verdicts of people about a change.
type ChangeReviewer interface {
	Review(ctx context.Context, actor access.Actor, id int64, verdict access.Verdict, digest, comment string, options ...change.Option) (access.Change, error)
	Comment(ctx context.Context, actor access.Actor, id int64, body string, options ...change.Option) (access.Comment, error)
	OverrideGuard(ctx context.Context, actor access.Actor, id int64, code access.GuardCode, typed string) (access.Change, error)
	WithdrawReview(
		ctx context.Context, actor access.Actor, id int64, options ...change.Option,
	) (access.Change, error)
}

// Scheduler applies a change by a strategy, which is named; "" is the default.
type Scheduler interface {
	Apply(
		ctx context.Context, actor access.Actor, id int64, r change.ApplyRequest, options ...change.Option,
	) (access.Rollout, error)
	ApplyAlone(ctx context.Context, actor access.Actor, id int64, digest, reason string) (access.Rollout, error)
	Schedule(
		ctx context.Context, actor access.Actor, id int64, r change.ScheduleRequest, options ...change.Option,
	) (access.Change, error)
	CancelSchedule(ctx context.Context, actor access.Actor, id int64, options ...change.Option) (access.Change, error)
}

// AllowlistLister lists allowlists.
type AllowlistLister interface {
	Allowlists(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error)
}

// StrategyLister lists the strategies of a revision.
type StrategyLister interface {
	Strategies(ctx context.Context, actor access.Actor, revision int64) (change.StrategiesView, error)
}

// changePages are the pages of changes.
type changePages struct {
	*site
	reader     ChangeReader
	editor     ChangeEditor
	reviewer   ChangeReviewer
	scheduler  Scheduler
	allowlists AllowlistLister
	strategies StrategyLister
}

func (s *changePages) routes() {
	s.Get("/changes", authz.Read, s.showChanges)
	s.Get("/changes/:id", authz.Read, s.showChange)
	s.Post("/changes/:id/edit", authz.EditChange, s.editChange)
	s.Post("/changes/:id/drop", authz.EditChange, s.dropEdit)
	s.Post("/changes/:id/submit", authz.EditChange, s.submitChange)
	s.Post("/changes/:id/review", authz.ReviewChange, s.reviewChange)
	s.Post("/changes/:id/apply", authz.ApplyChange, s.applyChange)
	// An admin withdraws without the right to edit: the service decides who may.
	s.Post("/changes/:id/withdraw", authz.Read, s.withdrawChange)
	s.Post("/changes/:id/rebase", authz.EditChange, s.rebaseChange)
	s.reviewRoutes()
	s.scheduleRoutes()
}

func (s *changePages) showChanges(c echo.Context, actor access.Actor) error {
	page := pageQuery(c)
	tab, states := view.ChangeTab(c.QueryParam("tab"))
	q := access.ChangeQuery{States: states, PageQuery: page}
	mine := c.QueryParam("mine") != ""
	if mine {
		q.Author = actor.PersonID
	}
	changes, err := s.reader.Changes(c.Request().Context(), actor, q)
	if err != nil {
		return err
	}
	return s.ok(c, view.Changes(view.ChangesPage{
		Shell: s.shell(c, actor, "Changes", "changes"), Changes: changes, Tab: tab, Mine: mine,
		Search: page.Search, Cursor: page.Cursor, MayEdit: authz.Can(actor, authz.EditChange),
	}))
}

func (s *changePages) showChange(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	p, err := s.changePage(c, actor, id)
	if err != nil {
		return err
	}
	return s.ok(c, view.Change(p))
}

// changePage reads a change with everything that its page shows.
func (s *changePages) changePage(c echo.Context, actor access.Actor, id int64) (view.ChangePage, error) {
	v, err := s.reader.View(c.Request().Context(), actor, id)
	if err != nil {
		return view.ChangePage{}, err
	}
	p := changeProps(v)
	if err := s.reviewProps(c, actor, v, &p); err != nil {
		return view.ChangePage{}, err
	}
	p.All = c.QueryParam("all") != ""
	p.Fold, p.Requires, p.From = position(c, "fold"), position(c, "requires"), position(c, "from")
	p.Shell = s.shell(c, actor, view.ChangeTitle(v.Change), "changes", view.Crumb{Label: "Changes", URL: view.ChangesURL()})
	p.Shell.OUs = v.OUs
	return p, nil
}

// position reads a place in a list out of the query; 0 for what is none.
func position(c echo.Context, name string) int {
	n, err := strconv.Atoi(c.QueryParam(name))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func changeProps(v change.View) view.ChangePage {
	return view.ChangePage{
		Change: v.Change, Diff: v.Diff, Impact: v.Impact, Issues: v.Issues, Cleared: v.Cleared,
		LeftBehind: v.LeftBehind, Targets: v.Targets, Writes: v.Writes,
		Folded: v.Folded, Since: v.ChangedSince, Warnings: v.Warnings, Problem: v.Problem, Fields: v.Fields,
		History: v.History, Own: v.Own, May: v.Permissions, FourEyes: v.FourEyes, OneGroup: v.OneGroup,
		Rollout: v.Rollout, Computed: v.Computed, Form: view.ChangeForm{Title: v.Title, Reason: v.Reason},
	}
}

// changeForm makes the handler of a form on a change's page. act carries it out and
// says where to go and what to tell; where it is refused, the page comes back with what
// was typed and with the reason.
func (s *changePages) changeForm(c echo.Context, actor access.Actor, act func(ctx context.Context, id int64) (to, done string, err error)) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	to, done, err := act(c.Request().Context(), id)
	if err != nil {
		return s.changeRefused(c, actor, id, err)
	}
	s.Flash(c, done)
	return s.See(c, to)
}

func (s *changePages) changeRefused(c echo.Context, actor access.Actor, id int64, refusal error) error {
	return s.refill(c, refusal, func(problems view.Problems) (templ.Component, error) {
		p, err := s.changePage(c, actor, id)
		if err != nil {
			return nil, err
		}
		p.Problems = problems
		keepTyped(c, &p.Form)
		if form, err := c.FormParams(); err == nil && form.Has("title") {
			p.Form.Title, p.Form.Reason = form.Get("title"), form.Get("reason")
		}
		return view.Change(p), nil
	})
}

// editChange saves title and reason, and submits the change when that button was
// pressed: what was typed is kept also where the submission is refused.
func (s *changePages) editChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		current, err := s.reader.Change(ctx, actor, id)
		if err != nil {
			return "", "", err
		}
		in := change.Input{Title: c.FormValue("title"), Reason: c.FormValue("reason"), Edits: current.Edits}
		saved, err := s.editor.Edit(ctx, actor, id, formID(c, "version"), in)
		if err != nil {
			return "", "", err
		}
		if c.FormValue("then") != "submit" {
			return view.ChangeURL(id), edited(saved, "Saved."), nil
		}
		if _, err := s.editor.Submit(ctx, actor, id, saved.Version); err != nil {
			return "", "", err
		}
		return view.ChangeURL(id), edited(saved, "Submitted. Somebody else reviews it now."), nil
	})
}

// What pages say of edits that were just added to a change.
const (
	removalDrafted = "The removal is part of this change now."
	beforeApplied  = " Nothing happens before it is reviewed and applied."
)

// edited adds to what is told after an edit that it has voided reviews.
func edited(c access.Change, sentence string) string {
	switch c.Voided {
	case 0:
		return sentence
	case 1:
		return sentence + " The review that the change had is void."
	default:
		return sentence + " The " + strconv.Itoa(c.Voided) + " reviews that the change had are void."
	}
}

func (s *changePages) submitChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		_, err := s.editor.Submit(ctx, actor, id, formID(c, "version"))
		return view.ChangeURL(id), "Submitted. Somebody else reviews it now.", err
	})
}

func (s *changePages) dropEdit(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		index, err := strconv.Atoi(c.FormValue("index"))
		if err != nil {
			return "", "", access.Invalid("index", "The edit to remove was not named. Load the page again.")
		}
		saved, err := s.editor.DropEdit(ctx, actor, id, formID(c, "version"), index)
		return view.ChangeURL(id), edited(saved, "The edit is removed."), err
	})
}

func (s *changePages) reviewChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		verdict := access.Verdict(c.FormValue("verdict"))
		saved, err := s.reviewer.Review(ctx, actor, id, verdict, c.FormValue("digest"), c.FormValue("comment"), asShown(c)...)
		return view.ChangeURL(id), reviewed(saved), err
	})
}

// asShown binds a review to the base revision and the warnings of the page that the form was on.
func asShown(c echo.Context) []change.Option {
	if c.FormValue("base") == "" {
		return nil
	}
	return []change.Option{change.AsShown(formID(c, "base"), c.FormValue("warnings"))}
}

func reviewed(c access.Change) string {
	switch c.State {
	case access.ChangeApproved:
		return "Approved. An operator can apply it now."
	case access.ChangeRejected:
		return "Rejected."
	case access.ChangeApplied:
		return "Your review is noted. The change is no longer flagged."
	default:
		return "Your approval is noted. The change needs more of them."
	}
}

func (s *changePages) applyChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		request := change.ApplyRequest{Digest: c.FormValue("digest"), Strategy: c.FormValue("strategy")}
		rollout, err := s.scheduler.Apply(ctx, actor, id, request)
		if err != nil {
			return "", "", err
		}
		return view.RolloutURL(rollout.ID), "Applied as revision " + strconv.FormatInt(rollout.Revision, 10) + ".", nil
	})
}

func (s *changePages) withdrawChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		_, err := s.editor.Withdraw(ctx, actor, id)
		return view.ChangeURL(id), "Withdrawn.", err
	})
}

func (s *changePages) rebaseChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		saved, err := s.editor.Rebase(ctx, actor, id)
		return view.ChangeURL(id), rebaseMessage(saved), err
	})
}

func rebaseMessage(c access.Change) string {
	switch {
	case c.State != access.ChangeDraft:
		return "Rebased to revision " + strconv.FormatInt(c.Base, 10) + " without a difference. Reviews stay valid."
	case c.Voided > 0:
		return "Rebased. Reviewers were shown something else than on the new revision, so their reviews are void. " +
			"Look at it again, then submit it."
	default:
		return "Rebased. Look at it again, then submit it."
	}
}
