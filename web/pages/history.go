package pages

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// pastAtOnce is how many allowlists, and how many mappings, of the past a page shows.
const pastAtOnce = 50

// HistoryService reads the desired state of the past.
type HistoryService interface {
	Revisions(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.Revision], error)
	State(ctx context.Context, actor access.Actor, revision int64) (access.State, error)
	// PastAllowlist returns an allowlist at a point of the past, with a page of its entries.
	PastAllowlist(ctx context.Context, actor access.Actor, revision int64, at time.Time, id string, q access.PageQuery) (change.PastAllowlist, error)
	MomentAt(ctx context.Context, actor access.Actor, revision int64, at time.Time) (change.Moment, error)
}

// historyPages are the pages of the past.
type historyPages struct {
	*site
	history HistoryService
}

func (s *historyPages) routes() {
	s.Get("/history", authz.Read, s.showHistory)
	s.Get("/history/allowlists/:id", authz.Read, s.showPastAllowlist)
}

// showHistory shows the desired state of a date or at a revision, beside all revisions.
func (s *historyPages) showHistory(c echo.Context, actor access.Actor) error {
	ctx, q := c.Request().Context(), pageQuery(c)
	revisions, err := s.history.Revisions(ctx, actor, access.PageQuery{Limit: 20, Cursor: q.Cursor})
	if err != nil {
		return err
	}
	props := view.HistoryProps{Shell: s.shell(c, actor, "History", "history"), Date: c.QueryParam("at"), Cursor: q.Cursor, Revisions: revisions}
	props.Shown, err = s.pastState(c, actor)
	if err != nil {
		return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
			props.Problems = p
			return view.History(props), nil
		})
	}
	return s.ok(c, view.History(props))
}

func (s *historyPages) pastState(c echo.Context, actor access.Actor) (*view.PastState, error) {
	revision, at, err := momentAsked(c)
	if err != nil {
		return nil, err
	}
	ctx := c.Request().Context()
	m, err := s.history.MomentAt(ctx, actor, revision, at)
	if err != nil {
		return nil, err
	}
	state, err := s.history.State(ctx, actor, m.Number)
	if err != nil {
		return nil, err
	}
	ous, err := s.ous.OUTree(ctx, actor)
	if err != nil {
		return nil, err
	}
	past := view.PastState{
		Revision: m.Revision, At: m.At, Now: m.Now, OUs: ous, Date: c.QueryParam("at"),
		Lists: len(state.Allowlists), Mapped: len(state.Mappings),
	}
	past.Allowlists, past.ListsFrom, past.ListsNext = part(state.Allowlists, c.QueryParam("lists"))
	past.Mappings, past.MappedFrom, past.MappedNext = part(state.Mappings, c.QueryParam("mappings"))
	return &past, nil
}

// showPastAllowlist shows an allowlist as it was, with all its entries page by page.
func (s *historyPages) showPastAllowlist(c echo.Context, actor access.Actor) error {
	revision, at, err := momentAsked(c)
	if err != nil {
		return err
	}
	q := pageQuery(c)
	a, err := s.history.PastAllowlist(c.Request().Context(), actor, revision, at, c.Param("id"), q)
	if err != nil {
		return err
	}
	moment := view.PastMoment{Date: c.QueryParam("at"), Revision: a.Number}
	then := fmt.Sprintf("As it was at revision %d, seen as of %s UTC.", a.Number, view.MomentText(a.At))
	shell := s.shell(c, actor, a.Name, "history", view.Crumb{Label: "History", URL: moment.URL()}).With(then, nil)
	return s.ok(c, view.PastAllowlist(view.PastAllowlistProps{Shell: shell, ID: a.ID, Entries: a.Entries, At: a.At, Moment: moment, Query: q}))
}

// part is one page of a list that never changes: so it can be counted from its beginning.
// next is 0 on the last page.
func part[T any](list []T, after string) (items []T, from, next int) {
	from, err := strconv.Atoi(after)
	if err != nil || from < 0 || from > len(list) {
		from = 0
	}
	items = list[from:min(len(list), from+pastAtOnce)]
	if end := from + len(items); end < len(list) {
		next = end
	}
	return items, from, next
}

// momentAsked reads which point of the past an address names.
func momentAsked(c echo.Context) (revision int64, at time.Time, err error) {
	if at, err = transport.ParseMoment("at", c.QueryParam("at")); err != nil {
		return 0, at, err
	}
	text := strings.TrimSpace(c.QueryParam("revision"))
	if text == "" {
		return change.Head, at, nil
	}
	revision, err = strconv.ParseInt(text, 10, 64)
	if err != nil || revision < 0 {
		return 0, at, access.Invalid("revision", "%q is not a revision; a revision is a number", text)
	}
	return revision, at, nil
}
