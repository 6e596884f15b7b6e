package pages

import (
	"context"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/view"
)

// MappingService reads mappings and puts edits of them into drafts.
type MappingService interface {
	Mappings(ctx context.Context, actor access.Actor, q access.MappingQuery) (access.Page[access.Mapping], error)
	Mapping(ctx context.Context, actor access.Actor, id string) (access.Mapping, error)
	Allowlists(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error)
	Drafts(ctx context.Context, actor access.Actor) ([]access.Change, error)
	OUReader
	OUs(ctx context.Context, actor access.Actor) ([]access.OURow, error)
	SaveMapping(ctx context.Context, actor access.Actor, id int64, m access.Mapping) (access.Change, error)
	RemoveMapping(ctx context.Context, actor access.Actor, id int64, mappingID string) (access.Change, error)
}

// mappingPages are the pages of mappings.
type mappingPages struct {
	*site
	mappings MappingService
}

func (s *mappingPages) routes() {
	s.Get("/mappings", authz.Read, s.showMappings)
	s.Get("/mappings/new", authz.EditChange, s.newMapping)
	s.Post("/mappings/new", authz.EditChange, s.saveMapping, "allowlists")
	s.Get("/mappings/:id", authz.Read, s.showMapping)
	s.Get("/mappings/:id/edit", authz.EditChange, s.editMapping)
	s.Post("/mappings/:id/edit", authz.EditChange, s.saveMapping, "allowlists")
	s.Get("/mappings/:id/remove", authz.EditChange, s.askRemoveMapping)
	s.Post("/mappings/:id/remove", authz.EditChange, s.removeMapping)
}

func mappingCrumb() view.Crumb { return view.Crumb{Label: "Mappings", URL: view.MappingsURL()} }

func (s *mappingPages) showMappings(c echo.Context, actor access.Actor) error {
	q := access.MappingQuery{Allowlist: c.QueryParam("allowlist"), Role: c.QueryParam("role"), User: c.QueryParam("user"), PageQuery: pageQuery(c)}
	page, err := s.mappings.Mappings(c.Request().Context(), actor, q)
	if err != nil {
		return err
	}
	mayEdit := authz.Can(actor, authz.EditChange)
	shell, err := s.shellWithOUs(c, actor, "Mappings", "mappings")
	if err != nil {
		return err
	}
	shell = shell.With("Which users may assume which role, in which accounts, from which allowlists.", view.NewMappingButton(mayEdit))
	return s.ok(c, view.Mappings(view.MappingsProps{Shell: shell, Page: page, Query: q, MayEdit: mayEdit}))
}

func (s *mappingPages) showMapping(c echo.Context, actor access.Actor) error {
	m, err := s.mappings.Mapping(c.Request().Context(), actor, c.Param("id"))
	if err != nil {
		return err
	}
	shell, err := s.shellWithOUs(c, actor, m.Role.String(), "mappings", mappingCrumb())
	if err != nil {
		return err
	}
	shell = shell.With("In "+shell.OUs.Describe(m.Accounts)+".", view.MappingButtons(m.ID, authz.Can(actor, authz.EditChange)))
	return s.ok(c, view.Mapping(view.MappingProps{Shell: shell, Mapping: m.OrDefault()}))
}

func (s *mappingPages) newMapping(c echo.Context, actor access.Actor) error {
	props, err := s.mappingForm(c, actor, "", view.NewMappingForm())
	if err != nil {
		return err
	}
	return s.ok(c, view.MappingFormPage(props))
}

func (s *mappingPages) editMapping(c echo.Context, actor access.Actor) error {
	m, err := s.mappings.Mapping(c.Request().Context(), actor, c.Param("id"))
	if err != nil {
		return err
	}
	ous, err := s.mappings.OUTree(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	props, err := s.mappingForm(c, actor, m.ID, view.MappingFormOf(m.OrDefault(), ous))
	if err != nil {
		return err
	}
	return s.ok(c, view.MappingFormPage(props))
}

// mappingForm reads what the form offers to choose from.
func (s *mappingPages) mappingForm(c echo.Context, actor access.Actor, id string, form view.MappingForm) (view.MappingFormProps, error) {
	ctx := c.Request().Context()
	drafts, err := s.mappings.Drafts(ctx, actor)
	if err != nil {
		return view.MappingFormProps{}, err
	}
	lists, err := s.mappings.Allowlists(ctx, actor, access.PageQuery{Limit: access.MaxPageSize})
	if err != nil {
		return view.MappingFormProps{}, err
	}
	ous, err := s.mappings.OUs(ctx, actor)
	if err != nil {
		return view.MappingFormProps{}, err
	}
	title, crumbs := "New mapping", []view.Crumb{mappingCrumb()}
	if id != "" {
		title, crumbs = "Edit mapping", append(crumbs, view.Crumb{Label: form.Role, URL: view.MappingURL(id)})
	}
	shell, err := s.shellWithOUs(c, actor, title, "mappings", crumbs...)
	return view.MappingFormProps{
		Shell: shell, ID: id, Form: form, Drafts: drafts, Draft: draftChoice(c),
		Allowlists: lists.Items, MoreAllowlists: lists.Next != "", OUs: ous,
	}, err
}

// saveMapping adds a mapping or replaces one. What cannot be read and what the service
// refuses come back in the same way.
func (s *mappingPages) saveMapping(c echo.Context, actor access.Actor) error {
	values, err := c.FormParams()
	if err != nil {
		return err
	}
	id, form := c.Param("id"), readMappingForm(values)
	m, err := form.mapping(id)
	var change access.Change
	if err == nil {
		change, err = s.mappings.SaveMapping(c.Request().Context(), actor, draftChoice(c), m)
	}
	if err == nil {
		return s.drafted(c, change, "The mapping is part of this change now."+beforeApplied)
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props, err := s.mappingForm(c, actor, id, form.MappingForm)
		props.Problems = p
		return view.MappingFormPage(props), err
	})
}

func (s *mappingPages) askRemoveMapping(c echo.Context, actor access.Actor) error {
	props, err := s.removeMappingProps(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.RemoveMapping(props))
}

func (s *mappingPages) removeMappingProps(c echo.Context, actor access.Actor) (view.RemoveMappingProps, error) {
	ctx := c.Request().Context()
	m, err := s.mappings.Mapping(ctx, actor, c.Param("id"))
	if err != nil {
		return view.RemoveMappingProps{}, err
	}
	drafts, err := s.mappings.Drafts(ctx, actor)
	if err != nil {
		return view.RemoveMappingProps{}, err
	}
	shell, err := s.shellWithOUs(c, actor, "Remove mapping", "mappings", mappingCrumb(), view.Crumb{Label: m.Role.String(), URL: view.MappingURL(m.ID)})
	return view.RemoveMappingProps{Shell: shell, Mapping: m, Drafts: drafts, Draft: draftChoice(c)}, err
}

func (s *mappingPages) removeMapping(c echo.Context, actor access.Actor) error {
	change, err := s.mappings.RemoveMapping(c.Request().Context(), actor, draftChoice(c), c.Param("id"))
	if err == nil {
		return s.drafted(c, change, removalDrafted+beforeApplied)
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props, err := s.removeMappingProps(c, actor)
		props.Problems = p
		return view.RemoveMapping(props), err
	})
}
