package pages

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/onboard"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// TargetService reads and steers one account of a rollout.
type TargetService interface {
	Rollout(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Target(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Target, error)
	Operations(ctx context.Context, actor access.Actor, id int64, account access.AccountID) ([]access.Operation, error)
	RetryTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Rollout, error)
	SkipTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID, reason string) (access.Rollout, error)
	Resolve(ctx context.Context, actor access.Actor, id int64, account access.AccountID, choices []access.ResolveConflict) (access.Rollout, error)
}

// Adopter makes the desired state follow an edit that was adopted.
type Adopter interface {
	Adopt(ctx context.Context, actor access.Actor, a onboard.Adoption) (access.Change, error)
}

// targetPages are the pages of one account of a rollout.
type targetPages struct {
	*site
	targets TargetService
	adopter Adopter
}

// routes are the pages and forms of one account of a rollout.
func (s *targetPages) routes() {
	const target = "/rollouts/:id/targets/:account"
	s.Get(target, authz.Read, s.showTarget)
	s.Post(target+"/retry", authz.ControlRollout, s.controlTarget("The account is retried.", s.targets.RetryTarget))
	s.Post(target+"/skip", authz.ControlRollout, s.skipTarget)
	s.Post(target+"/resolve", authz.ControlRollout, s.resolveConflicts)
	s.Post(target+"/adopt", authz.EditChange, s.adopt)
}

func (s *targetPages) showTarget(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	p, err := s.targetPage(c, actor, id, targetParam(c))
	if err != nil {
		return err
	}
	return s.ok(c, view.Target(p))
}

func targetParam(c echo.Context) access.AccountID { return access.AccountID(c.Param("account")) }

func (s *targetPages) targetPage(c echo.Context, actor access.Actor, id int64, account access.AccountID) (view.TargetPage, error) {
	ctx := c.Request().Context()
	p := view.TargetPage{Now: s.now(), Denied: authz.Require(actor, authz.ControlRollout), MayEdit: authz.Can(actor, authz.EditChange)}
	var err error
	if p.Rollout, err = s.targets.Rollout(ctx, actor, id); err != nil {
		return p, err
	}
	if p.Target, err = s.targets.Target(ctx, actor, id, account); err != nil {
		return p, err
	}
	if p.Operations, err = s.targets.Operations(ctx, actor, id, account); err != nil {
		return p, err
	}
	p.MayAccept = mayAccept(p.Rollout, actor)
	p.Requires, p.From = int64(position(c, "requires")), position(c, "from")
	p.Shell = s.shell(c, actor, p.Target.AccountName, "rollouts",
		view.Crumb{Label: "Rollouts", URL: view.RolloutsURL()}, view.Crumb{Label: view.RolloutTitle(p.Rollout), URL: view.RolloutURL(id)})
	return p, nil
}

// controlTarget makes the handler of a form on a target's page.
func (s *targetPages) controlTarget(done string, act func(context.Context, access.Actor, int64, access.AccountID) (access.Rollout, error)) transport.Handler {
	return func(c echo.Context, actor access.Actor) error {
		id, err := idParam(c)
		if err != nil {
			return err
		}
		account := targetParam(c)
		if _, err := act(c.Request().Context(), actor, id, account); err != nil {
			return s.targetRefused(c, actor, id, account, err)
		}
		s.Flash(c, done)
		return s.See(c, view.TargetURL(id, account))
	}
}

func (s *targetPages) skipTarget(c echo.Context, actor access.Actor) error {
	return s.controlTarget("It is skipped.", func(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Rollout, error) {
		return s.targets.SkipTarget(ctx, actor, id, account, c.FormValue("reason"))
	})(c, actor)
}

func (s *targetPages) resolveConflicts(c echo.Context, actor access.Actor) error {
	return s.controlTarget("Decided. The account is retried and does what you chose.", func(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Rollout, error) {
		choices, err := choicesOf(c)
		if err != nil {
			return access.Rollout{}, err
		}
		return s.targets.Resolve(ctx, actor, id, account, choices)
	})(c, actor)
}

// adopt composes a change that makes the desired state follow an edit that was adopted.
func (s *targetPages) adopt(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	account := targetParam(c)
	draft, err := s.adoptEdit(c.Request().Context(), actor, id, account, formID(c, "operation"))
	if err != nil {
		return s.targetRefused(c, actor, id, account, err)
	}
	return s.See(c, view.ChangeURL(draft.ID))
}

func (s *targetPages) adoptEdit(ctx context.Context, actor access.Actor, id int64, account access.AccountID, operation int64) (access.Change, error) {
	operations, err := s.targets.Operations(ctx, actor, id, account)
	if err != nil {
		return access.Change{}, err
	}
	adoption, err := onboard.AdoptionOf(account, operations, operation)
	if err != nil {
		return access.Change{}, err
	}
	return s.adopter.Adopt(ctx, actor, adoption)
}

// choicesOf reads one choice for each document, bound to the one that was on the page.
func choicesOf(c echo.Context) ([]access.ResolveConflict, error) {
	form, err := c.FormParams()
	if err != nil {
		return nil, err
	}
	var choices []access.ResolveConflict
	for field, values := range form {
		text, found := strings.CutPrefix(field, "choice-")
		if !found {
			continue
		}
		operation, err := strconv.ParseInt(text, 10, 64)
		if err != nil || len(values) != 1 {
			return nil, misread("operations")
		}
		choices = append(choices, access.ResolveConflict{OperationID: operation, Choice: access.ConflictChoice(values[0]), Seen: form.Get("seen-" + text)})
	}
	slices.SortFunc(choices, func(a, b access.ResolveConflict) int { return cmp.Compare(a.OperationID, b.OperationID) })
	return choices, nil
}

// targetRefused shows the target as it is now, with why the action was refused. What has
// moved since the page was read is such a reason too: the page shows it.
func (s *targetPages) targetRefused(c echo.Context, actor access.Actor, id int64, account access.AccountID, refusal error) error {
	if kind := access.KindOf(refusal); kind == access.KindStale || kind == access.KindUnchanged {
		refusal = access.Wrap(access.KindConflict, refusal, "%s", access.MessageOf(refusal))
	}
	return s.refill(c, refusal, func(view.Problems) (templ.Component, error) {
		p, err := s.targetPage(c, actor, id, account)
		if err != nil {
			return nil, err
		}
		p.Problem, p.Typed = access.MessageOf(refusal), c.Request().PostForm
		return view.Target(p), nil
	})
}
