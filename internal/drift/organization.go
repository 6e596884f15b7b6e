package drift

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Organization returns the organization that the console serves, how its last syncs and scans went, and at most so
// many of the accounts that await confirmation.
func (s *Service) Organization(
	ctx context.Context, actor access.Actor, accounts int,
) (access.OrganizationRecord, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.OrganizationRecord{}, err
	}
	r, err := s.cfg.Store.Organization(ctx, accounts)
	r.LacksExternalID = s.cfg.LacksExternalID
	return r, err
}

// Sync asks for the organization to be read again. The reading happens in the
// background; one that waits already serves this request as well.
func (s *Service) Sync(ctx context.Context, actor access.Actor) error {
	_, err := s.requestSync(ctx, actor)
	return err
}

func (s *Service) requestSync(ctx context.Context, actor access.Actor) (int64, error) {
	if err := authz.Require(actor, authz.SyncAccounts); err != nil {
		return 0, err
	}
	return s.cfg.Store.RequestSync(ctx, access.NewAuditEvent(actor, s.cfg.Now(), "organization.sync",
		"organization", nil))
}

// lookForEnd is the interval at which SyncAndWait looks for the end of a sync.
const lookForEnd = 100 * time.Millisecond

// SyncAndWait is Sync that waits for the end of the reading, but not longer than the given time. The error of the
// reading is its error. ended is false if the reading is still under way.
func (s *Service) SyncAndWait(ctx context.Context, actor access.Actor, most time.Duration) (ended bool, err error) {
	job, err := s.requestSync(ctx, actor)
	if err != nil {
		return false, err
	}
	over := time.NewTimer(most)
	defer over.Stop()
	tick := time.NewTicker(lookForEnd)
	defer tick.Stop()
	for {
		if ended, err = s.cfg.Store.SyncEnded(ctx, job); err != nil || ended {
			break
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-over.C:
			return false, nil
		case <-tick.C:
		}
	}
	if err != nil {
		return false, err
	}
	record, err := s.cfg.Store.Organization(ctx, 0)
	if err == nil && record.Error != "" {
		err = access.Errorf(access.KindConflict, "%s", record.Error)
	}
	return true, err
}

// AcceptSync adds an admin's word to what awaits confirmation. reference is the digest of it, or the id of the
// organization that the last sync saw; for anything else nothing is accepted.
func (s *Service) AcceptSync(
	ctx context.Context, actor access.Actor, reference string,
) (access.SyncConfirmation, error) {
	if err := authz.Require(actor, authz.AcceptSync); err != nil {
		return access.SyncConfirmation{}, err
	}
	at := s.cfg.Now()
	decide := func(c *access.SyncConfirmation, people access.PersonContext) ([]access.AuditEvent, error) {
		if reference != c.Digest && reference != c.Reference() {
			return nil, access.Errorf(access.KindConflict, "%q is not what awaits confirmation. Look at the page "+
				"Accounts again. It is now about this: %s", reference, c.Sentence())
		}
		single := people.Groups.FourEyes(s.cfg.SingleAdministrator).Single()
		if err := c.Accept(actor, people.Others, people.Groups, single, at); err != nil {
			return nil, err
		}
		return []access.AuditEvent{c.Event(actor, at)}, nil
	}
	return s.cfg.Store.AcceptSync(ctx, decide)
}

// ReadOrganization reads accounts and OUs from Organizations, and has every readable account's inventory read next. An
// answer of another organization, and one that lacks many accounts, changes nothing until admins confirm it.
func (s *Service) ReadOrganization(ctx context.Context) error {
	o, err := s.readOrganization(ctx)
	if err != nil {
		return s.syncFailed(ctx, fmt.Errorf("reading the organization: %w", err))
	}
	event := access.NewAuditEvent(access.System("drift"), s.cfg.Now(), "organization.read", "organization",
		map[string]any{"organization": o.ID, "accounts": len(o.Accounts), "ous": len(o.OUs), "left": o.Gone})
	if err := s.cfg.Store.SaveOrganization(ctx, o, true, []access.AuditEvent{event}); err != nil {
		return s.syncFailed(ctx, fmt.Errorf("saving the organization: %w", err))
	}
	s.cfg.Log.Info("read the organization", "organization", o.ID, "accounts", len(o.Accounts), "ous", len(o.OUs),
		"left", len(o.Gone))
	return nil
}

func (s *Service) readOrganization(ctx context.Context) (access.Organization, error) {
	var none access.Organization
	record, err := s.cfg.Store.Organization(ctx, 0)
	if err != nil {
		return none, err
	}
	id, err := s.cfg.Cloud.OrganizationID(ctx)
	if err != nil {
		return none, err
	}
	if err := record.CheckID(id); err != nil {
		return none, err // credentials of another organization might not even list accounts
	}
	o, err := s.cfg.Cloud.Organization(ctx)
	if err != nil {
		return none, err
	}
	recorded, err := s.cfg.Store.Accounts(ctx)
	if err != nil {
		return none, err
	}
	if err := s.askForMissing(ctx, &o, recorded); err != nil {
		return none, err
	}
	for i := range o.Accounts {
		o.Accounts[i].SyncedAt = s.cfg.Now()
	}
	return o, nil
}

// askForMissing asks AWS for each recorded account that its list lacks, one by one at the pace of Organizations. Only
// an account that AWS says it does not know counts as gone. The others keep the recorded OU and tags.
func (s *Service) askForMissing(ctx context.Context, o *access.Organization, recorded []access.Account) error {
	for _, was := range access.Missing(*o, recorded) {
		a, found, err := s.cfg.Cloud.OrganizationAccount(ctx, was.ID)
		if err != nil {
			return fmt.Errorf("account %s is missing from the list: %w", was.ID, err)
		}
		if !found {
			o.Gone = append(o.Gone, was.ID)
			continue
		}
		s.cfg.Log.Warn("AWS did not list an account that it has", "account", was.ID, "state", a.State)
		a.OU, a.Tags, a.Management = was.OU, was.Tags, was.ID == o.ManagementAccountID
		o.Accounts = append(o.Accounts, a)
	}
	slices.SortFunc(o.Accounts, func(a, b access.Account) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// recordWithin bounds the time for recording that a sync failed, also because its own time was over.
const recordWithin = 10 * time.Second

// syncFailed records and logs why a sync failed, unless it was broken off, and returns the reason.
func (s *Service) syncFailed(ctx context.Context, reason error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	words := syncWords(reason)
	attributes := []any{"error", words, "replica", s.cfg.Replica}
	var refusal *access.SyncRefusedError
	if errors.As(reason, &refusal) {
		c := refusal.Confirmation
		attributes = append(attributes, "recorded", c.Recorded, "seen", c.Seen, "digest", c.Digest)
	}
	s.cfg.Log.Warn("syncing the organization failed, nothing was changed", attributes...)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	if err := s.cfg.Store.SyncFailed(ctx, reason, words, s.cfg.Replica); err != nil {
		return errors.Join(reason, fmt.Errorf("recording why the sync failed: %w", err))
	}
	return reason
}

// syncWords says in words why a sync failed.
func syncWords(err error) string {
	var e *access.CloudError
	if errors.As(err, &e) {
		return "AWS Organizations could not be read, and nothing was changed. " + inWords(err)
	}
	return access.MessageOf(err)
}
