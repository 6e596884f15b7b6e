package pages

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/view"
)

func (s *allowlistPages) importRoutes() {
	s.Get("/allowlists/:id/import", authz.EditChange, s.askImportEntries)
	s.Post("/allowlists/:id/import", authz.EditChange, s.importEntries)
}

// fileOrText is what a form brought: the file that was chosen, else what was pasted.
func fileOrText(c echo.Context, file, text string) (string, error) {
	header, err := c.FormFile(file)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) || err == nil && header.Size == 0 {
		return c.FormValue(text), nil
	}
	if err != nil {
		return "", access.Wrap(access.KindInvalid, err, "The file could not be read. Choose it again.")
	}
	f, err := header.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	body, err := io.ReadAll(f)
	return string(body), err
}

// shownAgain is a text that comes back in a form. One that is not UTF-8 does not: the page would show other
// characters, and they would be sent in place of the file.
func shownAgain(text string) string {
	if !utf8.ValidString(text) {
		return ""
	}
	return text
}

func (s *allowlistPages) askImportEntries(c echo.Context, actor access.Actor) error {
	props, err := s.importEntriesForm(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.ImportEntries(props))
}

func (s *allowlistPages) importEntriesForm(c echo.Context, actor access.Actor) (view.ImportEntriesProps, error) {
	a, err := s.allowlists.Allowlist(c.Request().Context(), actor, c.Param("id"), access.PageQuery{Limit: 1})
	if err != nil {
		return view.ImportEntriesProps{}, err
	}
	return view.ImportEntriesProps{
		Shell: s.shell(c, actor, "Import into "+a.Name, "allowlists", allowlistCrumb(), view.Crumb{Label: a.Name, URL: view.AllowlistURL(a.ID)}),
		Row:   a.AllowlistRow, Drafts: a.Drafts, Draft: draftChoice(c), Mode: string(change.ImportAdd),
	}, nil
}

// importEntries takes a file into a draft, which is its preview. What cannot be read comes
// back with each wrong line beside what is wrong with it.
func (s *allowlistPages) importEntries(c echo.Context, actor access.Actor) error {
	text, err := fileOrText(c, "file", "lines")
	if err != nil {
		return err
	}
	mode := c.FormValue("mode")
	imported, err := s.allowlists.ImportEntries(c.Request().Context(), actor, draftChoice(c), c.Param("id"), change.ImportMode(mode), text)
	if err == nil {
		return s.drafted(c, imported, "What the file changes is part of this change now. Look at it; nothing happens before it is reviewed and applied.")
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props, err := s.importEntriesForm(c, actor)
		props.Text, props.Mode, props.Problems = shownAgain(text), mode, p
		return view.ImportEntries(props), err
	})
}

func (s *scenarioPages) askImportScenario(c echo.Context, actor access.Actor) error {
	return s.ok(c, view.ImportScenario(s.importScenarioForm(c, actor)))
}

func (s *scenarioPages) importScenarioForm(c echo.Context, actor access.Actor) view.ImportScenarioProps {
	return view.ImportScenarioProps{Shell: s.shell(c, actor, "Import a scenario", "mappings", mappingCrumb()), Title: "Import a scenario"}
}

func (s *scenarioPages) importScenario(c echo.Context, actor access.Actor) error {
	text, err := fileOrText(c, "file", "scenario")
	if err != nil {
		return err
	}
	title, reason := strings.TrimSpace(c.FormValue("title")), strings.TrimSpace(c.FormValue("reason"))
	imported, err := s.scenarios.ImportScenario(c.Request().Context(), actor, title, reason, text)
	if err == nil {
		return s.drafted(c, imported, "This change leads from the desired state to the scenario. Look at it; nothing happens before it is reviewed and applied.")
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props := s.importScenarioForm(c, actor)
		props.Title, props.Reason, props.Text, props.Problems = title, reason, shownAgain(text), p
		return view.ImportScenario(props), nil
	})
}
