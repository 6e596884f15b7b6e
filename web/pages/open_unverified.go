package pages

import (
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/view"
)

// mostPrefilled is how many accounts the form names for the reader: a page does not grow with the organization.
const mostPrefilled = 500

// mayAccept says why an actor cannot accept roles of a rollout without proof; nil if they can. The service asks for the
// author of the change, and for people who count together, too.
func mayAccept(r access.Rollout, actor access.Actor) error {
	if err := authz.Require(actor, authz.ReviewChange); err != nil {
		return err
	}
	return r.OpenAnyway(actor, access.Groups{}, []access.AccountID{"000000000000"})
}

func (s *rolloutPages) showUnverified(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	p, err := s.unverifiedPage(c, actor, id)
	if err != nil {
		return err
	}
	p.Accounts, p.Named, p.Total = accountLines(p.Openings)
	return s.ok(c, view.OpenUnverified(p))
}

func (s *rolloutPages) unverifiedPage(c echo.Context, actor access.Actor, id int64) (view.OpenUnverifiedPage, error) {
	ctx := c.Request().Context()
	r, err := s.viewer.Rollout(ctx, actor, id)
	if err != nil {
		return view.OpenUnverifiedPage{}, err
	}
	openings, err := s.viewer.Unverified(ctx, actor, id)
	shell := s.shell(c, actor, "Roles without proof", "rollouts",
		view.Crumb{Label: "Rollouts", URL: view.RolloutsURL()}, view.Crumb{Label: view.RolloutTitle(r), URL: view.RolloutURL(id)})
	return view.OpenUnverifiedPage{Shell: shell, Rollout: r, Openings: openings, Denied: mayAccept(r, actor)}, err
}

// accountLines names the accounts of openings, one in each line, and counts those that are named and all.
func accountLines(openings []access.Opening) (string, int, int) {
	var ids []string
	for _, o := range openings {
		ids = append(ids, string(o.Account))
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	first := ids[:min(len(ids), mostPrefilled)]
	return strings.Join(first, "\n"), len(first), len(ids)
}

// openUnverified accepts the roles of the accounts that the form names.
func (s *rolloutPages) openUnverified(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	var accounts []access.AccountID
	parts := func(r rune) bool { return strings.ContainsRune(" ,;\r\n\t", r) }
	for _, text := range strings.FieldsFunc(c.FormValue("accounts"), parts) {
		accounts = append(accounts, access.AccountID(text))
	}
	_, err = s.controller.OpenUnverified(c.Request().Context(), actor, id, accounts, c.FormValue("reason"))
	if err == nil {
		s.Flash(c, "Accepted. Retry the blocked accounts now.")
		return s.See(c, view.RolloutURL(id))
	}
	return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
		p, failed := s.unverifiedPage(c, actor, id)
		p.Accounts, p.Reason, p.Problems = c.FormValue("accounts"), c.FormValue("reason"), problems
		return view.OpenUnverified(p), failed
	})
}
