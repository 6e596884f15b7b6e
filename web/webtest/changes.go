package webtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/onboard"
	"portcullis.internal/portcullis/web"
)

// What the fake below does not answer is never asked in these tests. The other name keeps
// the embedded field apart from the method.
type otherChanges interface{ web.Changes }

// changes answers with what a test has put in, and writes down what was asked.
type changes struct {
	Desired desired
	otherChanges
	ChangeView    change.View
	ChangePlan    access.Plan
	Listed        access.Page[access.Change]
	Accounts      access.Page[access.Account]
	AccountView   change.AccountView
	OUList        []access.OURow
	GoneOUs       []access.OU
	AuditPage     access.Page[access.AuditEvent]
	Filter        access.AuditFilter
	Query         access.ChangeQuery
	Refuse        error         // of every writing method
	Voided        int           // reviews, by every edit
	Rebased       access.Change // what a rebase leaves
	Did           []string
	Proposal      change.Proposal
	RulesView     change.RulesView
	StrategyView  change.StrategiesView
	StrategySaved access.Strategy // the last one
	StrategySteps access.Page[access.StrategyRevision]
}

// ErrBroken is what a test lets an export fail with, half-way.
var ErrBroken = errors.New("the database went away")

// desired is the part of the fake service that holds allowlists and mappings.
type desired struct {
	Allowlists []access.AllowlistRow
	Entries    []access.Entry
	Next       string // cursor of the next page of entries
	Asked      access.PageQuery
	Mappings   []access.Mapping
	Mapping    access.MappingQuery
	Drafts     []access.Change
	Containing []access.Containing
	Saved      access.Mapping
	SavedList  access.Allowlist
	SavedEntry access.Entry
	Question   change.ExplainRequest
	Answer     change.Explanation
	Overview   change.Overview
	Panics     bool // in place of an overview
}

func (f *changes) Propose(_ context.Context, _ access.Actor, on int64, p change.Proposal) (access.Change, error) {
	f.Proposal = p
	return access.Change{ID: 12, Title: p.Title, State: access.ChangeDraft, Version: 1, Edits: p.Edits}, f.note("propose on %d %q", on, p.Title)
}

func (f *changes) Revise(_ context.Context, _ access.Actor, id, version int64, p change.Proposal) (access.Change, error) {
	f.Proposal = p
	return access.Change{ID: id, State: access.ChangeDraft, Version: version + 1}, f.note("revise %d@%d %q", id, version, p.Title)
}

func (f *changes) note(format string, args ...any) error {
	f.Did = append(f.Did, fmt.Sprintf(format, args...))
	return f.Refuse
}

func (f *changes) View(_ context.Context, _ access.Actor, id int64) (change.View, error) {
	if id != f.ChangeView.ID {
		return change.View{}, access.Errorf(access.KindNotFound, "There is no change %d.", id)
	}
	return f.ChangeView, nil
}

func (f *changes) Change(context.Context, access.Actor, int64) (access.Change, error) {
	return f.ChangeView.Change, nil
}

func (f *changes) Changes(_ context.Context, _ access.Actor, q access.ChangeQuery) (access.Page[access.Change], error) {
	f.Query = q
	return f.Listed, nil
}

func (f *changes) Plan(context.Context, access.Actor, int64) (access.Plan, error) {
	return f.ChangePlan, nil
}

func (f *changes) AccountPage(context.Context, access.Actor, string, access.PageQuery) (access.Page[access.Account], error) {
	return f.Accounts, nil
}

func (f *changes) AccountsAndOUs(context.Context, access.Actor, string, access.PageQuery) (access.Page[access.Account], []access.OURow, error) {
	return f.Accounts, f.OUList, nil
}

func (f *changes) OUs(context.Context, access.Actor) ([]access.OURow, error) { return f.OUList, nil }

func (f *changes) OUTree(context.Context, access.Actor) (*access.OUs, error) {
	var ous []access.OU
	for _, row := range f.OUList {
		ous = append(ous, row.OU)
	}
	return access.NewOUs(append(ous, f.GoneOUs...)), nil
}

func (f *changes) Account(_ context.Context, _ access.Actor, id access.AccountID) (change.AccountView, error) {
	if id != f.AccountView.ID {
		return change.AccountView{}, access.Errorf(access.KindNotFound, "There is no account %s.", id)
	}
	return f.AccountView, nil
}

func (f *changes) Audit(_ context.Context, _ access.Actor, q access.AuditFilter) (access.Page[access.AuditEvent], error) {
	f.Filter = q
	return f.AuditPage, nil
}

func (f *changes) Edit(_ context.Context, _ access.Actor, id, version int64, in change.Input) (access.Change, error) {
	return access.Change{ID: id, Version: version + 1, Voided: f.Voided}, f.note("edit %d@%d %q %q %d", id, version, in.Title, in.Reason, len(in.Edits))
}

func (f *changes) WithdrawReview(
	_ context.Context, _ access.Actor, id int64, options ...change.Option,
) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id, State: access.ChangeInReview}, f.note("withdraw review of %d", id)
}

func (f *changes) Submit(_ context.Context, _ access.Actor, id, version int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id}, f.note("submit %d@%d", id, version)
}

func (f *changes) Review(_ context.Context, _ access.Actor, id int64, v access.Verdict, digest, comment string, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id, State: access.ChangeApproved}, f.note("%s %d %s %q", v, id, digest, comment)
}

func (f *changes) Apply(
	_ context.Context, _ access.Actor, id int64, r change.ApplyRequest, options ...change.Option,
) (access.Rollout, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Rollout{}, err
	}
	digest := r.Digest
	if r.Strategy != "" {
		digest += " by " + r.Strategy
	}
	return access.Rollout{ID: 31, Revision: 8}, f.note("apply %d %s", id, digest)
}

func (f *changes) Withdraw(_ context.Context, _ access.Actor, id int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id}, f.note("withdraw %d", id)
}

func (f *changes) Rebase(_ context.Context, _ access.Actor, id int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	f.Rebased.ID = id
	return f.Rebased, f.note("rebase %d", id)
}

func (f *changes) ChangedSince(context.Context, access.Actor, int64) (access.ChangedSince, error) {
	return access.ChangedSince{From: 3, To: 4, Applied: []access.AppliedChange{{Change: access.Change{ID: 11, Title: "Theirs", Revision: 4}}}}, nil
}

func (f *changes) DropEdit(_ context.Context, _ access.Actor, id, version int64, index int) (access.Change, error) {
	return access.Change{ID: id, Voided: f.Voided}, f.note("drop %d@%d #%d", id, version, index)
}

func (f *changes) PushAgain(context.Context, access.Actor) (access.Rollout, error) {
	return access.Rollout{ID: 32}, f.note("push again")
}

func (f *changes) ExportEntries(_ context.Context, _ access.Actor, id string, begin func(access.AllowlistRow) error, each func(access.Entry) error) error {
	if f.Refuse != nil && f.Refuse != ErrBroken {
		return f.Refuse
	}
	if err := begin(access.AllowlistRow{ID: id, Name: "office"}); err != nil {
		return err
	}
	for i := range 10_000 {
		e, err := access.ParseEntry([]string{"103.15.250.0/24", "2001:db8:12::/48"}[i%2])
		if err != nil {
			return err
		}
		e.Note = "=cmd|' /C calc'!A0"
		if err := each(e); err != nil {
			return err
		}
	}
	return f.Refuse
}

func (f *changes) ExportAudit(_ context.Context, _ access.Actor, q access.AuditFilter, begin func() error, each func(access.AuditEvent) error) error {
	f.Filter = q
	if err := begin(); err != nil {
		return err
	}
	for _, e := range f.AuditPage.Items {
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

func (f *changes) ExportScenario(_ context.Context, _ access.Actor, _ int64, yaml bool) ([]byte, int64, error) {
	if !yaml {
		return []byte(`{"allowlists":[]}`), 7, f.Refuse
	}
	return []byte("allowlists: []\n"), 7, f.Refuse
}

func (f *changes) ExportAccount(_ context.Context, _ access.Actor, id access.AccountID, format change.Format) ([]byte, int64, error) {
	if format != change.FormatTerraform && format != change.FormatCloudFormation {
		return nil, 0, access.Invalid("format", "%q is no format", string(format))
	}
	return []byte(string(format) + " of " + string(id)), 7, f.Refuse
}

func (f *changes) ImportEntries(_ context.Context, _ access.Actor, id int64, list string, mode change.ImportMode, text string) (access.Change, error) {
	if _, err := access.ReadEntryCSV(text); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: 12}, f.note("import %s into %s in %d: %q", mode, list, id, text)
}

func (f *changes) ImportScenario(_ context.Context, _ access.Actor, title, reason, text string) (access.Change, error) {
	if text == "" {
		return access.Change{}, access.Invalid("scenario", "choose a file, or paste the scenario")
	}
	return access.Change{ID: 13}, f.note("import scenario %q %q %q", title, reason, text)
}

func (f *changes) Overview(context.Context, access.Actor) (change.Overview, error) {
	if f.Desired.Panics {
		panic("out of luck")
	}
	return f.Desired.Overview, nil
}

func (f *changes) Allowlists(_ context.Context, _ access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error) {
	f.Desired.Asked = q
	return access.Page[access.AllowlistRow]{Items: f.Desired.Allowlists, Total: len(f.Desired.Allowlists)}, nil
}

func (f *changes) Allowlist(_ context.Context, _ access.Actor, id string, q access.PageQuery) (change.AllowlistView, error) {
	f.Desired.Asked = q
	for _, a := range f.Desired.Allowlists {
		if a.ID == id {
			return change.AllowlistView{
				AllowlistRow: a, Entries: access.Page[access.Entry]{Items: f.Desired.Entries, Next: f.Desired.Next, Total: -1},
				Mappings: access.Page[access.Mapping]{Items: f.Desired.Mappings}, Drafts: f.Desired.Drafts,
			}, nil
		}
	}
	return change.AllowlistView{}, access.Errorf(access.KindNotFound, "There is no allowlist %s.", id)
}

func (f *changes) CheckAddress(_ context.Context, _ access.Actor, addr string) ([]access.Containing, error) {
	if _, err := netip.ParseAddr(addr); err != nil {
		return nil, access.Invalid("address", "%q is not an address", addr)
	}
	return f.Desired.Containing, nil
}

func (f *changes) Mappings(_ context.Context, _ access.Actor, q access.MappingQuery) (access.Page[access.Mapping], error) {
	f.Desired.Mapping = q
	return access.Page[access.Mapping]{Items: f.Desired.Mappings, Total: len(f.Desired.Mappings)}, nil
}

func (f *changes) Mapping(_ context.Context, _ access.Actor, id string) (access.Mapping, error) {
	i := slices.IndexFunc(f.Desired.Mappings, func(m access.Mapping) bool { return m.ID == id })
	if i < 0 {
		return access.Mapping{}, access.Errorf(access.KindNotFound, "There is no mapping %s.", id)
	}
	return f.Desired.Mappings[i], nil
}

func (f *changes) Drafts(context.Context, access.Actor) ([]access.Change, error) {
	return f.Desired.Drafts, nil
}

func (f *changes) AddEntries(
	_ context.Context, _ access.Actor, id int64, list string, n change.NewEntries,
) (access.Change, error) {
	if !n.Expires.IsZero() || n.Emergency {
		until := n.Expires.Format(time.RFC3339)
		return access.Change{ID: 12}, f.note("add to %s until %s emergency %v", list, until, n.Emergency)
	}
	entries, err := access.ParseEntries(n.Text)
	if err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: 12, Voided: f.Voided}, f.note("add %d to %s in %d", len(entries), list, id)
}

func (f *changes) RemoveEntries(_ context.Context, _ access.Actor, id int64, list string, keys []string) (access.Change, error) {
	if len(keys) == 0 {
		return access.Change{}, access.Invalid("keys", "choose the entries to remove")
	}
	return access.Change{ID: 12}, f.note("remove %s from %s in %d", strings.Join(keys, ","), list, id)
}

func (f *changes) SaveEntry(_ context.Context, _ access.Actor, id int64, list string, e access.Entry) (access.Change, error) {
	f.Desired.SavedEntry = e
	return access.Change{ID: 12}, f.note("save entry %s of %s in %d", e.Key(), list, id)
}

func (f *changes) SaveAllowlist(_ context.Context, _ access.Actor, id int64, a access.Allowlist) (access.Change, error) {
	f.Desired.SavedList = a
	if err := access.CheckName(a.Name); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: 12}, f.note("save allowlist %q in %d", a.ID, id)
}

func (f *changes) RemoveAllowlist(_ context.Context, _ access.Actor, id int64, list string) (access.Change, error) {
	return access.Change{ID: 12}, f.note("remove allowlist %s in %d", list, id)
}

func (f *changes) SaveMapping(_ context.Context, _ access.Actor, id int64, m access.Mapping) (access.Change, error) {
	f.Desired.Saved = m
	return access.Change{ID: 12}, f.note("save mapping %q in %d", m.ID, id)
}

func (f *changes) RemoveMapping(_ context.Context, _ access.Actor, id int64, mapping string) (access.Change, error) {
	return access.Change{ID: 12}, f.note("remove mapping %s in %d", mapping, id)
}

func (f *changes) Explain(_ context.Context, _ access.Actor, r change.ExplainRequest) (change.Explanation, error) {
	f.Desired.Question = r
	return f.Desired.Answer, f.Refuse
}

func (f *changes) Adopt(_ context.Context, _ access.Actor, a onboard.Adoption) (access.Change, error) {
	return access.Change{ID: 31}, f.note("adopt %s %s %s", a.Account, a.Role, access.DocumentDigest(a.Live)[:8])
}

func (f *changes) Schedule(
	_ context.Context, _ access.Actor, id int64, r change.ScheduleRequest, options ...change.Option,
) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id}, f.note("schedule %d %s %s %s", id, r.Digest[:4], r.At.Format(time.RFC3339), r.StartWithin)
}

func (f *changes) CancelSchedule(_ context.Context, _ access.Actor, id int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id}, f.note("unschedule %d", id)
}

func (f *changes) Revisions(context.Context, access.Actor, access.PageQuery) (access.Page[access.Revision], error) {
	r := access.Revision{Number: 7, At: Noon, Change: access.ChangeRef{ID: 12, Title: "Open <b>Tokyo</b>", Author: Author()}}
	return access.Page[access.Revision]{Items: []access.Revision{r}, Total: 1}, nil
}

func (f *changes) MomentAt(_ context.Context, _ access.Actor, revision int64, at time.Time) (change.Moment, error) {
	return change.Moment{Revision: access.Revision{Number: 7, At: Noon}, At: Noon, Now: revision == change.Head && at.IsZero()}, f.note("moment %d %s", revision, at.Format(time.DateOnly))
}

func (f *changes) PastAllowlist(ctx context.Context, actor access.Actor, revision int64, at time.Time, id string, q access.PageQuery) (change.PastAllowlist, error) {
	m, err := f.MomentAt(ctx, actor, revision, at)
	if err != nil {
		return change.PastAllowlist{}, err
	}
	a, err := f.Allowlist(ctx, actor, id, q)
	return change.PastAllowlist{Moment: m, AllowlistRow: a.AllowlistRow, Entries: a.Entries}, err
}

func (f *changes) State(_ context.Context, _ access.Actor, revision int64) (access.State, error) {
	e, _ := access.ParseEntry("12.148.80.0/22")
	e.Expires = Noon.Add(-time.Hour)
	state := access.State{Revision: revision, Allowlists: []access.Allowlist{{ID: "al-1", Name: "office", Entries: []access.Entry{e}}}}
	for i := range 120 {
		state.Mappings = append(state.Mappings, access.Mapping{ID: fmt.Sprint("mp-", i), Role: access.RoleName{Path: "/", Name: fmt.Sprintf("Role%03d", i)}, Accounts: access.Selector{All: true}})
	}
	return state, nil
}

func (f *changes) Rules(context.Context, access.Actor) (change.RulesView, error) {
	return f.RulesView, nil
}

func (f *changes) RuleForm(context.Context, access.Actor, int) (change.RulesView, error) {
	return f.RulesView, nil
}

func (f *changes) SaveRule(_ context.Context, _ access.Actor, id int64, r access.ReviewRule) (access.Change, error) {
	return access.Change{ID: 12}, f.note("rule %d %s %+v %v", id, r.Name, r.Scope, r.Need)
}

func (f *changes) RemoveRule(_ context.Context, _ access.Actor, id int64, rule string) (access.Change, error) {
	return access.Change{ID: 12}, f.note("remove rule %d %s", id, rule)
}

func (f *changes) SaveSettings(_ context.Context, _ access.Actor, id int64, s access.Settings) (access.Change, error) {
	return access.Change{ID: 12}, f.note("settings %d %d %v %v %v %s %s %d %s %v tokens %v,%v %v",
		id, s.ManyAccounts, s.BreakGlassAllowed, s.BreakGlassMappings, s.BreakGlassAllowlists, s.Guards.NoAddress, s.EmergencyMaxLife,
		s.ExpiryNoticeDays, s.ApprovalsValidFor, s.OutsideAccounts, s.TokensMayReview, s.TokensMayApply, s.MayRollBackWithin())
}

func (f *changes) Strategies(context.Context, access.Actor, int64) (change.StrategiesView, error) {
	return f.StrategyView, nil
}

func (f *changes) StrategyForm(context.Context, access.Actor) (change.StrategiesView, error) {
	return f.StrategyView, nil
}

func (f *changes) StrategyHistory(
	context.Context,
	access.Actor,
	string,
	access.PageQuery,
) (access.Page[access.StrategyRevision], error) {
	return f.StrategySteps, nil
}

func (f *changes) SaveStrategy(
	_ context.Context,
	_ access.Actor,
	id int64,
	s access.Strategy,
	byDefault bool,
) (access.Change, error) {
	f.StrategySaved = s
	return access.Change{ID: 12}, f.note("strategy %d %s %v", id, s.Name, byDefault)
}

func (f *changes) RemoveStrategy(_ context.Context, _ access.Actor, id int64, strategy string) (access.Change, error) {
	return access.Change{ID: 12}, f.note("remove strategy %d %s", id, strategy)
}

func (f *changes) Comment(_ context.Context, _ access.Actor, id int64, body string, options ...change.Option) (access.Comment, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Comment{}, err
	}
	return access.Comment{}, f.note("comment %d %q", id, body)
}

func (f *changes) OverrideGuard(_ context.Context, _ access.Actor, id int64, code access.GuardCode, typed string) (access.Change, error) {
	return access.Change{ID: id}, f.note("override %d %s %q", id, code, typed)
}

func (f *changes) Clone(_ context.Context, _ access.Actor, id int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: 13}, f.note("clone %d", id)
}

// Revert notes the change and the reason.
func (f *changes) Revert(
	_ context.Context, _ access.Actor, id int64, reason string, options ...change.Option,
) (access.Change, error) {
	if err := change.Holds(f.ChangeView.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: 13}, f.note("revert %d %q", id, reason)
}

// UndoByHand writes a script of one line.
func (f *changes) UndoByHand(_ context.Context, _ access.Actor, id int64, begin func() io.Writer) error {
	_, err := fmt.Fprintf(begin(), "#!/bin/sh\n# change %d\n", id)
	return err
}

func (f *changes) ApplyAlone(_ context.Context, _ access.Actor, id int64, digest, reason string) (access.Rollout, error) {
	return access.Rollout{ID: 5, Revision: 8}, f.note("alone %d %s %q", id, digest, reason)
}
