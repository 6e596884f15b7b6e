package pages

import (
	"context"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// FindingService reads and manages findings.
type FindingService interface {
	Findings(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.Page[access.Finding], error)
	Finding(ctx context.Context, actor access.Actor, id int64) (access.Finding, error)
	FindingCounts(ctx context.Context, actor access.Actor) (access.FindingCounts, error)
	FindingGroups(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.Page[access.FindingGroup], error)
	SelectFindings(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.FindingSelection, error)
	Acknowledge(ctx context.Context, actor access.Actor, id int64, digest, reason string) (access.Finding, error)
	AcknowledgeTogether(ctx context.Context, actor access.Actor, choice access.FindingChoice, reason string) (int, error)
	Reopen(ctx context.Context, actor access.Actor, id int64) (access.Finding, error)
	Repair(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Scan(ctx context.Context, actor access.Actor) error
}

// findingPages are the pages of findings.
type findingPages struct {
	*site
	findings FindingService
}

func (s *findingPages) routes() {
	s.Get("/findings", authz.Read, s.showFindings)
	s.Post("/findings/scan", authz.SyncAccounts, s.scanAccounts)
	s.Post("/findings/acknowledge", authz.ManageFindings, s.acknowledgeFindings, "finding")
	s.Get("/findings/:id", authz.Read, s.showFinding)
	s.Post("/findings/:id/acknowledge", authz.ManageFindings, s.acknowledgeFinding)
	s.Post("/findings/:id/reopen", authz.ManageFindings, s.reopenFinding)
	s.Post("/findings/:id/repair", authz.ControlRollout, s.repairFinding)
}

func (s *findingPages) showFindings(c echo.Context, actor access.Actor) error {
	p, err := s.findingsPage(c, actor, queryOf(c))
	if err != nil {
		return err
	}
	return s.ok(c, view.Findings(p))
}

// findingsPage shows what findings say, each thing once; where an account or one thing is
// asked for, each finding.
func (s *findingPages) findingsPage(c echo.Context, actor access.Actor, q *transport.Query) (view.FindingsPage, error) {
	ctx := c.Request().Context()
	filter := transport.FindingQuery(q)
	p := view.FindingsPage{
		State: access.FindingOpen, Account: q.Text("account"), Group: filter.Group, Search: filter.Search, Cursor: filter.Cursor, MayScan: authz.Can(actor, authz.SyncAccounts),
	}
	if q.Err() != nil { // a filter that is none, from an address: what is open is shown
		filter = access.FindingQuery{}
	}
	if len(filter.States) == 1 {
		p.State = filter.States[0]
	}
	if len(filter.Kinds) == 1 {
		p.Kind = filter.Kinds[0]
	}
	var err error
	if p.Counts, err = s.findings.FindingCounts(ctx, actor); err != nil {
		return p, err
	}
	p.Shell = s.shell(c, actor, "Findings", "findings")
	if p.Grouped() {
		p.Groups, err = s.findings.FindingGroups(ctx, actor, filter)
		return p, err
	}
	if p.Findings, err = s.findings.Findings(ctx, actor, filter); err != nil {
		return p, err
	}
	if p.State == access.FindingOpen && authz.Can(actor, authz.ManageFindings) {
		p.Selection, err = s.findings.SelectFindings(ctx, actor, filter)
		p.MayManage = true
	}
	return p, err
}

// acknowledgeFindings acknowledges the findings that were ticked, or all that match.
func (s *findingPages) acknowledgeFindings(c echo.Context, actor access.Actor) error {
	form, err := c.FormParams()
	if err != nil {
		return misread("findings")
	}
	q := transport.NewQuery(form)
	choice := access.FindingChoice{Query: transport.FindingQuery(q), Fingerprint: c.FormValue("selection")}
	if err := q.Err(); err != nil { // the page offers no such filter, and all findings would match
		return err
	}
	choice.Query.States, choice.Query.Cursor = nil, ""
	if c.FormValue("which") != "all" {
		if choice.Digests, err = tickedFindings(form["finding"]); err != nil {
			return err
		}
	}
	n, err := s.findings.AcknowledgeTogether(c.Request().Context(), actor, choice, c.FormValue("reason"))
	if err != nil {
		return s.refill(c, err, func(view.Problems) (templ.Component, error) {
			p, pageErr := s.findingsPage(c, actor, q)
			p.Problem, p.Reason = access.MessageOf(err), c.FormValue("reason")
			return view.Findings(p), pageErr
		})
	}
	s.Flash(c, view.Count(n, "finding")+" acknowledged.")
	return s.See(c, view.FindingsURL())
}

// tickedFindings reads ids with the digests of what was on the page.
func tickedFindings(values []string) (map[int64]string, error) {
	digests := map[int64]string{}
	for _, v := range values {
		text, digest, _ := strings.Cut(v, ":")
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, misread("findings")
		}
		digests[id] = digest
	}
	return digests, nil
}

func (s *findingPages) showFinding(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	p, err := s.findingPage(c, actor, id)
	if err != nil {
		return err
	}
	return s.ok(c, view.Finding(p))
}

func (s *findingPages) findingPage(c echo.Context, actor access.Actor, id int64) (view.FindingPage, error) {
	f, err := s.findings.Finding(c.Request().Context(), actor, id)
	if err != nil {
		return view.FindingPage{}, err
	}
	p := view.FindingPage{
		Shell:   s.shell(c, actor, view.FindingTitle(f), "findings", view.Crumb{Label: "Findings", URL: view.FindingsURL()}),
		Finding: f, Reason: c.FormValue("reason"),
		MayManage: authz.Can(actor, authz.ManageFindings), MayRepair: authz.Can(actor, authz.ControlRollout),
	}
	if f.Live != f.Desired && f.Kind == access.FindingDrift {
		p.Lines = iam.DiffLines(f.Live, f.Desired)
	}
	return p, nil
}

func (s *findingPages) acknowledgeFinding(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	if _, err := s.findings.Acknowledge(c.Request().Context(), actor, id, c.FormValue("digest"), c.FormValue("reason")); err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			p, err := s.findingPage(c, actor, id)
			p.Problems = problems
			return view.Finding(p), err
		})
	}
	return s.See(c, view.FindingURL(id))
}

func (s *findingPages) reopenFinding(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	if _, err := s.findings.Reopen(c.Request().Context(), actor, id); err != nil {
		return err
	}
	return s.See(c, view.FindingURL(id))
}

func (s *findingPages) repairFinding(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	r, err := s.findings.Repair(c.Request().Context(), actor, id)
	if err != nil {
		return err
	}
	s.Flash(c, "The account is being pushed. The finding is resolved when a scan sees that it is as desired.")
	return s.See(c, view.RolloutURL(r.ID))
}

func (s *findingPages) scanAccounts(c echo.Context, actor access.Actor) error {
	if err := s.findings.Scan(c.Request().Context(), actor); err != nil {
		return err
	}
	s.Flash(c, "Every account is being read again. What is found appears here as they are read.")
	return s.See(c, view.FindingsURL())
}
