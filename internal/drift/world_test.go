package drift_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// world is a database, an organization and the services between them, without the
// workers that scan: a test says itself when an account is looked at.
type world struct {
	t       *testing.T
	store   *store.Store
	cloud   *aws.Cloud
	org     *sandbox.Organization
	address string // of the organization
	eyes    *blinkers
	changes *change.Service
	drift   *drift.Service
	account access.Account // in which Bob is for alice and carol, from the office

	editor, approver, operator, viewer access.Actor
}

// blinkers hide users from whoever reads an account, as if they did not exist.
type blinkers struct {
	*aws.Cloud
	mu     sync.Mutex
	hidden string
	broken error
}

func (b *blinkers) Inventory(ctx context.Context, a access.Account) (access.Inventory, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return access.Inventory{}, b.broken
	}
	inv, err := b.Cloud.Inventory(ctx, a)
	inv.Users = slices.DeleteFunc(inv.Users, func(u access.LiveUser) bool { return u.Resource.Name == b.hidden })
	return inv, err
}

func (b *blinkers) hide(user string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hidden = user
}

func (b *blinkers) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: storetest.New(t)}
	w.cloud, w.org, w.address = connectTo(t, 12)
	w.eyes = &blinkers{Cloud: w.cloud}
	w.changes = change.New(change.Config{Store: w.store, MaxInFlight: 5, MaxFailures: 5})
	w.drift = drift.New(drift.Config{Store: w.store, Cloud: w.eyes, Pusher: w.changes})
	for who, role := range map[*access.Actor]access.Role{&w.editor: access.RoleEditor, &w.approver: access.RoleApprover, &w.operator: access.RoleOperator, &w.viewer: access.RoleViewer} {
		*who = w.person(role)
	}
	w.must(w.drift.ReadOrganization(t.Context()))
	all, err := w.store.Accounts(t.Context())
	w.must(err)
	w.account = all[slices.IndexFunc(all, func(a access.Account) bool { return a.Name == "identity" })]
	for _, a := range all {
		w.must(w.drift.ReadInventory(t.Context(), a.ID))
	}
	w.push()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) person(role access.Role) access.Actor {
	event := access.NewAuditEvent(access.System("test"), time.Now(), "person.add", string(role), nil)
	p, err := w.store.CreatePerson(w.t.Context(), access.Person{Email: string(role) + "@example.com", Name: string(role), Roles: []access.Role{role}}, "-", event)
	w.must(err)
	return access.Actor{Kind: access.ActorPerson, PersonID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles}
}

// push runs the workers that push.
func (w *world) push() {
	cfg := rollout.Config{Store: w.store, Cloud: w.cloud}
	engine := rollout.New(cfg)
	workers := river.NewWorkers()
	w.must(rollout.Register(workers, rollout.NewPusher(cfg)))
	client, err := river.NewClient(riverpgxv5.New(w.store.Pool()), &river.Config{
		Queues: map[string]river.QueueConfig{jobs.QueueRollout: {MaxWorkers: 4}}, Workers: workers,
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond, JobTimeout: rollout.JobTimeout,
	})
	w.must(err)
	w.must(client.Start(context.Background()))
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { _ = engine.Run(ctx) })
	w.t.Cleanup(func() {
		cancel()
		_ = client.StopAndCancel(context.Background())
		background.Wait()
	})
}

func (w *world) edits() []access.Edit {
	entry, err := access.ParseEntry("103.15.250.0/24")
	w.must(err)
	mapping := access.Mapping{
		ID: "mp-1", Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}, {Path: "/", Name: "carol"}},
		Accounts: access.Selector{IDs: []access.AccountID{w.account.ID}}, Allowlists: []string{"office"},
	}.OrDefault()
	return []access.Edit{
		{Op: access.EditAddAllowlist, ID: "al-1", Allowlist: &access.Allowlist{ID: "al-1", Name: "office", Entries: []access.Entry{entry}}},
		{Op: access.EditAddMapping, ID: "mp-1", Mapping: &mapping},
	}
}

// apply applies edits with all steps before, and waits until they are rolled out.
func (w *world) apply(edits ...access.Edit) {
	w.t.Helper()
	ctx := w.t.Context()
	c, err := w.changes.Draft(ctx, w.editor, change.Input{Title: "Office", Reason: "SEC-1", Edits: edits})
	w.must(err)
	c, err = w.changes.Submit(ctx, w.editor, c.ID, c.Version)
	w.must(err)
	c, err = w.changes.Review(ctx, w.approver, c.ID, access.VerdictApprove, c.Digest, "")
	w.must(err)
	r, err := w.changes.Apply(ctx, w.operator, c.ID, change.ApplyRequest{Digest: c.Digest})
	w.must(err)
	w.waitForEnd(r.ID)
}

// waitForEnd waits until a rollout has ended, well.
func (w *world) waitForEnd(id int64) {
	w.t.Helper()
	until(w.t, "the rollout ended", func() bool {
		r, err := w.store.Rollout(w.t.Context(), id)
		w.must(err)
		return !r.EndedAt.IsZero()
	})
	if r, err := w.store.Rollout(w.t.Context(), id); err != nil || r.State != access.RolloutCompleted || r.Counts.Failed+r.Counts.Conflict > 0 {
		w.t.Fatalf("the rollout ended as %+v (%v)", r, err)
	}
}

// scan reads the account and compares what was read, as the workers do.
func (w *world) scan() {
	w.t.Helper()
	w.must(w.drift.ReadInventory(w.t.Context(), w.account.ID))
	w.must(w.drift.Compare(w.t.Context()))
}

// findings lists findings of the account.
func (w *world) findings(kinds ...access.FindingKind) []access.Finding {
	w.t.Helper()
	page, err := w.drift.Findings(w.t.Context(), w.viewer, access.FindingQuery{Account: w.account.ID, Kinds: kinds})
	w.must(err)
	return page.Items
}

func (w *world) scope(r access.Resource) access.Scope {
	return access.Scope{Account: w.account, Resources: []access.Resource{r}, SessionName: "somebody"}
}

var bob = access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}

// byHand writes a trust policy as somebody would who goes past Portcullis.
func (w *world) byHand(alter func(document string) string) {
	w.t.Helper()
	live, err := w.cloud.Read(w.t.Context(), w.scope(bob), []access.Resource{bob})
	w.must(err)
	w.must(w.cloud.Write(w.t.Context(), w.scope(bob), access.Write{Resource: bob, Document: alter(live[0].Document)}))
}
