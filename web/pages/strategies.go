package pages

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/view"
)

// StrategyService reads strategies and puts edits of them into drafts.
type StrategyService interface {
	StrategyLister
	// StrategyForm is the strategies at the head, with the actor's drafts.
	StrategyForm(ctx context.Context, actor access.Actor) (change.StrategiesView, error)
	StrategyHistory(
		ctx context.Context, actor access.Actor, id string, q access.PageQuery,
	) (access.Page[access.StrategyRevision], error)
	SaveStrategy(
		ctx context.Context, actor access.Actor, id int64, s access.Strategy, byDefault bool,
	) (access.Change, error)
	RemoveStrategy(ctx context.Context, actor access.Actor, id int64, strategyID string) (access.Change, error)
}

// strategyPages are the pages of strategies.
type strategyPages struct {
	*site
	strategies StrategyService
}

func (s *strategyPages) routes() {
	s.Get("/settings/strategies", authz.Read, s.showStrategies)
	s.Get("/settings/strategies/new", authz.EditChange, s.editStrategy)
	s.Post("/settings/strategies/new", authz.EditChange, s.saveStrategy, "maintenance_window/days")
	s.Get("/settings/strategies/:id", authz.Read, s.showHistory)
	s.Get("/settings/strategies/:id/edit", authz.EditChange, s.editStrategy)
	s.Post("/settings/strategies/:id/edit", authz.EditChange, s.saveStrategy, "maintenance_window/days")
	s.Post("/settings/strategies/:id/remove", authz.EditChange, s.removeStrategy)
}

func strategyCrumb() view.Crumb {
	return view.Crumb{Label: "Strategies", URL: view.StrategiesURL()}
}

func (s *strategyPages) showStrategies(c echo.Context, actor access.Actor) error {
	v, err := s.strategies.Strategies(c.Request().Context(), actor, change.Head)
	if err != nil {
		return err
	}
	shell := s.shell(c, actor, "Strategies", "settings", settingsCrumb())
	shell.OUs = v.OUs
	return s.ok(c, view.Strategies(view.StrategiesPage{
		Shell: shell, Strategies: v.Strategies, Default: v.Default, MayEdit: authz.Can(actor, authz.EditChange),
	}))
}

// showHistory shows what became of a strategy, revision by revision.
func (s *strategyPages) showHistory(c echo.Context, actor access.Actor) error {
	q := pageQuery(c)
	found, err := s.strategies.StrategyHistory(c.Request().Context(), actor, c.Param("id"), q)
	if err != nil {
		return err
	}
	shell, err := s.shellWithOUs(c, actor, "History of a strategy", "settings", settingsCrumb(), strategyCrumb())
	if err != nil {
		return err
	}
	return s.ok(c, view.StrategyHistory(view.StrategyHistoryPage{
		Shell: shell, ID: c.Param("id"), Steps: found, Cursor: q.Cursor,
	}))
}

func (s *strategyPages) editStrategy(c echo.Context, actor access.Actor) error {
	p, v, err := s.strategyForm(c, actor)
	if err != nil {
		return err
	}
	if p.ID != "" {
		found, err := v.Find(p.ID)
		if err != nil {
			return err
		}
		p.Form = view.StrategyFormOf(found, v.Default, v.OUs)
	}
	p.Form = p.Form.Padded()
	return s.ok(c, view.StrategyFormPage(p))
}

func (s *strategyPages) strategyForm(
	c echo.Context, actor access.Actor,
) (view.StrategyFormProps, change.StrategiesView, error) {
	title := "New strategy"
	if c.Param("id") != "" {
		title = "Edit strategy"
	}
	v, err := s.strategies.StrategyForm(c.Request().Context(), actor)
	shell := s.shell(c, actor, title, "settings", settingsCrumb(), strategyCrumb())
	shell.OUs = v.OUs
	return view.StrategyFormProps{Shell: shell, ID: c.Param("id"), Drafts: v.Drafts, Draft: draftChoice(c)}, v, err
}

func (s *strategyPages) saveStrategy(c echo.Context, actor access.Actor) error {
	values, err := c.FormParams()
	if err != nil {
		return err
	}
	form := readStrategyForm(values)
	strategy, err := strategyOf(form)
	var saved access.Change
	if err == nil {
		strategy.ID = c.Param("id")
		saved, err = s.strategies.SaveStrategy(c.Request().Context(), actor, draftChoice(c), strategy, form.Default)
	}
	if err == nil {
		return s.drafted(c, saved,
			"The strategy is part of this change now. Rollouts can use it once the change is reviewed and applied.")
	}
	return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
		p, _, err := s.strategyForm(c, actor)
		p.Problems, p.Form = problems, form.Padded()
		return view.StrategyFormPage(p), err
	})
}

func (s *strategyPages) removeStrategy(c echo.Context, actor access.Actor) error {
	saved, err := s.strategies.RemoveStrategy(c.Request().Context(), actor, draftChoice(c), c.Param("id"))
	if err != nil {
		return err
	}
	return s.drafted(c, saved, removalDrafted+" The strategy stays until the change is reviewed and applied.")
}

// mostRows bounds what is read of a form, whatever it was made to hold.
const mostRows = 40

// readStrategyForm reads the rows that say something, in their order.
func readStrategyForm(v url.Values) view.StrategyForm {
	f := view.StrategyForm{
		Name:        v.Get("name"),
		Description: v.Get("description"),
		MaxInFlight: v.Get("max_in_flight"),
		MaxFailures: v.Get("max_failures"),
		Confirm:     v.Get("confirm_within"),
		Default:     v.Get("default") != "",
		ReadBack:    v.Get("read_back") != "",
		RollBack:    v.Get("roll_back") != "",
		Days:        v["maintenance_window/days"],
		From:        v.Get("maintenance_window/from"),
		To:          v.Get("maintenance_window/to"),
		Zone:        v.Get("maintenance_window/zone"),
	}
	for i := range mostRows {
		at := "waves/" + strconv.Itoa(i) + "/"
		w := view.WaveForm{
			Selects:          v.Get(at + "selects"),
			Which:            v.Get(at + "accounts"),
			Except:           v.Get(at + "except"),
			Name:             v.Get(at + "name"),
			MaxInFlight:      v.Get(at + "max_in_flight"),
			MaxFailures:      v.Get(at + "max_failures"),
			Bake:             v.Get(at + "bake"),
			RequiresApproval: v.Get(at+"requires_approval") != "",
		}
		if w != (view.WaveForm{}) {
			f.Waves = append(f.Waves, w)
		}
		at = "probes/" + strconv.Itoa(i) + "/"
		if role := strings.TrimSpace(v.Get(at + "role")); role != "" {
			f.Probes = append(f.Probes, view.ProbeForm{
				Role: role, Expect: v.Get(at + "expect"), Accounts: v.Get(at + "accounts"),
			})
		}
	}
	return f
}

// strategyReader reads the fields of the form; all that cannot be read is told at once.
type strategyReader struct{ wrong []access.FieldError }

func (r *strategyReader) add(field, message string) {
	r.wrong = append(r.wrong, access.FieldError{Field: field, Message: message})
}

func (r *strategyReader) number(field, text string) int {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		r.add(field, strconv.Quote(text)+" is not a number of 1 or more")
	}
	return n
}

func (r *strategyReader) duration(field, text string) time.Duration {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		r.add(field, strconv.Quote(text)+" is not a length of time; write it as 30m or 2h")
	}
	return d
}

// limit reads 3, 5 % or 0.
func (r *strategyReader) limit(field, text string) access.Limit {
	text = strings.TrimSpace(text)
	share, isShare := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(strings.TrimSpace(share))
	switch {
	case text == "":
		return access.Limit{}
	case err != nil || n < 0:
		r.add(field, strconv.Quote(text)+" is neither a number such as 3 nor a share such as 5 %")
		return access.Limit{}
	case n == 0:
		return access.Limit{None: true}
	case isShare:
		return access.Limit{Percent: n}
	default:
		return access.Limit{Count: n}
	}
}

func strategyOf(f view.StrategyForm) (access.Strategy, error) {
	var r strategyReader
	s := access.Strategy{
		Name:        strings.TrimSpace(f.Name),
		Description: strings.TrimSpace(f.Description),
		ReadBack:    f.ReadBack,
		RollBack:    f.RollBack,
		MaxInFlight: r.number("max_in_flight", f.MaxInFlight),
		MaxFailures: r.limit("max_failures", f.MaxFailures),
		Confirm:     r.duration("confirm_within", f.Confirm),
		MaintenanceWindow: access.MaintenanceWindow{
			From: strings.TrimSpace(f.From),
			To:   strings.TrimSpace(f.To),
			Zone: strings.TrimSpace(f.Zone),
		},
	}
	for _, d := range f.Days {
		n, err := strconv.Atoi(d)
		if err != nil {
			r.add("maintenance_window/days", strconv.Quote(d)+" is not a day")
		}
		s.MaintenanceWindow.Days = append(s.MaintenanceWindow.Days, n)
	}
	slices.Sort(s.MaintenanceWindow.Days)
	for i, w := range f.Waves {
		s.Waves = append(s.Waves, r.wave("waves/"+strconv.Itoa(i)+"/", w))
	}
	for i, p := range f.Probes {
		at := "probes/" + strconv.Itoa(i) + "/"
		role, err := access.ParseRoleName(p.Role)
		if err != nil {
			r.add(at+"role", access.MessageOf(err))
		}
		s.Probes = append(s.Probes, access.Probe{
			Role: role, Allowed: p.Expect == "allowed", Accounts: r.number(at+"accounts", p.Accounts),
		})
	}
	if len(r.wrong) > 0 {
		return s, access.InvalidFields(r.wrong)
	}
	return s, s.Check()
}

func (r *strategyReader) wave(at string, w view.WaveForm) access.WaveRule {
	rule := access.WaveRule{
		Name: strings.TrimSpace(w.Name), MaxInFlight: r.number(at+"max_in_flight", w.MaxInFlight),
		MaxFailures: r.limit(at+"max_failures", w.MaxFailures), Bake: r.duration(at+"bake", w.Bake),
		RequiresApproval: w.RequiresApproval,
	}
	rule.Accounts.Except = access.SplitOUs(w.Except)
	switch w.Selects {
	case view.SelectsAll:
		rule.Accounts.All = true
	case view.SelectsCount, view.SelectsPercent:
		n := r.number(at+"accounts", strings.TrimSuffix(strings.TrimSpace(w.Which), "%"))
		if n == 0 && strings.TrimSpace(w.Which) == "" {
			r.add(at+"accounts", "say how many")
		}
		if w.Selects == view.SelectsCount {
			rule.Count = n
		} else {
			rule.Percent = n
		}
	case view.SelectsIDs:
		for _, id := range lines(w.Which) {
			rule.Accounts.IDs = append(rule.Accounts.IDs, access.AccountID(id))
		}
	case view.SelectsOUs:
		rule.Accounts.OUs = access.SplitOUs(w.Which)
	case view.SelectsTags:
		tags, err := parseTags(strings.Join(lines(w.Which), "\n"))
		if err != nil {
			r.add(at+"accounts", access.MessageOf(err))
		}
		rule.Accounts.Tags = tags
	case view.SelectsEachOU:
		rule.EachOU = true
	default:
		r.add(at+"selects", "say which accounts the wave selects, or leave the whole row empty")
	}
	return rule
}
