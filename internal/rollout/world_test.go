package rollout_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/internal/planning"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

const (
	accounts    = 24
	targets     = 23 // without the management account
	unreachable = 2  // the suspended account and the one that lets nobody in
	patience    = time.Minute
)

var operator = access.Actor{Kind: access.ActorPerson, PersonID: 1, Name: "operator", Roles: []access.Role{access.RoleOperator}}

// world is a database, an organization, and the real client between them.
type world struct {
	store *store.Store
	org   *sandbox.Organization
	cloud *aws.Cloud
	calls *gauge
	all   []access.Account

	endpoint string // of the organization
}

func newWorld(t *testing.T) *world {
	t.Helper()
	org, err := sandbox.New(sandbox.Config{Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := org.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	w := &world{store: storetest.New(t), org: org, endpoint: "http://" + addr}
	w.cloud = w.connect(t, w.endpoint)
	w.calls = &gauge{Cloud: w.cloud}
	w.readEverything(t)
	return w
}

func (w *world) connect(t *testing.T, url string) *aws.Cloud {
	t.Helper()
	i := slices.IndexFunc(w.org.Credentials(), func(c sandbox.Credential) bool { return c.User == sandbox.ConsoleUser })
	keys := w.org.Credentials()[i]
	cloud, err := aws.New(t.Context(), aws.Config{
		Region: "us-east-1", Endpoint: url, AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey,
		IAMRate: -1, STSRate: -1, OrganizationsRate: -1, BackoffBase: 5 * time.Millisecond, BackoffCap: 50 * time.Millisecond, HTTPTimeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

// readEverything fills the database with what the organization holds.
func (w *world) readEverything(t *testing.T) {
	t.Helper()
	d := drift.New(drift.Config{Store: w.store, Cloud: w.cloud})
	if err := d.ReadOrganization(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := w.store.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.all = all
	for _, a := range all {
		if err := d.ReadInventory(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// gauge measures how many calls of the engine are on their way at once. A push makes one
// call at a time, so that is how many targets are being worked on.
type gauge struct {
	rollout.Cloud
	mu        sync.Mutex
	now, most int
}

func (g *gauge) in() func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now++
	g.most = max(g.most, g.now)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.now--
	}
}

func (g *gauge) Read(ctx context.Context, s access.Scope, rs []access.Resource) ([]access.LiveDocument, error) {
	defer g.in()()
	return g.Cloud.Read(ctx, s, rs)
}

func (g *gauge) Write(ctx context.Context, s access.Scope, w access.Write) error {
	defer g.in()()
	return g.Cloud.Write(ctx, s, w)
}

// desiredState is the state that the tests roll out: Bob is for alice and carol in every
// account, from the networks given.
func desiredState(networks ...string) access.State {
	list := access.Allowlist{ID: "al-1", Name: "office"}
	for _, n := range networks {
		entry, err := access.ParseEntry(n)
		if err != nil {
			panic(err)
		}
		list.Entries = append(list.Entries, entry)
	}
	access.SortEntries(list.Entries)
	mapping := access.Mapping{
		ID: "mp-1", Role: access.RoleName{Path: "/", Name: "Bob"}, Accounts: access.Selector{All: true}, Allowlists: []string{"office"},
		Users: []access.UserName{{Path: "/", Name: "alice"}, {Path: "/", Name: "carol"}},
	}
	return access.State{Allowlists: []access.Allowlist{list}, Mappings: []access.Mapping{mapping.OrDefault()}}
}

// plan plans all that a state asks for, as a push does.
func (w *world) plan(t *testing.T, state access.State) access.Plan {
	t.Helper()
	p, _, err := planning.PlanWhole(w.planInput(t), state)
	if err := errors.Join(append(p.Refusals, err)...); err != nil {
		t.Fatal(err)
	}
	return p.Plan
}

func (w *world) planInput(t *testing.T) planning.PlanInput {
	t.Helper()
	reachable := access.SortedAccounts(slices.DeleteFunc(slices.Clone(w.all), func(a access.Account) bool { return a.Management }))
	inventories, err := w.store.Inventories(t.Context(), reachable.IDs())
	if err != nil {
		t.Fatal(err)
	}
	return planning.PlanInput{Accounts: reachable, Inventories: inventories, Now: time.Now()}
}

// planChange plans the change from a state to another whose mappings differ.
func (w *world) planChange(t *testing.T, before, after access.State) access.Plan {
	t.Helper()
	edits := access.EditsBetween(before, after)
	in := w.planInput(t)
	p, more, err := planning.PlanChange(in, planning.NewAffected(in.Accounts, before, after, nil, edits, in.Now))
	if err := errors.Join(append(p.Refusals, err)...); err != nil || more {
		t.Fatal(err, more)
	}
	return p.Plan
}

func (w *world) start(t *testing.T, maxInFlight int, p access.Plan) access.Rollout {
	t.Helper()
	r, err := w.store.StartRollout(t.Context(), access.Rollout{
		Title: "test", State: access.RolloutRunning, MaxInFlight: maxInFlight, MaxFailures: targets, StartedBy: operator.Ref(), CreatedAt: time.Now(),
	}, p, access.Staging{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// replica is one process of the console: workers, notifications, requeueing.
func (w *world) replica(t *testing.T, cfg rollout.Config) *rollout.Service {
	t.Helper()
	cfg.Store = cmp.Or[rollout.Store](cfg.Store, w.store)
	cfg.Cloud = cmp.Or[rollout.Cloud](cfg.Cloud, w.calls)
	s := rollout.New(cfg)
	workers := river.NewWorkers()
	if err := rollout.Register(workers, rollout.NewPusher(cfg)); err != nil {
		t.Fatal(err)
	}
	client, err := river.NewClient(riverpgxv5.New(w.store.Pool()), &river.Config{
		Queues: map[string]river.QueueConfig{jobs.QueueRollout: {MaxWorkers: 16}}, Workers: workers,
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond, JobTimeout: rollout.JobTimeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.runUntilTheEnd(t, s, client)
	return s
}

func (w *world) runUntilTheEnd(t *testing.T, s *rollout.Service, client *river.Client[pgx.Tx]) {
	t.Helper()
	if err := client.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		stopping, done := context.WithTimeout(context.Background(), patience)
		defer done()
		if err := client.StopAndCancel(stopping); err != nil {
			t.Errorf("stopping the workers: %v", err)
		}
		background.Wait()
	})
}

// wait watches a rollout, as the page does, until it is as wanted.
func wait(t *testing.T, s *rollout.Service, id int64, what string, reached func(access.Rollout) bool) access.Rollout {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen, err := s.Watch(ctx, operator, id)
	if err != nil {
		t.Fatal(err)
	}
	var last access.Rollout
	for r := range seen {
		if last = r; reached(r) {
			return r
		}
	}
	t.Fatalf("waited %s for the rollout to be %s; it is %+v", patience, what, last)
	return last
}

func completed(r access.Rollout) bool { return r.State == access.RolloutCompleted }

// targetsOf returns all targets by account.
func (w *world) targetsOf(t *testing.T, id int64) map[access.AccountID]access.Target {
	t.Helper()
	page, err := w.store.Targets(t.Context(), id, access.TargetQuery{PageQuery: access.PageQuery{Limit: access.MaxPageSize}})
	if err != nil {
		t.Fatal(err)
	}
	found := map[access.AccountID]access.Target{}
	for _, target := range page.Items {
		found[target.Account] = target
	}
	return found
}

// writes counts the writes that the organization itself recorded since a number of calls,
// by account.
func (w *world) writes(after int) map[access.AccountID]int {
	found := map[access.AccountID]int{}
	for _, c := range w.org.Calls()[after:] {
		if c.Outcome == "ok" && isWrite(c.Action) {
			found[c.Account]++
		}
	}
	return found
}

func isWrite(action string) bool {
	_, name, _ := strings.Cut(action, ":")
	return strings.HasPrefix(name, "Update") || strings.HasPrefix(name, "Put") || strings.HasPrefix(name, "Delete")
}

func (w *world) state(t *testing.T, id access.AccountID) sandbox.AccountState {
	t.Helper()
	s, ok := w.org.State(id)
	if !ok {
		t.Fatalf("the organization has no account %s", id)
	}
	return s
}

// checkHolds fails unless every account that can be reached holds what the plan wants,
// with the statements of others as they were.
func (w *world) checkHolds(t *testing.T, p access.Plan, except ...access.AccountID) {
	t.Helper()
	for target := range p.Targets() {
		if !w.reachable(target.Account) || slices.Contains(except, target.Account) {
			continue
		}
		s := w.state(t, target.Account)
		for _, op := range target.Operations {
			got := s.Roles[strings.TrimPrefix(op.Resource.Path, "/")+op.Resource.Name]
			if op.Resource.Kind == access.ResourceUser {
				got = s.Users[strings.TrimPrefix(op.Resource.Path, "/")+op.Resource.Name][access.UserPolicyName]
			}
			if !iam.Equal(got, op.After, nil) {
				t.Errorf("account %s, %s holds\n%s\nwant\n%s", target.Account, op.Resource, got, op.After)
			}
		}
	}
}

func (w *world) reachable(id access.AccountID) bool {
	i := slices.IndexFunc(w.all, func(a access.Account) bool { return a.ID == id })
	ok, _ := w.all[i].Targetable()
	return ok && w.all[i].Name != "acquired-shop"
}

// some returns the n-th account that can be reached.
func (w *world) some(n int) access.Account {
	for _, a := range w.all {
		if w.reachable(a.ID) {
			if n == 0 {
				return a
			}
			n--
		}
	}
	panic("so many accounts there are not")
}
