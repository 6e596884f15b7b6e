package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// plannedColumns are those that a plan's operation and a rollout's have in common.
var plannedColumns = []string{
	"kind", "resource_kind", "resource_path", "resource_name", "before_doc", "before_known", "after_doc", "ours_before", "ours_after", "requires", "size", "size_limit", "note",
}

const plannedList = "kind, resource_kind, resource_path, resource_name, before_doc, before_known, after_doc, ours_before, ours_after, requires, size, size_limit, note"

func plannedValues(o access.PlannedOperation, d plannedDocs) []any {
	return []any{
		string(o.Kind), string(o.Resource.Kind), o.Resource.Path, o.Resource.Name, d.before, o.BeforeKnown, d.after, d.oursBefore, d.oursAfter, d.requires, o.Size, o.Limit, o.Note,
	}
}

// savePlan freezes the plan of a change, in place of any before it.
func (tx *txn) savePlan(ctx context.Context, change int64, docs planDocuments) error {
	if _, err := tx.Exec(ctx, "DELETE FROM plan_targets WHERE change_id = $1", change); err != nil {
		return fmt.Errorf("replacing the plan of change %d: %w", change, err)
	}
	var targets [][]any
	for t := range docs.plan.Accounts() {
		targets = append(targets, []any{change, len(targets), string(t.Account), t.AccountName, t.OU, orEmpty(t.Notes)})
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"plan_targets"}, []string{"change_id", "position", "account_id", "account_name", "ou", "notes"}, pgx.CopyFromRows(targets)); err != nil {
		return fmt.Errorf("saving the plan of change %d: %w", change, err)
	}
	head := func(t access.PlannedTarget, seq int) []any { return []any{change, string(t.Account), seq} }
	if err := docs.copyOperations(ctx, tx, "plan_operations", []string{"change_id", "account_id", "seq"}, upTo(docs.plan.Len()), head); err != nil {
		return fmt.Errorf("saving the plan of change %d: %w", change, err)
	}
	return nil
}

// upTo are the numbers below n.
func upTo(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// Plan returns the frozen plan of a submitted change.
func (s *Store) Plan(ctx context.Context, change int64) (access.Plan, error) {
	c, err := s.Change(ctx, change)
	if err != nil {
		return access.Plan{}, err
	}
	plan, err := loadPlan(ctx, s.pool, change)
	if err != nil {
		return access.Plan{}, translate(fmt.Errorf("reading the plan of change %d: %w", change, err))
	}
	plan.Documents = c.Documents
	return plan, nil
}

// planChunk is how many accounts of a plan are read at once: the documents of a large plan
// are many times what is kept of them.
const planChunk = 200

func loadPlan(ctx context.Context, q querier, change int64) (access.Plan, error) {
	var plan access.Plan
	targets, err := collect(ctx, q, scanPlanned, "SELECT account_id, account_name, ou, notes FROM plan_targets WHERE change_id = $1 ORDER BY position", change)
	if err != nil {
		return plan, err
	}
	for some := range slices.Chunk(targets, planChunk) {
		if err := loadPlanned(ctx, q, change, some); err != nil {
			return plan, err
		}
		for i := range some {
			plan.Add(some[i])
			some[i].Operations = nil
		}
	}
	return plan, nil
}

func scanPlanned(row pgx.CollectableRow) (t access.PlannedTarget, err error) {
	return t, row.Scan(&t.Account, &t.AccountName, &t.OU, &t.Notes)
}

// loadPlanned fills in the operations of some targets.
func loadPlanned(ctx context.Context, q querier, change int64, targets []access.PlannedTarget) error {
	index, ids := make(map[access.AccountID]int, len(targets)), make([]string, len(targets))
	for i, t := range targets {
		index[t.Account], ids[i] = i, string(t.Account)
	}
	docs, err := loadDocumentsOf(ctx, q, "SELECT before_doc, after_doc, ours_before, ours_after, requires FROM plan_operations WHERE change_id = $1 AND account_id = ANY($2)", change, ids)
	if err != nil {
		return err
	}
	query := "SELECT account_id, " + plannedList + " FROM plan_operations WHERE change_id = $1 AND account_id = ANY($2) ORDER BY account_id, seq"
	return eachRow(ctx, q, query, []any{change, ids}, func(row pgx.Rows) error {
		var account access.AccountID
		var p plannedScan
		if err := row.Scan(append([]any{&account}, p.targets()...)...); err != nil {
			return err
		}
		t := &targets[index[account]]
		t.Operations = append(t.Operations, p.operation(docs))
		return nil
	})
}

// plannedScan reads plannedList from a row.
type plannedScan struct {
	op   access.PlannedOperation
	docs plannedDocs
}

func (p *plannedScan) targets() []any {
	o := &p.op
	return []any{
		&o.Kind, &o.Resource.Kind, &o.Resource.Path, &o.Resource.Name, &p.docs.before, &o.BeforeKnown, &p.docs.after, &p.docs.oursBefore, &p.docs.oursAfter, &p.docs.requires, &o.Size, &o.Limit, &o.Note,
	}
}

func (p *plannedScan) operation(docs documentSet) access.PlannedOperation {
	o := p.op
	o.Before, o.After = docs[string(p.docs.before)], docs[string(p.docs.after)]
	o.OursBefore, o.OursAfter = docs[string(p.docs.oursBefore)], docs[string(p.docs.oursAfter)]
	o.Requires = docs[string(p.docs.requires)]
	return o
}

// loadDocumentsOf reads all documents that the rows of a query name, each once.
func loadDocumentsOf(ctx context.Context, q querier, query string, args ...any) (documentSet, error) {
	seen := map[string]bool{}
	var keys [][]byte
	err := eachRow(ctx, q, query, args, func(row pgx.Rows) error {
		names := make([][]byte, len(row.FieldDescriptions()))
		targets := make([]any, len(names))
		for i := range names {
			targets[i] = &names[i]
		}
		if err := row.Scan(targets...); err != nil {
			return err
		}
		for _, key := range names {
			if key != nil && !seen[string(key)] {
				seen[string(key)] = true
				keys = append(keys, key)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return loadDocuments(ctx, q, keys)
}
