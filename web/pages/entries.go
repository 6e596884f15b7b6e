package pages

import (
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

func (s *allowlistPages) entryRoutes() {
	s.Post("/allowlists/:id/entries", authz.EditChange, s.addEntries)
	s.Post("/allowlists/:id/entries/remove", authz.EditChange, s.removeEntries, "key")
	s.Get("/allowlists/:id/entry", authz.EditChange, s.editEntry)
	s.Post("/allowlists/:id/entry", authz.EditChange, s.saveEntry)
}

// addEntries takes pasted lines into a draft. What cannot be read comes back with each
// wrong line named, and all lines still there.
func (s *allowlistPages) addEntries(c echo.Context, actor access.Actor) error {
	lines := c.FormValue("lines")
	change, err := s.pasteEntries(c, actor, lines)
	if err == nil {
		return s.drafted(c, change, "The entries are part of this change now."+beforeApplied)
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props, err := s.allowlistProps(c, actor)
		props.Lines, props.Problems = lines, p
		props.Expires, props.Emergency = c.FormValue("expires"), c.FormValue("emergency") != ""
		return view.Allowlist(props), err
	})
}

// pasteEntries adds the lines, for a limited time where one was given.
func (s *allowlistPages) pasteEntries(c echo.Context, actor access.Actor, lines string) (access.Change, error) {
	ctx, emergency := c.Request().Context(), c.FormValue("emergency") != ""
	expires, err := transport.ParseMoment("expires", c.FormValue("expires"))
	if err != nil {
		return access.Change{}, err
	}
	entries := change.NewEntries{Text: lines, Expires: expires, Emergency: emergency}
	return s.entries.AddEntries(ctx, actor, draftChoice(c), c.Param("id"), entries)
}

func (s *allowlistPages) removeEntries(c echo.Context, actor access.Actor) error {
	form, err := c.FormParams()
	if err != nil {
		return err
	}
	keys := form["key"]
	change, err := s.entries.RemoveEntries(c.Request().Context(), actor, draftChoice(c), c.Param("id"), keys)
	if err == nil {
		return s.drafted(c, change, removalDrafted+beforeApplied)
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props, err := s.allowlistProps(c, actor)
		props.RemoveProblems, props.Chosen = p, keys
		return view.Allowlist(props), err
	})
}

func (s *allowlistPages) editEntry(c echo.Context, actor access.Actor) error {
	props, err := s.entryForm(c, actor, c.QueryParam("key"))
	if err != nil {
		return err
	}
	return s.ok(c, view.EntryForm(props))
}

// entryForm finds the entry by searching for its key, so that a list of ten thousand
// entries costs no more than a short one.
func (s *allowlistPages) entryForm(c echo.Context, actor access.Actor, key string) (view.EntryFormProps, error) {
	a, err := s.allowlists.Allowlist(c.Request().Context(), actor, c.Param("id"), access.PageQuery{Search: key, Limit: access.MaxPageSize})
	if err != nil {
		return view.EntryFormProps{}, err
	}
	list := access.Allowlist{Entries: a.Entries.Items}
	entry, ok := list.Entry(key)
	if !ok {
		return view.EntryFormProps{}, access.Errorf(access.KindNotFound, "%s is not in the allowlist %s. Somebody may have removed it.", key, a.Name)
	}
	shell := s.shell(c, actor, entry.Key(), "allowlists", allowlistCrumb(), view.Crumb{Label: a.Name, URL: view.AllowlistURL(a.ID)})
	return view.EntryFormProps{
		Shell: shell, Allowlist: a.ID, Entry: entry, Note: entry.Note, Ticket: entry.Ticket, Expires: view.MomentText(entry.Expires), Emergency: entry.Emergency,
		Drafts: a.Drafts, Draft: draftChoice(c),
	}, nil
}

func (s *allowlistPages) saveEntry(c echo.Context, actor access.Actor) error {
	props, err := s.entryForm(c, actor, c.FormValue("key"))
	if err != nil {
		return err
	}
	props.Note, props.Ticket, props.Expires, props.Emergency = c.FormValue("note"), c.FormValue("ticket"), c.FormValue("expires"), c.FormValue("emergency") != ""
	entry := props.Entry
	entry.Emergency = props.Emergency
	entry.Note, entry.Ticket = strings.TrimSpace(props.Note), strings.TrimSpace(props.Ticket)
	entry.Expires, err = transport.ParseMoment("expires", props.Expires)
	var change access.Change
	if err == nil {
		change, err = s.entries.SaveEntry(c.Request().Context(), actor, draftChoice(c), c.Param("id"), entry)
	}
	if err == nil {
		return s.drafted(c, change, "The edited entry is part of this change now.")
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props.Problems = p
		return view.EntryForm(props), nil
	})
}
