package pages

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// pageBuffers hold pages while they are rendered.
var pageBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// page renders to a buffer and then sends: a page that fails half-way is an error page,
// not half a page.
func (s *site) page(c echo.Context, status int, component templ.Component) error {
	b, _ := pageBuffers.Get().(*bytes.Buffer)
	defer pageBuffers.Put(b)
	b.Reset()
	if err := component.Render(c.Request().Context(), b); err != nil {
		return err
	}
	return c.HTMLBlob(status, b.Bytes())
}

// ok sends a page. A page whose search text was refused comes with status 422 and the message at the
// search field; a page without one is an error page.
func (s *site) ok(c echo.Context, component templ.Component) error {
	refused := view.RefusedSearchOf(c.Request().Context())
	if refused == nil {
		return s.page(c, http.StatusOK, component)
	}
	b := new(bytes.Buffer)
	if err := component.Render(c.Request().Context(), b); err != nil {
		return err
	}
	if !refused.Shown {
		return transport.CheckSearch(refused.Text)
	}
	return c.HTMLBlob(http.StatusUnprocessableEntity, b.Bytes())
}

// refill answers a form that failed: the same page, filled in as it was, with the
// messages. What the person cannot mend in the form goes to the error page.
func (s *site) refill(c echo.Context, err error, form func(view.Problems) (templ.Component, error)) error {
	kind := access.KindOf(err)
	if !slices.Contains([]access.Kind{access.KindInvalid, access.KindConflict, access.KindTooMany, access.KindUnavailable}, kind) {
		return err
	}
	component, failed := form(view.NewProblems(err))
	if failed != nil {
		return failed
	}
	transport.NoteCause(c, err)
	if kind == access.KindUnavailable {
		transport.RetryLater(c)
	}
	return s.page(c, transport.KindStatus(kind), component)
}

// errorPage answers with a page that says what went wrong.
func (s *site) errorPage(c echo.Context, f transport.Failure) error {
	shell := s.shell(c, transport.ActorOf(c), f.Title(), "")
	shell.Flash = ""
	return s.page(c, f.Status, view.ErrorPage(view.ErrorProps{Shell: shell, Status: f.Status, Message: f.Text, RequestID: transport.RequestID(c)}))
}

// shell is what surrounds every page. Crumbs lead to the page, without the page itself.
func (s *site) shell(c echo.Context, actor access.Actor, title, section string, crumbs ...view.Crumb) view.Shell {
	return view.Shell{
		Title: title, Section: section, Crumbs: crumbs, Actor: actor, Nav: navFor(actor),
		Theme: themeOf(c), Assets: s.AssetsURL(), Flash: s.TakeFlash(c, actor), Here: here(c),
		Version: s.version, Demo: s.demo,
	}
}

// OUReader reads the OUs by which pages name accounts.
type OUReader interface {
	OUTree(ctx context.Context, actor access.Actor) (*access.OUs, error)
}

// shellWithOUs is the shell of a page that names accounts by OU.
func (s *site) shellWithOUs(
	c echo.Context, actor access.Actor, title, section string, crumbs ...view.Crumb,
) (view.Shell, error) {
	shell := s.shell(c, actor, title, section, crumbs...)
	var err error
	shell.OUs, err = s.ous.OUTree(c.Request().Context(), actor)
	return shell, err
}

// here is the address of the page that the reader sees. A form that came back stands
// under the address that it was sent to, which is no page; its page is the one before.
func here(c echo.Context) string {
	r := c.Request()
	if r.Method == http.MethodGet {
		return r.URL.RequestURI()
	}
	before, err := url.Parse(r.Referer())
	if err != nil || before.Host != r.Host {
		return view.OverviewURL()
	}
	return transport.OwnPath(before.RequestURI())
}

var navigation = []struct {
	item view.NavItem
	need authz.Permission
}{
	{view.NavItem{Section: "overview", Label: "Overview", URL: view.OverviewURL(), Icon: "home"}, authz.Read},
	{view.NavItem{Section: "allowlists", Label: "Allowlists", URL: view.AllowlistsURL(), Icon: "list"}, authz.Read},
	{view.NavItem{Section: "mappings", Label: "Mappings", URL: view.MappingsURL(), Icon: "link"}, authz.Read},
	{view.NavItem{Section: "accounts", Label: "Accounts", URL: view.AccountsURL(), Icon: "tree"}, authz.Read},
	{view.NavItem{Section: "changes", Label: "Changes", URL: view.ChangesURL(), Icon: "change", Gap: true}, authz.Read},
	{view.NavItem{Section: "rollouts", Label: "Rollouts", URL: view.RolloutsURL(), Icon: "rollout"}, authz.Read},
	{view.NavItem{Section: "findings", Label: "Findings", URL: view.FindingsURL(), Icon: "warning"}, authz.Read},
	{view.NavItem{Section: "explain", Label: "Explain", URL: view.ExplainURL(), Icon: "explain", Gap: true}, authz.Read},
	{view.NavItem{Section: "history", Label: "History", URL: view.HistoryURL(), Icon: "clock"}, authz.Read},
	{view.NavItem{Section: "audit", Label: "Audit", URL: view.AuditURL(), Icon: "audit"}, authz.ReadAudit},
	{view.NavItem{Section: "tokens", Label: "API tokens", URL: view.TokensURL(), Icon: "lock"}, authz.Read},
	{view.NavItem{Section: "people", Label: "People", URL: view.PeopleURL(), Icon: "people"}, authz.ManagePeople},
	{view.NavItem{Section: "jobs", Label: "Jobs", URL: view.JobsURL(), Icon: "sync", Apart: true}, authz.ReadJobs},
	{view.NavItem{Section: "settings", Label: "Settings", URL: view.SettingsURL(), Icon: "settings"}, authz.Read},
}

func navFor(actor access.Actor) []view.NavItem {
	var items []view.NavItem
	for _, n := range navigation {
		if actor.Kind != "" && authz.Can(actor, n.need) {
			items = append(items, n.item)
		}
	}
	return items
}

// queryOf reads the parameters of a page's address. A search text that is too long is left out of
// them and kept for the search field of the page, which is shown without a filter.
func queryOf(c echo.Context) *transport.Query {
	text := strings.TrimSpace(c.QueryParam("q"))
	if err := transport.CheckSearch(text); err != nil {
		refused := &view.RefusedSearch{Text: text, Problems: view.NewProblems(err)}
		c.SetRequest(c.Request().WithContext(view.WithRefusedSearch(c.Request().Context(), refused)))
		c.QueryParams().Del("q")
	}
	return transport.NewQuery(c.QueryParams())
}

// pageQuery reads search and cursor of a list.
func pageQuery(c echo.Context) access.PageQuery {
	q := queryOf(c)
	limit, _ := strconv.Atoi(c.QueryParam("limit"))
	return access.PageQuery{Search: q.Text("q"), Cursor: c.QueryParam("cursor"), Limit: limit}
}

// idParam reads the number in the path; what is none does not exist.
func idParam(c echo.Context) (int64, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, noPage()
	}
	return id, nil
}

// noPage is the error for an address that no page has.
func noPage() error {
	return access.Errorf(access.KindNotFound, "No page has this address. It may have been moved or mistyped.")
}

// misread says that a form's choices are not as its page has written them.
func misread(field string) error {
	return access.Invalid(field, "The form could not be read. Open the page again and choose once more.")
}

// formID reads a number from a form; 0 when it is missing or none.
func formID(c echo.Context, name string) int64 {
	id, err := strconv.ParseInt(c.FormValue(name), 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// convertAll turns each item into another.
func convertAll[T, U any](in []T, convert func(T) U) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = convert(v)
	}
	return out
}
