package pages

import (
	"cmp"
	"context"
	"maps"
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

// SettingsService reads review rules and settings and puts edits of them into drafts.
type SettingsService interface {
	// Rules returns the review rules and settings at the head. RuleForm adds the choices
	// of a form: at most change.FirstNames or change.AllNames names.
	Rules(ctx context.Context, actor access.Actor) (change.RulesView, error)
	RuleForm(ctx context.Context, actor access.Actor, atMost int) (change.RulesView, error)
	SaveRule(ctx context.Context, actor access.Actor, id int64, r access.ReviewRule) (access.Change, error)
	RemoveRule(ctx context.Context, actor access.Actor, id int64, ruleID string) (access.Change, error)
	SaveSettings(ctx context.Context, actor access.Actor, id int64, settings access.Settings) (access.Change, error)
}

// settingsPages are the pages of review rules and settings.
type settingsPages struct {
	*site
	settings SettingsService
}

// ruleLists are the fields of a rule's form that may be sent several times.
var ruleLists = []string{"scope/dangers", "scope/allowlists", "scope/mappings"}

func (s *settingsPages) routes() {
	s.Get("/settings", authz.Read, s.showSettings)
	s.Get("/settings/edit", authz.EditChange, s.editSettings)
	s.Post("/settings/edit", authz.EditChange, s.saveSettings, "break_glass/mappings", "break_glass/allowlists", "tokens")
	s.Get("/settings/rules/new", authz.EditChange, s.editRule)
	s.Post("/settings/rules/new", authz.EditChange, s.saveRule, ruleLists...)
	s.Get("/settings/rules/:id/edit", authz.EditChange, s.editRule)
	s.Post("/settings/rules/:id/edit", authz.EditChange, s.saveRule, ruleLists...)
	s.Post("/settings/rules/:id/remove", authz.EditChange, s.removeRule)
}

func settingsCrumb() view.Crumb { return view.Crumb{Label: "Settings", URL: view.SettingsURL()} }

func (s *settingsPages) showSettings(c echo.Context, actor access.Actor) error {
	v, err := s.settings.Rules(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	mayEdit := authz.Can(actor, authz.EditChange)
	shell := s.shell(c, actor, "Settings", "settings")
	shell.OUs = v.OUs
	shell = shell.With("Who reviews which changes, and what a change must not do. They are changed like everything else: by a reviewed change.", view.SettingsButtons(mayEdit))
	return s.ok(c, view.Settings(view.SettingsPage{Shell: shell, Rules: v.Rules, Settings: v.Settings, Allowlists: v.Allowlists, Mappings: v.Mappings, MayEdit: mayEdit}))
}

func (s *settingsPages) editRule(c echo.Context, actor access.Actor) error {
	v, err := s.settings.RuleForm(c.Request().Context(), actor, change.FirstNames)
	if err != nil {
		return err
	}
	form := view.RuleForm{Need: [view.RuleRows]view.NeedForm{{Count: "1"}}}
	if id := c.Param("id"); id != "" {
		i := slices.IndexFunc(v.Rules, func(r access.ReviewRule) bool { return r.ID == id })
		if i < 0 {
			return access.Errorf(access.KindNotFound, "There is no review rule %s.", id)
		}
		form = view.RuleFormOf(v.Rules[i], v.OUs)
	}
	return s.ok(c, view.RuleFormPage(s.ruleForm(c, actor, v, form)))
}

func (s *settingsPages) ruleForm(c echo.Context, actor access.Actor, v change.RulesView, form view.RuleForm) view.RuleFormProps {
	title := "New review rule"
	if c.Param("id") != "" {
		title = "Edit review rule"
	}
	return view.RuleFormProps{
		Shell: s.shell(c, actor, title, "settings", settingsCrumb()), ID: c.Param("id"), Form: form, Drafts: v.Drafts, Draft: draftChoice(c), Teams: v.Teams,
		Lists: namedOptions(v.Allowlists, form.Allowlists), Mappings: namedOptions(v.Mappings, form.Mappings),
	}
}

// namedOptions are ids by their names, in the order of the names.
func namedOptions(names map[string]string, chosen []string) []view.Option {
	ids := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Or(cmp.Compare(names[a], names[b]), cmp.Compare(a, b)) })
	return convertAll(ids, func(id string) view.Option {
		return view.Option{Value: id, Label: names[id], Selected: slices.Contains(chosen, id)}
	})
}

// ruleValues are what a form about rules or settings came with, and the names by which
// it is read.
func (s *settingsPages) ruleValues(c echo.Context, actor access.Actor) (url.Values, change.RulesView, error) {
	values, err := c.FormParams()
	if err != nil {
		return nil, change.RulesView{}, err
	}
	v, err := s.settings.RuleForm(c.Request().Context(), actor, change.AllNames)
	return values, v, err
}

// saveRule adds a review rule or replaces one.
func (s *settingsPages) saveRule(c echo.Context, actor access.Actor) error {
	values, v, err := s.ruleValues(c, actor)
	if err != nil {
		return err
	}
	form := readRuleForm(values)
	rule, err := ruleOf(form, c.Param("id"), v)
	var saved access.Change
	if err == nil {
		saved, err = s.settings.SaveRule(c.Request().Context(), actor, draftChoice(c), rule)
	}
	if err == nil {
		return s.drafted(c, saved, "The review rule is part of this change now. It holds once the change is reviewed and applied.")
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props := s.ruleForm(c, actor, v, form)
		props.Problems = p
		return view.RuleFormPage(props), nil
	})
}

func (s *settingsPages) removeRule(c echo.Context, actor access.Actor) error {
	saved, err := s.settings.RemoveRule(c.Request().Context(), actor, draftChoice(c), c.Param("id"))
	if err != nil {
		return err
	}
	return s.drafted(c, saved, removalDrafted+" The rule holds until the change is reviewed and applied.")
}

func readRuleForm(v url.Values) view.RuleForm {
	f := view.RuleForm{
		Name: v.Get("name"), Dangers: v["scope/dangers"], OUs: v.Get("scope/ous"), Tags: v.Get("scope/tags"),
		Allowlists: lines(strings.Join(v["scope/allowlists"], "\n")), Mappings: lines(strings.Join(v["scope/mappings"], "\n")),
	}
	for i := range f.Need {
		at := "need/" + strconv.Itoa(i)
		f.Need[i] = view.NeedForm{Count: v.Get(at + "/count"), Teams: v.Get(at + "/teams"), Roles: v.Get(at + "/roles")}
	}
	return f
}

// ruleOf reads the form. All that cannot be read is told at once.
func ruleOf(f view.RuleForm, id string, v change.RulesView) (access.ReviewRule, error) {
	r := access.ReviewRule{ID: id, Name: strings.TrimSpace(f.Name)}
	var wrong []access.FieldError
	r.Scope.Allowlists, r.Scope.Mappings = idsOf(f.Allowlists, v.Allowlists), idsOf(f.Mappings, v.Mappings)
	r.Scope.OUs = access.SplitOUs(f.OUs)
	for _, d := range f.Dangers {
		r.Scope.Dangers = append(r.Scope.Dangers, access.Danger(d))
	}
	if tags, err := parseTags(f.Tags); err != nil {
		wrong = append(wrong, access.FieldError{Field: "scope/tags", Message: access.MessageOf(err)})
	} else if len(tags) > 0 {
		r.Scope.Tags = tags
	}
	for i, n := range f.Need {
		need, empty, err := needOf(n)
		if err != nil {
			wrong = append(wrong, access.FieldError{Field: "need/" + strconv.Itoa(i) + "/count", Message: access.MessageOf(err)})
		} else if !empty {
			r.Need = append(r.Need, need)
		}
	}
	if len(wrong) > 0 {
		return r, access.InvalidFields(wrong)
	}
	return r, r.Check()
}

func needOf(n view.NeedForm) (need access.Requirement, empty bool, err error) {
	for _, t := range lines(n.Teams) {
		need.Teams = append(need.Teams, strings.ToLower(t))
	}
	for _, r := range lines(n.Roles) {
		need.Roles = append(need.Roles, access.Role(strings.ToLower(r)))
	}
	text := strings.TrimSpace(n.Count)
	if text == "" && len(need.Teams)+len(need.Roles) == 0 {
		return need, true, nil
	}
	need.Count, err = strconv.Atoi(cmp.Or(text, "1"))
	if err != nil {
		return need, false, access.Invalid("count", "%q is not a number", text)
	}
	return need, false, nil
}

// idsOf takes names for the ids that they stand for, where one name stands for one id.
func idsOf(typed []string, names map[string]string) []string {
	var ids []string
	for _, t := range typed {
		var of []string
		for id, name := range names {
			if name == t {
				of = append(of, id)
			}
		}
		if _, isID := names[t]; !isID && len(of) == 1 {
			t = of[0]
		}
		ids = append(ids, t)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (s *settingsPages) editSettings(c echo.Context, actor access.Actor) error {
	v, err := s.settings.RuleForm(c.Request().Context(), actor, change.FirstNames)
	if err != nil {
		return err
	}
	return s.ok(c, view.SettingsFormPage(s.settingsForm(c, actor, v, view.SettingsFormOf(v.Settings))))
}

func (s *settingsPages) settingsForm(c echo.Context, actor access.Actor, v change.RulesView, form view.SettingsForm) view.SettingsFormProps {
	return view.SettingsFormProps{
		Shell: s.shell(c, actor, "Edit settings", "settings", settingsCrumb()), Form: form, Drafts: v.Drafts, Draft: draftChoice(c),
		Lists: namedOptions(v.Allowlists, form.Allowlists), Mappings: namedOptions(v.Mappings, form.Mappings),
	}
}

func (s *settingsPages) saveSettings(c echo.Context, actor access.Actor) error {
	values, v, err := s.ruleValues(c, actor)
	if err != nil {
		return err
	}
	form := readSettingsForm(values)
	settings, err := settingsOf(form, v)
	var saved access.Change
	if err == nil {
		saved, err = s.settings.SaveSettings(c.Request().Context(), actor, draftChoice(c), settings)
	}
	if err == nil {
		return s.drafted(c, saved, "The settings are part of this change now. They hold once the change is reviewed and applied.")
	}
	return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
		props := s.settingsForm(c, actor, v, form)
		props.Problems = p
		return view.SettingsFormPage(props), nil
	})
}

func readSettingsForm(v url.Values) view.SettingsForm {
	return view.SettingsForm{
		ManyAccounts: v.Get("many_accounts"), LargeIPv4: v.Get("large_ipv4"), LargeIPv6: v.Get("large_ipv6"),
		AllowDangerous: v.Get("allow_dangerous") != "", BreakGlassAllowed: v.Get("break_glass_allowed") != "",
		Mappings: lines(strings.Join(v["break_glass/mappings"], "\n")), Allowlists: lines(strings.Join(v["break_glass/allowlists"], "\n")),
		NoAddress: v.Get("guards/no_address"), OwnAddress: v.Get("guards/own_address"), BreakGlass: v.Get("guards/break_glass"), NobodyApplies: v.Get("guards/nobody_applies"),
		EmergencyMaxLife: v.Get("emergency_max_life"), ExpiryNoticeDays: v.Get("expiry_notice_days"),
		ApprovalsValidFor: v.Get("approvals_valid_for"), OutsideAccounts: v.Get("outside_accounts"),
		TokensMayReview: slices.Contains(v["tokens"], "review"), TokensMayApply: slices.Contains(v["tokens"], "apply"),
		RollBackWithin: v.Get("roll_back_within"),
	}
}

// settingsOf reads the form over the settings as they are, so that what it does not
// show stays.
func settingsOf(f view.SettingsForm, v change.RulesView) (access.Settings, error) {
	s := v.Settings
	var wrong []access.FieldError
	number := func(field, text string) int {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			wrong = append(wrong, access.FieldError{Field: field, Message: strconv.Quote(text) + " is not a number of 1 or more"})
		}
		return n
	}
	s.ManyAccounts = number("many_accounts", f.ManyAccounts)
	s.LargeIPv4, s.LargeIPv6 = int64(number("large_ipv4", f.LargeIPv4)), int64(number("large_ipv6", f.LargeIPv6))
	s.ExpiryNoticeDays = number("expiry_notice_days", f.ExpiryNoticeDays)
	life, err := time.ParseDuration(strings.TrimSpace(f.EmergencyMaxLife))
	if err != nil || life <= 0 {
		wrong = append(wrong, access.FieldError{Field: "emergency_max_life", Message: strconv.Quote(f.EmergencyMaxLife) + " is not a length of time; write it as 24h or 90m"})
	}
	s.EmergencyMaxLife = life
	if s.ApprovalsValidFor, err = parseLife(f.ApprovalsValidFor); err != nil {
		wrong = append(wrong, access.FieldError{Field: "approvals_valid_for", Message: access.MessageOf(err)})
	}
	s.OutsideAccounts = nil
	for _, id := range lines(f.OutsideAccounts) {
		s.OutsideAccounts = append(s.OutsideAccounts, access.AccountID(id))
	}
	s.TokensMayReview, s.TokensMayApply = f.TokensMayReview, f.TokensMayApply
	s.RollBackWithin = nil
	if text := strings.TrimSpace(f.RollBackWithin); text != "" {
		within, err := time.ParseDuration(text)
		if err != nil || within < 0 {
			wrong = append(wrong, access.FieldError{Field: "roll_back_within", Message: strconv.Quote(text) +
				" is not a length of time; write it as 1h or 30m, or 0 for not at all"})
		}
		s.RollBackWithin = &within
	}
	s.AllowDangerous, s.BreakGlassAllowed = f.AllowDangerous, f.BreakGlassAllowed
	s.BreakGlassMappings, s.BreakGlassAllowlists = idsOf(f.Mappings, v.Mappings), idsOf(f.Allowlists, v.Allowlists)
	s.Guards = access.GuardModes{
		NoAddress: access.GuardMode(f.NoAddress), OwnAddress: access.GuardMode(f.OwnAddress),
		BreakGlass: access.GuardMode(f.BreakGlass), NobodyApplies: access.GuardMode(f.NobodyApplies),
	}
	if len(wrong) > 0 {
		return s, access.InvalidFields(wrong)
	}
	return s, s.Check()
}

// parseLife reads a length of time in days (14d) or as a duration (36h).
func parseLife(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 100000 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	life, err := time.ParseDuration(text)
	if err != nil || life <= 0 {
		return 0, access.Invalid("life", "%q is not a length of time; write it as 14d or 36h", text)
	}
	return life, nil
}
