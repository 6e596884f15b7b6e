package pages

import (
	"context"
	"slices"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/view"
)

// OrganizationReader says which organization the console serves, and how its last syncs went.
type OrganizationReader interface {
	// Organization returns at most so many of the accounts that await confirmation.
	Organization(ctx context.Context, actor access.Actor, accounts int) (access.OrganizationRecord, error)
}

// SyncAccepter takes the word of admins.
type SyncAccepter interface {
	OrganizationReader
	AcceptSync(ctx context.Context, actor access.Actor, reference string) (access.SyncConfirmation, error)
}

// LeftBehindLister lists the documents in accounts that are not active.
type LeftBehindLister interface {
	LeftBehind(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.LeftBehind], error)
}

// organizationPages are the pages about confirmations of a sync, and about documents in accounts that are gone.
type organizationPages struct {
	*site
	confirmations SyncAccepter
	leftBehind    LeftBehindLister
}

func (s *organizationPages) routes() {
	s.Get("/accounts/confirmation", authz.Read, s.showConfirmation)
	s.Post("/accounts/confirmation", authz.AcceptSync, s.accept)
	s.Get("/accounts/left-behind", authz.Read, s.showLeftBehind)
}

// allVanished asks for every account: all that is confirmed must be on the page.
const allVanished = 1 << 30

func (s *organizationPages) showConfirmation(c echo.Context, actor access.Actor) error {
	p, err := s.confirmationPage(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.Confirmation(p))
}

func (s *organizationPages) confirmationPage(c echo.Context, actor access.Actor) (view.ConfirmationPage, error) {
	record, err := s.confirmations.Organization(c.Request().Context(), actor, allVanished)
	if err != nil {
		return view.ConfirmationPage{}, err
	}
	p := view.ConfirmationPage{
		Shell: s.shell(c, actor, "Confirmation", "accounts", accountsCrumb()), Awaits: record.Awaits,
		MayAccept: authz.Can(actor, authz.AcceptSync),
	}
	if record.Awaits != nil {
		own := func(a access.SyncAcceptance) bool { return actor.Is(a.By) }
		p.Accepted = record.Awaits.AcceptedAt.IsZero() && slices.ContainsFunc(record.Awaits.Acceptances, own)
	}
	return p, nil
}

func accountsCrumb() view.Crumb { return view.Crumb{Label: "Accounts", URL: view.AccountsURL()} }

func (s *organizationPages) accept(c echo.Context, actor access.Actor) error {
	accepted, err := s.confirmations.AcceptSync(c.Request().Context(), actor, c.FormValue("digest"))
	if err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			p, err := s.confirmationPage(c, actor)
			p.Problem = problems.Message
			return view.Confirmation(p), err
		})
	}
	if accepted.AcceptedAt.IsZero() {
		s.Flash(c, "Accepted. An admin of another group must confirm it.")
		return s.See(c, view.ConfirmationURL())
	}
	s.Flash(c, "Confirmed. The organization is being read again.")
	return s.See(c, view.AccountsURL())
}

func (s *organizationPages) showLeftBehind(c echo.Context, actor access.Actor) error {
	page := pageQuery(c)
	list, err := s.leftBehind.LeftBehind(c.Request().Context(), actor, page)
	if err != nil {
		return err
	}
	shell := s.shell(c, actor, "Left behind", "accounts", accountsCrumb())
	return s.ok(c, view.LeftBehind(view.LeftBehindPage{Shell: shell, Accounts: list, Cursor: page.Cursor}))
}
