package change

import (
	"context"
	"errors"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/scenario"
)

// ExportStore is what exports need of the database.
type ExportStore interface {
	// Append adds events to the audit log.
	Append(ctx context.Context, events ...access.AuditEvent) error
	// EachEntry hands over the entries of an allowlist at the head, one by one.
	EachEntry(ctx context.Context, allowlist string, each func(access.Entry) error) error
	// EachAuditEvent hands over the events that a filter lets through, oldest first.
	EachAuditEvent(ctx context.Context, f access.AuditFilter, each func(access.AuditEvent) error) error
}

// Format is a form in which an account's documents are exported.
type Format string

// The formats.
const (
	FormatTerraform      Format = "terraform"
	FormatCloudFormation Format = "cloudformation"
)

// recordExport adds an export to the audit log. It must succeed before any data is handed over.
func (s *Service) recordExport(ctx context.Context, actor access.Actor, action, object string, detail map[string]any) error {
	if err := s.store.Append(ctx, access.NewAuditEvent(actor, s.at(), action, object, detail)); err != nil {
		return fmt.Errorf("recording an export: %w", err)
	}
	return nil
}

// ExportEntries hands over all entries of an allowlist at the head. begin is called with
// the allowlist before the first of them.
func (s *Service) ExportEntries(ctx context.Context, actor access.Actor, id string, begin func(access.AllowlistRow) error, each func(access.Entry) error) error {
	if err := authz.Require(actor, authz.Read); err != nil {
		return err
	}
	row, err := s.store.Allowlist(ctx, id)
	if err != nil {
		return err
	}
	if err := s.recordExport(ctx, actor, "export.entries", "allowlist/"+id, map[string]any{"name": row.Name, "entries": row.Entries}); err != nil {
		return err
	}
	return lazily(func() error { return begin(row) }, each, func(each func(access.Entry) error) error {
		return s.store.EachEntry(ctx, id, each)
	})
}

// lazily begins with the first item, or at the end where there is none: what fails before
// fails before anything was handed over.
func lazily[T any](begin func() error, each func(T) error, run func(each func(T) error) error) error {
	began := false
	err := run(func(item T) error {
		if !began {
			began = true
			if err := begin(); err != nil {
				return err
			}
		}
		return each(item)
	})
	if err == nil && !began {
		err = begin()
	}
	return err
}

// ExportAudit hands over the events that a filter lets through, oldest first. begin is
// called before the first of them. The export itself is one of them where the filter
// lets it through: it was recorded before.
func (s *Service) ExportAudit(ctx context.Context, actor access.Actor, f access.AuditFilter, begin func() error, each func(access.AuditEvent) error) error {
	if err := authz.Require(actor, authz.ReadAudit); err != nil {
		return err
	}
	if err := s.recordExport(ctx, actor, "export.audit", "audit", filterDetail(f)); err != nil {
		return err
	}
	return lazily(begin, each, func(each func(access.AuditEvent) error) error { return s.store.EachAuditEvent(ctx, f, each) })
}

func filterDetail(f access.AuditFilter) map[string]any {
	detail := map[string]any{}
	for name, value := range map[string]string{"person": f.Person, "action": f.Action, "object": f.Object, "addr": f.Addr, "search": f.Search} {
		if value != "" {
			detail[name] = value
		}
	}
	if !f.From.IsZero() {
		detail["from"] = f.From.UTC()
	}
	if !f.To.IsZero() {
		detail["to"] = f.To.UTC()
	}
	return detail
}

// ExportScenario encodes the desired state at a revision, with the accounts as they are now, as a scenario
// file in YAML or JSON that `policy render` accepts. at is the number of the revision.
func (s *Service) ExportScenario(
	ctx context.Context, actor access.Actor, revision int64, yaml bool,
) (body []byte, at int64, err error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, 0, err
	}
	n, err := s.revision(ctx, revision)
	if err != nil {
		return nil, 0, err
	}
	state, err := s.store.State(ctx, n)
	if err != nil {
		return nil, 0, err
	}
	accounts, err := s.store.Accounts(ctx)
	if err != nil {
		return nil, 0, err
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return nil, 0, err
	}
	if state.Strategies == nil {
		state.Strategies = []access.Strategy{} // there are none, and the file says so
	}
	file := scenario.Scenario{OUs: ous, Accounts: accounts, State: state}
	if yaml {
		body, err = file.YAML()
	} else {
		body, err = file.JSON()
	}
	if err != nil {
		return nil, 0, err
	}
	if err := s.recordExport(ctx, actor, "export.scenario", "state", map[string]any{"revision": n}); err != nil {
		return nil, 0, err
	}
	return body, n, nil
}

// ExportAccount prints the documents that the head makes of one account, merged with what
// others keep in them, for a pipeline that writes them in place of a rollout.
func (s *Service) ExportAccount(ctx context.Context, actor access.Actor, id access.AccountID, format Format) ([]byte, int64, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, 0, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return nil, 0, err
	}
	export, err := s.accountExport(ctx, id, head)
	if err != nil {
		return nil, 0, err
	}
	var body []byte
	switch format {
	case FormatTerraform:
		body, err = export.Terraform()
	case FormatCloudFormation:
		body, err = export.CloudFormation()
	default:
		return nil, 0, access.Invalid("format", "%q is no format; there are terraform and cloudformation", string(format))
	}
	if err != nil {
		return nil, 0, err
	}
	detail := map[string]any{"format": string(format), "revision": head}
	if err := s.recordExport(ctx, actor, "export.account", "account/"+string(id), detail); err != nil {
		return nil, 0, err
	}
	return body, head, nil
}

func (s *Service) accountExport(ctx context.Context, id access.AccountID, head int64) (scenario.Export, error) {
	state, err := s.store.State(ctx, head)
	if err != nil {
		return scenario.Export{}, err
	}
	w, err := s.planInput(ctx)
	if err != nil {
		return scenario.Export{}, err
	}
	planned, err := s.planAccounts(ctx, &w, state, []access.AccountID{id})
	if err != nil {
		return scenario.Export{}, err
	}
	if len(planned.Refusals) > 0 {
		return scenario.Export{}, errors.Join(planned.Refusals...)
	}
	export := scenario.Export{Revision: head}
	var found bool
	if export.Account, found = w.Accounts.Find(id); !found {
		return export, access.Errorf(access.KindNotFound, "Account %s is not one that documents are written to.", id)
	}
	if !w.Inventories.Has(id) {
		// Without the live document the statements of others in it would be lost.
		return export, access.Errorf(access.KindConflict, "The roles and users of account %s have not been read, so what others keep in its trust policies is not known. Read the organization again, then export.", id)
	}
	for t := range planned.Plan.Targets() {
		export.Operations = append(export.Operations, t.Operations...)
	}
	return export, nil
}
