package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/net/html"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/internal/change"
	"portcullis/internal/rollout"
	"portcullis/web"
)

// The people of the tests, by the local part of their address.
var people = map[string]access.Actor{
	"viewer":   {PersonID: 1, Name: "Vera Viewer", Email: "viewer@example.com", Roles: []access.Role{access.RoleViewer}},
	"editor":   {PersonID: 2, Name: "Edda Editor", Email: "editor@example.com", Roles: []access.Role{access.RoleEditor}},
	"approver": {PersonID: 3, Name: "Anna Approver", Email: "approver@example.com", Roles: []access.Role{access.RoleApprover}},
	"operator": {PersonID: 4, Name: "Otto Operator", Email: "operator@example.com", Roles: []access.Role{access.RoleOperator}},
	"auditor":  {PersonID: 5, Name: "Aude Auditor", Email: "auditor@example.com", Roles: []access.Role{access.RoleAuditor}},
	"admin":    {PersonID: 6, Name: "Adam Admin", Email: "admin@example.com", Roles: []access.Role{access.RoleAdmin}},
	"hero":     {PersonID: 7, Name: "Hera Hero", Email: "hero@example.com", Roles: []access.Role{access.RoleBreakGlass}},
}

// identity signs in the people of the tests with any password; their token is "token-"
// and their name.
type identity struct {
	web.Identity
	noted      *[]noted     // refusals_test.go
	generation *int64       // profile_test.go
	place      *authn.Place // people_test.go
	invited    *authn.Invitation
	due        *bool        // a password is to be chosen
	revoked    *atomic.Bool // of all tokens
}

func (i identity) SignIn(_ context.Context, email, _ string, _ netip.Addr, _, _ string) (access.Actor, error) {
	name, _, _ := strings.Cut(email, "@")
	p, err := person(name, access.ActorPerson)
	p.Generation = atomic.LoadInt64(i.generation)
	return p, err
}

func (i identity) Actor(_ context.Context, id, generation int64, _ netip.Addr, _, _ string) (access.Actor, error) {
	for name, p := range people {
		if p.PersonID == id && atomic.LoadInt64(i.generation) == generation {
			actor, err := person(name, access.ActorPerson)
			actor.PasswordDue = *i.due
			return actor, err
		}
	}
	return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Sign in first.")
}

func (i identity) TokenActor(_ context.Context, secret string, _ netip.Addr, _, _ string) (access.Actor, error) {
	if i.revoked != nil && i.revoked.Load() {
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "This API token is revoked.")
	}
	p, err := person(strings.TrimPrefix(secret, "token-"), access.ActorToken)
	p.TokenID, p.Scopes = 100+p.PersonID, access.Scopes()
	return p, err
}

func person(name string, kind access.ActorKind) (access.Actor, error) {
	p, ok := people[name]
	if !ok {
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Nobody is known by this.")
	}
	p.Kind = kind
	if kind == access.ActorToken {
		p.Scopes = access.Scopes()
	}
	return p, nil
}

// What the fake below does not answer is never asked in these tests. The other name keeps
// the embedded field apart from the method.
type otherChanges = interface{ web.Changes }

// changes answers with what a test has put in, and writes down what was asked.
type changes struct {
	desired desired // lists_test.go
	otherChanges
	view     change.View
	plan     access.Plan
	listed   access.Page[access.Change]
	accounts access.Page[access.Account]
	account  change.AccountView
	ous      []access.OURow
	audit    access.Page[access.AuditEvent]
	filter   access.AuditFilter
	query    access.ChangeQuery
	refuse   error // of every writing method
	voided   int   // reviews, by every edit
	did      []string
	proposal change.Proposal
	rules    change.RulesView // settings_test.go
}

func (f *changes) note(format string, args ...any) error {
	f.did = append(f.did, fmt.Sprintf(format, args...))
	return f.refuse
}

func (f *changes) View(_ context.Context, _ access.Actor, id int64) (change.View, error) {
	if id != f.view.ID {
		return change.View{}, access.Errorf(access.KindNotFound, "There is no change %d.", id)
	}
	return f.view, nil
}

func (f *changes) Change(context.Context, access.Actor, int64) (access.Change, error) {
	return f.view.Change, nil
}

func (f *changes) Changes(_ context.Context, _ access.Actor, q access.ChangeQuery) (access.Page[access.Change], error) {
	f.query = q
	return f.listed, nil
}

func (f *changes) Plan(context.Context, access.Actor, int64) (access.Plan, error) { return f.plan, nil }

func (f *changes) AccountPage(context.Context, access.Actor, string, access.PageQuery) (access.Page[access.Account], error) {
	return f.accounts, nil
}

func (f *changes) AccountsAndOUs(context.Context, access.Actor, string, access.PageQuery) (access.Page[access.Account], []access.OURow, error) {
	return f.accounts, f.ous, nil
}

func (f *changes) OUs(context.Context, access.Actor) ([]access.OURow, error) { return f.ous, nil }

func (f *changes) Account(_ context.Context, _ access.Actor, id access.AccountID) (change.AccountView, error) {
	if id != f.account.ID {
		return change.AccountView{}, access.Errorf(access.KindNotFound, "There is no account %s.", id)
	}
	return f.account, nil
}

func (f *changes) Audit(_ context.Context, _ access.Actor, q access.AuditFilter) (access.Page[access.AuditEvent], error) {
	f.filter = q
	return f.audit, nil
}

func (f *changes) Edit(_ context.Context, _ access.Actor, id, version int64, in change.Input) (access.Change, error) {
	return access.Change{ID: id, Version: version + 1, Voided: f.voided}, f.note("edit %d@%d %q %q %d", id, version, in.Title, in.Reason, len(in.Edits))
}

func (f *changes) Submit(_ context.Context, _ access.Actor, id, version int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id}, f.note("submit %d@%d", id, version)
}

func (f *changes) Review(_ context.Context, _ access.Actor, id int64, v access.Verdict, digest, comment string, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id, State: access.ChangeApproved}, f.note("%s %d %s %q", v, id, digest, comment)
}

func (f *changes) Apply(
	_ context.Context, _ access.Actor, id int64, r change.ApplyRequest, options ...change.Option,
) (access.Rollout, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Rollout{}, err
	}
	digest := r.Digest
	if r.Strategy != "" {
		digest += " by " + r.Strategy
	}
	return access.Rollout{ID: 31, Revision: 8}, f.note("apply %d %s", id, digest)
}

func (f *changes) Withdraw(_ context.Context, _ access.Actor, id int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id}, f.note("withdraw %d", id)
}

func (f *changes) Rebase(_ context.Context, _ access.Actor, id int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id}, f.note("rebase %d", id)
}

func (f *changes) ChangedSince(context.Context, access.Actor, int64) (access.ChangedSince, error) {
	return access.ChangedSince{From: 3, To: 4, Applied: []access.AppliedChange{{Change: access.Change{ID: 11, Title: "Theirs", Revision: 4}}}}, nil
}

func (f *changes) DropEdit(_ context.Context, _ access.Actor, id, version int64, index int) (access.Change, error) {
	return access.Change{ID: id, Voided: f.voided}, f.note("drop %d@%d #%d", id, version, index)
}

func (f *changes) PushAgain(context.Context, access.Actor) (access.Rollout, error) {
	return access.Rollout{ID: 32}, f.note("push again")
}

// rollouts answers with one rollout; what is sent into updates reaches whoever watches.
type rollouts struct {
	staged
	rollout    access.Rollout
	targets    access.Page[access.Target]
	operations []access.Operation
	insight    rollout.Insight
	updates    chan access.Rollout
	query      access.TargetQuery
	refuse     error
	did        []string
}

func (f *rollouts) act(format string, args ...any) (access.Rollout, error) {
	f.did = append(f.did, fmt.Sprintf(format, args...))
	return f.rollout, f.refuse
}

func (f *rollouts) Rollouts(context.Context, access.Actor, access.RolloutQuery) (access.Page[access.Rollout], error) {
	return access.Page[access.Rollout]{Items: []access.Rollout{f.rollout}, Total: -1}, nil
}

func (f *rollouts) Rollout(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	if id != f.rollout.ID {
		return access.Rollout{}, access.Errorf(access.KindNotFound, "There is no rollout %d.", id)
	}
	return f.rollout, nil
}

func (f *rollouts) Targets(_ context.Context, _ access.Actor, _ int64, q access.TargetQuery) (access.Page[access.Target], error) {
	f.query = q
	return f.targets, nil
}

func (f *rollouts) Target(context.Context, access.Actor, int64, access.AccountID) (access.Target, error) {
	return f.targets.Items[0], nil
}

func (f *rollouts) Operations(context.Context, access.Actor, int64, access.AccountID) ([]access.Operation, error) {
	return f.operations, nil
}

func (f *rollouts) Pause(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("pause %d", id)
}

func (f *rollouts) Resume(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("resume %d", id)
}

func (f *rollouts) Retry(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("retry %d", id)
}

func (f *rollouts) Abort(_ context.Context, _ access.Actor, id int64, reason string) (access.Rollout, error) {
	return f.act("abort %d %q", id, reason)
}

func (f *rollouts) Insight(context.Context, access.Actor, int64) (rollout.Insight, error) {
	return f.insight, nil
}

func (f *rollouts) RecentInsight(context.Context, access.Actor, int64, time.Time) (rollout.Insight, error) {
	return f.insight, nil
}

func (f *rollouts) RecentTargets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery, _ time.Time) (access.Page[access.Target], error) {
	return f.Targets(ctx, actor, id, q)
}

func (f *rollouts) OpenGate(_ context.Context, _ access.Actor, id int64, wave int) (access.Rollout, error) {
	return f.act("gate %d %d", id, wave)
}

func (f *rollouts) Confirm(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("confirm %d", id)
}

func (f *rollouts) StartNow(_ context.Context, _ access.Actor, id int64, reason string, allWaves bool) (access.Rollout, error) {
	return f.act("start %d %q %t", id, reason, allWaves)
}

func (f *rollouts) CheckAgain(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("recheck %d", id)
}

func (f *rollouts) Overtake(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("overtake %d", id)
}

func (f *rollouts) SetWindow(_ context.Context, _ access.Actor, id int64, window int) (access.Rollout, error) {
	return f.act("window %d %d", id, window)
}

func (f *rollouts) RollBack(_ context.Context, _ access.Actor, id int64, reason string) (access.Rollout, error) {
	return f.act("rollback %d %q", id, reason)
}

func (f *rollouts) RetryTarget(_ context.Context, _ access.Actor, id int64, account access.AccountID) (access.Rollout, error) {
	return f.act("retry %d %s", id, account)
}

func (f *rollouts) SkipTarget(_ context.Context, _ access.Actor, id int64, account access.AccountID, reason string) (access.Rollout, error) {
	return f.act("skip %d %s %q", id, account, reason)
}

func (f *rollouts) Resolve(_ context.Context, _ access.Actor, id int64, account access.AccountID, choices []access.ResolveConflict) (access.Rollout, error) {
	return f.act("resolve %d %s %+v", id, account, choices)
}

func (f *rollouts) Watch(context.Context, access.Actor, int64) (<-chan access.Rollout, error) {
	return f.updates, nil
}

type organization struct {
	synced int
	drifts // findings_test.go
}

func (o *organization) Sync(context.Context, access.Actor) error {
	o.synced++
	return nil
}

// console is a running console over fakes, and a browser.
type console struct {
	t            *testing.T
	url          string
	changes      *changes
	rollouts     *rollouts
	organization *organization
	client       *http.Client
	noted        []noted
	generation   int64
	invited      authn.Invitation
	due          bool
	revoked      atomic.Bool
	place        authn.Place
	routes       []web.Route
}

func newConsole(t *testing.T) *console { return newPacedConsole(t, -1) }

// newPacedConsole is a console that takes so many calls of the API a second.
func newPacedConsole(t *testing.T, rate float64) *console {
	t.Helper()
	return newConsoleWith(t, func(cfg *web.Config) { cfg.APIRate = rate })
}

func newConsoleWith(t *testing.T, settings func(*web.Config)) *console {
	t.Helper()
	c := &console{t: t, changes: &changes{}, rollouts: &rollouts{updates: make(chan access.Rollout, 8)}, organization: &organization{}}
	sessions := scs.New()
	sessions.Cookie.Secure = false
	cfg := web.Config{
		Changes: c.changes, Rollouts: c.rollouts, Organization: c.organization, Identity: identity{noted: &c.noted, generation: &c.generation, place: &c.place, invited: &c.invited, due: &c.due, revoked: &c.revoked}, Sessions: sessions, Replies: &replies{kept: map[string]access.Reply{}}, APIRate: -1,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), Now: func() time.Time { return noon }, Version: "test",
	}
	settings(&cfg)
	server, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server.Handler())
	t.Cleanup(listening.Close)
	c.url, c.routes = listening.URL, server.Routes()
	c.client = &http.Client{Jar: newJar(t), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

func newJar(t *testing.T) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// as signs somebody in.
func (c *console) as(name string) *console {
	c.t.Helper()
	a := c.post("/signin", "email", name+"@example.com", "password", "correct horse")
	if a.status != http.StatusSeeOther {
		c.t.Fatalf("signing in %s: status %d", name, a.status)
	}
	return c
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (c *console) send(r *http.Request) answer {
	c.t.Helper()
	got, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(body)}
}

func (c *console) get(path string) answer {
	c.t.Helper()
	return c.send(c.request(http.MethodGet, path, nil))
}

// post sends a form; its fields are given as name and value in turn.
func (c *console) post(path string, fields ...string) answer {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := c.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return c.send(r)
}

func (c *console) request(method, path string, body io.Reader) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// page is an answer as HTML.
type page struct {
	t    *testing.T
	root *html.Node
}

func (c *console) page(path string) page {
	c.t.Helper()
	return c.parse(c.get(path), http.StatusOK)
}

func (c *console) parse(a answer, status int) page {
	c.t.Helper()
	if a.status != status {
		c.t.Fatalf("status %d, want %d:\n%s", a.status, status, a.body)
	}
	root, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		c.t.Fatal(err)
	}
	return page{c.t, root}
}

// id returns the element with an id, nil when there is none.
func (p page) id(id string) *html.Node {
	for n := range p.root.Descendants() {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// text is what somebody reads of an element; of the whole page without one.
func (p page) text(id string) string {
	p.t.Helper()
	n := p.root
	if id != "" {
		if n = p.id(id); n == nil {
			p.t.Fatalf("the page has no element #%s", id)
		}
	}
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// form returns whether a form is sent to an address.
func (p page) form(action string) *html.Node {
	for n := range p.root.Descendants() {
		if n.Data == "form" && attr(n, "action") == action {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func (p page) contains(id string, wants ...string) {
	p.t.Helper()
	got := p.text(id)
	for _, want := range wants {
		if !strings.Contains(got, want) {
			p.t.Errorf("#%s does not say %q; it says:\n%s", id, want, got)
		}
	}
}
