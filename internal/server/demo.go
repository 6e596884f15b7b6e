package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/store"
)

// demo is the actor that lays out the demo.
func demo() access.Actor { return access.System("demo") }

// seedDemo makes sample people, reads the sandbox organization, and applies a first
// revision. What is there already stays as it is, so a second start changes nothing and
// a start after a killed one completes it.
func seedDemo(ctx context.Context, svc services) error {
	var people, world error
	var wg sync.WaitGroup
	wg.Go(func() { people = seedPeople(ctx, svc) })
	wg.Go(func() { world = readWorld(ctx, svc) })
	wg.Wait()
	if people != nil {
		return people
	}
	if world != nil {
		return world
	}
	return seedState(ctx, svc)
}

// checkMark keeps databases of the demo, whose passwords and tokens are public, and other databases apart.
func checkMark(ctx context.Context, cfg Config, st *store.Store) error {
	if cfg.Demo {
		return st.MarkDemo(ctx)
	}
	demo, err := st.IsDemo(ctx)
	if err == nil && demo {
		return access.Errorf(access.KindForbidden, "The database is a demo's: its passwords and tokens are public. "+
			"Use another database (DATABASE_URL or --data-dir), or start it with portcullis demo")
	}
	return err
}

func seedPeople(ctx context.Context, svc services) error {
	there := map[string]bool{}
	existing, err := svc.identity.People(ctx, demo())
	if err != nil {
		return err
	}
	for _, p := range existing {
		there[p.Email] = true
	}
	tokens, err := svc.identity.Tokens(ctx, demo())
	if err != nil {
		return err
	}
	for _, t := range tokens {
		there["token "+t.Name] = true
	}
	for _, d := range demoPeople {
		if err := seedPerson(ctx, svc, d, there); err != nil {
			return fmt.Errorf("adding %s: %w", d.name, err)
		}
	}
	return nil
}

func seedPerson(ctx context.Context, svc services, d demoPerson, there map[string]bool) error {
	email := d.name + demoDomain
	if !there[email] {
		if _, err := svc.identity.AddPerson(ctx, demo(), authn.NewPerson{
			Email: email, Name: strings.ToUpper(d.name[:1]) + d.name[1:], Roles: d.roles, Teams: d.teams, Password: demoPassword,
		}); err != nil {
			return err
		}
	}
	tokenName := "demo " + d.name
	if there["token "+tokenName] {
		return nil
	}
	p, err := svc.identity.PersonByEmail(ctx, demo(), email)
	if err != nil {
		return err
	}
	_, err = svc.identity.AddToken(ctx, demo(), p.ID, tokenName, demoTokenPrefix+d.name)
	return err
}

// How long the demo waits for the first inventories. What is read later is read in the
// background.
const inventoryPatience = 3 * time.Second

// readWorld reads the organization, unless it is known, and waits for the workers to
// have read what is in each account.
func readWorld(ctx context.Context, svc services) error {
	accounts, err := svc.store.Accounts(ctx)
	if err != nil {
		return err
	}
	if len(accounts) > 0 {
		return nil
	}
	if err := svc.drift.ReadOrganization(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, inventoryPatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		accounts, err := svc.store.Accounts(ctx)
		if err == nil && allRead(accounts) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func allRead(accounts []access.Account) bool {
	for _, a := range accounts {
		if ok, _ := a.Targetable(); ok && a.InventoryAt.IsZero() && a.InventoryError == "" {
			return false
		}
	}
	return true
}

// seedState makes the sample the first revision. Nobody has reviewed it, and the audit
// log says so: the console itself wrote and applied it.
func seedState(ctx context.Context, svc services) error {
	head, err := svc.store.Head(ctx)
	if err != nil || head > 0 {
		return err
	}
	accounts, err := svc.store.Accounts(ctx)
	if err != nil {
		return err
	}
	ous, err := svc.store.OUTree(ctx)
	if err != nil {
		return err
	}
	edits, err := sampleEdits(accounts, ous)
	if err != nil {
		return err
	}
	c, err := svc.changes.Draft(ctx, demo(), change.Input{
		Title: "Sample data", Reason: "What the demo begins with. The console wrote and applied this itself, without a review.", Edits: edits,
	})
	if err != nil {
		return fmt.Errorf("drafting the sample: %w", err)
	}
	if c, err = svc.changes.Submit(ctx, demo(), c.ID, c.Version); err != nil {
		return fmt.Errorf("submitting the sample: %w", err)
	}
	plan, err := svc.store.Plan(ctx, c.ID)
	if err != nil {
		return err
	}
	digests, _ := plan.Digests()
	if _, err = svc.store.ApplyChange(ctx, c.ID, func(c *access.Change, head int64) (access.Application, error) {
		made, err := applyUnreviewed(c, head)
		made.Digests = digests
		return made, err
	}); err != nil {
		return fmt.Errorf("applying the sample: %w", err)
	}
	return nil
}

// applyUnreviewed applies a change without the reviews that it needs. It is only for the first
// revision of the demo.
func applyUnreviewed(c *access.Change, head int64) (access.Application, error) {
	if head != 0 || c.Author.ID != 0 {
		return access.Application{}, access.Errorf(access.KindConflict, "Only the demo's own first change is applied without a review.")
	}
	at := time.Now().UTC().Truncate(time.Microsecond)
	c.State, c.Revision, c.AppliedAt, c.UpdatedAt = access.ChangeApplied, head+1, at, at
	c.Version++
	event := access.NewAuditEvent(demo(), at, "change.apply", access.ChangeObject(c.ID), map[string]any{
		"digest": c.Digest, "revision": c.Revision, "reviewed": false, "why": "sample data of the demo",
	})
	return access.Application{
		Rollout: access.Rollout{
			ChangeID: c.ID, Title: c.Title, Revision: c.Revision, State: access.RolloutRunning,
			MaxInFlight: change.DefaultMaxInFlight, MaxFailures: change.DefaultMaxFailures,
			StartedBy: demo().Ref(), CreatedAt: at, StartedAt: at,
		},
		Events: []access.AuditEvent{event},
	}, nil
}
