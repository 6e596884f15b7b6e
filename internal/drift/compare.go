package drift

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
	"portcullis.internal/portcullis/internal/policy"
)

// batch is how many accounts are compared with one compilation.
const batch = 200

// Compare requests reads of the accounts of ended rollouts, and compares every account that was
// read since its last comparison with the desired state.
func (s *Service) Compare(ctx context.Context) error {
	if err := s.cfg.Store.RescanRolledOut(ctx); err != nil {
		return fmt.Errorf("having rolled out accounts read: %w", err)
	}
	event := access.NewAuditEvent(access.System("drift"), s.cfg.Now(), "drift.forget", "organization", map[string]any{"why": "the accounts are not targets any more"})
	if err := s.cfg.Store.ForgetFindings(ctx, s.cfg.Now().UTC(), event); err != nil {
		return fmt.Errorf("resolving findings of accounts that are gone: %w", err)
	}
	for {
		ids, err := s.cfg.Store.Unscanned(ctx, batch)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := s.compare(ctx, ids); err != nil {
			return err
		}
		if len(ids) < batch {
			return nil // what has been read meanwhile is for the next time, all together
		}
	}
}

// compare compares some accounts with the head.
func (s *Service) compare(ctx context.Context, ids []access.AccountID) error {
	began := time.Now()
	w, err := s.world(ctx, ids)
	if err != nil {
		return err
	}
	standing, err := s.cfg.Store.StoppedTargets(ctx, ids)
	if err != nil {
		return fmt.Errorf("reading the last pushes of accounts: %w", err)
	}
	back := map[access.AccountID]string{} // where somebody who was gone is there again
	for _, id := range ids {
		user, err := s.compareOne(ctx, w, id, standing[id])
		if err != nil {
			return err
		}
		if user != "" {
			back[id] = user
		}
	}
	s.cfg.Watch.Compared(len(ids), time.Since(began))
	s.heal(ctx, back)
	return nil
}

// desired is the desired state that accounts are compared with.
type desired struct {
	revision int64
	readAt   map[access.AccountID]time.Time
	now      *policy.Compiler
	// before is nil unless entries have expired: they stay in AWS until their removal is rolled
	// out, and that is no drift.
	before *policy.Compiler
}

func (s *Service) world(ctx context.Context, ids []access.AccountID) (desired, error) {
	var d desired
	var err error
	if d.revision, err = s.cfg.Store.Head(ctx); err != nil {
		return d, fmt.Errorf("reading the head: %w", err)
	}
	state, err := s.cfg.Store.State(ctx, d.revision)
	if err != nil {
		return d, fmt.Errorf("reading the desired state: %w", err)
	}
	all, err := s.cfg.Store.Accounts(ctx)
	if err != nil {
		return d, fmt.Errorf("reading the accounts: %w", err)
	}
	accounts := slices.DeleteFunc(slices.Clone(all), func(a access.Account) bool { ok, _ := a.Targetable(); return !ok })
	inventories, err := s.inventories(ctx, state, accounts, ids)
	if err != nil {
		return d, err
	}
	d.readAt = make(map[access.AccountID]time.Time, len(ids))
	for _, id := range ids {
		d.readAt[id] = inventories.ReadAt(id)
	}
	in := policy.Input{State: state, Accounts: accounts, Inventory: inventories, Now: s.cfg.Now()}
	if d.now, err = policy.NewCompiler(in); err != nil {
		return d, fmt.Errorf("compiling the desired state: %w", err)
	}
	if hasExpired(state, in.Now) {
		in.Now = time.Time{}
		if d.before, err = policy.NewCompiler(in); err != nil {
			return d, fmt.Errorf("compiling the state before entries expired: %w", err)
		}
	}
	return d, nil
}

func hasExpired(s access.State, now time.Time) bool {
	return slices.ContainsFunc(s.Allowlists, func(a access.Allowlist) bool {
		return slices.ContainsFunc(a.Entries, func(e access.Entry) bool { return e.ExpiredAt(now) })
	})
}

// inventories reads what is known of some accounts, and, without documents, of those
// that have to do with them: where their roles' users are, and their users' roles.
func (s *Service) inventories(ctx context.Context, state access.State, accounts access.Accounts, ids []access.AccountID) (*access.Inventories, error) {
	inventories, err := s.cfg.Store.Inventories(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("reading the inventories: %w", err)
	}
	kept := keptOut(inventories)
	related := relatedAccounts(state, accounts, ids)
	for u := range kept {
		if !inventories.Has(u.Account) {
			related = append(related, u.Account)
		}
	}
	slices.Sort(related)
	for others := range slices.Chunk(slices.Compact(related), batch) {
		found, err := s.cfg.Store.Inventories(ctx, others)
		if err != nil {
			return nil, fmt.Errorf("reading the inventories: %w", err)
		}
		for _, inv := range found.All() {
			inventories.Put(thin(inv, kept))
		}
	}
	return inventories, nil
}

// keptOut are the users whom trust policies keep out after they were removed from the role (package order). Whether the
// Deny is needed depends on all permissions of these users.
func keptOut(inventories *access.Inventories) map[access.UserName]bool {
	users := map[access.UserName]bool{}
	for _, inv := range inventories.All() {
		for _, r := range inv.Roles {
			if !strings.Contains(r.Document, order.SidDenyRevoked) {
				continue
			}
			ours, err := iam.Ours(r.Document)
			if err != nil {
				continue // a finding says so
			}
			if kept, err := order.KeptOut(ours); err == nil {
				for _, u := range kept.Users {
					users[u] = true
				}
			}
		}
	}
	return users
}

// thin leaves out the parts that are compared for the account itself only. It leaves the users of a set whole.
func thin(inv access.Inventory, whole map[access.UserName]bool) access.Inventory {
	for i := range inv.Roles {
		inv.Roles[i].Document = ""
	}
	users := make([]access.LiveUser, len(inv.Users))
	for i, u := range inv.Users {
		if whole[access.UserName{Account: inv.Account, Path: u.Resource.Path, Name: u.Resource.Name}] {
			users[i] = u
			continue
		}
		users[i] = access.LiveUser{LiveDocument: access.LiveDocument{Resource: u.Resource, ID: u.ID, Exists: u.Exists}}
	}
	inv.Users, inv.Policies = users, nil
	return inv
}

// relatedAccounts are the accounts of users who may assume roles of some accounts, and the accounts
// whose roles the users of these may assume.
func relatedAccounts(state access.State, accounts access.Accounts, ids []access.AccountID) []access.AccountID {
	asked := make(map[access.AccountID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	found := map[access.AccountID]bool{}
	reached := newReach(accounts)
	for _, m := range state.Mappings {
		var homes []access.AccountID
		theirs := false
		for _, u := range m.Users {
			if u.Account != "" {
				homes, theirs = append(homes, u.Account), theirs || asked[u.Account]
			}
		}
		if len(homes) == 0 {
			continue
		}
		for _, id := range reached.by(m.Accounts) {
			found[id] = found[id] || theirs
			if asked[id] {
				for _, h := range homes {
					found[h] = true
				}
			}
		}
	}
	var others []access.AccountID
	for id, needed := range found {
		if needed && !asked[id] {
			others = append(others, id)
		}
	}
	slices.Sort(others)
	return others
}

// reach works out which accounts selectors choose, each selector once.
type reach struct {
	accounts access.Accounts
	known    map[access.SelectorKey][]access.AccountID
}

func newReach(accounts access.Accounts) reach {
	return reach{accounts: accounts, known: map[access.SelectorKey][]access.AccountID{}}
}

func (r reach) by(s access.Selector) []access.AccountID {
	key := s.Key()
	ids, ok := r.known[key]
	if ok {
		return ids
	}
	r.accounts.Each(s, func(a access.Account) { ids = append(ids, a.ID) })
	r.known[key] = ids
	return ids
}

// compareOne compares one account and saves what was found. An account that a rollout
// has still to push is left until it has: it is read again then. back is a user for whom
// the account is to be pushed, since they are there again.
func (s *Service) compareOne(ctx context.Context, d desired, id access.AccountID, standing access.StoppedTarget) (back string, err error) {
	scan := access.Scan{Account: id, ReadAt: d.readAt[id], Revision: d.revision, At: s.cfg.Now().UTC(), Whole: true}
	if standing.Busy {
		return "", s.cfg.Store.SkipScan(ctx, scan)
	}
	if scan.Findings, err = d.now.Findings(id); err != nil {
		scan.Whole = false // what could not be compared is not known to be well
	}
	if d.before != nil {
		scan.Findings = seenBefore(d, id, scan.Findings)
	}
	for i := range scan.Findings {
		scan.Findings[i].Sentence += lastPush(scan.Findings[i], standing)
	}
	outcome, err := s.save(ctx, scan)
	if standing.Rollout == 0 {
		return "", err // no reviewed change has been rolled out there, so a person must decide on the first push
	}
	return userReturned(d, scan, outcome), err
}

// seenBefore leaves out drift that is there only because entries have expired.
func seenBefore(d desired, id access.AccountID, found []access.Finding) []access.Finding {
	before, err := d.before.Findings(id)
	if err != nil {
		return found
	}
	return slices.DeleteFunc(found, func(f access.Finding) bool {
		return f.Kind == access.FindingDrift && !slices.ContainsFunc(before, func(b access.Finding) bool { return b.Key() == f.Key() })
	})
}

// lastPush says what became of the last push where that explains drift.
func lastPush(f access.Finding, standing access.StoppedTarget) string {
	switch standing.State {
	case access.TargetFailed, access.TargetConflict, access.TargetSkipped:
		if f.Kind == access.FindingDrift {
			return fmt.Sprintf(" The last push of this account, in rollout %d, ended as %q.", standing.Rollout, standing.State)
		}
	}
	return ""
}

// save keeps what a scan found.
func (s *Service) save(ctx context.Context, scan access.Scan) (access.ScanOutcome, error) {
	outcome, err := s.cfg.Store.SaveScan(ctx, scan, func(o access.ScanOutcome) []access.AuditEvent {
		if !o.Changed() {
			return nil
		}
		return []access.AuditEvent{access.NewAuditEvent(access.System("drift"), scan.At, "drift.found", "account/"+string(scan.Account), told(o))}
	})
	if err != nil {
		return outcome, fmt.Errorf("saving what was found in account %s: %w", scan.Account, err)
	}
	s.cfg.Watch.Found(outcome)
	return outcome, nil
}

// told lists a few of what changed, and counts the rest.
func told(o access.ScanOutcome) map[string]any {
	detail := map[string]any{}
	for what, fs := range map[string][]access.Finding{"opened": o.Opened, "reopened": o.Reopened, "resolved": o.Resolved} {
		if len(fs) == 0 {
			continue
		}
		var some []string
		for _, f := range fs[:min(len(fs), 5)] {
			some = append(some, fmt.Sprintf("%d: %s", f.ID, f.Sentence))
		}
		detail[what], detail[what+"_count"] = some, len(fs)
	}
	return detail
}

// userReturned names a user who was gone and is there again, while the documents do not name
// them yet; "" where there is none.
func userReturned(d desired, scan access.Scan, o access.ScanOutcome) string {
	back := slices.IndexFunc(o.Resolved, func(f access.Finding) bool {
		user, err := access.ParseUserName(f.Subject)
		return f.Reason == access.ReasonNoUser && err == nil && d.now.Mapped(f.Account, access.RoleName{Path: f.Resource.Path, Name: f.Resource.Name}, user)
	})
	drifts := slices.ContainsFunc(scan.Findings, func(f access.Finding) bool { return f.Kind == access.FindingDrift })
	if back < 0 || !drifts {
		return ""
	}
	return o.Resolved[back].Subject
}

// heal pushes accounts in which a user who was gone is there again. It happens at the
// scan that sees the user again, and not after: where the push does not help, the drift
// stays to be seen.
func (s *Service) heal(ctx context.Context, back map[access.AccountID]string) {
	if len(back) == 0 || s.cfg.Pusher == nil {
		return
	}
	ids := slices.Sorted(maps.Keys(back))
	why := fmt.Sprintf("User %s exists again", back[ids[0]])
	if len(ids) > 1 {
		why += fmt.Sprintf(", as do users in %d other accounts", len(ids)-1)
	}
	r, err := s.cfg.Pusher.PushAccounts(ctx, access.System("drift"), ids, why)
	switch {
	case err == nil:
		s.cfg.Log.Info("pushing accounts, since users are there again", "accounts", len(ids), "rollout", r.ID)
	case !errors.Is(err, context.Canceled):
		s.cfg.Log.Warn("accounts could not be pushed although users are there again", "accounts", len(ids), "error", err)
	}
}

// unreachable keeps that an account could not be read, and why.
func (s *Service) unreachable(ctx context.Context, a access.Account, why string) error {
	head, err := s.cfg.Store.Head(ctx)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	_, err = s.save(ctx, access.Scan{Account: a.ID, Revision: head, At: s.cfg.Now().UTC(), Findings: []access.Finding{{
		Account: a.ID, AccountName: a.Name, Kind: access.FindingUnreachable, Reason: access.ReasonUnreadable,
		Sentence: fmt.Sprintf("Account %s (%s) cannot be read, so nobody knows what is live there.", a.ID, a.Name), Advice: why,
	}}})
	return err
}
