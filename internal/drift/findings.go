package drift

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Findings lists findings, the newest first.
func (s *Service) Findings(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.Page[access.Finding], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Finding]{}, err
	}
	return s.cfg.Store.Findings(ctx, q)
}

// FindingGroups lists what findings say, each thing once for all accounts of which it is
// said.
func (s *Service) FindingGroups(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.Page[access.FindingGroup], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.FindingGroup]{}, err
	}
	return s.cfg.Store.FindingGroups(ctx, q)
}

// SelectFindings says how many findings match, and what they are like, so that all of
// them can be acknowledged as they were seen.
func (s *Service) SelectFindings(ctx context.Context, actor access.Actor, q access.FindingQuery) (access.FindingSelection, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.FindingSelection{}, err
	}
	return s.cfg.Store.SelectFindings(ctx, q)
}

// Finding returns one finding with its documents.
func (s *Service) Finding(ctx context.Context, actor access.Actor, id int64) (access.Finding, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Finding{}, err
	}
	return s.cfg.Store.Finding(ctx, id)
}

// FindingCounts counts what is open, by kind.
func (s *Service) FindingCounts(ctx context.Context, actor access.Actor) (access.FindingCounts, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.cfg.Store.FindingCounts(ctx)
}

// Acknowledge notes why a finding may stay. It is bound to the difference that was found; digest
// says that the actor has seen it. Once the difference changes, the finding is open again.
func (s *Service) Acknowledge(ctx context.Context, actor access.Actor, id int64, digest, reason string) (access.Finding, error) {
	if err := authz.Require(actor, authz.ManageFindings); err != nil {
		return access.Finding{}, err
	}
	return s.cfg.Store.UpdateFinding(ctx, id, func(f *access.Finding) (access.AuditEvent, error) {
		err := f.Acknowledge(actor, s.cfg.Now().UTC(), digest, reason)
		return access.NewAuditEvent(actor, s.cfg.Now(), "finding.acknowledge", f.Object(), findingDetail(*f, reason)), err
	})
}

// AcknowledgeTogether is Acknowledge for several findings, all or none of them, for one
// reason. It returns how many they were.
func (s *Service) AcknowledgeTogether(ctx context.Context, actor access.Actor, choice access.FindingChoice, reason string) (int, error) {
	if err := authz.Require(actor, authz.ManageFindings); err != nil {
		return 0, err
	}
	if err := choice.Check(); err != nil {
		return 0, err
	}
	return s.cfg.Store.UpdateFindings(ctx, choice, func(found []access.Finding) ([]access.AuditEvent, error) {
		if err := choice.Acknowledge(found, actor, s.cfg.Now().UTC(), reason); err != nil {
			return nil, err
		}
		events := make([]access.AuditEvent, len(found))
		for i, f := range found {
			detail := findingDetail(f, reason)
			detail["together"] = len(found)
			events[i] = access.NewAuditEvent(actor, s.cfg.Now(), "finding.acknowledge", f.Object(), detail)
		}
		return events, nil
	})
}

// Reopen removes an acknowledgement.
func (s *Service) Reopen(ctx context.Context, actor access.Actor, id int64) (access.Finding, error) {
	if err := authz.Require(actor, authz.ManageFindings); err != nil {
		return access.Finding{}, err
	}
	return s.cfg.Store.UpdateFinding(ctx, id, func(f *access.Finding) (access.AuditEvent, error) {
		return access.NewAuditEvent(actor, s.cfg.Now(), "finding.reopen", f.Object(), findingDetail(*f, "")), f.Reopen()
	})
}

func findingDetail(f access.Finding, reason string) map[string]any {
	detail := map[string]any{"account": f.Account, "kind": f.Kind, "sentence": f.Sentence, "digest": f.Digest()}
	if reason != "" {
		detail["reason"] = reason
	}
	return detail
}

// Repair has the account of a finding pushed again: every document is brought to what is
// desired, as a rollout of its own.
func (s *Service) Repair(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	f, err := s.cfg.Store.Finding(ctx, id)
	if err != nil {
		return access.Rollout{}, err
	}
	switch {
	case f.State() == access.FindingResolved:
		return access.Rollout{}, access.Errorf(access.KindConflict, "This finding is resolved: the last scan did not see it any more.")
	case !f.Repairable():
		return access.Rollout{}, access.Errorf(access.KindConflict, "A push does not change this. %s", f.Advice)
	}
	return s.cfg.Pusher.PushAccounts(ctx, actor, []access.AccountID{f.Account}, fmt.Sprintf("Finding %d: %s", f.ID, f.Sentence))
}

// Scan asks for every account to be read and compared with the desired state. It happens in the
// background; one that waits already serves this request as well.
func (s *Service) Scan(ctx context.Context, actor access.Actor) error {
	if err := authz.Require(actor, authz.SyncAccounts); err != nil {
		return err
	}
	return s.cfg.Store.RequestScan(ctx, access.NewAuditEvent(actor, s.cfg.Now(), "drift.scan", "organization", nil))
}
