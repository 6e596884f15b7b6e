package pages

import (
	"context"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// AllowlistService reads allowlists and puts edits of them into drafts.
type AllowlistService interface {
	Allowlists(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error)
	Allowlist(ctx context.Context, actor access.Actor, id string, q access.PageQuery) (change.AllowlistView, error)
	CheckAddress(ctx context.Context, actor access.Actor, addr string) ([]access.Containing, error)
	Drafts(ctx context.Context, actor access.Actor) ([]access.Change, error)
	SaveAllowlist(ctx context.Context, actor access.Actor, id int64, a access.Allowlist) (access.Change, error)
	RemoveAllowlist(ctx context.Context, actor access.Actor, id int64, allowlistID string) (access.Change, error)
	ExportEntries(ctx context.Context, actor access.Actor, id string, begin func(access.AllowlistRow) error, each func(access.Entry) error) error
	ImportEntries(ctx context.Context, actor access.Actor, id int64, allowlistID string, mode change.ImportMode, text string) (access.Change, error)
}

// EntryService puts edits of entries into drafts.
type EntryService interface {
	AddEntries(
		ctx context.Context, actor access.Actor, id int64, allowlistID string, n change.NewEntries,
	) (access.Change, error)
	RemoveEntries(ctx context.Context, actor access.Actor, id int64, allowlistID string, keys []string) (access.Change, error)
	SaveEntry(ctx context.Context, actor access.Actor, id int64, allowlistID string, e access.Entry) (access.Change, error)
}

// allowlistPages are the pages of allowlists and their entries.
type allowlistPages struct {
	*site
	allowlists AllowlistService
	entries    EntryService
}

func (s *allowlistPages) routes() {
	s.Get("/allowlists", authz.Read, s.showAllowlists)
	s.Get("/allowlists/new", authz.EditChange, s.newAllowlist)
	s.Post("/allowlists/new", authz.EditChange, s.createAllowlist)
	s.Get("/allowlists/:id", authz.Read, s.showAllowlist)
	s.Get("/allowlists/:id/edit", authz.EditChange, s.editAllowlist)
	s.Post("/allowlists/:id/edit", authz.EditChange, s.saveAllowlist)
	s.Get("/allowlists/:id/remove", authz.EditChange, s.askRemoveAllowlist)
	s.Post("/allowlists/:id/remove", authz.EditChange, s.removeAllowlist)
	s.Download("/allowlists/:id/entries.csv", authz.Read, transport.ExportEntries(s.allowlists))
	s.entryRoutes()
	s.importRoutes()
}

func allowlistCrumb() view.Crumb {
	return view.Crumb{Label: "Allowlists", URL: view.AllowlistsURL()}
}

// showAllowlists lists allowlists, and beside them answers which contain an address.
func (s *allowlistPages) showAllowlists(c echo.Context, actor access.Actor) error {
	ctx, q := c.Request().Context(), pageQuery(c)
	page, err := s.allowlists.Allowlists(ctx, actor, q)
	if err != nil {
		return err
	}
	mayEdit := authz.Can(actor, authz.EditChange)
	props := view.AllowlistsProps{
		Shell: s.shell(c, actor, "Allowlists", "allowlists").With("Named lists of the networks that people may come from.", view.NewAllowlistButton(mayEdit)),
		Page:  page, Query: q, MayEdit: mayEdit,
		Check: view.AddressCheck{Mine: transport.ClientAddr(c).String(), Address: strings.TrimSpace(c.QueryParam("address"))},
	}
	if props.Check.Address == "" {
		return s.ok(c, view.Allowlists(props))
	}
	props.Check.Found, err = s.allowlists.CheckAddress(ctx, actor, props.Check.Address)
	if err != nil {
		return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
			props.Check.Problems = p
			return view.Allowlists(props), nil
		})
	}
	props.Check.Asked = true
	return s.ok(c, view.Allowlists(props))
}

func (s *allowlistPages) showAllowlist(c echo.Context, actor access.Actor) error {
	props, err := s.allowlistProps(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.Allowlist(props))
}

func (s *allowlistPages) allowlistProps(c echo.Context, actor access.Actor) (view.AllowlistProps, error) {
	q := pageQuery(c)
	a, err := s.allowlists.Allowlist(c.Request().Context(), actor, c.Param("id"), q)
	if err != nil {
		return view.AllowlistProps{}, err
	}
	mayEdit := authz.Can(actor, authz.EditChange)
	shell, err := s.shellWithOUs(c, actor, a.Name, "allowlists", allowlistCrumb())
	return view.AllowlistProps{
		Shell: shell.With(a.Description, view.AllowlistButtons(a.ID, mayEdit)),
		Row:   a.AllowlistRow, Entries: a.Entries, Mappings: a.Mappings, Query: q, MayEdit: mayEdit, Now: s.now(),
		Sizes: a.Sizes, Drafts: a.Drafts, Settings: a.Settings, Draft: draftChoice(c), Mine: transport.ClientAddr(c).String(),
	}, err
}

// draftChoice is the draft that an edit shall go to: 0 for a new one.
func draftChoice(c echo.Context) int64 { return formID(c, "change") }

func (s *allowlistPages) newAllowlist(c echo.Context, actor access.Actor) error {
	props, err := s.allowlistForm(c, actor, "New allowlist", allowlistCrumb())
	if err != nil {
		return err
	}
	return s.ok(c, view.AllowlistForm(props))
}

func (s *allowlistPages) allowlistForm(c echo.Context, actor access.Actor, title string, crumbs ...view.Crumb) (view.AllowlistFormProps, error) {
	drafts, err := s.allowlists.Drafts(c.Request().Context(), actor)
	return view.AllowlistFormProps{Shell: s.shell(c, actor, title, "allowlists", crumbs...), Drafts: drafts, Draft: draftChoice(c)}, err
}

func (s *allowlistPages) createAllowlist(c echo.Context, actor access.Actor) error {
	typed := access.Allowlist{Name: c.FormValue("name"), Description: strings.TrimSpace(c.FormValue("description"))}
	change, err := s.saveNewAllowlist(c, actor, typed)
	if err == nil {
		return s.drafted(c, change, "The new allowlist is part of this change now. It exists once the change is applied.")
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props, err := s.allowlistForm(c, actor, "New allowlist", allowlistCrumb())
		props.Name, props.Description, props.Lines, props.Problems = typed.Name, typed.Description, c.FormValue("lines"), p
		return view.AllowlistForm(props), err
	})
}

func (s *allowlistPages) saveNewAllowlist(c echo.Context, actor access.Actor, a access.Allowlist) (access.Change, error) {
	if lines := c.FormValue("lines"); strings.TrimSpace(lines) != "" {
		entries, err := access.ParseEntries(lines)
		if err != nil {
			return access.Change{}, err
		}
		access.SortEntries(entries)
		a.Entries = entries
	}
	return s.allowlists.SaveAllowlist(c.Request().Context(), actor, draftChoice(c), a)
}

// drafted leads to the change that an edit went into.
func (s *site) drafted(c echo.Context, change access.Change, sentence string) error {
	s.Flash(c, edited(change, sentence))
	return s.See(c, view.ChangeURL(change.ID))
}

func (s *allowlistPages) editAllowlist(c echo.Context, actor access.Actor) error {
	props, err := s.editAllowlistForm(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.AllowlistForm(props))
}

func (s *allowlistPages) editAllowlistForm(c echo.Context, actor access.Actor) (view.AllowlistFormProps, error) {
	a, err := s.allowlists.Allowlist(c.Request().Context(), actor, c.Param("id"), access.PageQuery{Limit: 1})
	if err != nil {
		return view.AllowlistFormProps{}, err
	}
	props, err := s.allowlistForm(c, actor, "Edit "+a.Name, allowlistCrumb(), view.Crumb{Label: a.Name, URL: view.AllowlistURL(a.ID)})
	props.ID, props.Name, props.Description = a.ID, a.Name, a.Description
	return props, err
}

func (s *allowlistPages) saveAllowlist(c echo.Context, actor access.Actor) error {
	typed := access.Allowlist{ID: c.Param("id"), Name: c.FormValue("name"), Description: strings.TrimSpace(c.FormValue("description"))}
	change, err := s.allowlists.SaveAllowlist(c.Request().Context(), actor, draftChoice(c), typed)
	if err == nil {
		return s.drafted(c, change, "The new name and description are part of this change now.")
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props, err := s.editAllowlistForm(c, actor)
		props.Name, props.Description, props.Problems = typed.Name, typed.Description, p
		return view.AllowlistForm(props), err
	})
}

func (s *allowlistPages) askRemoveAllowlist(c echo.Context, actor access.Actor) error {
	props, err := s.removeAllowlistProps(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.RemoveAllowlist(props))
}

func (s *allowlistPages) removeAllowlistProps(c echo.Context, actor access.Actor) (view.RemoveAllowlistProps, error) {
	a, err := s.allowlists.Allowlist(c.Request().Context(), actor, c.Param("id"), access.PageQuery{Limit: 1})
	if err != nil {
		return view.RemoveAllowlistProps{}, err
	}
	crumb := view.Crumb{Label: a.Name, URL: view.AllowlistURL(a.ID)}
	shell, err := s.shellWithOUs(c, actor, "Remove "+a.Name, "allowlists", allowlistCrumb(), crumb)
	return view.RemoveAllowlistProps{
		Shell: shell,
		Row:   a.AllowlistRow, Mappings: a.Mappings, Drafts: a.Drafts, Draft: draftChoice(c),
	}, err
}

func (s *allowlistPages) removeAllowlist(c echo.Context, actor access.Actor) error {
	change, err := s.allowlists.RemoveAllowlist(c.Request().Context(), actor, draftChoice(c), c.Param("id"))
	if err == nil {
		return s.drafted(c, change, removalDrafted+beforeApplied)
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props, err := s.removeAllowlistProps(c, actor)
		props.Problems = p
		return view.RemoveAllowlist(props), err
	})
}
